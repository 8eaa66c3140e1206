#include "consumer/cli/command_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <unistd.h>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "busd/consumer.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/output.h"

namespace bus::cli {

namespace {

struct Unit {
  std::string_view suffix;
  int64_t ms;
};

// "ms" before "s" and "m": the longest suffix decides.
constexpr std::array<Unit, 4> kUnits{{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
constexpr int64_t kMostMs = int64_t{366} * 24 * 3'600'000;

// CLI11's help without what the text says anyway ("Excludes: …", defaults twice), and with air before the
// usage line.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    return "\n" + CLI::Formatter::make_usage(app, std::move(name));
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_name().empty() ? std::string() : " " + option->get_type_name();
  }
};

std::string duration_fault(const std::string& text) {
  if (parse_duration(text)) return {};
  return "\"" + text + "\" is not a duration: write a whole number with ms, s, m or h, such as 500ms or 2s";
}

// An empty value is a variable of the caller's that was not set, not a wish for the default.
std::string empty_fault(const std::string& text) { return text.empty() ? "must not be empty" : ""; }

std::string path_fault(const std::string& text) {
  if (!text.starts_with('~')) return empty_fault(text);
  return "\"" + text + "\" begins with a ~ that no shell has replaced: write $HOME instead";
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  for (const Unit& unit : kUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    std::string_view digits = text.substr(0, text.size() - unit.suffix.size());
    uint64_t count = 0;
    auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    bool all_digits = !digits.empty() && fault == std::errc() && end == digits.data() + digits.size();
    if (!all_digits || count > static_cast<uint64_t>(kMostMs / unit.ms)) return std::nullopt;
    return std::chrono::milliseconds(static_cast<int64_t>(count) * unit.ms);
  }
  return std::nullopt;
}

CommandLine::Option CommandLine::Option::required() const {
  option_->required();
  return *this;
}

CommandLine::Option CommandLine::Option::check(Fault fault) const {
  option_->check(CLI::Validator([fault](std::string& text) { return fault(text); }, std::string()));
  return *this;
}

CommandLine::Option CommandLine::Option::excludes(Option other) const {
  option_->excludes(other.option_);
  return *this;
}

CommandLine::Option CommandLine::Option::needs(Option other) const {
  option_->needs(other.option_);
  return *this;
}

CommandLine::Option CommandLine::Option::value_is_optional() const {
  option_->expected(0, 1);
  return *this;
}

CommandLine::CommandLine(const Console& console, const std::string& about, const std::string& notes)
    : console_(console), app_(std::make_unique<CLI::App>(about, console.program())) {
  app_->footer(notes);
  app_->set_help_flag("-h,--help", "Print this help");
  app_->set_version_flag("--version", console.program() + " " + busd_version(), "Print the version");
  auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(26);
  app_->formatter(formatter);
  app_->option_defaults()->always_capture_default(false);
}

CommandLine::~CommandLine() = default;

CommandLine::Option CommandLine::flag(const std::string& names, bool& value, const std::string& help) {
  return Option(app_->add_flag(names, value, help));
}

CommandLine::Option CommandLine::option(const std::string& names, const char* value_name, std::string& value,
                                        const std::string& help) {
  return Option(app_->add_option(names, value, help)->type_name(value_name));
}

CommandLine::Option CommandLine::option(const std::string& names, const char* value_name, const Take& take,
                                        const std::string& help) {
  return Option(app_->add_option_function<std::string>(names, take, help)->type_name(value_name));
}

CommandLine::Option CommandLine::option(const std::string& names, const char* value_name,
                                        std::vector<std::string>& values, const std::string& help) {
  return Option(app_->add_option(names, values, help)->type_name(value_name)->allow_extra_args(false));
}

CommandLine::Option CommandLine::duration(const std::string& names,
                                          std::optional<std::chrono::milliseconds>& value,
                                          const std::string& help) {
  auto take = [&value](const std::string& text) { value = parse_duration(text); };
  return option(names, "D", take, help).check(duration_fault);
}

void CommandLine::add_place(Place& place) {
  Option socket =
      option("--socket", "PATH", place.socket, "Socket of the hub (default: $BUSD_SOCKET, else your own)")
          .check(path_fault);
  option("--bus", "NAME", place.bus, "Name of the bus (default: $BUSD_BUS, else \"bus\")")
      .check(empty_fault)
      .excludes(socket);
}

std::optional<CommandLine::Ending> CommandLine::read(std::vector<std::string> arguments) {
  // CLI11 wants the last one first, reports by exceptions, and has exit codes of its own.
  std::reverse(arguments.begin(), arguments.end());
  try {
    app_->parse(std::move(arguments));
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    return Ending{kDone, app_->help()};
  } catch (const CLI::CallForVersion& version) {
    return Ending{kDone, std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& fault) {
    return Ending{kUsage, std::string(fault.what()) + " (see " + console_.program() + " --help)"};
  }
}

std::optional<int> CommandLine::parse(int argc, char** argv) {
  auto ending = read(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  if (!ending) return std::nullopt;
  if (ending->code != kDone) {
    console_.error(ending->text);
    return ending->code;
  }
  Output output(STDOUT_FILENO);
  output.text(ending->text);
  if (output.flush() != Written::failed) return kDone;
  console_.error("cannot write to stdout");
  return kInternal;
}

std::string identifier_fault(const std::string& text) {
  if (text.empty()) return "must not be empty";
  if (text.size() > 255) return "is longer than 255 bytes";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) return "must not hold control characters";
  }
  return {};
}

std::string time_fault(const std::string& text) {
  bool digits =
      !text.empty() && text.size() <= 19 && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? std::string() : "\"" + text + "\" is not a time: write milliseconds since 1970 as digits";
}

}  // namespace bus::cli
