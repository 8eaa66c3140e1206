// Who serves a bus: the lock file, and the socket that only its holder may put up and take down (PROTOCOL.md
// 8).
//
// The lock is held for life, and the file is never deleted: a flock on a file that somebody unlinks is two
// locks. Its text, the holder's pid, is for people.
#pragma once

#include <string>
#include <sys/types.h>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "protocol/endpoint.h"

namespace bus::hub {

class InstanceLock {
 public:
  // Tries for `patience`, because the holder may be about to end.
  //
  // Errors: busy    another process holds it still
  //         denied  the lock's path is a symlink or not a regular file; left untouched
  static Result<InstanceLock> acquire(const Endpoint& endpoint, Duration patience);

  InstanceLock(InstanceLock&&) noexcept;
  InstanceLock& operator=(InstanceLock&&) = delete;
  ~InstanceLock();  // take_down_socket(), then the lock goes

  // Binds the socket and listens, after taking away the one that a killed hub left.
  //
  // Errors: denied  something that is not a socket stands there; left untouched
  //         busy    somebody listens there, though not with this lock, such as a service manager that starts
  //                 a hub for whoever connects; left untouched
  Result<Fd> put_up_socket(int backlog);
  // Unlinks the socket if it is still the one that we put up.
  void take_down_socket();

 private:
  InstanceLock(Fd lock, std::string socket) : lock_(std::move(lock)), socket_(std::move(socket)) {}

  Fd lock_;
  std::string socket_;
  dev_t device_ = 0;
  ino_t inode_ = 0;  // of the socket that we put up; 0: none
};

// The pid of the hub that answers a status query at `socket` within `patience`.
Result<pid_t> answering_hub(const std::string& socket, Duration patience);

}  // namespace bus::hub
