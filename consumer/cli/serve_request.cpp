#include "consumer/cli/serve_request.h"

#include <string_view>

namespace bus::cli {

namespace {

std::string string_of(busd_text text) { return {text.data, text.length}; }

}  // namespace

ServeRequest request_of(uint64_t number, const busd_request& from) {
  ServeRequest request;
  request.number = number;
  request.task = string_of(from.task);
  request.args = string_of(from.args);
  request.source = string_of(from.source);
  request.pid = from.pid;
  request.uid = from.uid;
  request.timeout_ms = from.timeout_ms;
  request.stream = from.stream != 0;
  return request;
}

Variables variables_of(const ServeRequest& request, bool streams) {
  return {{"BUSD_TASK", request.task},
          {"BUSD_CALLER_PID", std::to_string(request.pid)},
          {"BUSD_CALLER_UID", std::to_string(request.uid)},
          {"BUSD_CALLER_SOURCE", request.source},
          {"BUSD_TIMEOUT_MS", request.timeout_ms == 0 ? "" : std::to_string(request.timeout_ms)},
          {"BUSD_STREAM", streams ? "1" : ""}};
}

}  // namespace bus::cli
