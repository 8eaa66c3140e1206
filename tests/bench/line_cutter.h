// Cuts a byte stream into lines, for the parsers of contenders whose messages or heads of messages are lines.
//
// A line that stands whole in the bytes of one read is handed out where it stands; only one that is split
// between two reads is copied.
#pragma once

#include <string>
#include <string_view>

namespace bus::bench {

class LineCutter {
 public:
  // Calls `on_line` (bool(std::string_view), false to give up) for each line that `bytes` completes, without
  // its '\n'. False when it was given up.
  template <class OnLine>
  bool take(std::string_view bytes, OnLine on_line) {
    if (!rest_.empty()) {
      size_t end = bytes.find('\n');
      rest_.append(bytes.substr(0, end));
      if (end == std::string_view::npos) return true;
      bytes.remove_prefix(end + 1);
      bool ok = on_line(std::string_view(rest_));
      rest_.clear();
      if (!ok) return false;
    }
    for (size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      if (!on_line(bytes.substr(0, end))) return false;
      bytes.remove_prefix(end + 1);
    }
    rest_.assign(bytes);
    return true;
  }

 private:
  std::string rest_;  // the beginning of a line whose end has not come
};

}  // namespace bus::bench
