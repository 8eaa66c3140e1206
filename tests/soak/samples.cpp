#include "tests/soak/samples.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace bus::soak {

namespace {

constexpr double kWarmUp = 0.2;
constexpr size_t kBlocks = 16;
// A block of less is all chance: 10 samples a block, hence 200 in all, by seconds more than three minutes.
constexpr size_t kLeastPerBlock = 10;

double mib(double bytes) { return bytes / (1024.0 * 1024.0); }

}  // namespace

void print_head() {
  std::printf("%8s %9s %9s %5s %6s %12s %14s %12s %11s\n", "time s", "rss MiB", "limit MiB", "fds", "conns",
              "published", "delivered", "dropped", "longest ms");
}

void print_row(const std::vector<Sample>& samples, size_t from, size_t to) {
  size_t resident = 0;
  size_t descriptors = 0;
  for (size_t i = from; i <= to; ++i) {
    resident = std::max(resident, samples[i].resident_bytes);
    descriptors = std::max(descriptors, samples[i].descriptors);
  }
  const Sample& last = samples[to];
  auto or_dash = [](bool known, double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f", value);
    return std::string(known ? text : "-");
  };
  std::printf(
      "%8.0f %9.1f %9s %5zu %6zu %12llu %14llu %12llu %11s\n", last.at_s, mib(static_cast<double>(resident)),
      or_dash(last.limit_bytes > 0, mib(static_cast<double>(last.limit_bytes))).c_str(), descriptors,
      last.connections, static_cast<unsigned long long>(last.published - samples[from].published),
      static_cast<unsigned long long>(last.delivered - samples[from].delivered),
      static_cast<unsigned long long>(last.dropped - samples[from].dropped),
      or_dash(last.longest_callback_us > 0, static_cast<double>(last.longest_callback_us) / 1000).c_str());
  std::fflush(stdout);
}

std::optional<Growth> growth_of(const std::vector<Sample>& samples) {
  auto first = static_cast<size_t>(std::ceil(kWarmUp * static_cast<double>(samples.size())));
  size_t per_block = (samples.size() - first) / kBlocks;
  if (per_block < kLeastPerBlock) return std::nullopt;
  std::array<double, kBlocks> means{};
  for (size_t block = 0; block < kBlocks; ++block) {
    for (size_t i = 0; i < per_block; ++i)
      means[block] += static_cast<double>(samples[first + block * per_block + i].resident_bytes);
    means[block] /= static_cast<double>(per_block);
  }
  Growth growth;
  for (double mean : means) growth.mean += mean / kBlocks;
  double middle = (kBlocks - 1) / 2.0;
  double xx = 0;
  double xy = 0;
  for (size_t i = 0; i < kBlocks; ++i) {
    double x = static_cast<double>(i) - middle;
    xx += x * x;
    xy += x * (means[i] - growth.mean);
  }
  double slope = xy / xx;
  double squares = 0;
  for (size_t i = 0; i < kBlocks; ++i) {
    double off = means[i] - growth.mean - slope * (static_cast<double>(i) - middle);
    squares += off * off;
  }
  growth.bytes = slope * kBlocks;
  growth.standard_error = std::sqrt(squares / (kBlocks - 2) / xx) * kBlocks;
  for (size_t i = 0; i < kBlocks / 4; ++i) {
    growth.first_quarter += means[i] / (kBlocks / 4.0);
    growth.last_quarter += means[kBlocks - 1 - i] / (kBlocks / 4.0);
  }
  return growth;
}

}  // namespace bus::soak
