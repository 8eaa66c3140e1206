// Who serves a bus: the lock file, and the socket that only its holder may put up and take down (PROTOCOL.md
// 8).
//
// The lock is held for life, and the file is never deleted: a flock on a file that somebody unlinks is two
// locks. Its text, the holder's pid, is for people.
#pragma once

#include <optional>
#include <string>
#include <sys/stat.h>
#include <sys/types.h>

#include "hub/access.h"
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

  // Who can reach the sockets that are put up from now on.
  void set_access(const Access& access) { access_ = access; }
  // Binds the socket and listens, after taking away the one that a killed hub left.
  //
  // Errors: denied  something that is not a socket stands there; left untouched
  //         busy    somebody listens there, though not with this lock, such as a service manager that starts
  //                 a hub for whoever connects; left untouched
  Result<Fd> put_up_socket(int backlog);
  // Unlinks the socket if it is still the one that we put up.
  void take_down_socket();
  // The socket stands there already, and belongs to whoever has passed it: it is neither put up nor taken
  // down by us.
  //
  // Error unavailable: there is none.
  Result<void> keep_passed_socket();

  // What a look at the bus's place in the file system found, and what was done about it.
  struct Look {
    enum class Kind {
      ours,       // all is as we left it
      mended,     // the lock's file is ours again; so is the socket where `listening` holds it
      contested,  // another process holds the lock's file that stands there now; it may only have looked
      undecided,  // the machine has no memory, descriptors or space to find out or to mend it
      lost,       // clients no longer find us there
    };
    Kind kind = Kind::ours;
    std::string reason;  // of anything but `ours`
    Fd listening;
  };
  // Looks whether clients still find this hub, and mends what may be mended: a lock's file or a socket that
  // was removed from a directory that is still ours. Never touches what belongs to another hub.
  Look look(int backlog);
  const std::string& directory() const { return directory_path_; }

 private:
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;  // 0: of nothing
    bool operator==(const Identity&) const = default;
  };
  static Identity identity_of(const struct stat& st) { return {st.st_dev, st.st_ino}; }

  InstanceLock(Fd lock, Fd directory, const Endpoint& endpoint);
  Result<void> remember_socket(bool passed);
  std::optional<Look> check_directory() const;
  std::optional<Look> mend_lock();
  std::optional<Look> mend_socket(int backlog);

  Fd lock_;
  // Held open, so that no other directory can get its inode number.
  Fd directory_;
  mode_t directory_mode_ = 0;
  std::string directory_path_;
  std::string lock_path_;
  std::string socket_;
  Identity socket_identity_;
  bool socket_is_passed_ = false;
  Access access_;
};

// Whether put_up_socket() could put up a socket there, found out without creating or removing one. That
// somebody listens there is no error.
Result<void> try_put_up(const std::string& socket);

// The pid of the hub that answers a status query at `socket` within `patience`.
Result<pid_t> answering_hub(const std::string& socket, Duration patience);

}  // namespace bus::hub
