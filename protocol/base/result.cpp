#include "protocol/base/result.h"

#include <cerrno>
#include <system_error>

namespace bus {

namespace {

Errc code_of(int saved_errno) {
  switch (saved_errno) {
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::denied;
    case ENOENT:
    case ECONNREFUSED:
    case ENOTDIR:
      return Errc::unavailable;
    case ENAMETOOLONG:
      return Errc::too_long;
    case EAGAIN:
    case EADDRINUSE:
      return Errc::busy;
    case EPIPE:
    case ECONNRESET:
      return Errc::closed;
    case ETIMEDOUT:
      return Errc::timed_out;
    default:
      return Errc::io;
  }
}

}  // namespace

Error errno_error(const std::string& what, int saved_errno) {
  const char* advice = saved_errno == EMFILE ? "; raise the limit of open files: ulimit -n" : "";
  return Error{code_of(saved_errno), what + ": " + std::generic_category().message(saved_errno) + advice};
}

}  // namespace bus
