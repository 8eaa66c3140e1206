#include "consumer/sources/core/definition.h"

#include <algorithm>
#include <array>
#include <span>

#include "consumer/cli/patterns.h"
#include "consumer/sources/core/shell_words.h"
#include "protocol/base/config_lines.h"
#include "protocol/base/spelling.h"
#include "protocol/base/strings.h"
#include "protocol/event_pattern.h"
#include "protocol/fault.h"

namespace bus::sources {

namespace {

constexpr size_t kMaxNameBytes = 64;
constexpr size_t kMaxTypes = 256;  // of one connection (PROTOCOL.md 12)
constexpr size_t kMaxTasks = 64;   // of one message (PROTOCOL.md 10)
constexpr Duration kLeastEvery = milliseconds(100);
constexpr size_t kLeastLogBytes = 4096;

using Texts = std::vector<std::string>;

Error invalid(std::string what) { return Error{Errc::invalid, std::move(what)}; }

// Up to the # that begins a word and with it a comment.
std::string_view without_comment(std::string_view value) {
  for (size_t at = value.find('#', 1); at != std::string_view::npos; at = value.find('#', at + 1)) {
    if (value[at - 1] == ' ' || value[at - 1] == '\t') return value.substr(0, at);
  }
  return value;
}

// Parted by commas; blanks around each are no part of it.
Result<Texts> read_list(std::string_view value) {
  Texts list;
  value = without_comment(value);
  while (true) {
    size_t comma = value.find(',');
    std::string_view each = value.substr(0, comma);
    each.remove_prefix(std::min(each.find_first_not_of(" \t\r"), each.size()));
    each = each.substr(0, each.find_last_not_of(" \t\r") + 1);
    if (each.empty()) return invalid("something is missing beside a comma: write a, b, c");
    if (each.find_first_of(" \t") != std::string_view::npos)
      return invalid(printable(each) + " has a blank: put commas between the parts of a list");
    list.emplace_back(each);
    if (comma == std::string_view::npos) return list;
    value.remove_prefix(comma + 1);
  }
}

// One word, in quotes or not.
Result<std::string> read_word(std::string_view value) {
  BUSD_ASSIGN(Texts words, shell_words(value));
  if (words.size() != 1) return invalid("takes one value; one with blanks needs quotes");
  return std::move(words.front());
}

// What is wrong with the name of a type or a task, or with a pattern, whatever the hub is asked for by it; empty: nothing.
std::string name_fault(std::string_view name, const char* which) {
  if (auto fault = identifier_fault(printable(name, 40), name)) return *fault;
  if (!is_reserved(name)) return {};
  return printable(name) + " is below bus., where the " + which +
         " are the hub's and those of bus-sources; take another name";
}

Result<Texts> read_patterns(std::string_view value, size_t most, const char* which,
                            std::string (*fault_of)(std::string_view)) {
  BUSD_ASSIGN(Texts list, read_list(value));
  if (list.size() > most)
    return invalid(std::to_string(list.size()) + " entries are too many: at most " + std::to_string(most));
  for (const std::string& entry : list) {
    std::string fault = fault_of(entry);
    if (fault.empty()) fault = name_fault(entry, which);
    if (!fault.empty()) return invalid(std::move(fault));
  }
  return list;
}

// What a word stands for, of those that a key knows.
template <class Value, size_t N>
Result<Value> read_choice(std::string_view value,
                          const std::array<std::pair<const char*, Value>, N>& choices) {
  BUSD_ASSIGN(std::string word, read_word(value));
  std::string names;
  for (const auto& [name, meaning] : choices) {
    if (word == name) return meaning;
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return invalid(printable(word) + " is none of " + names);
}

// One with its unit, which quotes would not help.
Result<std::string> read_quantity(std::string_view value, const char* what) {
  BUSD_ASSIGN(Texts words, shell_words(value));
  if (words.size() == 1) return std::move(words.front());
  std::string whole;
  for (const std::string& word : words) whole += word;
  return invalid(std::string(what) + " has no blanks: write " + whole);
}

Result<Duration> read_time(std::string_view value) {
  BUSD_ASSIGN(std::string word, read_quantity(value, "a time"));
  return parse_duration(word);
}

Result<size_t> read_size(std::string_view value) {
  BUSD_ASSIGN(std::string word, read_quantity(value, "a size"));
  return parse_size(word);
}

Result<void> check_expanded(const std::string& path) {
  if (!path.starts_with('~') && !path.starts_with('$')) return {};
  return invalid(printable(path) + ": " + path.front() + " is not expanded: write the whole path");
}

Result<std::string> read_path(std::string_view value) {
  BUSD_ASSIGN(std::string path, read_word(value));
  BUSD_TRY(check_expanded(path));
  if (!path.starts_with('/')) return invalid(printable(path) + " is no absolute path");
  return path;
}

Result<int> read_nice(std::string_view value) {
  BUSD_ASSIGN(std::string word, read_word(value));
  std::string_view digits = word;
  bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  auto number = parse_u64(digits);
  if (!number || *number > (negative ? 20U : 19U))
    return invalid(printable(word) + " is no number from -20 to 19");
  return negative ? -static_cast<int>(*number) : static_cast<int>(*number);
}

Result<void> add_environment(Texts& environment, std::string_view value) {
  BUSD_ASSIGN(std::string entry, read_word(value));
  size_t equals = entry.find('=');
  bool is_name =
      equals != std::string::npos && equals > 0 && (entry[0] < '0' || entry[0] > '9') &&
      entry.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == equals;
  if (!is_name) return invalid(printable(entry) + " is not NAME=VALUE");
  std::string_view name = std::string_view(entry).substr(0, equals + 1);
  bool is_double = std::any_of(environment.begin(), environment.end(),
                               [&](const std::string& other) { return other.starts_with(name); });
  if (is_double) return invalid(entry.substr(0, equals) + " is given twice");
  environment.push_back(std::move(entry));
  return {};
}

struct Key {
  const char* name;
  Result<void> (*read)(Definition& definition, std::string_view value);
};

constexpr std::array<std::pair<const char*, Start>, 3> kStarts = {
    {{"demand", Start::demand}, {"always", Start::always}, {"manual", Start::manual}}};
constexpr std::array<std::pair<const char*, Format>, 4> kFormats = {{{"auto", Format::automatic},
                                                                     {"frames", Format::frames},
                                                                     {"json", Format::json},
                                                                     {"text", Format::text}}};
constexpr std::array<std::pair<const char*, Channel>, 2> kChannels = {
    {{"lines", Channel::lines}, {"socket", Channel::socket}}};
constexpr std::array<std::pair<const char*, Input>, 2> kInputs = {
    {{"null", Input::null}, {"frames", Input::frames}}};
constexpr std::array<std::pair<const char*, Restart>, 3> kRestarts = {
    {{"on-failure", Restart::on_failure}, {"always", Restart::always}, {"never", Restart::never}}};

// In the order of bus-sources(5).
constexpr std::array<Key, 19> kKeys = {{
    {"command",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.command, shell_words(value));
       return d.command.front().empty() ? Result<void>(invalid("the program's name is empty"))
                                        : check_expanded(d.command.front());
     }},
    {"types",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.types, read_patterns(value, kMaxTypes, "types", cli::declared_entry_fault));
       return {};
     }},
    {"tasks",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.tasks, read_patterns(value, kMaxTasks, "tasks", cli::declared_task_fault));
       return {};
     }},
    {"start",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.start, read_choice(value, kStarts));
       return {};
     }},
    {"every",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.every, read_time(value));
       if (*d.every < kLeastEvery) return invalid("at least " + format_duration(kLeastEvery));
       return {};
     }},
    {"format",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.format, read_choice(value, kFormats));
       return {};
     }},
    {"event_type",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.event_type, read_word(value));
       std::string fault = cli::declared_type_fault(d.event_type);
       if (fault.empty()) fault = name_fault(d.event_type, "types");
       return fault.empty() ? Result<void>() : Result<void>(invalid(std::move(fault)));
     }},
    {"connection",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.connection, read_choice(value, kChannels));
       return {};
     }},
    {"stdin",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.input, read_choice(value, kInputs));
       return {};
     }},
    {"restart",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.restart, read_choice(value, kRestarts));
       return {};
     }},
    {"linger",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.linger, read_time(value));
       return {};
     }},
    {"stop-timeout",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.stop_timeout, read_time(value));
       return {};
     }},
    {"directory",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.directory, read_path(value));
       return {};
     }},
    {"environment",
     [](Definition& d, std::string_view value) -> Result<void> {
       return add_environment(d.environment, value);
     }},
    {"log-bytes",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.log_bytes, read_size(value));
       if (d.log_bytes < kLeastLogBytes) return invalid("at least " + format_size(kLeastLogBytes));
       return {};
     }},
    {"log-file",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.log_file, read_path(value));
       return {};
     }},
    {"memory-max",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.memory_max, read_size(value));
       return *d.memory_max > 0 ? Result<void>() : Result<void>(invalid("a program needs some memory"));
     }},
    {"cpu-weight",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(std::string word, read_word(value));
       auto weight = parse_u64(word);
       if (!weight || *weight < 1 || *weight > 10'000)
         return invalid(printable(word) + " is no number from 1 to 10000");
       d.cpu_weight = static_cast<uint32_t>(*weight);
       return {};
     }},
    {"nice",
     [](Definition& d, std::string_view value) -> Result<void> {
       BUSD_ASSIGN(d.nice, read_nice(value));
       return {};
     }},
}};

class Reader {
 public:
  explicit Reader(ReadDefinition& read) : definition_(read.definition), read_(read) {}

  void read(std::string_view text) {
    ConfigLines lines(text);
    while (auto line = lines.next()) {
      auto done = *line ? apply(**line, lines.number()) : Result<void>(line->error());
      if (!done) read_.faults.push_back({lines.number(), done.error().what});
    }
  }

  // Whether there are lines of which nobody knows what they say.
  bool has_unknown() const { return has_unknown_; }

 private:
  Result<void> apply(const ConfigLine& line, size_t number) {
    std::string name(line.name);
    const Key* key =
        std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& each) { return name == each.name; });
    if (key == kKeys.end()) return unknown(name);
    if (!read_.lines.emplace(name, number).second && name != "environment")
      return invalid(name + " is given twice");
    if (line.value.find('\0') != std::string_view::npos) return invalid(name + ": no value can hold a NUL");
    auto done = key->read(definition_, line.value);
    return done ? done : Result<void>(invalid(name + ": " + done.error().what));
  }

  Error unknown(const std::string& name) {
    has_unknown_ = true;
    for (const Key& key : kKeys) {
      if (alike(name, key.name))
        return invalid("unknown key " + printable(name) + "; did you mean " + key.name + "?");
    }
    return invalid("unknown key " + printable(name) + "; see bus-sources(5)");
  }

  Definition& definition_;
  ReadDefinition& read_;
  bool has_unknown_ = false;
};

// What keys say of each other. What only follows from another fault is no fault of its own.
void check_together(ReadDefinition& read, bool has_unknown) {
  const Definition& definition = read.definition;
  std::vector<DefinitionFault>& faults = read.faults;
  auto line_of = [&](const char* key) { return read.lines.contains(key) ? read.lines.at(key) : 0; };
  auto is_faulty = [&](const char* key) { return line_of(key) != 0 && has_fault(read, line_of(key)); };
  if (definition.command.empty() && line_of("command") == 0 && !has_unknown) {
    faults.push_back(
        {0, "there is no executable " + definition.name + " beside this file, and no command in it"});
  }
  if (definition.connection == Channel::socket) {
    for (const char* key : {"format", "event_type", "stdin", "every"}) {
      std::string text = " has no meaning with connection = socket: the program speaks to the hub itself";
      if (line_of(key) != 0) faults.push_back({line_of(key), key + text});
    }
  }
  bool is_declared = std::any_of(
      definition.types.begin(), definition.types.end(),
      [&](const std::string& entry) { return matches(parse_event_pattern(entry), definition.event_type); });
  if (line_of("event_type") != 0 && !is_declared && !is_faulty("event_type") && !is_faulty("types")) {
    faults.push_back({line_of("event_type"),
                      "event_type " + definition.event_type + " is none of those that `types` declares"});
  }
  if (definition.start == Start::always && definition.restart == Restart::never && definition.every)
    faults.push_back({line_of("every"), "every and restart = never contradict each other"});
}

}  // namespace

bool has_fault(const ReadDefinition& read, size_t line) {
  return std::any_of(read.faults.begin(), read.faults.end(),
                     [&](const DefinitionFault& fault) { return fault.line == line; });
}

bool is_reserved(std::string_view name) { return name.starts_with("bus."); }

bool is_source_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
             std::string_view::npos;
}

Definition plain_definition(const std::string& name, const std::string& executable) {
  Definition definition;
  definition.name = name;
  definition.file = executable;
  definition.command = {executable};
  definition.types = {name};
  if (std::string below = name + ".*"; !is_reserved(below)) definition.types.push_back(std::move(below));
  definition.event_type = name;
  return definition;
}

ReadDefinition read_definition(std::string_view text, const std::string& name, const std::string& file,
                               const std::optional<std::string>& executable) {
  ReadDefinition read;
  read.definition = plain_definition(name, executable.value_or(""));
  read.definition.file = file;
  if (!executable) read.definition.command.clear();
  Reader reader(read);
  reader.read(text);
  if (read.definition.start == Start::always && !read.lines.contains("restart"))
    read.definition.restart = Restart::always;
  check_together(read, reader.has_unknown());
  std::stable_sort(read.faults.begin(), read.faults.end(),
                   [](const DefinitionFault& a, const DefinitionFault& b) { return a.line < b.line; });
  return read;
}

}  // namespace bus::sources
