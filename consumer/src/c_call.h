// What the C functions have in common: taking the callers' structs apart, and putting the answers into
// theirs.
//
// A caller may have been compiled against an older or a newer header: of each struct no more is read or
// written than the caller's `size` says, and what is missing counts as zero (convention 4 of the header).
// Each C function is noexcept inside, so that nothing, not even lack of memory, unwinds into C.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "busd/consumer.h"
#include "consumer/src/api_result.h"
#include "protocol/base/clock.h"
#include "protocol/endpoint.h"

namespace bus::sdk {

// A caller's struct, as this library knows it. Size zero, or no struct: nothing was set.
template <class T>
T taken(const T* from) noexcept {
  // Of a known size, because a copy of any size starts slowly, and a publisher comes here once per event.
  if (from != nullptr && from->size >= sizeof(T)) return *from;
  T copy{};
  if (from != nullptr) std::memcpy(&copy, from, from->size);
  copy.size = sizeof(T);
  return copy;
}

// Hands `value` to a caller's struct of `to->size` bytes.
template <class T>
void give(T* to, T value) noexcept {
  if (to == nullptr) return;
  size_t size = to->size;
  value.size = size;
  std::memcpy(to, &value, std::min(size, sizeof(T)));
}

void explain(const ApiResult& result, busd_error* error) noexcept;

inline busd_result answer(const ApiResult& result, busd_error* error) noexcept {
  if (!result.ok() && error != nullptr) explain(result, error);
  return result.code;
}

int64_t ms_until(TimePoint deadline) noexcept;

// A timeout of the options; zero and negative mean the default.
Duration duration_of(int64_t ms, Duration fallback) noexcept;
// A timeout of a function; negative is for ever.
Duration patience_of(int64_t ms) noexcept;

const char* environment(const char* name);

ApiResult endpoint_of(busd_text socket, busd_text bus_name, Endpoint& endpoint);

}  // namespace bus::sdk
