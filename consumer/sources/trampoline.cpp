// source-trampoline: becomes the first process of a run of a source, as the last step the program itself.
//
// bus-sources starts it with posix_spawn(3), which has made the session, set the signals to their defaults and put
// descriptors 0 to 2 and kReportFd in place. A program without the C++ library, because every start pays for its loading.
#include <fcntl.h>
#include <unistd.h>

#include "consumer/sources/last_steps.h"
#include "consumer/sources/start_report.h"

namespace {

// sysexits(3), EX_USAGE
constexpr int kExitUsage = 64;

}  // namespace

int main(int argc, char** argv) {
  using namespace bus::sources;
  if (argc <= kProgram || ::fcntl(kReportFd, F_GETFD) < 0) {
    constexpr char kAdvice[] = "source-trampoline: this is a part of bus-sources, which starts it\n";
    [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, kAdvice, sizeof kAdvice - 1);
    return kExitUsage;
  }
  take_last_steps(argv, environ);
}
