#include "tests/bench/frame_reader.h"

#include "protocol/base/strings.h"
#include "tests/bench/frame_cutter.h"
#include "tests/bench/wire.h"

namespace bus::bench {

Result<std::string> read_frame(int fd, size_t (*needed_bytes)(std::string_view)) {
  std::string frame;
  for (;;) {
    size_t needed = needed_bytes(frame);
    if (needed == 0 || needed > kMaxFrameBytes) {
      return Error{Errc::protocol, "not a frame of this protocol: " + printable(frame)};
    }
    if (needed <= frame.size()) return frame;
    BUSD_ASSIGN(std::string more, read_exactly(fd, needed - frame.size()));
    frame += more;
  }
}

}  // namespace bus::bench
