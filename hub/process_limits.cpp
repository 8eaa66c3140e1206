#include "hub/process_limits.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/resource.h>

namespace bus::hub {

namespace {

// Fewer make no bus: a handful of programs would use them up.
constexpr size_t kFewestConnections = 16;

using Resource = decltype(RLIMIT_AS);

std::optional<uint64_t> limit_of(Resource resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

}  // namespace

size_t connections_of(size_t descriptors) {
  return descriptors > kOwnDescriptors ? descriptors - kOwnDescriptors : 0;
}

Result<size_t> fitting_connections(size_t wanted, size_t descriptors) {
  size_t most = connections_of(descriptors);
  if (most < std::min(wanted, kFewestConnections)) {
    return Error{Errc::unavailable,
                 "the hard limit of open files (ulimit -Hn) is " + std::to_string(descriptors) +
                     ", which leaves " + std::to_string(most) + " connections beside the " +
                     std::to_string(kOwnDescriptors) +
                     " descriptors that the hub itself needs: start it with a limit of at least " +
                     std::to_string(kOwnDescriptors + kFewestConnections)};
  }
  return std::min(wanted, most);
}

size_t most_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return limit.rlim_max == RLIM_INFINITY ? SIZE_MAX : limit.rlim_max;
}

size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  rlimit wanted{limit.rlim_max, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) limit = wanted;
  return limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : limit.rlim_cur;
}

void warn_of_limits(size_t memory, Log& log) {
  if (auto seconds = limit_of(RLIMIT_CPU))
    log.write(LogLevel::warning, "the limit of processor time (ulimit -t) will end this hub",
              {{"limit_sec", *seconds}});
  for (Resource resource : {RLIMIT_AS, RLIMIT_DATA}) {
    auto bytes = limit_of(resource);
    if (!bytes || *bytes >= memory) continue;
    log.write(LogLevel::warning,
              "the limit of memory (ulimit -v, ulimit -d) is below the setting memory: "
              "the hub ends when it reaches the limit",
              {{"limit_bytes", *bytes}, {"memory_bytes", memory}});
  }
  auto bytes = limit_of(RLIMIT_FSIZE);
  if (bytes && *bytes < kMaxLogBytes)
    log.write(LogLevel::warning, "the limit of a file's size (ulimit -f) cuts the log",
              {{"limit_bytes", *bytes}});
}

}  // namespace bus::hub
