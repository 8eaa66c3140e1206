#include "hub/service_manager.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <optional>
#include <sys/un.h>

#include "protocol/base/process.h"
#include "protocol/base/strings.h"

namespace bus::hub {

namespace {

std::string_view variable(const Environment& environment, const char* name) {
  const char* value = environment(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

Result<std::string> address_of(std::string_view text) {
  if ((text[0] != '/' && text[0] != '@') || text.size() == 1) {
    return Error{Errc::invalid,
                 "NOTIFY_SOCKET " + printable(text) + " is neither an absolute path nor @ and a name"};
  }
  // A path has a NUL behind it; an abstract name has none.
  size_t most = sizeof(sockaddr_un::sun_path) - (text[0] == '/' ? 1 : 0);
  if (text.size() > most) {
    return Error{Errc::invalid, "NOTIFY_SOCKET " + printable(text) + " is " + std::to_string(text.size()) +
                                    " bytes long; the limit is " + std::to_string(most)};
  }
  std::string address(text);
  if (address[0] == '@') address[0] = '\0';
  return address;
}

// The number in a variable; nothing when it is not set.
Result<std::optional<uint64_t>> positive(const Environment& environment, const char* name) {
  std::string_view text = variable(environment, name);
  if (text.empty()) return std::optional<uint64_t>();
  auto number = parse_u64(text);
  if (!number || *number == 0)
    return Error{Errc::invalid, std::string(name) + " " + printable(text) + " is not a positive number"};
  return number;
}

Duration microseconds(uint64_t count) {
  // Beyond it, no process lives long enough.
  constexpr uint64_t kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / 1000;
  return count >= kMost ? Duration::max() : Duration(std::chrono::microseconds(static_cast<int64_t>(count)));
}

}  // namespace

Result<ServiceManager> service_manager_of(const Environment& environment, pid_t self) {
  ServiceManager manager;
  std::string_view where = variable(environment, "NOTIFY_SOCKET");
  if (!where.empty()) {
    BUSD_ASSIGN(manager.address, address_of(where));
  }
  BUSD_ASSIGN(std::optional<uint64_t> interval, positive(environment, "WATCHDOG_USEC"));
  BUSD_ASSIGN(std::optional<uint64_t> pid, positive(environment, "WATCHDOG_PID"));
  bool ours = !pid || *pid == static_cast<uint64_t>(self);
  if (interval && ours && !manager.address.empty()) manager.watchdog = microseconds(*interval);
  return manager;
}

void forget_service_environment() {
  for (const char* name : kServiceVariables) ::unsetenv(name);
}

std::string tell_reloading(TimePoint now) {
  auto us = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us) + "\n";
}

std::string tell_status(std::string_view text) {
  std::string line = "STATUS=" + std::string(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line + "\n";
}

}  // namespace bus::hub
