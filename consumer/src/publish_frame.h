// The frames that a source publishes, built and, as far as its caller wants, judged before they are sent.
//
// Checked, a publication goes through the hub's own rules, so that what passes here is not refused there.
// Unchecked, its syntax is left to the hub, which looks at every byte anyway and answers what it refuses;
// what is then still looked at here is only what the hub's answer depends on: that a publication is one line,
// an event, and within the cap wherever it goes. What cannot be seen to be so at a glance is checked after
// all.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "busd/consumer.h"
#include "consumer/src/send_buffer.h"
#include "protocol/frame.h"

namespace bus::sdk {

enum class Syntax { checked, left_to_hub };

class FrameBuilder {
 public:
  explicit FrameBuilder(Syntax syntax) : syntax_(syntax) {}

  // Adds the frame of `what`, with its LF, to `out`. Returns what is wrong with it, or nothing; when
  // something is, nothing is added.
  std::optional<std::string> build(const busd_publication& what, SendBuffer& out);

  // The same for a frame that a user wrote, with or without its line end.
  std::optional<std::string> take(std::string_view text, SendBuffer& out);

 private:
  std::optional<std::string> build_checked(const busd_publication& what, std::string_view payload,
                                           std::string_view members, SendBuffer& out);
  std::optional<std::string> take_type(std::string_view event_type);
  std::string_view write(const busd_publication& what, std::string_view payload, std::string_view members,
                         SendBuffer& out);
  void write_head(const busd_publication& what, std::string_view members);
  std::optional<std::string> judge(std::string_view frame);

  Syntax syntax_;
  std::string type_;        // of the event built last
  std::string start_;       // how such a frame begins
  std::string head_;        // that, and the name of the payload: all before it when nothing else is
  std::string other_head_;  // all before the payload of an event that has more
  std::string payload_;     // copies without line ends, when there were some
  std::string members_;
  FrameScanner scanner_;
  EventLine event_;
};

}  // namespace bus::sdk
