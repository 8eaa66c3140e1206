#include "protocol/base/base64.h"

#include <array>

namespace bus {

namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// A bit that no character of the alphabet sets at any of the four places.
constexpr uint32_t kBad = 1U << 31U;

using Places = std::array<std::array<uint32_t, 256>, 4>;

// What each character is worth at each place of a group of four.
constexpr Places make_places() {
  Places out{};
  for (auto& place : out) place.fill(kBad);
  for (uint32_t value = 0; value < kAlphabet.size(); ++value) {
    for (unsigned place = 0; place < 4; ++place)
      out[place][static_cast<unsigned char>(kAlphabet[value])] = value << (18 - 6 * place);
  }
  return out;
}

constexpr Places kPlaces = make_places();

char* put_bytes(char* out, uint32_t bits, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i) *out++ = static_cast<char>(bits >> (16 - 8 * i) & 0xffU);
  return out;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  for (size_t at = 0; at < bytes.size(); at += 3) {
    size_t has = std::min<size_t>(3, bytes.size() - at);
    uint32_t bits = 0;
    for (size_t i = 0; i < has; ++i)
      bits |= uint32_t{static_cast<unsigned char>(bytes[at + i])} << (16 - 8 * i);
    for (size_t i = 0; i < 4; ++i) out += i <= has ? kAlphabet[bits >> (18 - 6 * i) & 63U] : '=';
  }
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out(Base64Decoder::most_bytes(text.size()), '\0');
  Base64Decoder decoder;
  auto end = decoder.decode(text, out.data());
  if (!end || !decoder.is_whole()) return std::nullopt;
  out.resize(static_cast<size_t>(*end - out.data()));
  return out;
}

std::optional<char*> Base64Decoder::decode(std::string_view text, char* out) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* end = at + text.size();
  while (at != end && held_ != 0) {
    auto next = decode_one(static_cast<char>(*at++), out);
    if (!next) return std::nullopt;
    out = *next;
  }
  if (padding_ > 0) return at == end ? std::optional(out) : std::nullopt;
  for (; end - at >= 4; at += 4) {
    uint32_t bits = kPlaces[0][at[0]] | kPlaces[1][at[1]] | kPlaces[2][at[2]] | kPlaces[3][at[3]];
    if ((bits & kBad) != 0) break;
    out = put_bytes(out, bits, 3);
  }
  for (; at != end; ++at) {
    auto next = decode_one(static_cast<char>(*at), out);
    if (!next) return std::nullopt;
    out = *next;
  }
  return out;
}

std::optional<char*> Base64Decoder::decode_one(char c, char* out) {
  if (held_ == 0 && padding_ > 0) return std::nullopt;
  if (c == '=') {
    if (held_ < 2) return std::nullopt;
    ++padding_;
  } else {
    uint32_t value = kPlaces[3][static_cast<unsigned char>(c)];
    if (value == kBad || padding_ > 0) return std::nullopt;
    bits_ |= value << (18 - 6 * held_);
  }
  if (++held_ < 4) return out;
  out = put_bytes(out, bits_, 3 - padding_);
  held_ = 0;
  bits_ = 0;
  return out;
}

}  // namespace bus
