#include "tests/integration/bus_sources_support.h"

#include <dirent.h>

namespace bus::test {

namespace {

bool command_holds(const std::string& pid, const std::string& marker) {
  auto text = read_file("/proc/" + pid + "/cmdline", 65'536);
  return text && text->find(marker) != std::string::npos;
}

}  // namespace

std::vector<pid_t> processes_of(const std::string& marker) {
  std::vector<pid_t> found;
  std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), &::closedir);
  REQUIRE(processes);
  while (const dirent* entry = ::readdir(processes.get())) {
    auto pid = parse_u64(entry->d_name);
    if (pid && command_holds(entry->d_name, marker)) found.push_back(static_cast<pid_t>(*pid));
  }
  return found;
}

bool is_running(const std::string& marker) { return !processes_of(marker).empty(); }

void wait_until_gone(const std::string& marker) {
  TimePoint end = now() + kPatience;
  while (is_running(marker)) {
    if (now() > end) FAIL("a process is left: " << marker);
    ::usleep(5000);
  }
}

}  // namespace bus::test
