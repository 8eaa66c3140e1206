// What the cache knows of an action: the line in its file, in the form of the go command's own cache, so that each reads what the other
// has written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "consumer/gocache/core/id.h"

namespace bus::gocache {

inline constexpr int64_t kSecondNs = 1'000'000'000;

struct Entry {
  Id action;
  Id output;
  uint64_t size = 0;    // of the output, in bytes
  int64_t time_ns = 0;  // when it was put, since 1970
  bool operator==(const Entry&) const = default;
};

// Every line has so many bytes.
inline constexpr size_t kEntryBytes = 175;

std::string line_of(const Entry& entry);
// Nothing when the text is not the whole of such a line.
std::optional<Entry> entry_of(std::string_view line);

}  // namespace bus::gocache
