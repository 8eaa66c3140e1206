// bus-bench-sdk: what the SDK and its programs cost beside bare reads and writes of the same bytes.
//
//   bus-bench-sdk [--quick] [read] [save] [publish] [send]
//
// The other end is a child process that plays the hub (sdk_hub.h) and keeps one core busy: two cores are
// needed. Figures move with the machine; compare ratios. bus-bench measures the hub.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "tests/bench/sdk_hub.h"
#include "tests/bench/sdk_programs.h"
#include "tests/bench/sdk_publish.h"
#include "tests/bench/sdk_read.h"
#include "tests/bench/sdk_table.h"

namespace bus::sdk_bench {

namespace {

constexpr std::array<size_t, 3> kPayloadBytes{128, 1024, 16'384};

struct Plan {
  std::vector<std::string> parts;
  uint64_t bytes = 1'000'000'000;  // moved in one run
  int rounds = 7;
  std::string directory;
  std::string programs;

  bool has(std::string_view part) const {
    for (const std::string& wanted : parts) {
      if (wanted == part) return true;
    }
    return parts.empty();
  }
  std::string socket() const { return directory + "/hub.sock"; }
  uint64_t events(size_t payload_bytes) const { return bytes / (payload_bytes + 64); }
};

std::string size_name(size_t bytes) {
  return bytes < 1024 ? std::to_string(bytes) + " B" : std::to_string(bytes / 1024) + " KiB";
}

Result<void> run_read(const Plan& plan) {
  for (size_t bytes : kPayloadBytes) {
    BUSD_TRY(compare("receiving, payload " + size_name(bytes),
                     ways_to_read(plan.socket(), plan.events(bytes), bytes), plan.rounds));
  }
  return {};
}

Result<void> run_save(const Plan& plan) {
  constexpr size_t kBytes = 1024;
  const std::string memory = "/dev/shm/bus-bench-sdk-" + std::to_string(::getpid());
  for (const std::string& file : {memory, plan.directory + "/events", std::string("/dev/null")}) {
    auto ways = ways_to_save(plan.programs, plan.socket(), plan.events(kBytes), kBytes, file);
    auto compared = compare("to " + (file == memory ? "memory (" + file + ")" : file) + ", payload 1 KiB",
                            ways, plan.rounds);
    if (file != "/dev/null") ::unlink(file.c_str());
    BUSD_TRY(std::move(compared));
  }
  return {};
}

Result<void> run_publish(const Plan& plan) {
  constexpr size_t kHoldBytes = 65'536;
  for (size_t bytes : kPayloadBytes) {
    BUSD_TRY(compare("publishing, payload " + size_name(bytes) + ", 64 KiB a write",
                     ways_to_publish(plan.socket(), plan.events(bytes) / 2, bytes, kHoldBytes), plan.rounds));
  }
  return compare("publishing, payload 1 KiB, a write for each",
                 ways_to_publish(plan.socket(), plan.events(1024) / 2, 1024, 0), plan.rounds);
}

Result<void> run_send(const Plan& plan) {
  const std::string file = plan.directory + "/lines";
  for (size_t bytes : {size_t{128}, size_t{1024}}) {
    uint64_t events = plan.events(bytes) / 2;
    BUSD_TRY(write_lines(file, events, bytes));
    auto compared = compare("sending a file, payload " + size_name(bytes),
                            ways_to_send(plan.programs, plan.socket(), events, file), plan.rounds);
    ::unlink(file.c_str());
    BUSD_TRY(std::move(compared));
  }
  return {};
}

Result<void> run(const Plan& plan) {
  if (plan.has("read")) BUSD_TRY(run_read(plan));
  if (plan.has("save")) BUSD_TRY(run_save(plan));
  if (plan.has("publish")) BUSD_TRY(run_publish(plan));
  if (plan.has("send")) BUSD_TRY(run_send(plan));
  return {};
}

std::string own_directory() {
  char path[4096];
  ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  std::string all(path, n > 0 ? static_cast<size_t>(n) : 0);
  return all.substr(0, all.rfind('/'));
}

}  // namespace

}  // namespace bus::sdk_bench

int main(int argc, char** argv) {
  using namespace bus::sdk_bench;
  Plan plan;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--quick") {
      plan.bytes = 100'000'000;
      plan.rounds = 3;
    } else {
      plan.parts.emplace_back(argv[i]);
    }
  }
  stay_on_one_core();
  char directory[] = "/tmp/bus-bench-sdk-XXXXXX";
  if (::mkdtemp(directory) == nullptr) {
    std::perror("bus-bench-sdk: mkdtemp");
    return 70;
  }
  plan.directory = directory;
  plan.programs = own_directory();
  auto done = run(plan);
  ::unlink(plan.socket().c_str());
  ::rmdir(directory);
  if (done) return 0;
  std::fprintf(stderr, "bus-bench-sdk: %s\n", done.error().what.c_str());
  return 1;
}
