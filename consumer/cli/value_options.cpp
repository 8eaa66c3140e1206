#include "consumer/cli/value_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "consumer/cli/patterns.h"
#include "consumer/cli/text.h"
#include "consumer/cli/verb_fault.h"
#include "protocol/base/spelling.h"

namespace bus::cli {

const char* const kValueAbout =
    R"(Examples:
  bus-value put branch '"main"'                  set a value, any JSON
  bus-value put branch main --text               the same, from plain text
  bus-value get branch --text                    print it: main
  bus-value list 'sensor.*'                      all keys below sensor, and their values
  bus-value watch branch                         print each change as a line of JSON
  bus-value watch branch --exec 'cat >branch'    run a command with the newest value
  bus-value put deploy.lock 1 --while --wait -- ./deploy
                                                 a lock, held while ./deploy runs

Values are what is true now, by key. The hub keeps them, gives each change a version, and tells
those that watch. It is started if none runs.)";

const char* const kValueNotes =
    R"(put takes KEY and VALUE; get one KEY; delete at least one; list any number of keys and patterns,
watch at least one. A pattern is "*", which leaves out the keys of the hub below bus., or "NAME.*".

VALUE is JSON; "-" reads it from stdin. With --text it is plain text, which becomes a JSON string,
without one line end at the end of stdin. Put "--" before a KEY or a VALUE that begins with "-",
unless it is a number; options come before the "--". With --while, another "--" follows VALUE.

get prints the value, list a line for each key: the key, a tab, the value. --with-version puts the
version before the value, and lets put and delete print the version that they made. --if-version N
changes the key only if N is its version still (0: there is no such key), so that of two programs
that change a value at once one gets 75 and nothing is overwritten.

put --while creates the key, holds it while COMMAND runs, and deletes it then; the hub does so if
bus-value is killed. So it is a lock: if the key exists, the exit status is 75, and with --wait it
waits instead. --replace takes the key even so; what was there is gone. COMMAND finds BUSD_KEY,
BUSD_VERSION and BUSD_SOCKET in its environment, and its exit status is that of bus-value. Signals
are passed on to COMMAND. If the value is lost meanwhile, a line on stderr says so, and COMMAND
goes on; with --kill-on-loss it gets SIGTERM, and the exit status is 75.

watch prints each key as it is, a line with "type":"synced", and then each change. With --text or
--raw it prints the value only, behind the key and a tab if there is more than one KEY or a
pattern, and says the rest on stderr. In lines of list and watch, line ends, tabs and backslashes
of a text are written \n, \r, \t and \\. --exec runs CMD by /bin/sh -c, the value on its stdin, and
BUSD_KEY, BUSD_VERSION, BUSD_REV, BUSD_DELETED (1, or empty), BUSD_SKIPPED and BUSD_SOCKET in its
environment. One CMD runs at a time. What changes meanwhile is given to one more CMD, in its newest
state. When the connection breaks, watch reconnects and goes on.

A time D is a whole number with ms, s, m or h: 500ms, 2s, 10m; of --ttl also with d.

Exit status: 0 done; 1 there is no such key; 64 usage; 65 bad or empty input; 69 hub not reachable;
70 stdin or stdout broke; 75 the version is another one, the key exists, the hub or its store has
no room, or the connection was lost (--json-errors tells which); 76 not a hub, or one without
values; 77 permission; 124 the time of --timeout is over; 126/127 COMMAND cannot be run;
129/130/143 ended by SIGHUP/SIGINT/SIGTERM; and that of COMMAND, if it runs.)";

namespace {

struct Verb {
  const char* name;
  ValueVerb which;
  std::initializer_list<std::string_view> mistaken;  // what other programs call it
};

const std::array<Verb, 5> kVerbs = {{
    {"get", ValueVerb::get, {"read", "show", "print", "cat", "fetch"}},
    {"put", ValueVerb::put, {"set", "write", "store", "create", "update", "add", "lock", "hold"}},
    {"delete", ValueVerb::erase, {"del", "rm", "remove", "unset", "erase", "drop"}},
    {"list", ValueVerb::list, {"ls", "keys", "dump", "all", "names"}},
    {"watch", ValueVerb::watch, {"follow", "tail", "subscribe", "monitor", "wait", "observe"}},
}};
constexpr uint64_t kMostVersion = uint64_t{1} << 53;  // far above any that a hub gives
constexpr std::array kDurable = {"memory", "process", "power"};

std::string verb_fault_of(const std::string& text) {
  return verb_fault(kVerbs, text, "", "it is get, put, delete, list or watch");
}

std::optional<uint64_t> whole_number(const std::string& text) {
  uint64_t number = 0;
  auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::string version_fault(const std::string& text) {
  auto number = whole_number(text);
  if (!number) return in_quotes(text) + " is no version; bus-value get KEY --with-version prints one";
  return *number < kMostVersion ? std::string() : in_quotes(text) + " is larger than any version";
}

std::string limit_fault(const std::string& text) {
  auto number = whole_number(text);
  return number && *number > 0 ? std::string() : in_quotes(text) + " is not a whole number from 1";
}

std::string durable_fault(const std::string& text) {
  if (std::find(kDurable.begin(), kDurable.end(), text) != kDurable.end()) return {};
  return in_quotes(text) + " is neither memory, process nor power";
}

std::string ttl_fault(const std::string& text) {
  auto ttl = parse_long_duration(text);
  if (!ttl) return long_duration_fault(text);
  return ttl->count() == 0 ? in_quotes(text) + " is no time; a value without --ttl never expires" : "";
}

std::string timeout_fault(const std::string& text) {
  auto timeout = parse_duration(text);
  if (!timeout) return duration_fault(text);
  return timeout->count() == 0 ? in_quotes(text) + " is no time" : "";
}

}  // namespace

ValueVerb ValueCommand::which() const {
  for (const Verb& known : kVerbs) {
    if (verb == known.name) return known.which;
  }
  return ValueVerb::get;
}

std::vector<std::string> ValueCommand::patterns() const {
  std::vector<std::string> all;
  if (!key.empty()) all.push_back(key);
  if (which() != ValueVerb::put) all.insert(all.end(), words.begin(), words.end());
  return all;
}

bool ValueCommand::means_many() const { return !words.empty() || is_pattern(key); }

void declare_value(CommandLine& line, ValueCommand& c) {
  line.option("VERB", "", c.verb, "get, put, delete, list or watch").required().check(verb_fault_of);
  auto take_key = [&c](const std::string& text) {
    c.key = text;
    c.has_key = true;
  };
  line.option("KEY", "", take_key, "Key; of list and watch, or a pattern")
      .mistaken_for("--key", "KEY is written without an option: bus-value get KEY")
      .dash_hint("a KEY or VALUE that begins with \"-\" goes behind \"--\": bus-value get -- -k");
  line.option("VALUE", "", c.words,
              "JSON, or - for stdin; of delete, list, watch another KEY; may be repeated")
      .mistaken_for("--value", "VALUE is written without an option: bus-value put KEY VALUE")
      .mistaken_for("--file", "VALUE - reads stdin: bus-value put KEY - <FILE");
  line.behind_dashes("COMMAND", c.command, "With --while: what is run, with its arguments");
  line.flag("--text", c.text, "Of put: VALUE is plain text; else: print a string without quotes");
  auto raw =
      line.flag("--raw", c.raw, "Of get, list and watch: print a string without quotes, as --text does");
  auto json = line.flag("--json", c.json, "Print an object with all that is known").excludes(raw);
  auto version = line.flag("--with-version", c.with_version, "Print the version, too")
                     .excludes(json)
                     .mistaken_for("--versions", "did you mean --with-version?");
  line.flag("--names", c.names, "Of list: print the keys only").excludes(json).excludes(version);
  auto take_version = [&c](const std::string& text) { c.if_version = whole_number(text); };
  auto if_version =
      line.option("--if-version", "N", take_version, "Only if the key has this version (0: does not exist)")
          .check(version_fault);
  auto create = line.flag("--create", c.create, "Of put: only if there is no such key").excludes(if_version);
  line.flag("--if-changed", c.if_changed, "Of put: do nothing if the key has this value already");
  auto take_ttl = [&c](const std::string& text) { c.ttl = parse_long_duration(text); };
  line.option("--ttl", "D", take_ttl, "Of put: the value expires after this time (days: 7d)")
      .check(ttl_fault);
  line.option("--durable", "memory|process|power", c.durable,
              "Of put: what it waits for (default: process where values are stored)")
      .check(durable_fault);
  line.flag("--while", c.hold, "Of put: create the key, and hold it while COMMAND runs");
  line.flag("--replace", c.replace, "With --while: take the key even if it exists")
      .excludes(create)
      .excludes(if_version);
  line.flag("--wait", c.wait, "Of put --create or --while: wait until there is no such key");
  line.flag("--kill-on-loss", c.kill_on_loss, "With --while: end COMMAND if the value is lost");
  line.flag("--no-snapshot", c.no_snapshot, "Of watch: only what changes from now on");
  auto take_limit = [&c](const std::string& text) { c.limit = whole_number(text); };
  line.option("-n,--limit", "N", take_limit, "Of watch: end after N values and deletions").check(limit_fault);
  line.option("--exec", "CMD", c.exec, "Of watch: run CMD for each change; see below");
  auto take_timeout = [&c](const std::string& text) { c.timeout = parse_duration(text); };
  line.option("--timeout", "D", take_timeout, "Exit with 124 after this time; not while COMMAND runs")
      .check(timeout_fault);
  line.flag("--literal", c.literal, "Take KEY as it is, even if it looks like another system's pattern");
  line.flag("--no-start", c.no_start, "Do not start a hub");
  line.flag("-q,--quiet", c.quiet, "Print only errors and warnings on stderr");
  line.add_place(c.place);
  c.options = line.long_options();
}

busd::PutOptions put_options_of(const ValueCommand& command) {
  busd::PutOptions options;
  if (command.if_version) options.version = *command.if_version + 1;
  options.create = command.create;
  options.if_changed = command.if_changed;
  if (command.ttl) options.ttl = *command.ttl;
  options.while_connected = command.hold;
  if (command.durable == "memory") options.durable = busd::Durability::memory;
  if (command.durable == "process") options.durable = busd::Durability::process;
  if (command.durable == "power") options.durable = busd::Durability::power;
  return options;
}

}  // namespace bus::cli
