#include "consumer/cli/explain.h"

#include <algorithm>
#include <cctype>

#include "consumer/cli/text.h"
#include "protocol/base/spelling.h"

namespace bus::cli {

namespace {

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

bool entry_matches(std::string_view entry, std::string_view type) {
  if (entry == "*" || entry == type) return true;
  if (!entry.ends_with(".*")) return false;
  std::string_view prefix = entry.substr(0, entry.size() - 1);
  return type.size() > prefix.size() && type.starts_with(prefix);
}

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

Explanation explain(const ConsumerReport& consumer, std::string_view type) {
  if (consumer.event_types.empty()) return {false, "subscribed to no types"};
  for (const std::string& entry : consumer.event_types) {
    if (!entry_matches(entry, type)) continue;
    return {true, entry == type ? "subscribed to it" : "pattern " + in_quotes(entry) + " matches"};
  }
  for (const std::string& entry : consumer.event_types) {
    std::string miss = near_miss(entry, type);
    if (!miss.empty()) return {false, miss};
  }
  constexpr size_t kShown = 4;
  std::string list;
  for (size_t i = 0; i < std::min(kShown, consumer.event_types.size()); ++i) {
    list += (i == 0 ? "" : ", ") + in_quotes(consumer.event_types[i]);
  }
  if (consumer.event_types.size() > kShown) {
    list += " and " + std::to_string(consumer.event_types.size() - kShown) + " more";
  }
  return {false, "subscribed to " + list};
}

std::vector<std::string> unmatched_hints(const StatusReport& report, std::string_view type) {
  std::vector<std::string> hints;
  for (const TypeCount& unmatched : report.unmatched_types) {
    std::string times = std::to_string(unmatched.count) + (unmatched.count == 1 ? " event" : " events");
    if (unmatched.type == type) {
      hints.push_back(times + " of this type matched no consumer so far");
    } else if (lower(unmatched.type) == lower(type) || alike(unmatched.type, type)) {
      hints.push_back(times + " of type " + in_quotes(unmatched.type) +
                      " matched no consumer so far; is that the type you meant?");
    }
  }
  return hints;
}

}  // namespace bus::cli
