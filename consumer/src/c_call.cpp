#include "consumer/src/c_call.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

#include "consumer/src/text.h"

namespace bus::sdk {

void explain(const ApiResult& result, busd_error* error) noexcept {
  busd_error filled{};
  filled.result = result.code;
  size_t length = std::min(result.message.size(), sizeof filled.message - 1);
  // Cut between characters, not inside one.
  while (length < result.message.size() && length > 0 &&
         (static_cast<unsigned char>(result.message[length]) & 0xc0U) == 0x80U) {
    --length;
  }
  std::memcpy(filled.message, result.message.data(), length);
  give(error, filled);
}

int64_t ms_until(TimePoint deadline) noexcept {
  if (deadline == kNever) return BUSD_FOREVER;
  auto left = deadline <= now() ? Duration::zero() : deadline - now();
  return std::chrono::ceil<milliseconds>(left).count();
}

Duration duration_of(int64_t ms, Duration fallback) noexcept {
  constexpr int64_t kYearMs = 31'557'600'000;  // longer is the same, and would overflow the clock
  return ms <= 0 ? fallback : milliseconds(std::min(ms, kYearMs));
}

Duration patience_of(int64_t ms) noexcept {
  return ms < 0 ? std::chrono::hours(1'000'000) : duration_of(ms, Duration::zero());
}

const char* environment(const char* name) { return std::getenv(name); }

ApiResult endpoint_of(busd_text socket, busd_text bus_name, Endpoint& endpoint) {
  EndpointRequest asked{.socket = std::string(view_of(socket)), .bus = std::string(view_of(bus_name))};
  auto found = resolve_endpoint(asked, environment);
  if (!found) return result_of(found.error());
  endpoint = std::move(*found);
  return {};
}

}  // namespace bus::sdk
