// Cuts a byte stream into frames that tell their own length: MQTT packets, D-Bus messages, ZMTP frames.
//
// Used by the parsers of contenders. A frame that stands whole in the bytes of one read is handed out where
// it stands; only one that is split between two reads is copied. Knows no protocol: that is the caller's
// `needed_bytes`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace bus::bench {

// No server is sent anything near this, so a longer frame means that the stream is not what we take it for.
inline constexpr size_t kMaxFrameBytes = size_t{64} << 20;

class FrameCutter {
 public:
  // Calls `on_frame` (bool(std::string_view), false to give up) for each frame that `bytes` completes.
  //
  // `needed_bytes` (size_t(std::string_view)) tells how long the frame is that begins there. While its head
  // is not complete, it tells how many bytes must be there before it can say more: more than there are, and
  // never more than the frame has. 0 says that this begins no frame. False: not the protocol.
  template <class NeededBytes, class OnFrame>
  bool take(std::string_view bytes, NeededBytes needed_bytes, OnFrame on_frame) {
    while (!rest_.empty() && !bytes.empty()) {
      size_t needed = needed_bytes(std::string_view(rest_));
      if (needed == 0 || needed > kMaxFrameBytes) return false;
      size_t step = std::min(needed - rest_.size(), bytes.size());
      rest_.append(bytes.substr(0, step));
      bytes.remove_prefix(step);
      needed = needed_bytes(std::string_view(rest_));
      if (needed == 0) return false;
      if (needed != rest_.size()) continue;
      if (!on_frame(std::string_view(rest_))) return false;
      rest_.clear();
    }
    while (!bytes.empty()) {
      size_t needed = needed_bytes(bytes);
      if (needed == 0 || needed > kMaxFrameBytes) return false;
      if (needed > bytes.size()) break;
      if (!on_frame(bytes.substr(0, needed))) return false;
      bytes.remove_prefix(needed);
    }
    rest_.append(bytes);
    return true;
  }

 private:
  std::string rest_;  // the beginning of a frame whose end has not come
};

}  // namespace bus::bench
