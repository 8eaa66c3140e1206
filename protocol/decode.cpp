#include "protocol/decode.h"

#include "protocol/base/strings.h"

namespace bus {

Fault type_fault(const Frame& frame) {
  constexpr size_t kTypeBytesShown = 64;
  MemberNames names;
  names.add("type");
  Reading reading(names);
  reading.take(frame.members);
  std::string type;
  reading.required_text("type", type);
  if (reading.fault()) return {ErrorCode::bad_frame, *reading.fault()};
  return {ErrorCode::unknown_type,
          "unknown type " + printable(type, kTypeBytesShown) +
              "; a client sends hello, event, source_status, pre_shutdown_check, status_query, bye, "
              "shutdown, a message of calls such as request, or one of values such as put"};
}

}  // namespace bus
