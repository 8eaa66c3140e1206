#include "consumer/cli/program_names.h"

#include <fcntl.h>
#include <unistd.h>

namespace bus::cli {

std::string program_name(int64_t pid) {
  if (pid <= 0) return {};
  std::string path = "/proc/" + std::to_string(pid) + "/comm";
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char text[64];
  ssize_t length = read(fd, text, sizeof text);
  close(fd);
  if (length <= 0) return {};
  std::string name(text, static_cast<size_t>(length));
  if (name.back() == '\n') name.pop_back();
  return name;
}

void name_programs(StatusReport& report) {
  for (ConsumerReport& consumer : report.consumers) {
    // The claimed pid may belong to any process; the kernel's is known to be the consumer.
    consumer.program = program_name(consumer.kernel_pid != 0 ? consumer.kernel_pid : consumer.pid);
  }
  for (SourceReport& source : report.sources) {
    // Another process may have the pid of one that has gone.
    if (source.state != "disconnected")
      source.program = program_name(source.kernel_pid != 0 ? source.kernel_pid : source.pid);
  }
  for (ProviderReport& provider : report.providers)
    provider.program = program_name(provider.kernel_pid != 0 ? provider.kernel_pid : provider.pid);
  for (LockReport& lock : report.locks) {
    // With a task, the process has gone.
    if (lock.task.empty()) lock.program = program_name(lock.pid);
  }
}

}  // namespace bus::cli
