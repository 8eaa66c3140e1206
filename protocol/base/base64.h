// Base64 with padding (RFC 4648, section 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bus {

void append_base64(std::string& out, std::string_view bytes);

// What the whole of `text` stands for; nothing when it is not base64.
std::optional<std::string> decode_base64(std::string_view text);

// Decodes a text that comes in pieces, cut anywhere.
class Base64Decoder {
 public:
  // The most bytes that decode() appends for so many characters.
  static constexpr size_t most_bytes(size_t characters) { return characters / 4 * 3 + 3; }

  // Writes what the characters stand for to `out`, which has room for most_bytes(), and returns the end of it. Nothing: the text is not
  // base64, and the decoder is of no use any more.
  std::optional<char*> decode(std::string_view text, char* out);
  // Whether the text may end here.
  bool is_whole() const { return held_ == 0; }

 private:
  std::optional<char*> decode_one(char c, char* out);

  uint32_t bits_ = 0;
  unsigned held_ = 0;     // characters in `bits_`
  unsigned padding_ = 0;  // "=" seen; nothing but such follows them
};

}  // namespace bus
