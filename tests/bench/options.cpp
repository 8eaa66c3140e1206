#include "tests/bench/options.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>

#include <CLI/CLI.hpp>

namespace bus::bench {

namespace {

constexpr int kExitUsage = 64;

constexpr const char* kFooter =
    "Groups of the family events: 1to1 8to1 1to8 1to64 apart keys routing stopped latency frames idle "
    "startup.\n"
    "Groups of the family calls: calls1 calls64 calls64-batched callers providers providers1000 killed"
    " stopped-provider open cancel stream beside.\n"
    "Groups of the family values: values-put values-get values-writers values-follower values-followers"
    " values-followers64 values-snapshot values-stopped values-kept.\n"
    "\n"
    "Examples:\n"
    "  bus-bench --quick                              all families once, under a minute\n"
    "  bus-bench --shape '1to*' --size 128            four shapes of 128 B, dense and text\n"
    "  bus-bench --shape 1to1 --only busd,null,nats   busd beside two others\n"
    "  bus-bench --busd old=/tmp/busd --busd new=build/bench/bin/busd --shape 1to64";

// The command line as text, before any of it is judged.
struct Raw {
  bool quick = false;
  std::string family;
  std::vector<std::string> shapes;
  std::vector<std::string> payloads;
  std::vector<size_t> sizes;
  size_t runs = 0;
  unsigned run_ms = 0;
  std::vector<std::string> only;
  std::vector<std::string> hubs;
  bool unpinned = false;
  std::string json_file;
};

void describe(CLI::App& app, Raw& raw) {
  app.footer(kFooter);
  app.add_flag("--quick", raw.quick, "Each family once, shorter runs and only 3 of them");
  app.add_option("--family", raw.family, "Only this family: events, calls, sources or values")
      ->check(CLI::IsMember({"events", "calls", "sources", "values"}));
  app.add_option("--shape", raw.shapes, "Only groups whose name matches this; may be given again")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  app.add_option("--payload", raw.payloads, "Only this payload: dense or text")
      ->check(CLI::IsMember({"dense", "text"}))
      ->allow_extra_args(false);
  app.add_option("--size", raw.sizes, "Only payloads of so many bytes")
      ->check(CLI::Range(kMinPayloadBytes, size_t{1'000'000}))
      ->type_name("BYTES")
      ->allow_extra_args(false);
  app.add_option("--runs", raw.runs, "How often each is run (default 5)")->check(CLI::Range(1, 1000));
  app.add_option("--run-ms", raw.run_ms, "How long each run publishes (default 400)")
      ->check(CLI::Range(10, 60000));
  app.add_option("--only", raw.only, "Only these contenders, such as busd,null,nats")->delimiter(',');
  app.add_option("--busd", raw.hubs, "This busd instead of the one beside bus-bench; may be given again")
      ->type_name("[NAME=]PATH")
      ->allow_extra_args(false);
  app.add_flag("--unpinned", raw.unpinned, "Let server and generator use every cpu, as programs do");
  app.add_option("--json", raw.json_file, "Write the figures of all shapes to this file, too")
      ->type_name("FILE");
}

std::string absolute(const std::string& path) {
  std::error_code error;
  auto full = std::filesystem::absolute(path, error);
  return error ? path : full.string();
}

std::vector<std::pair<std::string, std::string>> hubs_of(const Raw& raw, const std::string& own_directory) {
  std::vector<std::pair<std::string, std::string>> hubs;
  for (const std::string& text : raw.hubs) {
    size_t equals = text.find('=');
    std::string name = equals == std::string::npos ? "busd" : "busd " + text.substr(0, equals);
    hubs.emplace_back(name, absolute(equals == std::string::npos ? text : text.substr(equals + 1)));
  }
  if (hubs.empty()) hubs.emplace_back("busd", own_directory + "/busd");
  return hubs;
}

Effort effort_of(const Raw& raw) {
  Effort effort;
  if (raw.quick) {
    effort.runs = 3;
    effort.warm_up = milliseconds(15);
    effort.run = milliseconds(70);
  }
  if (raw.runs > 0) effort.runs = raw.runs;
  if (raw.run_ms > 0) effort.run = milliseconds(raw.run_ms);
  return effort;
}

std::string folded(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) continue;
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace

std::variant<Options, Ending> parse_options(int argc, char** argv) {
  Raw raw;
  CLI::App app("Drives the same work through busd and through what one would pick instead.", "bus-bench");
  describe(app, raw);
  // CLI11 reports by exceptions; none leaves this function.
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return Ending{0, app.help()};
  } catch (const CLI::Error& error) {
    return Ending{kExitUsage, std::string("bus-bench: ") + error.what() + "; see bus-bench --help\n"};
  }
  std::error_code error;
  Options options;
  options.own_directory = std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
  if (raw.family == "events") options.filter.family = Family::events;
  if (raw.family == "calls") options.filter.family = Family::calls;
  if (raw.family == "values") options.filter.family = Family::values;
  if (raw.family == "sources") options.filter.family = Family::sources;
  options.filter.patterns = raw.shapes;
  options.filter.quick = raw.quick;
  for (const std::string& payload : raw.payloads) {
    options.filter.payloads.push_back(payload == "dense" ? PayloadKind::dense : PayloadKind::text);
  }
  options.filter.sizes = raw.sizes;
  options.effort = effort_of(raw);
  if (raw.quick) options.startup_runs = 20;
  options.hubs = hubs_of(raw, options.own_directory);
  options.only = raw.only;
  options.pinned = !raw.unpinned;
  options.json_file = raw.json_file;
  return options;
}

bool is_named(const std::vector<std::string>& words, const std::string& name) {
  return std::any_of(words.begin(), words.end(), [whole = folded(name)](const std::string& word) {
    return whole.starts_with(folded(word)) && !word.empty();
  });
}

}  // namespace bus::bench
