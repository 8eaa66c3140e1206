#include "tests/integration/bus_sources_support.h"

#include <dirent.h>

namespace bus::test {

namespace {

bool command_holds(const std::string& pid, const std::string& marker) {
  auto text = read_file("/proc/" + pid + "/cmdline", 65'536);
  return text && text->find(marker) != std::string::npos;
}

}  // namespace

bool is_running(const std::string& marker) {
  std::unique_ptr<DIR, int (*)(DIR*)> processes(::opendir("/proc"), &::closedir);
  REQUIRE(processes);
  while (const dirent* entry = ::readdir(processes.get())) {
    if (parse_u64(entry->d_name) && command_holds(entry->d_name, marker)) return true;
  }
  return false;
}

void wait_until_gone(const std::string& marker) {
  TimePoint end = now() + kPatience;
  while (is_running(marker)) {
    if (now() > end) FAIL("a process is left: " << marker);
    ::usleep(5000);
  }
}

}  // namespace bus::test
