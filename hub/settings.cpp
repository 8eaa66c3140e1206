#include "hub/settings.h"

#include <algorithm>
#include <array>
#include <grp.h>
#include <pwd.h>
#include <string_view>

#include "protocol/base/strings.h"
#include "protocol/fault.h"
#include "protocol/limits.h"

namespace bus::hub {

namespace {

using Texts = std::vector<std::string>;

// A queue takes at least one event of the largest size, and something beside it.
constexpr size_t kMinQueueBytes = kMaxFrameBytes + 64 * 1024;
constexpr size_t kMaxQueueBytes = size_t{4} << 30U;
constexpr uint64_t kMaxQueueFrames = 10'000'000;
constexpr uint64_t kMaxConnections = 1'000'000;
constexpr uint64_t kMaxCalls = 1'000'000;
constexpr uint64_t kMaxValueKeys = 10'000'000;
constexpr size_t kLeastValueBytes = kMaxFrameBytes;
constexpr size_t kMostValueBytes = size_t{64} << 30U;
constexpr Duration kLongest = std::chrono::hours(24 * 366);

Result<uint64_t> read_number(const std::string& text, uint64_t least, uint64_t most) {
  auto value = parse_u64(text);
  if (!value || *value < least || *value > most) {
    return Error{Errc::invalid, printable(text) + " is not a whole number from " + std::to_string(least) +
                                    " to " + std::to_string(most)};
  }
  return *value;
}

Result<Duration> read_duration(const std::string& text, Duration least) {
  BUSD_ASSIGN(Duration value, parse_duration(text));
  if (value < least || value > kLongest) {
    return Error{Errc::invalid, printable(text) + " is out of range: from " + format_duration(least) +
                                    " to " + format_duration(kLongest)};
  }
  return value;
}

Result<std::string> read_path(const std::string& text) {
  if (text.empty()) return Error{Errc::invalid, "an empty path"};
  if (text.find_first_of(std::string_view("\0\n", 2)) != std::string::npos) {
    return Error{Errc::invalid, printable(text) + " holds a character that no path of ours may hold"};
  }
  if (text.find('"') != std::string::npos && text.find('\'') != std::string::npos) {
    return Error{Errc::invalid,
                 printable(text) + " holds both kinds of quotes, which no configuration file could hold"};
  }
  return text;
}

// The largest value is -1 in chown(2) and its like: nobody.
constexpr uint64_t kMaxId = 0xFFFF'FFFE;

Result<std::vector<uint32_t>> read_ids(const Texts& texts, const char* kind,
                                       std::optional<uint32_t> (*look_up)(const char*)) {
  std::vector<uint32_t> ids;
  for (const std::string& text : texts) {
    std::optional<uint32_t> id;
    if (auto number = parse_u64(text); number && *number <= kMaxId) {
      id = static_cast<uint32_t>(*number);
    } else if (!number) {
      id = look_up(text.c_str());
    }
    if (!id)
      return Error{Errc::invalid,
                   printable(text) + " is neither a number nor the name of a " + kind + " here"};
    ids.push_back(*id);
  }
  return ids;
}

std::optional<uint32_t> uid_of(const char* name) {
  const passwd* entry = ::getpwnam(name);
  return entry == nullptr ? std::nullopt : std::optional<uint32_t>(entry->pw_uid);
}

std::optional<uint32_t> gid_of(const char* name) {
  const group* entry = ::getgrnam(name);
  return entry == nullptr ? std::nullopt : std::optional<uint32_t>(entry->gr_gid);
}

Result<void> read_announce(Options& options, const Texts& texts) {
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string& name = texts[i];
    if (auto fault = identifier_fault("the name", name)) return Error{Errc::invalid, *fault};
    if (name.find('"') != std::string::npos && name.find('\'') != std::string::npos) {
      return Error{Errc::invalid,
                   printable(name) + " holds both kinds of quotes, which no configuration file could hold"};
    }
    if (std::find(kHubCapabilities.begin(), kHubCapabilities.end(), name) != kHubCapabilities.end()) {
      return Error{Errc::invalid, printable(name) +
                                      " is a capability of the hub itself, which always announces "
                                      "it; remove it here"};
    }
    auto before = texts.begin() + static_cast<ptrdiff_t>(i);
    if (std::find(texts.begin(), before, name) != before) {
      return Error{Errc::invalid, printable(name) + " is given twice; give each name once"};
    }
  }
  if (texts.size() > kMaxAnnounced) {
    return Error{Errc::invalid, std::to_string(texts.size()) + " names are given; the limit is " +
                                    std::to_string(kMaxAnnounced)};
  }
  options.announce = texts;
  return {};
}

Texts print_ids(const std::vector<uint32_t>& ids) {
  Texts texts;
  for (uint32_t id : ids) texts.push_back(std::to_string(id));
  return texts;
}

Texts print_text(const std::string& text) { return text.empty() ? Texts{} : Texts{text}; }

constexpr const char* kNeverText = "never";

Result<void> read_idle_exit(Options& options, const Texts& texts) {
  if (texts[0] == kNeverText) {
    options.idle_exit = Duration::max();
    return {};
  }
  auto value = read_duration(texts[0], milliseconds(1));
  if (!value) return Error{Errc::invalid, value.error().what + "; or never"};
  options.idle_exit = *value;
  return {};
}

Texts print_idle_exit(const Options& options) {
  if (!options.idle_exit) return {};
  return {*options.idle_exit == Duration::max() ? kNeverText : format_duration(*options.idle_exit)};
}

Result<void> read_queue_bytes(Options& options, const Texts& texts) {
  auto bytes = parse_size(texts[0]);
  if (!bytes) return bytes.error();
  if (*bytes < kMinQueueBytes || *bytes > kMaxQueueBytes) {
    return Error{Errc::invalid,
                 printable(texts[0]) + " is out of range: from " + format_size(kMinQueueBytes) +
                     " (one event of the largest size, and some) to " + format_size(kMaxQueueBytes)};
  }
  options.queue.bytes = *bytes;
  return {};
}

Result<std::string> read_values(const std::string& text) {
  for (const char* word : {kValuesByDefault, kValuesInMemory, kValuesOff}) {
    if (text == word) return text;
  }
  BUSD_ASSIGN(std::string path, read_path(text));
  // A word that was mistyped must not become a file.
  if (path.find_first_of("/.") == std::string::npos) {
    return Error{Errc::invalid, printable(text) +
                                    " is none of auto, memory, off; for a file of that name, write " +
                                    printable("./" + text)};
  }
  if (path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..") || path == "." || path == "..")
    return Error{Errc::invalid, printable(text) + " names no file"};
  return path;
}

Result<void> read_values_bytes(Options& options, const Texts& texts) {
  auto bytes = parse_size(texts[0]);
  if (!bytes) return bytes.error();
  if (*bytes < kLeastValueBytes || *bytes > kMostValueBytes) {
    return Error{Errc::invalid,
                 printable(texts[0]) + " is out of range: from " + format_size(kLeastValueBytes) +
                     ", for one value of the largest size, to " + format_size(kMostValueBytes)};
  }
  options.value_limits.bytes = *bytes;
  return {};
}

Result<void> read_log_level(Options& options, const Texts& texts) {
  auto level = log_level_of(texts[0]);
  if (!level) return Error{Errc::invalid, printable(texts[0]) + " is none of error, warning, info, debug"};
  options.log_level = *level;
  return {};
}

constexpr std::array<Setting, 22> kSettings = {{
    {"socket", "PATH", "Socket to serve (default: $BUSD_SOCKET, else that of --bus)", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.endpoint.socket, read_path(texts[0]));
       return {};
     },
     [](const Options& o) { return print_text(o.endpoint.socket + o.endpoint.file_socket); }},
    {"bus", "NAME", "Name of the bus to serve; excludes --socket (default: $BUSD_BUS, else bus)", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       // Its rule is resolve_endpoint's; asking it here puts the file's line, or the option's name, into the
       // message.
       BUSD_TRY(resolve_endpoint({.socket = "", .bus = texts[0]},
                                 [](const char*) { return static_cast<const char*>(nullptr); }));
       o.endpoint.bus = texts[0];
       return {};
     },
     [](const Options& o) { return print_text(o.endpoint.bus + o.endpoint.file_bus); }},
    {"idle-exit", "TIME", "Exit when idle for TIME, or never (default: never; 30s with --detach)", false,
     read_idle_exit, print_idle_exit},
    {"queue-frames", "N", "Events kept for a slow consumer; the oldest are dropped (default: 1024)", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.queue.frames, read_number(texts[0], 1, kMaxQueueFrames));
       return {};
     },
     [](const Options& o) { return Texts{std::to_string(o.queue.frames)}; }},
    {"queue-bytes", "SIZE", "Bytes kept for a slow consumer, in the same way (default: 8MiB)", false,
     read_queue_bytes, [](const Options& o) { return Texts{format_size(o.queue.bytes)}; }},
    {"max-connections", "N", "Connections served at once; more are refused (default: 4096)", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.max_connections, read_number(texts[0], 1, kMaxConnections));
       return {};
     },
     [](const Options& o) { return Texts{std::to_string(o.max_connections)}; }},
    {"memory", "SIZE", "Memory limit of the hub (default: 512MiB)", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.memory, parse_size(texts[0]));
       return {};
     },
     [](const Options& o) { return Texts{format_size(o.memory)}; }},
    {"uid-share", "PERCENT", "Share of memory and connections for each other user (default: 25)", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(uint64_t percent, read_number(texts[0], 1, 100));
       o.uid_share_percent = static_cast<uint32_t>(percent);
       return {};
     },
     [](const Options& o) { return Texts{std::to_string(o.uid_share_percent)}; }},
    {"allow-uid", "USER", "Let this user connect, too, by name or number; may be repeated", true,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.allow_uids, read_ids(texts, "user", uid_of));
       return {};
     },
     [](const Options& o) { return print_ids(o.allow_uids); }},
    {"allow-gid", "GROUP", "Let members of this group connect, by name or number; may be repeated", true,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.allow_gids, read_ids(texts, "group", gid_of));
       return {};
     },
     [](const Options& o) { return print_ids(o.allow_gids); }},
    {"announce", "NAME", "Tell consumers that the sources here support NAME; may be repeated", true,
     read_announce, [](const Options& o) { return o.announce; }},
    {"dedup-window", "TIME", "Drop events whose id a source repeats within TIME; 0s: never (default: 5m)",
     false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.dedup_window, read_duration(texts[0], seconds(0)));
       return {};
     },
     [](const Options& o) { return Texts{format_duration(o.dedup_window)}; }},
    {"cleanup-timeout", "TIME", "Disconnect a consumer whose clean-up takes longer than TIME (default: 1m)",
     false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.cleanup_timeout, read_duration(texts[0], milliseconds(1)));
       return {};
     },
     [](const Options& o) { return Texts{format_duration(o.cleanup_timeout)}; }},
    {"open-calls", "N", "Open calls of one connection; more are answered busy (default: 1024)", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.open_calls, read_number(texts[0], 1, kMaxCalls));
       return {};
     },
     [](const Options& o) { return Texts{std::to_string(o.open_calls)}; }},
    {"waiting-calls", "N", "Calls of one user that wait for a slot of one task (default: 1024)", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.waiting_calls, read_number(texts[0], 1, kMaxCalls));
       return {};
     },
     [](const Options& o) { return Texts{std::to_string(o.waiting_calls)}; }},
    {"sources", "auto|off", "Run bus-sources when this bus has sources, or never (default: auto)", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       if (texts[0] != "auto" && texts[0] != "off")
         return Error{Errc::invalid, printable(texts[0]) + " is none of auto, off"};
       o.run_sources = texts[0] == "auto";
       return {};
     },
     [](const Options& o) { return Texts{o.run_sources ? "auto" : "off"}; }},
    {"sources-user", "USER", "Let this user, too, provide tasks below bus.source., by name or number", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(std::vector<uint32_t> ids, read_ids(texts, "user", uid_of));
       o.sources_uid = ids.front();
       return {};
     },
     [](const Options& o) { return o.sources_uid ? Texts{std::to_string(*o.sources_uid)} : Texts{}; }},
    {"values", "auto|memory|off|PATH", "Where values are stored (default: auto)", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.values, read_values(texts[0]));
       return {};
     },
     [](const Options& o) { return Texts{o.values}; }},
    {"values-keys", "N", "Keys that may have a value; more are refused (default: 100000)", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.value_limits.keys, read_number(texts[0], 1, kMaxValueKeys));
       return {};
     },
     [](const Options& o) { return Texts{std::to_string(o.value_limits.keys)}; }},
    {"values-bytes", "SIZE", "Bytes of all keys and values; more are refused (default: 64MiB)", false,
     read_values_bytes, [](const Options& o) { return Texts{format_size(o.value_limits.bytes)}; }},
    {"log-file", "PATH", "Log to this file, not to stderr; renamed to PATH.1 at 1 MiB", false,
     [](Options& o, const Texts& texts) -> Result<void> {
       BUSD_ASSIGN(o.log_file, read_path(texts[0]));
       return {};
     },
     [](const Options& o) { return print_text(o.log_file); }},
    {"log-level", "LEVEL", "error, warning, info or debug (default: info)", false, read_log_level,
     [](const Options& o) { return Texts{name_of(o.log_level)}; }},
}};

}  // namespace

std::span<const Setting> settings() { return kSettings; }

const Setting* find_setting(const std::string& name) {
  for (const Setting& setting : kSettings) {
    if (name == setting.name) return &setting;
  }
  return nullptr;
}

}  // namespace bus::hub
