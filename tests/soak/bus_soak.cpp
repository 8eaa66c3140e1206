// bus-soak: hours of a hub's life with clients that do all that clients do, and an account of every event.
//
//   bus-soak [--seconds N | --turns N] [--clients N] [--seed N] [--busd PATH]
//
// Default: 1800 seconds, 200 clients, a random seed, which is printed. With --turns it ends after so many
// actions of clients, whatever the time. Prints a table and a verdict; exit 1 when something was not as it
// must be, 2 when it could not run. What is random is the same for a seed; what the kernel makes of it is
// not.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <random>
#include <string>

#include "protocol/base/clock.h"
#include "protocol/base/strings.h"
#include "tests/soak/hub.h"
#include "tests/soak/ledger.h"
#include "tests/soak/samples.h"
#include "tests/soak/swarm.h"

using namespace bus;
using namespace bus::soak;

namespace {

struct Options {
  uint64_t seconds = 1800;
  uint64_t turns = 0;  // 0: by time
  uint64_t clients = 200;
  uint64_t seed = std::random_device{}();
  std::string busd = BUSD_PROGRAM;
};

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string name = argv[i];
    auto number = parse_u64(argv[i + 1]);
    if (name == "--busd") {
      options.busd = argv[i + 1];
    } else if (name == "--seconds" && number && *number > 0) {
      options.seconds = *number;
    } else if (name == "--turns" && number && *number > 0) {
      options.turns = *number;
    } else if (name == "--clients" && number && *number > 0) {
      options.clients = *number;
    } else if (name == "--seed" && number) {
      options.seed = *number;
    } else {
      return std::nullopt;
    }
  }
  if (argc % 2 == 0) return std::nullopt;
  return options;
}

// Short queues, so that they overflow; ids are forgotten soon, so that memory for them is level after the
// warm-up.
const std::vector<std::string> kHubArguments = {"--queue-frames", "256", "--queue-bytes", "2MiB",
                                                "--dedup-window", "10s"};

class Soak {
 public:
  Soak(const Options& options, Hub hub) : options_(options), hub_(std::move(hub)) {}

  bool run() {
    Swarm swarm(hub_, options_.clients, options_.seed, ledger_);
    print_head();
    sample(swarm);
    while (!over()) {
      swarm.turn();
      ++turns_;
      if (!sample_is_due()) continue;
      sample(swarm);
      if ((samples_.size() - 1) % kSamplesPerCheckpoint == 0) swarm.checkpoint();
      if ((samples_.size() - 1) % kSamplesPerRow == 0) row();
    }
    swarm.checkpoint();
    sample(swarm);
    row();
    swarm.leave();
    if (!hub_.stop()) ledger_.violate("the hub did not end with 0");
    return verdict();
  }

 private:
  static constexpr size_t kSamplesPerCheckpoint = 20;
  static constexpr size_t kSamplesPerRow = 60;
  static constexpr uint64_t kSamplesOfTurns = 60;

  double elapsed() const { return std::chrono::duration<double>(now() - start_).count(); }
  bool over() {
    if (!hub_.running()) ledger_.violate("the hub is gone");
    // What follows a violation tells little more.
    if (ledger_.violations > 0) return true;
    return options_.turns > 0 ? turns_ >= options_.turns : elapsed() >= static_cast<double>(options_.seconds);
  }
  // Each second; or so many times in all.
  bool sample_is_due() const {
    if (options_.turns > 0) return turns_ % std::max<uint64_t>(options_.turns / kSamplesOfTurns, 1) == 0;
    return elapsed() >= static_cast<double>(samples_.size());
  }
  void sample(const Swarm& swarm) {
    auto status = hub_.status();
    if (!status) return ledger_.violate(status.error().what);
    const auto& events = status->events;
    Sample sample{elapsed(),
                  hub_.resident_bytes(),
                  hub_.descriptors(),
                  swarm.open_connections(),
                  events.published,
                  events.delivered,
                  events.dropped,
                  status->memory.limit_bytes,
                  status->callbacks.longest_us};
    if (sample.resident_bytes > sample.limit_bytes) {
      ledger_.violate("resident " + std::to_string(sample.resident_bytes) + " bytes, above the promised " +
                      std::to_string(sample.limit_bytes));
    }
    samples_.push_back(sample);
  }
  void row() {
    print_row(samples_, shown_, samples_.size() - 1);
    shown_ = samples_.size() - 1;
  }

  bool verdict() {
    std::printf(
        "%llu turns, %llu connections, %llu events published, %llu read, %llu lost and accounted for\n",
        static_cast<unsigned long long>(turns_), static_cast<unsigned long long>(ledger_.connections),
        static_cast<unsigned long long>(ledger_.events_written),
        static_cast<unsigned long long>(ledger_.events_read), static_cast<unsigned long long>(ledger_.gaps));
    if (auto growth = growth_of(samples_)) {
      constexpr double kMiB = 1024.0 * 1024.0;
      std::printf(
          "resident memory after the warm-up: %.1f MiB, first quarter %.1f, last quarter %.1f, growth %.2f "
          "MiB "
          "(bound %.2f)\n",
          growth->mean / kMiB, growth->first_quarter / kMiB, growth->last_quarter / kMiB,
          growth->bytes / kMiB, growth->bound() / kMiB);
      if (!growth->flat()) ledger_.violate("resident memory grows");
    } else {
      std::printf("resident memory: too few samples (%zu) to judge its growth\n", samples_.size());
    }
    if (ledger_.violations == 0) {
      std::printf("PASSED\n");
      return true;
    }
    std::printf("the hub's log ends:\n%s\nFAILED: %llu violations, the first: %s (--seed %llu)\n",
                hub_.last_words().c_str(), static_cast<unsigned long long>(ledger_.violations),
                ledger_.first_violation.c_str(), static_cast<unsigned long long>(options_.seed));
    return false;
  }

  Options options_;
  Hub hub_;
  Ledger ledger_;
  TimePoint start_ = now();
  uint64_t turns_ = 0;
  std::vector<Sample> samples_;
  size_t shown_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  auto options = parse(argc, argv);
  if (!options) {
    std::fprintf(stderr,
                 "usage: bus-soak [--seconds N | --turns N] [--clients N] [--seed N] [--busd PATH]\n");
    return 2;
  }
  auto hub = Hub::start(options->busd, kHubArguments);
  if (!hub) {
    std::fprintf(stderr, "bus-soak: %s\n", hub.error().what.c_str());
    return 2;
  }
  std::printf("bus-soak --seed %llu: %llu clients, hub pid %d\n",
              static_cast<unsigned long long>(options->seed),
              static_cast<unsigned long long>(options->clients), hub->pid());
  return Soak(*options, std::move(*hub)).run() ? 0 : 1;
}
