// Numbers, sizes and times as people read them. Digits are grouped by thousands on a terminal only, where
// `columns` is set: programs that read a pipe get plain digits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace bus::cli {

std::string readable_number(uint64_t number, std::optional<size_t> columns);
std::string readable_bytes(uint64_t bytes);
std::string readable_seconds(uint64_t seconds);
std::string readable_ms(uint64_t ms);

}  // namespace bus::cli
