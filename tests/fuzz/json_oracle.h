// A second opinion on JSON, for fuzz targets: RFC 8259 as a recursive descent, as plain as it can be.
//
// Shares no code with the scanner that it is compared with. Slow, and recursive up to its depth limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bus::fuzz {

class JsonOracle {
 public:
  static bool accepts(std::string_view text, size_t max_depth) {
    JsonOracle oracle(text);
    return oracle.value(max_depth) && oracle.at_end();
  }

 private:
  explicit JsonOracle(std::string_view text) : rest_(text) {}

  bool at_end() {
    space();
    return rest_.empty();
  }
  void space() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_[0]) != std::string_view::npos)
      rest_.remove_prefix(1);
  }
  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  bool value(size_t depth_left) {
    space();
    if (take("null") || take("true") || take("false")) return true;
    if (rest_.starts_with('"')) return string();
    if (take("[")) return depth_left > 0 && array(depth_left - 1);
    if (take("{")) return depth_left > 0 && object(depth_left - 1);
    return number();
  }
  bool array(size_t depth_left) {
    space();
    if (take("]")) return true;
    do {
      if (!value(depth_left)) return false;
      space();
    } while (take(","));
    return take("]");
  }
  bool object(size_t depth_left) {
    space();
    if (take("}")) return true;
    do {
      space();
      if (!string()) return false;
      space();
      if (!take(":") || !value(depth_left)) return false;
      space();
    } while (take(","));
    return take("}");
  }

  bool digits() {
    size_t count = 0;
    while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') {
      rest_.remove_prefix(1);
      ++count;
    }
    return count > 0;
  }
  bool number() {
    take("-");
    if (!take("0") && !digits()) return false;
    if (take(".") && !digits()) return false;
    if (take("e") || take("E")) {
      if (!take("+")) take("-");
      return digits();
    }
    return true;
  }

  bool hex() {
    bool good =
        !rest_.empty() && std::string_view("0123456789abcdefABCDEF").find(rest_[0]) != std::string_view::npos;
    if (good) rest_.remove_prefix(1);
    return good;
  }
  bool string() {
    if (!take("\"")) return false;
    while (!take("\"")) {
      if (take("\\u")) {
        if (!hex() || !hex() || !hex() || !hex()) return false;
      } else if (take("\\")) {
        if (rest_.empty() || std::string_view("\"\\/bfnrt").find(rest_[0]) == std::string_view::npos)
          return false;
        rest_.remove_prefix(1);
      } else if (!character()) {
        return false;
      }
    }
    return true;
  }
  // One character as it is: no control character, and UTF-8 of the shortest form without surrogates.
  bool character() {
    if (rest_.empty()) return false;
    auto first = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    if (first < 0x80) return first >= 0x20;
    size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC0 || first > 0xF7 || rest_.size() < more) return false;
    uint32_t point = first & (0x3FU >> more);
    for (size_t i = 0; i < more; ++i) {
      auto byte = static_cast<uint8_t>(rest_[i]);
      if (byte < 0x80 || byte > 0xBF) return false;
      point = (point << 6U) | (byte & 0x3FU);
    }
    rest_.remove_prefix(more);
    constexpr uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    return point >= least[more] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
  }

  std::string_view rest_;
};

}  // namespace bus::fuzz
