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
  // Appends the frame of `what`, with its LF, to `out`. Returns what is wrong with it, or nothing; when
  // something is, `out` stays as it was.
  std::optional<std::string> build(const Publication& what, std::string& out);

  // The same for a frame that a user wrote, with or without its line end.
  std::optional<std::string> take(std::string_view text, std::string& out);

 private:
  std::optional<std::string> take_type(std::string_view event_type);
  void append(const Publication& what, std::string_view payload, std::string_view members, std::string& out);
  std::optional<std::string> judge(std::string_view frame);

  std::string type_;     // of the event built last
  std::string start_;    // how such a frame begins
  std::string payload_;  // copies without line ends, when there were some
  std::string members_;
  EventLine event_;
};

}  // namespace bus::sdk
