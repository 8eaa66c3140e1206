#include "consumer/cli/command_line.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <memory>
#include <unistd.h>
#include <utility>

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

CommandLine::CommandLine(const Console& console, const std::string& about, const std::string& notes)
    : console_(console), app_(about, console.program()) {
  app_.footer(notes);
  app_.set_help_flag("-h,--help", "Print this help");
  app_.set_version_flag("--version", console.program() + " " + busd_version(), "Print the version");
  auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(26);
  app_.formatter(formatter);
  app_.option_defaults()->always_capture_default(false);
}

void CommandLine::add_place(Place& place) {
  CLI::Option* socket =
      app_.add_option("--socket", place.socket, "Socket of the hub (default: $BUSD_SOCKET, else your own)");
  CLI::Option* bus =
      app_.add_option("--bus", place.bus, "Name of the bus (default: $BUSD_BUS, else \"bus\")");
  socket->type_name("PATH")->excludes(bus);
  bus->type_name("NAME")->excludes(socket);
}

CLI::Option* CommandLine::add_duration(const std::string& names,
                                       std::optional<std::chrono::milliseconds>& value,
                                       const std::string& help) {
  auto take = [&value](const std::string& text) { value = parse_duration(text); };
  return app_.add_option_function<std::string>(names, take, help)
      ->check(check_by(duration_fault))
      ->type_name("D");
}

std::optional<int> CommandLine::parse(int argc, char** argv) {
  // CLI11 reports by exceptions, and with exit codes of its own.
  std::string answer;
  try {
    app_.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp&) {
    answer = app_.help();
  } catch (const CLI::CallForVersion& version) {
    answer = std::string(version.what()) + "\n";
  } catch (const CLI::ParseError& fault) {
    console_.error(std::string(fault.what()) + " (see " + console_.program() + " --help)");
    return kUsage;
  }
  Output output(STDOUT_FILENO);
  output.text(answer);
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

CLI::Validator check_by(std::string (*fault)(const std::string&)) {
  return {[fault](std::string& text) { return fault(text); }, std::string()};
}

}  // namespace bus::cli
