// The ids of the go command: of an action, which is what was to be done, and of an output, which is what came of it. Each is a SHA-256.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace bus::gocache {

struct Id {
  std::array<uint8_t, 32> bytes{};

  bool operator==(const Id&) const = default;
  bool operator<(const Id& other) const { return bytes < other.bytes; }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  // Its first bytes as a number: as good as itself where a collision costs little.
  uint64_t number() const {
    uint64_t out;
    std::memcpy(&out, bytes.data(), sizeof out);
    return out;
  }
};

// Nothing unless there are as many bytes as an id has.
std::optional<Id> id_of(std::string_view bytes);

// In lower case, as in the names of files.
void append_hex(std::string& out, const Id& id);
std::string hex(const Id& id);
std::optional<Id> id_of_hex(std::string_view text);

}  // namespace bus::gocache
