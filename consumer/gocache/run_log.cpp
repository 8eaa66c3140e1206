#include "consumer/gocache/run_log.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <deque>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "protocol/base/file.h"
#include "protocol/raw_json.h"

namespace bus::gocache {

namespace {

constexpr const char* kRuns = "runs.ndjson";
constexpr const char* kRunsUnfinished = "runs.ndjson.new";
constexpr size_t kMostRuns = 10'000;
constexpr int64_t kKeptNs = int64_t{30} * 24 * 3600 * 1'000'000'000;

struct Field {
  const char* name;
  uint64_t Counts::*member;
};

constexpr std::array<Field, 13> kFields{{{"gets", &Counts::gets},
                                         {"hits", &Counts::hits},
                                         {"misses", &Counts::misses},
                                         {"hit_bytes", &Counts::hit_bytes},
                                         {"evicted_misses", &Counts::evicted_misses},
                                         {"waited_hits", &Counts::waited_hits},
                                         {"waited_ms", &Counts::waited_ms},
                                         {"puts", &Counts::puts},
                                         {"put_bytes", &Counts::put_bytes},
                                         {"stored_bytes", &Counts::stored_bytes},
                                         {"elsewhere", &Counts::elsewhere},
                                         {"healed", &Counts::healed},
                                         {"refused", &Counts::refused}}};

template <class Number>
void read_number(std::string_view token, Number& out) {
  std::from_chars(token.data(), token.data() + token.size(), out);
}

std::optional<RunRecord> record_of(RawJson& json, std::string_view line) {
  if (json.scan(line) || line.front() != '{') return std::nullopt;
  RunRecord out;
  for (const Member& member : json.children()) {
    std::string_view token = member.value_token;
    if (token_is(member.name_token, "began_ns")) read_number(token, out.began_ns);
    if (token_is(member.name_token, "ended_ns")) read_number(token, out.ended_ns);
    if (token_is(member.name_token, "pid")) read_number(token, out.pid);
    if (token_is(member.name_token, "parent") && kind_of(token) == JsonKind::string)
      out.parent = decode_json_string(token);
    for (const Field& field : kFields) {
      if (token_is(member.name_token, field.name)) read_number(token, out.counts.*field.member);
    }
  }
  if (out.began_ns <= 0) return std::nullopt;
  return out;
}

}  // namespace

void Counts::add(const Counts& other) {
  for (const Field& field : kFields) this->*field.member += other.*field.member;
}

void add_members(ObjectWriter& writer, const Counts& counts) {
  for (const Field& field : kFields) writer.number(field.name, counts.*field.member);
}

std::string json_of(const RunRecord& record) {
  std::string out;
  ObjectWriter writer(out);
  writer.number("began_ns", record.began_ns);
  writer.number("ended_ns", record.ended_ns);
  writer.number("pid", record.pid);
  writer.text("parent", record.parent);
  add_members(writer, record.counts);
  writer.end();
  return out;
}

// One write, which others append behind or before.
void note_run(const Place& place, const RunRecord& record) {
  Fd fd(::openat(place.own(), kRuns, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd) static_cast<void>(write_all(fd.get(), json_of(record) + "\n"));
}

void for_each_run(const Place& place, const std::function<void(const RunRecord&)>& take) {
  if (place.own() < 0) return;
  Fd fd(::openat(place.own(), kRuns, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return;
  RawJson json;
  std::string text;
  std::array<char, 65536> buffer{};
  while (true) {
    ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    text.append(buffer.data(), static_cast<size_t>(got));
    size_t at = 0;
    for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', at)) {
      std::string_view line = std::string_view(text).substr(at, end - at);
      at = end + 1;
      if (line.empty()) continue;
      if (auto record = record_of(json, line)) take(*record);
    }
    text.erase(0, at);
  }
}

// A run that ends meanwhile may lose its line, which is only told.
void shorten_run_log(const Place& place, int64_t now_ns) {
  std::deque<RunRecord> kept;
  size_t all = 0;
  for_each_run(place, [&](const RunRecord& record) {
    ++all;
    if (record.ended_ns < now_ns - kKeptNs) return;
    kept.push_back(record);
    if (kept.size() > kMostRuns) kept.pop_front();
  });
  if (kept.size() == all) return;
  Fd fd(::openat(place.own(), kRunsUnfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return;
  std::string text;
  for (const RunRecord& record : kept) text += json_of(record) + "\n";
  if (write_all(fd.get(), text)) ::renameat(place.own(), kRunsUnfinished, place.own(), kRuns);
}

}  // namespace bus::gocache
