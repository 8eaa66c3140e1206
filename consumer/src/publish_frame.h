// Building and judging the frames that a source publishes, before they are sent: by the hub's own rules, so
// that what passes here is not refused there.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/json_scan.h"

namespace bus::sdk {

// What a source wants to publish: as busd_publication.
struct Publication {
  std::string_view event_type;
  std::string_view event_id;
  std::string_view source_time;
  std::string_view payload;  // raw JSON; empty: null
  std::string_view members;  // the inside of a JSON object
};

class FrameBuilder {
 public:
  // Builds the frame of `what`, with its LF. Returns what is wrong with it, or nothing; then frame() holds
  // it.
  std::optional<std::string> build(const Publication& what);

  // The same for a frame that a user wrote, with or without its line end.
  std::optional<std::string> take(std::string_view text);

  // Good until the next call.
  const std::string& frame() const { return frame_; }

 private:
  std::optional<std::string> judge();
  std::optional<std::string> explain(const Publication& what) const;

  std::string frame_;
  std::string payload_;  // copies without line ends, when there were some
  std::string members_;
  EventLine event_;
};

}  // namespace bus::sdk
