#include "consumer/cli/call_request.h"

namespace bus::cli {

busd_call_options options_of(const CallRequest& request) {
  auto options = BUSD_INIT(busd_call_options);
  options.timeout_ms = request.timeout_ms;
  options.wait = request.wait ? 1 : 0;
  options.stream = request.stream ? 1 : 0;
  options.idempotent = request.idempotent ? 1 : 0;
  options.to = c_text(request.to);
  options.reply_event = c_text(request.reply_event);
  options.members = c_text(request.members);
  return options;
}

}  // namespace bus::cli
