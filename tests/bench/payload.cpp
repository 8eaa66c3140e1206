#include "tests/bench/payload.h"

#include <array>

#include "protocol/base/check.h"

namespace bus::bench {

namespace {

// Elements of the array that fills a dense payload; the short last one lets it end close to any size.
constexpr std::array<std::string_view, kPayloadVariants> kElements = {
    R"({"id":48213,"ok":true})",
    "-17.25",
    R"("a1f")",
    "[1,-2,3.5e4]",
    "null",
    R"({"t":21.5,"h":0.43,"tags":["x","y"]})",
    "6.02e-23",
    "false",
    R"({"at":{"lat":52.5163,"lon":13.3777}})",
    "1048576",
    R"(["up",0,{"e":-1.5E+3}])",
    "7",
};

constexpr std::string_view kProse =
    "The quick brown fox jumps over the lazy dog, and then it rests a while beside the river. "
    "She said: \\\"we go at noon\\\".\\n";

std::string fill_dense(std::string text, size_t bytes, size_t variant) {
  text += R"("v":[)";
  // A string as the last element takes what is left: its quotes, the bracket and the brace are four bytes.
  constexpr size_t kEndBytes = 4;
  for (size_t i = variant;; ++i) {
    std::string_view element = kElements[i % kElements.size()];
    if (text.size() + element.size() + 1 + kEndBytes > bytes) break;
    text += element;
    text += ',';
  }
  text += '"';
  text.append(bytes - text.size() - kEndBytes + 1, 'z');
  return text + "\"]}";
}

std::string fill_text(std::string text, size_t bytes) {
  text += R"("text":")";
  constexpr size_t kEndBytes = 2;
  while (text.size() + kProse.size() + kEndBytes <= bytes) text += kProse;
  // Only the part of the prose before its first escape may be cut anywhere.
  size_t left = bytes - kEndBytes - text.size();
  std::string_view harmless = kProse.substr(0, kProse.find('\\'));
  while (left > 0) {
    std::string_view piece = harmless.substr(0, left);
    text += piece;
    left -= piece.size();
  }
  return text + "\"}";
}

}  // namespace

std::string make_payload(PayloadKind kind, size_t bytes, size_t variant) {
  BUSD_CHECK(bytes >= kMinPayloadBytes);
  std::string head = std::string(kNumberMark) + std::string(kNumberDigits, '0') + "\",";
  return kind == PayloadKind::dense ? fill_dense(std::move(head), bytes, variant)
                                    : fill_text(std::move(head), bytes);
}

std::string number_text(uint64_t number) {
  std::string digits(kNumberDigits, '0');
  for (size_t i = kNumberDigits; i-- > 0; number /= 10) digits[i] = static_cast<char>('0' + number % 10);
  return digits;
}

void increment_number(std::string& digits) {
  size_t at = digits.size();
  while (at > 0 && digits[at - 1] == '9') digits[--at] = '0';
  if (at > 0) ++digits[at - 1];
}

std::optional<uint64_t> number_of(std::string_view payload) {
  if (payload.size() < kNumberMark.size() + kNumberDigits) return std::nullopt;
  if (payload.substr(0, kNumberMark.size()) != kNumberMark) return std::nullopt;
  uint64_t number = 0;
  for (char c : payload.substr(kNumberMark.size(), kNumberDigits)) {
    auto digit = static_cast<uint64_t>(static_cast<unsigned char>(c)) - '0';
    if (digit > 9) return std::nullopt;
    number = number * 10 + digit;
  }
  return number;
}

}  // namespace bus::bench
