// A real busd of a test: own private directory, ready when the constructor returns, gone when the destructor
// has run.
//
//   HubProcess hub({"--queue-frames", "16"});
//   RawClient client(hub.socket());
//   …
//   hub.stop();   // SIGTERM, exit status 0, no descriptor leaked, no child left; else the destructor does it
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "tests/support/child.h"
#include "tests/support/messages.h"
#include "tests/support/temp_dir.h"

namespace bus::test {

// Path of the busd that was built.
std::string busd_program();

// One line from descriptor `fd`, without its LF; fails the test when none comes in time.
std::string read_descriptor_line(int fd, Duration patience = kPatience);

// A status query on a connection of its own. Fails the test without an answer.
StatusResponse query_status(const std::string& socket);

// Ends a hub that is not our child, and waits for its end.
void stop_detached(const std::string& socket);

class HubProcess {
 public:
  // Starts busd with --socket DIR/bus.sock and `arguments`, and waits until it says that it is ready.
  explicit HubProcess(const std::vector<std::string>& arguments = {}, ChildOptions options = {});
  // The same in a directory that the test owns (and that outlives the hub).
  HubProcess(const TempDir& directory, const std::vector<std::string>& arguments, ChildOptions options = {});
  ~HubProcess() noexcept(false);  // stop(), unless it was stopped or killed, or the test is failing already
  HubProcess(const HubProcess&) = delete;
  HubProcess& operator=(const HubProcess&) = delete;

  const std::string& socket() const { return socket_; }
  const std::string& directory() const { return directory_; }
  std::string file(const std::string& name) const { return directory_ + "/" + name; }
  pid_t pid() const { return child_->pid(); }
  bool running() { return child_->running(); }
  // What it wrote to stderr so far.
  std::string log() const { return child_->errors(); }
  void wait_for_log(const std::string& text) { child_->wait_for_errors(text); }

  StatusResponse status() const { return query_status(socket_); }
  // Asks for status until `wanted` holds; fails the test with the last answer's counts.
  StatusResponse wait_for_status(const std::function<bool(const StatusResponse&)>& wanted) const;

  // SIGTERM, and the end as it must be: exit 0, socket removed, no child.
  void stop();
  // Waits for an end that something else caused, and expects the same.
  void expect_clean_exit();
  // SIGKILL: the socket stays behind. Nothing is checked.
  void kill();
  // SIGSTOP (returns once it is stopped) and SIGCONT.
  void pause();
  void resume();
  // Fails unless the hub holds as many descriptors as it did when it was ready; call it when all clients are
  // closed.
  void expect_no_descriptor_leak();

 private:
  void start(const std::vector<std::string>& arguments, ChildOptions options);

  std::unique_ptr<TempDir> own_directory_;
  std::string directory_;
  std::string socket_;
  std::unique_ptr<Child> child_;
  size_t descriptors_when_ready_ = 0;
  struct stat socket_when_ready_ {};
  bool over_ = false;
};

}  // namespace bus::test
