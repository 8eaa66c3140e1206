// The readiness descriptor (--ready-fd N): whoever started the hub reads one line from it, "ready" or the
// reason why not (protocol/base/process.h). Written at most once; closing it unwritten would read as "ended
// without a reason".
#pragma once

#include <string_view>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::hub {

class Readiness {
 public:
  // No descriptor: nobody waits.
  Readiness() = default;
  // Takes over `fd`. Error invalid: it is not open.
  static Result<Readiness> adopt(int fd);

  void ready();
  void failed(std::string_view reason);

 private:
  void tell(std::string_view line);

  Fd fd_;
};

}  // namespace bus::hub
