#include "hub/core/events/judge_entries.h"

#include <algorithm>
#include <cctype>

#include "protocol/base/spelling.h"
#include "protocol/event_pattern.h"

namespace bus::hub {

namespace {

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// The character of UTF-8 text that begins at `at`.
std::string_view next_character(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) ++end;
  return text.substr(at, end - at);
}

std::string pattern_miss(std::string_view entry, std::string_view type) {
  std::string_view prefix = entry.substr(0, entry.size() - 1);  // with its dot
  std::string_view stem = prefix.substr(0, prefix.size() - 1);
  if (stem.empty()) return {};
  if (type == stem || type == prefix) {
    return "pattern " + in_quotes(entry) + " matches only types that continue after the dot; " +
           in_quotes(type) + " would match";
  }
  if (type.starts_with(stem)) {
    return "pattern " + in_quotes(entry) + " needs a dot after " + in_quotes(stem) + ", but the type has " +
           in_quotes(next_character(type, stem.size())) + " there";
  }
  if (lower(type).starts_with(lower(prefix))) {
    return "pattern " + in_quotes(entry) + " differs from the type in upper and lower case";
  }
  size_t dots = static_cast<size_t>(std::count(prefix.begin(), prefix.end(), '.'));
  size_t end = 0;
  for (size_t i = 0; i < dots && end != std::string_view::npos; ++i)
    end = type.find('.', end + (i == 0 ? 0 : 1));
  if (end != std::string_view::npos && alike(stem, type.substr(0, end))) {
    return "pattern " + in_quotes(entry) + " is similar, but the type begins with " +
           in_quotes(type.substr(0, end));
  }
  return {};
}

}  // namespace

std::string near_miss(std::string_view entry, std::string_view type) {
  if (trimmed(entry) == trimmed(type))
    return "entry " + in_quotes(entry) + " differs from the type in spaces";
  if (entry.ends_with(".*")) return pattern_miss(entry, type);
  if (entry.ends_with('*') && type.starts_with(entry.substr(0, entry.size() - 1))) {
    return "entry " + in_quotes(entry) + " is not a pattern; only \"*\" and entries that end in \".*\" are";
  }
  if (lower(entry) == lower(type)) {
    return "entry " + in_quotes(entry) + " differs from the type in upper and lower case";
  }
  if (type.starts_with(std::string(entry) + ".")) {
    return "entry " + in_quotes(entry) + " matches only itself; " + in_quotes(std::string(entry) + ".*") +
           " would match";
  }
  // Of so few letters, two names are soon alike.
  constexpr size_t kFewest = 3;
  if (std::min(entry.size(), type.size()) >= kFewest && alike(entry, type))
    return "entry " + in_quotes(entry) + " is spelled almost like the type";
  return {};
}

Verdict judge_entries(const std::vector<std::string>& entries, std::string_view type, bool look_closely) {
  if (entries.empty()) return {Verdict::Kind::no, "subscribed to no types"};
  for (const std::string& entry : entries) {
    if (!matches(parse_event_pattern(entry), type)) continue;
    return {Verdict::Kind::gets,
            entry == type ? "subscribed to it" : "pattern " + in_quotes(entry) + " matches"};
  }
  for (const std::string& entry : entries) {
    std::string miss = look_closely ? near_miss(entry, type) : std::string();
    if (!miss.empty()) return {Verdict::Kind::nearly, miss};
  }
  constexpr size_t kShown = 4;
  std::string list;
  for (size_t i = 0; i < std::min(kShown, entries.size()); ++i)
    list += (i == 0 ? "" : ", ") + in_quotes(entries[i]);
  if (entries.size() > kShown) list += " and " + std::to_string(entries.size() - kShown) + " more";
  return {Verdict::Kind::no, "subscribed to " + list};
}

bool is_nearly(std::string_view type, std::string_view other) {
  return lower(type) == lower(other) || alike(type, other);
}

}  // namespace bus::hub
