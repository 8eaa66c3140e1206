// A busd under the shim: its calls fail as ordered, and its end is judged by what hub/exit_code.h promises.
//
// Knows how to start, arm, ask and end it; what clients do meanwhile is stage.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/fd.h"
#include "tests/faults/fault_control.h"
#include "tests/support/child.h"
#include "tests/support/messages.h"
#include "tests/support/notify_socket.h"
#include "tests/support/temp_dir.h"

namespace bus::test {

struct Fault {
  FaultCall call = FAULT_alloc;
  int error = 0;
  uint64_t nth = 1;
  bool all = false;  // every call from the n-th on

  std::string text() const;  // "epoll_ctl ENOMEM n=3"
};

// One row of fault_calls.h.
struct FaultRow {
  FaultCall call;
  std::vector<int> errors;
};
const std::vector<FaultRow>& fault_rows();

// Whether the shim can let allocations fail here; a sanitizer brings an allocator of its own.
bool can_fail_allocations();

class FaultyHub {
 public:
  // Starts nothing yet. It will hold `queue_frames` events for each consumer, and log to hub.log.
  explicit FaultyHub(int queue_frames = 8);
  ~FaultyHub();
  FaultyHub(const FaultyHub&) = delete;
  FaultyHub& operator=(const FaultyHub&) = delete;

  std::string file(const std::string& name) const { return directory_.file(name); }
  const std::string& socket() const { return socket_; }
  bool running() { return child_ && child_->running(); }
  pid_t pid() const { return child_->pid(); }
  size_t descriptors() const { return open_descriptors(pid()); }
  void signal(int number) {
    if (running()) child_->signal(number);
  }

  // Those that are started from now on admit the group `gid`, in a directory that they make for it.
  void open_to_group(gid_t gid);
  // Those that are started from now on keep their values there.
  void keep_values(const std::string& path) { more_words_ = {"--values", path}; }
  // Removes that directory, so that the next one makes it.
  void close_place();

  // Starts it, with `fault` from its first instruction on; true once it serves, false when it has ended
  // instead.
  bool start(const Fault* fault = nullptr);
  // Without a fault it must start.
  void start_well();

  // Those that are started from now on get no more address space than this (RLIMIT_AS); 0: no limit.
  void limit_memory(size_t bytes) { memory_limit_ = bytes; }

  // busd --detach, with `fault` in the one that starts the other; true when it says that a hub serves.
  bool detach(const Fault* fault = nullptr);
  // Ends the hub that was started so: by a message, since it is nobody's child.
  void stop_detached();

  // From now on, counted from here.
  void arm(const Fault& fault);
  void disarm();
  uint64_t failed() const;
  uint64_t calls(FaultCall call) const;
  uint64_t empty_turns() const;

  // Whether it answers; if not it must have come to one of the ends that are promised.
  bool survived();
  // Waits for its end and fails the test unless it is one of those that are promised: a message on stderr,
  // and a code.
  void expect_promised_end();
  // Whether the last hub logged that it hands over.
  bool handed_over() const;
  // Waits for an end that was asked for: exit code 0, or one of those.
  void expect_end();
  int last_code() const { return last_code_; }  // of the last that ended before it was asked to
  // SIGKILL, and its end.
  void kill();
  // SIGTERM, which it must obey with exit code 0.
  void stop();

  // Asks for status on a new connection, from a hub started anew if it has ended; fails the test without an
  // answer. Remembers how long the slowest took.
  StatusResponse expect_service();
  Duration slowest_service() const { return slowest_; }

 private:
  ChildOptions options_with_shim() const;

  TempDir directory_;
  std::string socket_;
  std::vector<std::string> more_words_;
  NotifySocket manager_;  // told by it, as by every busd that a service manager starts
  Fd shared_;
  FaultControl* control_ = nullptr;
  std::unique_ptr<Child> child_;
  int last_code_ = 0;
  size_t memory_limit_ = 0;
  Duration slowest_ = Duration::zero();
};

}  // namespace bus::test
