#include "consumer/cli/patterns.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// "items[0]" has an index, "build[12]x" is rare enough: of brackets, only digits are taken for one.
bool is_index(std::string_view inside) {
  return !inside.empty() && inside.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<size_t> find_pair(std::string_view text, char open, char close) {
  size_t begin = text.find(open);
  if (begin == std::string_view::npos) return std::nullopt;
  size_t end = text.find(close, begin);
  if (end == std::string_view::npos) return std::nullopt;
  if (open == '[' && is_index(text.substr(begin + 1, end - begin - 1))) return std::nullopt;
  return begin;
}

// MQTT, AMQP, NATS and SQL: a wildcard is a whole level, so that "c++", "a->b", "issue#12" and "50%" are
// none.
std::optional<size_t> find_level(std::string_view text) {
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find_first_of("./", at), text.size());
    std::string_view level = text.substr(at, end - at);
    if (level == "#" || level == "+" || level == ">" || level == "%") return at;
    at = end + 1;
  }
  return std::nullopt;
}

// Where another system's wildcard begins.
std::optional<size_t> find_wildcard(std::string_view text) {
  std::optional<size_t> first;
  auto take = [&first](std::optional<size_t> at) {
    if (at && (!first || *at < *first)) first = at;
  };
  size_t plain = text.find_first_of("*?\\");
  if (plain != std::string_view::npos) take(plain);
  take(find_level(text));
  take(find_pair(text, '[', ']'));
  take(find_pair(text, '{', '}'));
  if (text.starts_with('^')) take(size_t{0});
  if (text.size() > 1 && text.ends_with('$')) take(text.size() - 1);
  return first;
}

// What comes before the wildcard, without the separator that leads to it.
std::string stem_of(std::string_view text, size_t wildcard) {
  std::string stem(text.substr(0, wildcard));
  // Quotes within the shell's quotes.
  if (stem.starts_with('\'') || stem.starts_with('"')) stem.erase(0, 1);
  while (!stem.empty() && (stem.back() == '.' || stem.back() == '/')) stem.pop_back();
  std::replace(stem.begin(), stem.end(), '/', '.');
  return stem;
}

std::string patterns_below(const std::string& stem) {
  // Only a dot separates levels: no pattern is below "build:".
  bool other_separator =
      !stem.empty() && std::string_view(":-_ ").find(stem.back()) != std::string_view::npos;
  if (stem.empty() || other_separator) return "\"*\" matches every type";
  return in_quotes(stem + ".*") + " matches the types below " + in_quotes(stem) + ", \"*\" every type";
}

// "*", or "X." of "X.*", left out: what an entry says by itself.
std::string_view without_pattern(std::string_view entry) {
  return is_pattern(entry) ? entry.substr(0, entry.size() - std::min<size_t>(entry.size(), 2)) : entry;
}

// Where an entry is none of this system: at another one's wildcard, or at its end, behind a dot.
std::optional<size_t> find_flaw(std::string_view entry) {
  std::string_view plain = without_pattern(entry);
  auto wildcard = find_wildcard(plain);
  return wildcard || !plain.ends_with('.') ? wildcard : plain.size();
}

// Faults that entries and types share, patterns apart.
std::string list_fault(std::string_view text, const char* of, const char* advice) {
  if (text.find_first_of(",|") == std::string_view::npos) return {};
  return in_quotes(text) + " reads as a list of " + of + "; " + advice;
}

std::string edge_fault(std::string_view text) {
  bool has_edge = text.starts_with(' ') || text.ends_with(' ');
  return has_edge ? in_quotes(text) + " begins or ends with a space; leave it out" : std::string();
}

std::string with_hint(std::string fault) {
  if (!fault.empty()) fault += " (--literal takes it as it is)";
  return fault;
}

std::string tasks_below(const std::string& stem) {
  return stem.empty() ? "\"*\" is every task"
                      : in_quotes(stem + ".*") + " is every task below " + in_quotes(stem);
}

// What is wrong with the type of an event; `advice_on` what a consumer would write, below a stem.
std::string one_type_fault(std::string_view type, std::string (*advice_on)(const std::string& stem)) {
  std::string fault = edge_fault(type);
  if (fault.empty()) fault = list_fault(type, "types", "an event has one type");
  if (!fault.empty()) return fault;
  auto wildcard = find_wildcard(type);
  bool unfinished = !wildcard && type.ends_with('.');
  if (!wildcard && !unfinished) return {};
  std::string stem = stem_of(type, unfinished ? type.size() : *wildcard);
  std::string example = stem.empty() ? std::string("build.done") : stem + ".done";
  std::string what = unfinished ? " ends with a dot" : " is a pattern, not the type of an event";
  return in_quotes(type) + what + "; name one type, such as " + in_quotes(example) + advice_on(stem);
}

}  // namespace

bool is_pattern(std::string_view entry) {
  return entry == "*" ||
         (entry.size() > 2 && entry.ends_with(".*") && !find_wildcard(entry.substr(0, entry.size() - 2)));
}

std::string entry_fault(std::string_view entry) {
  std::string fault = edge_fault(without_pattern(entry));
  if (fault.empty()) fault = list_fault(entry, "types", "give --type once for each");
  auto flaw = find_flaw(entry);
  if (fault.empty() && flaw)
    fault = in_quotes(entry) + " would match no event; " + patterns_below(stem_of(entry, *flaw));
  return with_hint(std::move(fault));
}

std::string task_fault(std::string_view task) {
  std::string fault = edge_fault(without_pattern(task));
  if (fault.empty()) fault = list_fault(task, "tasks", "name them one after the other");
  auto flaw = find_flaw(task);
  if (fault.empty() && flaw)
    fault = in_quotes(task) + " would be asked for by nobody; " + tasks_below(stem_of(task, *flaw));
  return with_hint(std::move(fault));
}

std::string key_entry_fault(std::string_view entry) {
  std::string fault = edge_fault(without_pattern(entry));
  if (fault.empty()) fault = list_fault(entry, "keys", "name them one after the other");
  auto flaw = find_flaw(entry);
  if (fault.empty() && flaw) {
    std::string stem = stem_of(entry, *flaw);
    fault = in_quotes(entry) + " would match no key; " +
            (stem.empty() ? std::string("\"*\" matches every key")
                          : in_quotes(stem + ".*") + " matches the keys below " + in_quotes(stem));
  }
  return with_hint(std::move(fault));
}

std::string key_fault(std::string_view key) {
  std::string fault = edge_fault(key);
  if (fault.empty()) fault = list_fault(key, "keys", "name one");
  auto wildcard = find_wildcard(key);
  bool unfinished = !wildcard && key.ends_with('.');
  // The hub takes no key that it would read as a pattern.
  bool is_hubs_pattern = key == "*" || key.ends_with(".*");
  if (fault.empty() && (wildcard || unfinished)) {
    std::string stem = stem_of(key, unfinished ? key.size() : *wildcard);
    fault = in_quotes(key) + (unfinished ? " ends with a dot" : " is a pattern, and no key") + "; ";
    fault += stem.empty()
                 ? std::string("bus-value list shows the keys that there are")
                 : "bus-value list " + in_quotes(stem + ".*") + " shows the keys below " + in_quotes(stem);
  }
  return is_hubs_pattern ? fault : with_hint(std::move(fault));
}

std::string type_fault(std::string_view type) {
  return with_hint(one_type_fault(
      type, [](const std::string& stem) { return "; for consumers, " + patterns_below(stem); }));
}

std::string declared_entry_fault(std::string_view entry) {
  std::string fault = list_fault(entry, "types", "put commas between them");
  auto flaw = find_flaw(entry);
  if (fault.empty() && flaw)
    fault = in_quotes(entry) + " is neither an event type nor a pattern; " +
            patterns_below(stem_of(entry, *flaw));
  return fault;
}

std::string declared_task_fault(std::string_view task) {
  std::string fault = list_fault(task, "tasks", "put commas between them");
  auto flaw = find_flaw(task);
  if (fault.empty() && flaw)
    fault = in_quotes(task) + " is neither a task nor a pattern; " + tasks_below(stem_of(task, *flaw));
  return fault.empty() ? below_bus_fault(task) : fault;
}

std::string declared_type_fault(std::string_view type) {
  return one_type_fault(type, [](const std::string&) { return std::string(); });
}

std::string below_bus_fault(std::string_view task) {
  if (!task.starts_with("bus.") || task.starts_with("bus.source.")) return {};
  return in_quotes(task) + " is below bus., where the tasks are the hub's; take another name";
}

bool entry_matches(std::string_view entry, std::string_view type) {
  if (entry == "*" || entry == type) return true;
  if (!entry.ends_with(".*")) return false;
  std::string_view prefix = entry.substr(0, entry.size() - 1);
  return type.size() > prefix.size() && type.starts_with(prefix);
}

}  // namespace bus::cli
