#include "hub/options.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "hub/config_file.h"
#include "hub/core/base/budget.h"
#include "hub/settings.h"
#include "protocol/base/arguments.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"

namespace bus::hub {

namespace {

constexpr size_t kMaxConfigBytes = 1024 * 1024;

constexpr const char* kExamples =
    "Examples:\n"
    "  busd                                    serve your own bus in the foreground, until Ctrl-C\n"
    "  busd --bus work --queue-frames 4096     serve the bus \"work\", with longer queues\n"
    "  busd --detach                           start a hub in the background, and wait until it is ready\n"
    "  busd --print-config > busd.conf         write all settings to a file\n"
    "  busd --config busd.conf --check-config  check that file, and whether a hub could start\n"
    "\n";

constexpr const char* kNotes =
    "\n"
    "TIME is a whole number with ms, s, m or h; SIZE one of bytes, or with KiB, MiB or GiB.\n"
    "The command line overrides the environment, which overrides the configuration file.\n"
    "\n"
    "Exit status: 0 done, or another hub serves already; 64 usage; 69 no hub could be started;\n"
    "70 internal error; 71 out of memory; 73 the log file cannot be opened;\n"
    "75 a hub is running but does not answer; 77 permission denied; 78 configuration file;\n"
    "124 the hub was not ready in time (--detach)\n";

// The command line as text, before any of it is judged.
struct Raw {
  std::map<std::string, std::vector<std::string>> texts;  // by setting
  std::string config;
  std::string ready_fd;
  bool help = false;
  bool version = false;
  bool foreground = false;
  bool detach = false;
  bool check_config = false;
  bool print_config = false;
  bool json_errors = false;  // main() has looked for it before anything could go wrong
};

using Declaration = std::vector<std::unique_ptr<Declared>>;

Declared& declare(Declaration& all, std::vector<std::string> names, const char* value_name,
                  const char* help) {
  auto declared = std::make_unique<Declared>();
  for (const std::string& name : names) declared->listed += (declared->listed.empty() ? "" : ",") + name;
  declared->names = std::move(names);
  declared->value_name = value_name;
  declared->help = help;
  all.push_back(std::move(declared));
  return *all.back();
}

Declared& declare_flag(Declaration& all, std::vector<std::string> names, bool& value, const char* help) {
  Declared& flag = declare(all, std::move(names), "", help);
  flag.is_flag = flag.repeatable = true;
  flag.take = [&value](const std::string&) { value = true; };
  return flag;
}

Declaration declaration_of(Raw& raw) {
  Declaration all;
  declare_flag(all, {"-h", "--help"}, raw.help, "Print this help");
  declare_flag(all, {"-V", "--version"}, raw.version, "Print the version");
  for (const Setting& setting : settings()) {
    std::string name = setting.name;
    Declared& option = declare(all, {"--" + name}, setting.value_name, setting.help);
    option.repeatable = setting.repeatable;
    option.take = [&raw, name](const std::string& text) { raw.texts[name].push_back(text); };
  }
  declare(all, {"--config"}, "FILE", "Read settings from FILE; the command line overrides them").take =
      [&raw](const std::string& text) { raw.config = text; };
  // At most one thing to do.
  std::vector<Declared*> actions = {
      &declare_flag(all, {"--check-config"}, raw.check_config,
                    "Check the settings, and whether a hub could start; start none"),
      &declare_flag(all, {"--print-config"}, raw.print_config, "Print the settings as a configuration file"),
      &declare_flag(all, {"--foreground"}, raw.foreground, "Serve in the foreground (the default)"),
      &declare_flag(all, {"--detach"}, raw.detach,
                    "Start a hub in the background, and exit when it is ready")};
  for (Declared* action : actions) {
    for (Declared* other : actions) {
      if (other != action) action->excludes.push_back({other, {}});
    }
  }
  declare_flag(all, {"--json-errors"}, raw.json_errors, "Print each error on stderr as a line of JSON");
  // For programs that start a hub (protocol/base/process.h).
  Declared& ready_fd = declare(all, {"--ready-fd"}, "FD", "");
  ready_fd.take = [&raw](const std::string& text) { raw.ready_fd = text; };
  ready_fd.hidden = true;
  return all;
}

Result<void> apply_file(const std::string& path, Options& options) {
  auto text = read_file(path, kMaxConfigBytes);
  if (!text) return Error{Errc::invalid, "configuration: " + text.error().what};
  BUSD_TRY(apply_config(*text, path, options));
  EndpointRequest& place = options.endpoint;
  if (!place.socket.empty() && !place.bus.empty())
    return Error{Errc::invalid, path + ": socket excludes bus: name the hub by only one of them"};
  place = {"", "", place.socket, place.bus};
  return {};
}

std::optional<int> parse_descriptor(const std::string& text) {
  auto fd = parse_u64(text);
  if (!fd || *fd < 3 || *fd > 65535) return std::nullopt;
  return static_cast<int>(*fd);
}

// Also when the command line as a whole makes no sense: whoever starts a hub is to learn why there is none.
int ready_fd_of(const std::vector<std::string>& arguments) {
  auto word = std::find(arguments.begin(), arguments.end(), "--ready-fd");
  if (word == arguments.end() || ++word == arguments.end()) return -1;
  return parse_descriptor(*word).value_or(-1);
}

Result<void> apply_command_line(const Raw& raw, Options& options) {
  for (const auto& [name, texts] : raw.texts) {
    if (texts.empty()) continue;
    auto done = find_setting(name)->read(options, texts);
    if (!done) return Error{Errc::invalid, "--" + name + ": " + done.error().what};
  }
  EndpointRequest& place = options.endpoint;
  if (!place.socket.empty() || !place.bus.empty()) place = {place.socket, place.bus};
  if (!raw.ready_fd.empty()) {
    auto fd = parse_descriptor(raw.ready_fd);
    if (!fd) {
      return Error{Errc::invalid,
                   "--ready-fd: " + bus::printable(raw.ready_fd) + " is not a descriptor from 3 to 65535"};
    }
    if (options.action != Options::Action::serve) {
      return Error{Errc::invalid, "--ready-fd is for a hub that serves in the foreground"};
    }
    options.ready_fd = *fd;
  }
  return {};
}

// What no single setting can be judged by alone.
Result<void> check_together(const Options& options) {
  ValueLimits values = has_values(options) ? options.value_limits : kNoValues;
  size_t least = Budget::least_memory(options.max_connections, values);
  if (options.memory >= least) return {};
  std::string text = "memory " + format_size(options.memory) + " is too little for max-connections " +
                     std::to_string(options.max_connections);
  // Values that nobody has asked for take what there is.
  bool asks_for_values = least > Budget::least_memory(options.max_connections);
  if (asks_for_values) {
    text += ", values-keys " + std::to_string(values.keys) + " and values-bytes " + format_size(values.bytes);
  }
  return Error{Errc::invalid, text + ": give at least " + format_size(least) + ", or fewer connections" +
                                  (asks_for_values ? " or values" : "")};
}

Options::Action action_of(const Raw& raw) {
  if (raw.detach) return Options::Action::detach;
  if (raw.check_config) return Options::Action::check_config;
  return raw.print_config ? Options::Action::print_config : Options::Action::serve;
}

std::string quoted_value(const std::string& text) {
  constexpr std::string_view kBare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@";
  if (text.find_first_not_of(kBare) == std::string::npos) return text;
  const char* mark = text.find('"') == std::string::npos ? "\"" : "'";
  return mark + text + mark;
}

}  // namespace

std::variant<Options, Ending> parse_options(const std::vector<std::string>& arguments) {
  auto wrong = [&](ReportCode code, ExitCode exit, const std::string& what) {
    ErrorReport error = error_of(code, exit, what);
    if (error.hint.empty() && exit == kExitUsage) error.hint = "see busd --help";
    return Ending{exit, {}, {error}, ready_fd_of(arguments)};
  };
  Raw raw;
  Declaration declared = declaration_of(raw);
  std::vector<ErrorReport> errors = ArgumentReader(declared, "busd").read(arguments);
  if (raw.help) return Ending{kExitDone, kExamples + usage_text("busd", declared) + kNotes, {}, -1};
  if (raw.version) return Ending{kExitDone, "busd " BUSD_VERSION "\n", {}, -1};
  if (!errors.empty()) return Ending{kExitUsage, {}, std::move(errors), ready_fd_of(arguments)};

  Options options;
  options.config_file = raw.config;
  options.action = action_of(raw);
  if (!raw.config.empty()) {
    if (auto done = apply_file(raw.config, options); !done)
      return wrong(ReportCode::bad_config, kExitConfig, done.error().what);
  }
  if (raw.texts.count("socket") != 0 && raw.texts.count("bus") != 0)
    return wrong(ReportCode::conflict, kExitUsage,
                 "--socket excludes --bus; name the hub by only one of them");
  if (auto done = apply_command_line(raw, options); !done)
    return wrong(ReportCode::bad_value, kExitUsage, done.error().what);
  if (auto done = check_together(options); !done) {
    return raw.config.empty() ? wrong(ReportCode::conflict, kExitUsage, done.error().what)
                              : wrong(ReportCode::bad_config, kExitConfig, done.error().what);
  }
  return options;
}

std::string print_config(const Options& options) {
  std::string out = "# Settings of busd: read by busd --config FILE, explained by busd --help.\n";
  for (const Setting& setting : settings()) {
    std::vector<std::string> texts = setting.print(options);
    std::string value;
    for (const std::string& text : texts) value += (value.empty() ? "" : ", ") + quoted_value(text);
    if (texts.empty()) {
      out += std::string("# ") + setting.name + " =\n";
    } else {
      out += std::string(setting.name) + " = " + (setting.repeatable ? "[" + value + "]" : value) + "\n";
    }
  }
  return out;
}

std::vector<std::string> to_arguments(const Options& options) {
  std::vector<std::string> out;
  for (const Setting& setting : settings()) {
    for (const std::string& text : setting.print(options)) {
      out.push_back("--" + std::string(setting.name) + "=" + text);
    }
  }
  return out;
}

}  // namespace bus::hub
