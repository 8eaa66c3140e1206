// bus-bench-gocache: what a build cache for the go command costs, asked by a driver that plays one.
//
//   bus-bench-gocache run CACHE ARGUMENT…         every kind of request; prints a JSON object
//   bus-bench-gocache beside COMMAND CACHE ARGUMENT…   hits for two seconds, and then while COMMAND (for sh -c) runs
//
// tests/bench/gocache runs it for several caches in turn.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "protocol/base/base64.h"
#include "protocol/json_writer.h"
#include "tests/bench/gocache_driver.h"

namespace bus::gocache_bench {

namespace {

constexpr size_t kInFlight = 16;
constexpr size_t kPuts = 3000;
constexpr size_t kGets = 20'000;
constexpr uint64_t kSmallBytes = uint64_t{8} << 10U;
constexpr uint64_t kLargeBytes = uint64_t{8} << 20U;
constexpr size_t kLargePuts = 16;
constexpr uint64_t kHugeBytes = uint64_t{96} << 20U;
constexpr double kMiB = 1 << 20U;

// Ids as hashes are: all bytes at random.
class Ids {
 public:
  std::string next() {
    std::string out(32, '\0');
    for (char& byte : out) byte = static_cast<char>(random_());
    return out;
  }

 private:
  std::mt19937_64 random_{20261201};
};

// The base64 of random bytes, and a piece of it that stands for so many bytes; each piece begins elsewhere.
class Bodies {
 public:
  explicit Bodies(uint64_t most) {
    std::mt19937_64 random(1);
    std::string bytes(most + kSteps * 3, '\0');
    for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      uint64_t word = random();
      __builtin_memcpy(&bytes[at], &word, 8);
    }
    append_base64(text_, bytes);
  }
  // Cut to whole groups of four characters.
  std::string_view of(uint64_t bytes) {
    size_t begin = 4 * (++count_ % kSteps);
    return std::string_view(text_).substr(begin, bytes / 3 * 4);
  }

 private:
  static constexpr size_t kSteps = 4096;
  std::string text_;
  size_t count_ = 0;
};

// What a piece for so many bytes stands for.
constexpr uint64_t whole_groups(uint64_t bytes) { return bytes / 3 * 3; }

struct Load {
  Ids ids;
  Bodies bodies{kHugeBytes};
  std::vector<std::string> actions;

  std::vector<Request> puts(size_t count, uint64_t bytes) {
    std::vector<Request> out;
    for (size_t at = 0; at < count; ++at) {
      actions.push_back(ids.next());
      out.push_back(put_request(actions.back(), ids.next(), bodies.of(bytes), whole_groups(bytes)));
    }
    return out;
  }
  std::vector<Request> hits(size_t count) const {
    std::vector<Request> out;
    // 1009 is prime: the order is not that of the puts.
    for (size_t at = 0; at < count; ++at)
      out.push_back(get_request(actions[at * 1009 % actions.size()], false));
    return out;
  }
  std::vector<Request> misses(size_t count) {
    std::vector<Request> out;
    for (size_t at = 0; at < count; ++at) out.push_back(get_request(ids.next(), true));
    return out;
  }
};

void add(ObjectWriter& writer, std::string_view name, double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.4f", value);
  writer.raw(name, text);
}

Result<void> run_all(const std::vector<std::string>& command) {
  // First, because fork(2) takes longer the more memory there is.
  BUSD_ASSIGN(Driver driver, Driver::start(command));
  Load load;
  std::string text;
  ObjectWriter writer(text);
  add(writer, "ready_ms", driver.ready_ms());
  BUSD_ASSIGN(Took puts, driver.ask(load.puts(kPuts, kSmallBytes), kInFlight));
  add(writer, "puts_per_s", kPuts / puts.seconds);
  BUSD_ASSIGN(Took hits, driver.ask(load.hits(kGets), kInFlight));
  add(writer, "hits_per_s", kGets / hits.seconds);
  add(writer, "hit_p50_us", hits.percentile_us(0.5));
  add(writer, "hit_p99_us", hits.percentile_us(0.99));
  BUSD_ASSIGN(Took misses, driver.ask(load.misses(kGets), kInFlight));
  add(writer, "misses_per_s", kGets / misses.seconds);
  BUSD_ASSIGN(Took large, driver.ask(load.puts(kLargePuts, kLargeBytes), kInFlight));
  add(writer, "large_mib_per_s", kLargePuts * kLargeBytes / kMiB / large.seconds);
  BUSD_ASSIGN(Took huge, driver.ask(load.puts(1, kHugeBytes), kInFlight));
  add(writer, "huge_ms", huge.seconds * 1e3);
  BUSD_ASSIGN(Ended ended, driver.end());
  add(writer, "cpu_s", ended.cpu_seconds);
  add(writer, "most_rss_mib", static_cast<double>(ended.most_rss_kib) / 1024);
  // Once more, where the directory is there.
  BUSD_ASSIGN(Driver again, Driver::start(command));
  add(writer, "ready_again_ms", again.ready_ms());
  BUSD_TRY(again.end());
  writer.end();
  std::puts(text.c_str());
  return {};
}

// Hits in small portions, until `is_over`.
template <class Over>
Result<Took> hits_until(Driver& driver, const Load& load, Over is_over) {
  Took out;
  std::vector<Request> portion = load.hits(1000);
  while (!is_over()) {
    BUSD_ASSIGN(Took took, driver.ask(portion, kInFlight));
    out.seconds += took.seconds;
    out.latencies_us.insert(out.latencies_us.end(), took.latencies_us.begin(), took.latencies_us.end());
  }
  return out;
}

Result<void> run_beside(const std::string& beside, const std::vector<std::string>& command) {
  constexpr std::chrono::seconds kAlone{2};
  Load load;
  BUSD_ASSIGN(Driver driver, Driver::start(command));
  BUSD_TRY(driver.ask(load.puts(kPuts, kSmallBytes), kInFlight));
  TimePoint began = now();
  BUSD_ASSIGN(Took alone, hits_until(driver, load, [&] { return now() - began >= kAlone; }));
  began = now();
  pid_t pid = ::fork();
  if (pid == 0) {
    ::execl("/bin/sh", "sh", "-c", beside.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  double seconds = 0;
  BUSD_ASSIGN(Took meanwhile, hits_until(driver, load, [&] {
                if (pid > 0 && ::waitpid(pid, &status, WNOHANG) == 0) return false;
                seconds = std::chrono::duration<double>(now() - began).count();
                return true;
              }));
  if (pid < 0 || status != 0) return Error{Errc::io, "the command beside it failed"};
  BUSD_TRY(driver.end());
  std::string text;
  ObjectWriter writer(text);
  add(writer, "beside_s", seconds);
  for (auto* each : {&alone, &meanwhile}) {
    std::string prefix = each == &alone ? "alone_" : "meanwhile_";
    add(writer, prefix + "hits_per_s", static_cast<double>(each->latencies_us.size()) / each->seconds);
    add(writer, prefix + "p50_us", each->percentile_us(0.5));
    add(writer, prefix + "p99_us", each->percentile_us(0.99));
  }
  writer.end();
  std::puts(text.c_str());
  return {};
}

}  // namespace

}  // namespace bus::gocache_bench

// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  using namespace bus::gocache_bench;
  std::vector<std::string> words(argv + 1, argv + argc);
  bus::Result<void> done = bus::Error{bus::Errc::invalid, "say run CACHE…, or beside COMMAND CACHE…"};
  if (words.size() > 1 && words[0] == "run") done = run_all({words.begin() + 1, words.end()});
  if (words.size() > 2 && words[0] == "beside") done = run_beside(words[1], {words.begin() + 2, words.end()});
  if (!done) std::fprintf(stderr, "bus-bench-gocache: %s\n", done.error().what.c_str());
  return done ? 0 : 1;
}
