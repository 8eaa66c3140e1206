#include "tests/bench/sdk_table.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace bus::sdk_bench {

namespace {

double seconds_of(clockid_t clock) {
  timespec at{};
  ::clock_gettime(clock, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
}

template <class Of>
double median(const std::vector<Sample>& runs, Of of) {
  std::vector<double> values;
  for (size_t round = 0; round < runs.size(); ++round) values.push_back(of(runs[round], round));
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double rate(const Sample& run) { return static_cast<double>(run.events) / run.seconds; }
double gigabytes(const Sample& run) { return static_cast<double>(run.bytes) / run.seconds / 1e9; }
double cpu_per_million(const Sample& run) { return run.cpu_seconds * 1e6 / static_cast<double>(run.events); }

void print_row(const std::string& name, const std::vector<Sample>& runs, const std::vector<Sample>& base) {
  auto of = [&runs](double (*figure)(const Sample&)) {
    return median(runs, [figure](const Sample& run, size_t) { return figure(run); });
  };
  auto ratio = [&runs, &base](double (*figure)(const Sample&)) {
    return median(
        runs, [&base, figure](const Sample& run, size_t round) { return figure(run) / figure(base[round]); });
  };
  std::printf("| %-32s | %9.0f | %6.2f | %9.3f | %6.2f | %6.2f |\n", name.c_str(), of(rate) / 1e3,
              of(gigabytes), of(cpu_per_million), ratio(rate), ratio(cpu_per_million));
}

}  // namespace

Stopwatch::Stopwatch() : wall_(seconds_of(CLOCK_MONOTONIC)), cpu_(seconds_of(CLOCK_PROCESS_CPUTIME_ID)) {}

Sample Stopwatch::stop(uint64_t events, uint64_t bytes) const {
  return {events, bytes, seconds_of(CLOCK_MONOTONIC) - wall_, seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_};
}

Result<void> compare(const std::string& title, const std::vector<Way>& ways, int rounds) {
  std::vector<std::vector<Sample>> runs(ways.size());
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < ways.size(); ++i) {
      auto sample = ways[i].run();
      if (!sample) return Error{sample.error().code, ways[i].name + ": " + sample.error().what};
      runs[i].push_back(*sample);
    }
  }
  std::printf("\n%s\n\n| %-32s | 1000 ev/s |   GB/s | CPU s/10⁶ | rate × |  CPU × |\n", title.c_str(), "");
  std::printf("|----------------------------------|-----------|--------|-----------|--------|--------|\n");
  for (size_t i = 0; i < ways.size(); ++i) print_row(ways[i].name, runs[i], runs[0]);
  std::fflush(stdout);
  return {};
}

}  // namespace bus::sdk_bench
