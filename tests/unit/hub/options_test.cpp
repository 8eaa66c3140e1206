#include "hub/options.h"

#include <fstream>

#include "hub/settings.h"
#include "protocol/limits.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using namespace bus::hub;
using bus::test::TempDir;

namespace {

// What people read, a line for each error.
std::string said(const Ending& ending) {
  std::string out = ending.text;
  for (const ErrorReport& error : ending.errors) {
    CHECK(error.exit == ending.code);
    out += (out.empty() ? "" : "\n") + error.message + (error.hint.empty() ? "" : "; " + error.hint);
  }
  return out;
}

Options parsed(const std::vector<std::string>& arguments) {
  auto result = parse_options(arguments);
  if (auto* ending = std::get_if<Ending>(&result)) FAIL(said(*ending));
  return std::get<Options>(result);
}

void expect_wrong(const std::vector<std::string>& arguments, ExitCode code, const std::string& text) {
  auto result = parse_options(arguments);
  auto* ending = std::get_if<Ending>(&result);
  REQUIRE(ending != nullptr);
  INFO(said(*ending));
  CHECK(ending->code == code);
  CHECK(said(*ending).find(text) != std::string::npos);
  CHECK(said(*ending).find('\n') == std::string::npos);
}

}  // namespace

TEST_CASE("Options without arguments are the defaults of the wire's contract") {
  Options options = parsed({});
  CHECK(options.action == Options::Action::serve);
  CHECK(options.queue.frames == 1024);
  CHECK(options.queue.bytes == 8 * 1024 * 1024);
  CHECK(options.max_connections == 4096);
  CHECK(options.dedup_window == seconds(300));
  CHECK(options.cleanup_timeout == seconds(60));
  CHECK(options.open_calls == 1024);
  CHECK(options.waiting_calls == 1024);
  CHECK_FALSE(options.sources_uid);
  CHECK(options.run_sources);
  CHECK(options.values == "auto");
  CHECK(options.value_limits.keys == 100'000);
  CHECK(options.value_limits.bytes == 64 * 1024 * 1024);
  CHECK_FALSE(options.idle_exit);
  CHECK(options.endpoint.socket.empty());
}

TEST_CASE("Options from the command line") {
  Options options = parsed({"--socket",
                            "/x/y.sock",
                            "--idle-exit",
                            "500ms",
                            "--queue-frames",
                            "16",
                            "--queue-bytes",
                            "2MiB",
                            "--max-connections",
                            "9",
                            "--allow-uid",
                            "root",
                            "--allow-uid",
                            "5",
                            "--allow-gid",
                            "root",
                            "--dedup-window",
                            "0s",
                            "--cleanup-timeout",
                            "2s",
                            "--log-file",
                            "/x/y.log",
                            "--log-level",
                            "debug",
                            "--foreground",
                            "--ready-fd",
                            "3"});
  CHECK(options.endpoint.socket == "/x/y.sock");
  CHECK(parsed({"--bus=work"}).endpoint.bus == "work");
  CHECK(options.idle_exit == Duration(milliseconds(500)));
  CHECK(options.queue.frames == 16);
  CHECK(options.queue.bytes == 2 * 1024 * 1024);
  CHECK(options.max_connections == 9);
  CHECK(options.allow_uids == std::vector<uint32_t>{0, 5});
  CHECK(options.allow_gids == std::vector<uint32_t>{0});
  CHECK(options.dedup_window == Duration::zero());
  CHECK(options.cleanup_timeout == seconds(2));
  CHECK(options.log_file == "/x/y.log");
  CHECK(options.log_level == LogLevel::debug);
  CHECK(options.ready_fd == 3);
  CHECK(parsed({"--idle-exit", "never"}).idle_exit == Duration::max());
}

TEST_CASE(
    "Unknown options are all named in the order typed, before anything else, with the one that was meant") {
  auto result = parse_options({"--zebra", "1", "--vresion", "--queue-frames", "0", "--socket"});
  auto* ending = std::get_if<Ending>(&result);
  REQUIRE(ending != nullptr);
  CHECK(ending->code == kExitUsage);
  CHECK(said(*ending) ==
        "unknown option --zebra; see busd --help\nunknown option --vresion; did you mean --version?");
  expect_wrong({"--sock=x"}, kExitUsage, "unknown option --sock; did you mean --socket?");
  expect_wrong({"-v"}, kExitUsage, "unknown option -v; did you mean -V?");
}

TEST_CASE("Each kind of fault of the command line has its code for programs") {
  auto code_of = [](const std::vector<std::string>& arguments) {
    auto result = parse_options(arguments);
    auto* ending = std::get_if<Ending>(&result);
    REQUIRE(ending != nullptr);
    REQUIRE_FALSE(ending->errors.empty());
    return std::string(name_of(ending->errors[0].code));
  };
  CHECK(code_of({"--zebra"}) == "unknown_option");
  CHECK(code_of({"--socket"}) == "missing_value");
  CHECK(code_of({"--queue-frames", "0"}) == "bad_value");
  CHECK(code_of({"--socket", "/a", "--bus", "b"}) == "conflict");
  CHECK(code_of({"--detach", "--foreground"}) == "conflict");
  CHECK(code_of({"--memory", "1MiB"}) == "conflict");
  CHECK(code_of({"word"}) == "extra_argument");
  CHECK(code_of({"--config", "/nonexistent"}) == "bad_config");
}

TEST_CASE("An option's value is never the option behind it, nor empty") {
  for (const char* option : {"--socket", "--bus", "--config", "--announce", "--allow-uid", "--log-level"}) {
    expect_wrong({option, "--check-config"}, kExitUsage, std::string(option) + " needs a");
    expect_wrong({std::string(option) + "=", "--check-config"}, kExitUsage, "must not be empty");
    expect_wrong({option, ""}, kExitUsage, "must not be empty");
  }
  expect_wrong({"--", "x"}, kExitUsage, "\"x\" is not expected; busd takes options only");
  expect_wrong({"--bus", "a", "--bus", "b"}, kExitUsage, "--bus is given twice");
  expect_wrong({"--socket", "/a", "--bus", "b"}, kExitUsage,
               "--socket excludes --bus; name the hub by only one of them");
}

TEST_CASE("Options that cannot be are named with what is wrong and what is right, exit code 64") {
  expect_wrong({"--nonsense"}, kExitUsage, "--nonsense");
  expect_wrong({"word"}, kExitUsage, "word");
  expect_wrong({"--socket"}, kExitUsage, "--socket");
  expect_wrong({"--socket", ""}, kExitUsage, "--socket");
  expect_wrong({"--bus", "../x"}, kExitUsage, "--bus");
  expect_wrong({"--queue-frames", "0"}, kExitUsage, "\"0\" is not a whole number from 1 to");
  expect_wrong({"--queue-frames", "-1"}, kExitUsage, "--queue-frames");
  expect_wrong({"--queue-frames", "1e3"}, kExitUsage, "--queue-frames");
  expect_wrong({"--queue-frames", "1", "--queue-frames", "2"}, kExitUsage, "--queue-frames");
  expect_wrong({"--queue-bytes", "8MB"}, kExitUsage, "8MiB");
  expect_wrong({"--queue-bytes", "1MiB"}, kExitUsage, "out of range");
  expect_wrong({"--queue-bytes", "99999999999999999999GiB"}, kExitUsage, "not a size");
  expect_wrong({"--max-connections", "0"}, kExitUsage, "--max-connections");
  expect_wrong({"--idle-exit", "5"}, kExitUsage, "or never");
  expect_wrong({"--cleanup-timeout", "0s"}, kExitUsage, "out of range");
  expect_wrong({"--allow-uid", "no-such-user-here"}, kExitUsage, "neither a number nor the name of a user");
  expect_wrong({"--allow-gid", "4294967295"}, kExitUsage, "--allow-gid");
  expect_wrong({"--announce", ""}, kExitUsage, "--announce: must not be empty");
  expect_wrong({"--announce", "a\tb"}, kExitUsage, "control character");
  expect_wrong({"--announce", "both \" and '"}, kExitUsage, "both kinds of quotes");
  expect_wrong({"--announce", "patterns"}, kExitUsage, "\"patterns\" is a capability of the hub itself");
  expect_wrong({"--announce", "a", "--announce", "a"}, kExitUsage, "--announce: \"a\" is given twice");
  expect_wrong({"--log-level", "loud"}, kExitUsage, "error, warning, info, debug");
  expect_wrong({"--ready-fd", "2"}, kExitUsage, "--ready-fd");
  expect_wrong({"--detach", "--foreground"}, kExitUsage, "excludes");
  expect_wrong({"--check-config", "--print-config"}, kExitUsage, "excludes");
}

TEST_CASE("announce takes as many names as fit into a hello_ack beside the hub's own, and not one more") {
  std::vector<std::string> arguments;
  for (size_t i = 0; i < kMaxAnnounced; ++i) arguments.push_back("--announce=name" + std::to_string(i));
  Options options = parsed(arguments);
  CHECK(options.announce.size() == 48);
  CHECK(to_arguments(options).size() >= 48);
  CHECK(print_config(options).find("announce = [name0, name1,") != std::string::npos);
  arguments.emplace_back("--announce=one.more");
  expect_wrong(arguments, kExitUsage, "49 names are given; the limit is 48");
}

TEST_CASE("queue-bytes takes one largest event and some, and not less") {
  CHECK(parsed({"--queue-bytes", std::to_string(kMaxFrameBytes + 65536)}).queue.bytes ==
        kMaxFrameBytes + 65536);
  expect_wrong({"--queue-bytes", std::to_string(kMaxFrameBytes + 65535)}, kExitUsage, "1088KiB");
}

TEST_CASE("--help starts with examples and names every setting; --version names the version") {
  auto help = parse_options({"--help"});
  auto* ending = std::get_if<Ending>(&help);
  REQUIRE(ending != nullptr);
  CHECK(ending->code == kExitDone);
  CHECK(ending->text.starts_with("Examples:\n"));
  for (const Setting& setting : settings())
    CHECK(ending->text.find("--" + std::string(setting.name)) != std::string::npos);
  CHECK(ending->text.find("--ready-fd") == std::string::npos);
  auto version = parse_options({"--version"});
  CHECK(std::get<Ending>(version).text == "busd " BUSD_VERSION "\n");
}

TEST_CASE("The command line wins over the file, setting by setting") {
  TempDir directory;
  std::string file = directory.file("busd.conf");
  std::ofstream(file) << "queue-frames = 5\nmax-connections = 6\nallow-uid = [1, 2]\n";
  Options options = parsed({"--config", file, "--queue-frames", "7", "--allow-uid", "3"});
  CHECK(options.queue.frames == 7);
  CHECK(options.max_connections == 6);
  CHECK(options.allow_uids == std::vector<uint32_t>{3});
}

TEST_CASE("A configuration file that is missing or wrong ends with exit code 78 and names it") {
  TempDir directory;
  std::string file = directory.file("busd.conf");
  expect_wrong({"--config", file}, kExitConfig, file);
  std::ofstream(file) << "# fine\n\nqueue-frames = many\n";
  expect_wrong({"--config", file}, kExitConfig, file + ":3: queue-frames: \"many\"");
}

TEST_CASE("--print-config prints a file that --config reads back to the same") {
  TempDir directory;
  std::vector<std::vector<std::string>> cases = {
      {},
      {"--idle-exit", "never"},
      {"--bus", "x.y"},
      {"--socket",          "/a b/c,d#e;f=\"[g].sock",
       "--idle-exit",       "90s",
       "--queue-frames",    "3",
       "--queue-bytes",     "2000000",
       "--max-connections", "12",
       "--allow-uid",       "1",
       "--allow-uid",       "2",
       "--allow-gid",       "3",
       "--dedup-window",    "1500ms",
       "--cleanup-timeout", "2m",
       "--open-calls",      "5",
       "--waiting-calls",   "6",
       "--sources",         "off",
       "--sources-user",    "7",
       "--values",          "values here/x",
       "--values-keys",     "8",
       "--values-bytes",    "3MiB",
       "--log-file",        "/log here",
       "--log-level",       "error"},
  };
  for (const auto& arguments : cases) {
    std::string text = print_config(parsed(arguments));
    std::string file = directory.file("busd.conf");
    std::ofstream(file) << text;
    INFO(text);
    CHECK(print_config(parsed({"--config", file})) == text);
    CHECK(print_config(parsed(to_arguments(parsed(arguments)))) == text);
  }
  CHECK(parsed({"--config", directory.file("busd.conf")}).endpoint.file_socket == "/a b/c,d#e;f=\"[g].sock");
}

TEST_CASE("sources is auto or off") {
  CHECK_FALSE(parsed({"--sources", "off"}).run_sources);
  CHECK(parsed({"--sources", "auto"}).run_sources);
  expect_wrong({"--sources", "on"}, kExitUsage, "is none of auto, off");
}

TEST_CASE("values is auto, memory, off or a path, and a word that was mistyped is no path") {
  for (const char* values : {"auto", "memory", "off", "/a/b", "./memory", "a/b", "b.values", "../b"})
    CHECK(parsed({"--values", values}).values == values);
  expect_wrong({"--values", "memroy"}, kExitUsage,
               "\"memroy\" is none of auto, memory, off; for a file of that name, write \"./memroy\"");
  expect_wrong({"--values", "on"}, kExitUsage, "--values: \"on\" is none of");
  for (const char* directory : {"/", "a/", ".", "..", "/a/.", "/a/.."})
    expect_wrong({"--values", directory}, kExitUsage, "names no file");
  expect_wrong({"--values", "/a\"'"}, kExitUsage, "both kinds of quotes");
}

TEST_CASE("values-keys and values-bytes have limits, and memory must be enough for what is asked for") {
  CHECK(parsed({"--values-keys", "1"}).value_limits.keys == 1);
  expect_wrong({"--values-keys", "0"}, kExitUsage, "\"0\" is not a whole number from 1 to 10000000");
  expect_wrong({"--values-keys", "10000001"}, kExitUsage, "is not a whole number");
  CHECK(parsed({"--values-bytes", "1MiB"}).value_limits.bytes == 1024 * 1024);
  expect_wrong({"--values-bytes", "1048575"}, kExitUsage, "out of range: from 1MiB, for one value");
  expect_wrong({"--values-bytes", "65GiB"}, kExitUsage, "out of range");
  expect_wrong(
      {"--values-bytes", "1GiB"}, kExitUsage,
      "memory 512MiB is too little for max-connections 4096, values-keys 100000 and values-bytes 1GiB: "
      "give at least ");
  CHECK(parsed({"--values-bytes", "1GiB", "--memory", "2GiB"}).value_limits.bytes == size_t{1} << 30U);
  CHECK(parsed({"--values-bytes", "1GiB", "--values", "off"}).value_limits.bytes == size_t{1} << 30U);
  // Nobody has asked for the default: a hub with less memory has fewer values.
  CHECK(parsed({"--memory", "142MiB", "--max-connections", "200"}).memory == 142 * 1024 * 1024);
}

TEST_CASE("options_fuzz: a path with both kinds of quotes is refused, because no file could hold it") {
  expect_wrong({"--log-file", "/a\"b'c"}, kExitUsage, "both kinds of quotes");
  expect_wrong({"--socket=/'\""}, kExitUsage, "both kinds of quotes");
}

TEST_CASE("options_fuzz: a path with odd characters is printed as a file that reads back to the same") {
  TempDir directory;
  std::string file = directory.file("busd.conf");
  for (const char* path :
       {"/a b\\", "/\\\"", "/`a`", "/a\tb", "/a\r", "/ a ", "/a%%b", "/++", "/;", "/{a}", "'/"}) {
    Options options = parsed({"--log-file", path});
    std::ofstream(file) << print_config(options);
    INFO(print_config(options));
    CHECK(parsed({"--config", file}).log_file == path);
    CHECK(parsed(to_arguments(options)).log_file == path);
  }
}
