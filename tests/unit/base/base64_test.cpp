#include "protocol/base/base64.h"

#include "tests/support/catch.h"

using namespace bus;

namespace {

// Decoded in pieces of `size` characters.
std::optional<std::string> in_pieces(std::string_view text, size_t size) {
  Base64Decoder decoder;
  std::string out;
  for (size_t at = 0; at < text.size(); at += size) {
    std::string_view piece = text.substr(at, size);
    std::string room(Base64Decoder::most_bytes(piece.size()), '\0');
    auto end = decoder.decode(piece, room.data());
    if (!end) return std::nullopt;
    REQUIRE(*end <= room.data() + room.size());
    out.append(room.data(), *end);
  }
  if (!decoder.is_whole()) return std::nullopt;
  return out;
}

std::string encoded(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

}  // namespace

TEST_CASE("Base64 has the test vectors of RFC 4648, both ways") {
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [bytes, text] : vectors) {
    CHECK(encoded(bytes) == text);
    CHECK(decode_base64(text) == bytes);
  }
  CHECK(encoded("\xfb\xff\xfe") == "+//+");
  CHECK(decode_base64("+//+") == "\xfb\xff\xfe");
}

TEST_CASE("Base64 of every byte, at each of the three places, comes back") {
  for (size_t before = 0; before < 3; ++before) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string bytes = std::string(before, 'x') + static_cast<char>(byte);
      CHECK(decode_base64(encoded(bytes)) == bytes);
    }
  }
}

TEST_CASE("Base64 that comes in pieces of any size is decoded as it is in one") {
  for (size_t length = 0; length < 40; ++length) {
    std::string bytes;
    for (size_t i = 0; i < length; ++i) bytes += static_cast<char>(i * 37 + length);
    std::string text = encoded(bytes);
    for (size_t size = 1; size <= text.size() + 1; ++size) {
      INFO("length " << length << ", pieces of " << size);
      CHECK(in_pieces(text, size) == bytes);
    }
  }
}

TEST_CASE("What is not base64 is refused, whole and in pieces") {
  for (std::string text : {"A",
                           "AA",
                           "AAA",
                           "AAAAA",
                           "=",
                           "====",
                           "A===",
                           "AA=",
                           "AA=A",
                           "AA==A",
                           "AA==AAAA",
                           "AAA=AAAA",
                           "AAA==",
                           "AA===",
                           "A A=",
                           "AAAA\n",
                           "AA-_",
                           "AAA\\",
                           "AAA\x80",
                           "\xff"
                           "AAA",
                           "AAAAAAA*"}) {
    INFO(text);
    CHECK_FALSE(decode_base64(text));
    for (size_t size = 1; size <= text.size(); ++size) CHECK_FALSE(in_pieces(text, size));
  }
  CHECK_FALSE(decode_base64(std::string_view("AAA\0", 4)));
}

TEST_CASE("Every character beyond the alphabet is refused at every place of a group") {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int c = 0; c < 256; ++c) {
    for (size_t place = 0; place < 4; ++place) {
      std::string text = "AAAAAAAA";
      text[4 + place] = static_cast<char>(c);
      bool is_in = kAlphabet.find(static_cast<char>(c)) != std::string_view::npos;
      // Padding is fine as the last character.
      bool may_stand = is_in || (c == '=' && place == 3);
      INFO("character " << c << " at place " << place);
      CHECK(decode_base64(text).has_value() == may_stand);
    }
  }
}
