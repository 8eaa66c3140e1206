#include "protocol/member_name.h"

#include <algorithm>
#include <utility>

#include "protocol/base/spelling.h"
#include "protocol/base/strings.h"
#include "protocol/json_text.h"

namespace bus {

namespace {

// CaseFolding.txt of Unicode has two characters beside A-Z that fold to a letter of a-z.
constexpr std::string_view kLongS = "\xC5\xBF";           // U+017F, to s
constexpr std::string_view kKelvinSign = "\xE2\x84\xAA";  // U+212A, to k

// Takes one character from the front of `text`, and gives what it folds to; 0 when that is not ASCII.
char take_folded(std::string_view& text) {
  for (auto [character, letter] : {std::pair(kLongS, 's'), std::pair(kKelvinSign, 'k')}) {
    if (!text.starts_with(character)) continue;
    text.remove_prefix(character.size());
    return letter;
  }
  char c = text.front();
  text.remove_prefix(1);
  if (static_cast<unsigned char>(c) >= 0x80) return 0;
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool folds_to(std::string_view text, std::string_view name) {
  for (char wanted : name) {
    if (text.empty() || take_folded(text) != wanted) return false;
  }
  return text.empty();
}

bool is_plain_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\\' || static_cast<unsigned char>(c) >= 0x80; });
}

constexpr size_t kMostSlips = 2;

}  // namespace

bool differs_in_case_only(std::string_view name_token, std::string_view name) {
  constexpr size_t kLongestCharacter = 6;  // \u0073
  std::string_view text = name_token.substr(1, name_token.size() - 2);
  if (text.size() < name.size() || text.size() > kLongestCharacter * name.size()) return false;
  // Nearly all names end here: their first letter is another.
  char first = text.front();
  bool is_letter = first != '\\' && static_cast<unsigned char>(first) < 0x80;
  if (is_letter && (first | 0x20) != name.front()) return false;
  if (text.size() == name.size()) return folds_to(text, name) && text != name;
  if (is_plain_ascii(text)) return false;
  std::string decoded = decode_json_string(name_token);
  return folds_to(decoded, name) && decoded != name;
}

std::string case_fault(std::string_view name_token, std::string_view name) {
  return "the member " + printable(decode_json_string(name_token)) + " differs from " + printable(name) +
         " in letter case only; use that name, or one that does not resemble it";
}

std::optional<std::string_view> meant_name(std::string_view written,
                                           std::span<const std::string_view> names) {
  std::optional<std::string_view> nearest;
  size_t least = kMostSlips + 1;
  for (std::string_view name : names) {
    if (written.size() > name.size() + kMostSlips) continue;
    bool is_tail = !written.empty() && name.size() > written.size() && name.ends_with(written) &&
                   name[name.size() - written.size() - 1] == '_';
    if (is_tail) return name;
    // A name that shares nothing but two letters with a short one is no slip.
    size_t slips = edit_distance(written, name);
    if (slips >= least || slips + 1 >= name.size()) continue;
    least = slips;
    nearest = name;
  }
  return nearest;
}

}  // namespace bus
