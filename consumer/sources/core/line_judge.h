// What one line of a source's standard output is: an event, another frame, or a line of its log.
//
// By the `format` of its definition (bus-sources(5)). Nothing is fatal: what is no event is a line of the log, with the
// reason where somebody meant an event. Knows no descriptor and no connection.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "consumer/sources/core/definition.h"
#include "protocol/event_pattern.h"
#include "protocol/frame.h"

namespace bus::sources {

struct Judged {
  enum class Kind {
    frame,    // `text`: an event frame, to be published as it is
    payload,  // `text`: raw JSON, the payload of an event of the definition's event_type
    message,  // `text`: a frame that is no event, of a type that a source may send: `type`
    log,      // `text`: the line
    refused,  // `text`: the line, which means to be an event and cannot be published: `reason`
    blank,    // nothing: it is passed over
  };
  Kind kind = Kind::log;
  std::string_view text;
  std::string_view type;
  std::string reason;
};

class LineJudge {
 public:
  // `definition` must outlive it.
  explicit LineJudge(const Definition& definition);

  // `line` has no LF; one CR at its end is no part of it. The views are good until the next call, or until the line goes.
  Judged judge(std::string_view line);
  // The same of a last line without its LF, which is never an event.
  Judged judge_cut(std::string_view line);

 private:
  Judged judge_json(std::string_view line);
  bool complete(std::string_view line);
  bool is_declared(std::string_view event_type) const;

  const Definition& definition_;
  std::vector<EventPattern> types_;
  FrameScanner scanner_;
  EventLine event_;
  std::string quoted_;     // a line of text as a JSON string
  std::string completed_;  // an event frame that did not say its type
};

}  // namespace bus::sources
