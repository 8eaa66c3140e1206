#include "hub/options.h"

#include <algorithm>
#include <map>
#include <unistd.h>
#include <utility>

#include <CLI/CLI.hpp>

#include "hub/config_file.h"
#include "hub/core/base/budget.h"
#include "hub/settings.h"
#include "protocol/base/file.h"
#include "protocol/base/spelling.h"
#include "protocol/base/strings.h"

namespace bus::hub {

namespace {

constexpr size_t kMaxConfigBytes = 1024 * 1024;

constexpr const char* kExamples =
    "Examples:\n"
    "  busd                                    serve the bus of this user, in the foreground, until Ctrl-C\n"
    "  busd --bus work --queue-frames 4096     serve another one, with longer queues\n"
    "  busd --detach                           serve in the background; returns once the hub is ready\n"
    "  busd --print-config > busd.conf         write all settings to a file\n"
    "  busd --config busd.conf --check-config  check the file, and do nothing else\n"
    "\n"
    "Exit codes: 0 done (also when another hub serves already), 64 usage, 69 no hub came up (--detach), 70 "
    "internal,\n"
    "71 out of memory, 75 a hub is running but does not answer, 77 permission, 78 configuration,\n"
    "124 no answer in time (--detach).\n"
    "\n";

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
};

void describe(CLI::App& app, Raw& raw) {
  app.set_help_flag();
  app.allow_extras();  // unknown_options() has better words for them
  app.add_flag("-h,--help", raw.help, "Print this and exit");
  app.add_flag("-V,--version", raw.version, "Print the version and exit");
  for (const Setting& setting : settings()) {
    CLI::Option* option =
        app.add_option("--" + std::string(setting.name), raw.texts[setting.name], setting.help);
    option->type_name(setting.value_name)->expected(1)->allow_extra_args(false);
    if (setting.repeatable) option->take_all();
  }
  app.add_option("--config", raw.config, "Read settings from this file; the command line wins")
      ->type_name("FILE");
  app.add_flag("--check-config", raw.check_config, "Check the settings and exit");
  app.add_flag("--print-config", raw.print_config, "Print the settings as a configuration file and exit");
  app.add_flag("--foreground", raw.foreground, "Stay in the foreground (the default)");
  app.add_flag("--detach", raw.detach,
               "Serve in the background; return once the hub is ready, or say why it is not");
  // For programs that start a hub (protocol/base/process.h); an empty group keeps it out of --help.
  app.add_option("--ready-fd", raw.ready_fd, "Write \"ready\", or the reason why not, to this descriptor")
      ->group("");
}

// What is wrong with each option that busd does not have, in the order typed, a line each.
std::string unknown_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  std::string out;
  for (const std::string& word : app.remaining()) {
    if (word.size() < 2 || word[0] != '-' || word == "--") continue;
    std::string option = word.substr(0, word.find('='));
    bool is_plain = std::all_of(option.begin(), option.end(), [](char c) { return c > ' ' && c < 127; });
    std::string meant = nearest_option(option, names);
    if (!out.empty()) out += "\n";
    out += "unknown option " + (is_plain ? option : bus::quoted(option));
    out += meant.empty() ? "; see busd --help" : "; did you mean " + meant + "?";
  }
  return out;
}

Result<void> parse_command_line(CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  // CLI11 reports by exceptions; none leaves this function.
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::Error& error) {
    return Error{Errc::invalid, error.what()};
  }
  if (auto words = app.remaining(); !words.empty()) {
    return Error{Errc::invalid, bus::quoted(words.back()) + " is not expected: busd takes options only"};
  }
  return {};
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
                   "--ready-fd: " + bus::quoted(raw.ready_fd) + " is not a descriptor from 3 to 65535"};
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
  size_t least = Budget::least_memory(options.max_connections);
  if (options.memory >= least) return {};
  return Error{Errc::invalid, "memory " + format_size(options.memory) +
                                  " is too little for max-connections " +
                                  std::to_string(options.max_connections) + ": give at least " +
                                  format_size(least) + ", or fewer connections"};
}

// At most one thing to do.
Result<Options::Action> action_of(const Raw& raw) {
  std::vector<std::pair<const char*, Options::Action>> asked;
  if (raw.foreground) asked.emplace_back("--foreground", Options::Action::serve);
  if (raw.detach) asked.emplace_back("--detach", Options::Action::detach);
  if (raw.check_config) asked.emplace_back("--check-config", Options::Action::check_config);
  if (raw.print_config) asked.emplace_back("--print-config", Options::Action::print_config);
  if (asked.empty()) return Options::Action::serve;
  if (asked.size() > 1) {
    return Error{Errc::invalid, std::string(asked[0].first) + " and " + asked[1].first +
                                    " exclude each other: give one of them"};
  }
  return asked[0].second;
}

std::string quoted_value(const std::string& text) {
  constexpr std::string_view kBare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@";
  if (text.find_first_not_of(kBare) == std::string::npos) return text;
  const char* mark = text.find('"') == std::string::npos ? "\"" : "'";
  return mark + text + mark;
}

}  // namespace

std::variant<Options, Ending> parse_options(const std::vector<std::string>& arguments) {
  auto wrong = [&](ExitCode code, const std::string& what) {
    return Ending{code, what + (code == kExitUsage ? "; see busd --help" : ""), ready_fd_of(arguments)};
  };
  Raw raw;
  CLI::App app("", "busd");
  describe(app, raw);
  auto parsed = parse_command_line(app, arguments);
  if (std::string unknown = unknown_options(app); !unknown.empty())
    return Ending{kExitUsage, unknown, ready_fd_of(arguments)};
  if (!parsed) return wrong(kExitUsage, parsed.error().what);
  if (raw.help) return Ending{kExitDone, kExamples + app.help(), -1};
  if (raw.version) return Ending{kExitDone, "busd " BUSD_VERSION "\n", -1};

  Options options;
  options.config_file = raw.config;
  auto action = action_of(raw);
  if (!action) return wrong(kExitUsage, action.error().what);
  options.action = *action;
  if (!raw.config.empty()) {
    if (auto done = apply_file(raw.config, options); !done) return wrong(kExitConfig, done.error().what);
  }
  if (auto done = apply_command_line(raw, options); !done) return wrong(kExitUsage, done.error().what);
  if (auto done = check_together(options); !done) {
    return wrong(raw.config.empty() ? kExitUsage : kExitConfig, done.error().what);
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
