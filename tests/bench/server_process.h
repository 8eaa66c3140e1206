// A server under measurement: started with its scratch directory as working directory, watched from outside
// through /proc, ended by its pid.
//
// Knows no protocol. Which cpu it runs on is inherited from the thread that starts it (pinning.h), so that
// every thread of the server is there from its first instruction. It dies with bus-bench, however that ends.
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::bench {

class ServerProcess {
 public:
  // Runs `program` (looked up in PATH when it has no slash) in `directory`, stdin from /dev/null, stdout and
  // stderr into `directory`/output. Returns before it has come up: call await() next.
  //
  // Error unavailable: it could not be executed.
  static Result<ServerProcess> spawn(const std::string& program, const std::vector<std::string>& arguments,
                                     const std::string& directory);

  ServerProcess(ServerProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)),
        pidfd_(std::move(other.pidfd_)),
        name_(std::move(other.name_)),
        output_path_(std::move(other.output_path_)) {}
  ServerProcess& operator=(ServerProcess&& other) noexcept;
  // SIGTERM, SIGKILL if that does not end it within 3 s; reaps.
  ~ServerProcess() { stop(); }

  // Asks `ready` every millisecond until it says yes.
  //
  // Errors: unavailable  it has ended; `what` holds the last line of its output
  //         timed_out    not within `patience`; likewise
  Result<void> await(const std::function<bool()>& ready, Duration patience);

  pid_t pid() const { return pid_; }
  bool running() const;

  // Time on a cpu of all its threads that still live, user and kernel (/proc/PID/task/*/schedstat).
  double cpu_seconds() const;

  // Pss, or Rss where the kernel does not tell it (/proc/PID/smaps_rollup); 0 when it has ended.
  size_t memory_kib() const;
  // Of it what no file is behind (RssAnon of /proc/PID/status), which what others do does not change; 0 when it has ended.
  size_t anonymous_kib() const;

 private:
  ServerProcess(pid_t pid, Fd pidfd, std::string name, std::string output_path)
      : pid_(pid), pidfd_(std::move(pidfd)), name_(std::move(name)), output_path_(std::move(output_path)) {}

  void stop() noexcept;
  bool ends_within(Duration patience) const;
  std::string last_words() const;

  pid_t pid_ = -1;
  Fd pidfd_;
  std::string name_;
  std::string output_path_;
};

// As many descriptors as this process is allowed to have, for itself and for the servers that inherit the
// limit.
void allow_many_descriptors();

}  // namespace bus::bench
