#include "consumer/cli/command_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <span>
#include <unistd.h>
#include <utility>

#include "busd/consumer.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/output.h"
#include "consumer/cli/text.h"
#include "protocol/base/arguments.h"

namespace bus::cli {

namespace {

struct Unit {
  std::string_view suffix;
  int64_t ms;
};

constexpr int64_t kDayMs = int64_t{24} * 3'600'000;
// "ms" before "s" and "m": the longest suffix decides. Days last, which not every duration has.
constexpr std::array<Unit, 5> kUnits{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", kDayMs}}};

struct DurationRule {
  std::span<const Unit> units;
  int64_t most_ms;
  const char* most;
  const char* advice;
};
constexpr DurationRule kShort{std::span(kUnits).first<4>(), 366 * kDayMs, "366 days",
                              "ms, s, m or h, such as 500ms or 2s"};
constexpr DurationRule kLong{kUnits, 3650 * kDayMs, "ten years, which are 3650d",
                             "ms, s, m, h or d, such as 30s or 7d"};

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

struct NumberAndUnit {
  std::string_view digits;
  int64_t unit_ms;
};

// A whole number and a known unit, whatever its size.
std::optional<NumberAndUnit> read_duration(std::string_view text, const DurationRule& rule) {
  for (const Unit& each : rule.units) {
    if (!text.ends_with(each.suffix)) continue;
    text.remove_suffix(each.suffix.size());
    return all_digits(text) ? std::optional(NumberAndUnit{text, each.ms}) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> parse_by(const DurationRule& rule, std::string_view text) {
  auto written = read_duration(text, rule);
  if (!written) return std::nullopt;
  uint64_t count = 0;
  const char* end = written->digits.data() + written->digits.size();
  bool fits = std::from_chars(written->digits.data(), end, count).ec == std::errc();
  if (!fits || count > static_cast<uint64_t>(rule.most_ms / written->unit_ms)) return std::nullopt;
  return std::chrono::milliseconds(static_cast<int64_t>(count) * written->unit_ms);
}

std::string fault_by(const DurationRule& rule, const std::string& text) {
  if (parse_by(rule, text)) return {};
  if (read_duration(text, rule)) return "\"" + text + "\" is longer than " + rule.most;
  return "\"" + text + "\" is not a duration; write a whole number with " + rule.advice;
}

std::string path_fault(const std::string& text) {
  if (!text.starts_with('~')) return {};
  return "\"" + text + "\" begins with a ~ that no shell has replaced; write $HOME instead";
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  return parse_by(kShort, text);
}

std::optional<std::chrono::milliseconds> parse_long_duration(std::string_view text) {
  return parse_by(kLong, text);
}

CommandLine::Option CommandLine::Option::required() const {
  declared_->required = true;
  return *this;
}

CommandLine::Option CommandLine::Option::check(Check find_fault) const {
  declared_->check = find_fault;
  return *this;
}

CommandLine::Option CommandLine::Option::excludes(Option other, const char* hint) const {
  declared_->excludes.push_back({other.declared_, hint});
  other.declared_->excludes.push_back({declared_, hint});
  return *this;
}

CommandLine::Option CommandLine::Option::needs(Option other, const char* hint) const {
  declared_->needs.push_back({other.declared_, hint});
  return *this;
}

CommandLine::Option CommandLine::Option::value_is_optional() const {
  declared_->value_is_optional = true;
  return *this;
}

CommandLine::Option CommandLine::Option::extra_hint(const char* hint) const {
  declared_->extra_hint = hint;
  return *this;
}

CommandLine::Option CommandLine::Option::mistaken_for(const char* option, const char* hint) const {
  declared_->mistaken_for.push_back({option, hint});
  return *this;
}

CommandLine::Option CommandLine::Option::dash_hint(const char* hint) const {
  declared_->dash_hint = hint;
  return *this;
}

CommandLine::Option CommandLine::Option::begins_command(const char* value) const {
  declared_->command_word = value;
  return *this;
}

CommandLine::CommandLine(Console& console, const std::string& about, const std::string& notes)
    : console_(console), about_(about), notes_(notes) {
  flag("-h,--help", help_wanted_, "Print this help");
  flag("-V,--version", version_wanted_, "Print the version");
}

CommandLine::~CommandLine() = default;

Declared& CommandLine::declare(const std::string& names, const char* value_name, const std::string& help) {
  auto declared = std::make_unique<Declared>();
  for (size_t at = 0; at <= names.size();) {
    size_t end = std::min(names.find(',', at), names.size());
    declared->names.push_back(names.substr(at, end - at));
    at = end + 1;
  }
  declared->listed = names;
  declared->value_name = value_name;
  declared->help = help;
  declared_.push_back(std::move(declared));
  return *declared_.back();
}

CommandLine::Option CommandLine::flag(const std::string& names, bool& value, const std::string& help) {
  Declared& declared = declare(names, "", help);
  declared.take = [&value](const std::string&) { value = true; };
  declared.is_flag = declared.repeatable = true;
  return Option(declared);
}

CommandLine::Option CommandLine::option(const std::string& names, const char* value_name, std::string& value,
                                        const std::string& help) {
  Take take = [&value](const std::string& text) { value = text; };
  return option(names, value_name, take, help);
}

CommandLine::Option CommandLine::option(const std::string& names, const char* value_name, const Take& take,
                                        const std::string& help) {
  Declared& declared = declare(names, value_name, help);
  declared.take = take;
  return Option(declared);
}

CommandLine::Option CommandLine::option(const std::string& names, const char* value_name,
                                        std::vector<std::string>& values, const std::string& help) {
  Declared& declared = declare(names, value_name, help);
  declared.take = [&values](const std::string& text) { values.push_back(text); };
  declared.repeatable = true;
  return Option(declared);
}

CommandLine::Option CommandLine::behind_dashes(const std::string& name, std::vector<std::string>& words,
                                               const std::string& help) {
  Option option = this->option(name, "", words, help);
  option.declared_->behind_dashes = true;
  return option;
}

CommandLine::Option CommandLine::duration(const std::string& names,
                                          std::optional<std::chrono::milliseconds>& value,
                                          const std::string& help) {
  Take take = [&value](const std::string& text) { value = parse_duration(text); };
  return option(names, "D", take, help).check(duration_fault);
}

CommandLine::Option CommandLine::add_socket(Place& place) {
  flag("--json-errors", json_errors_, "Print each error on stderr as a line of JSON");
  return option("--socket", "PATH", place.socket, "Socket of the hub (default: $BUSD_SOCKET, else your own)")
      .check(path_fault);
}

void CommandLine::add_place(Place& place) {
  Option socket = add_socket(place);
  option("--bus", "NAME", place.bus, "Name of the bus (default: $BUSD_BUS, else \"bus\")").excludes(socket);
}

void CommandLine::accept_no_start() {
  flag("--no-start", no_start_, "No effect: " + console_.program() + " never starts a hub");
}

std::vector<std::string> CommandLine::long_options() const {
  std::vector<std::string> names;
  for (const auto& declared : declared_) {
    std::copy_if(declared->names.begin(), declared->names.end(), std::back_inserter(names),
                 [](const std::string& name) { return name.starts_with("--"); });
  }
  return names;
}

std::string CommandLine::help() const {
  return about_ + "\n\n" + usage_text(console_.program(), declared_) + "\n" + notes_ + "\n";
}

std::optional<CommandLine::Ending> CommandLine::read(const std::vector<std::string>& arguments) {
  ArgumentReader reader(declared_, console_.program());
  std::vector<Error> errors = reader.read(arguments);
  if (help_wanted_) return Ending{kDone, help(), {}};
  if (version_wanted_) return Ending{kDone, console_.program() + " " + busd_version() + "\n", {}};
  if (errors.empty()) return std::nullopt;
  return Ending{kUsage, {}, std::move(errors)};
}

std::optional<int> CommandLine::parse(int argc, char** argv) {
  std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const char* form = getenv("BUSD_ERRORS");
  console_.set_json_errors(json_errors_wanted(arguments, form));
  auto ending = read(arguments);
  if (!ending) {
    std::string fault = errors_variable_fault(form);
    if (fault.empty()) return std::nullopt;
    return console_.error(error_of(ErrorCode::bad_value, fault));
  }
  if (ending->code != kDone) {
    for (const Error& error : ending->errors) console_.error(error);
    return ending->code;
  }
  Output output(STDOUT_FILENO);
  output.text(ending->text);
  if (output.flush() != Written::failed) return kDone;
  return console_.error(error_of(ErrorCode::output_failed, "cannot write to stdout"));
}

std::string duration_fault(const std::string& text) { return fault_by(kShort, text); }

std::string long_duration_fault(const std::string& text) { return fault_by(kLong, text); }

std::string identifier_fault(const std::string& text) {
  if (text.empty()) return "must not be empty";
  if (text.size() > 255) return "is longer than 255 bytes";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) return "must not hold control characters";
  }
  if (first_byte_not_utf8(text)) return "is not UTF-8";
  return {};
}

std::string time_fault(const std::string& text) {
  if (all_digits(text) && text.size() <= 19) return {};
  return "\"" + text + "\" is not a time; write milliseconds since 1970 as digits";
}

}  // namespace bus::cli
