#include "hub/readiness.h"

#include <algorithm>
#include <fcntl.h>
#include <string>

#include "protocol/base/file.h"
#include "protocol/base/last_word.h"
#include "protocol/base/process.h"

namespace bus::hub {

Result<Readiness> Readiness::adopt(int fd) {
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return Error{Errc::invalid, "--ready-fd " + std::to_string(fd) + ": no such open descriptor"};
  }
  Readiness readiness;
  readiness.fd_ = Fd(fd);
  tell_last_word_to(fd);
  return readiness;
}

void Readiness::ready() { tell(kReadyLine); }

void Readiness::failed(std::string_view reason) { tell(reason); }

void Readiness::tell(std::string_view line) {
  if (!fd_) return;
  std::string text(line);
  std::replace(text.begin(), text.end(), '\n', ' ');
  // The reader may have gone (EPIPE); that is no concern of a hub that works.
  static_cast<void>(write_all(fd_.get(), text + "\n"));
  tell_last_word_to(-1);
  fd_.reset();
}

}  // namespace bus::hub
