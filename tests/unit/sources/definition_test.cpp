#include "consumer/sources/core/definition.h"

#include "consumer/sources/core/shell_words.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::sources;

namespace {

Definition defined(std::string_view text) {
  ReadDefinition read = read_definition(text, "clock", "/d/clock.source", "/d/clock.sh");
  for (const DefinitionFault& fault : read.faults) FAIL(fault.line << ": " << fault.message);
  return read.definition;
}

std::string faults_of(std::string_view text, const std::optional<std::string>& executable = "/d/clock.sh") {
  std::string faults;
  for (const DefinitionFault& fault : read_definition(text, "clock", "/d/clock.source", executable).faults)
    faults += std::to_string(fault.line) + ": " + fault.message + "\n";
  return faults;
}

std::vector<std::string> words(std::string_view text) {
  auto read = shell_words(text);
  if (!read) FAIL(read.error().what);
  return *read;
}

}  // namespace

TEST_CASE("A source without a file has the defaults") {
  Definition plain = plain_definition("clock", "/d/clock.sh");
  CHECK(plain.command == std::vector<std::string>{"/d/clock.sh"});
  CHECK(plain.types == std::vector<std::string>{"clock", "clock.*"});
  CHECK(plain.event_type == "clock");
  CHECK(plain.start == Start::demand);
  CHECK(plain.restart == Restart::on_failure);
  Definition empty = defined("# nothing\n");
  empty.file = plain.file;
  CHECK(empty == plain);
}

TEST_CASE("A source with the name bus has no types below bus., which are not its own") {
  CHECK(plain_definition("bus", "/d/bus").types == std::vector<std::string>{"bus"});
}

TEST_CASE("A file of a source says all that there is to say") {
  Definition all = defined(
      "command = journalctl -f -o json 'a b'   # why\n"
      "types = journal, journal.*  # two\n"
      "tasks = journal.rotate\n"
      "start = always\n"
      "every = 90s\n"
      "format = json\n"
      "event_type = journal\n"
      "stdin = frames\n"
      "linger = 1m\n"
      "stop-timeout = 500ms\n"
      "directory = /var/log\n"
      "environment = LC_ALL=C\n"
      "environment = \"NOTE=two words\"\n"
      "log-bytes = 64KiB\n"
      "log-file = /tmp/journal.log\n"
      "memory-max = 64MiB\n"
      "cpu-weight = 50\n"
      "nice = -5\n");
  CHECK(all.command == std::vector<std::string>{"journalctl", "-f", "-o", "json", "a b"});
  CHECK(all.types == std::vector<std::string>{"journal", "journal.*"});
  CHECK(all.tasks == std::vector<std::string>{"journal.rotate"});
  CHECK(all.start == Start::always);
  CHECK(all.restart == Restart::always);
  CHECK(all.every == Duration(seconds(90)));
  CHECK(all.format == Format::json);
  CHECK(all.event_type == "journal");
  CHECK(all.input == Input::frames);
  CHECK(all.linger == Duration(seconds(60)));
  CHECK(all.stop_timeout == Duration(milliseconds(500)));
  CHECK(all.directory == "/var/log");
  CHECK(all.environment == std::vector<std::string>{"LC_ALL=C", "NOTE=two words"});
  CHECK(all.log_bytes == 65536);
  CHECK(all.log_file == "/tmp/journal.log");
  CHECK(all.memory_max == 64U << 20U);
  CHECK(all.cpu_weight == 50);
  CHECK(all.nice == -5);
}

TEST_CASE("Every fault of a source's file is told, with its line") {
  CHECK(faults_of("start = sometimes\n\nlinger = 5\nunknown = 1\n") ==
        "1: start: \"sometimes\" is none of demand, always, manual\n"
        "3: linger: \"5\" is not a duration: write a whole number with ms, s, m or h, such as 500ms or 2s\n"
        "4: unknown key \"unknown\"; see bus-sources(5)\n");
  CHECK(faults_of("linger = 1s\nlinger = 2s\n") == "2: linger is given twice\n");
  CHECK(faults_of("types = a,,b\n").find("1: types: something is missing beside a comma") == 0);
  CHECK(faults_of("types = a b\n").find("1: types: \"a b\" has a blank") == 0);
  CHECK(faults_of("types = build*\n") ==
        "1: types: \"build*\" is neither an event type nor a pattern; \"build.*\" matches the types below "
        "\"build\", "
        "\"*\" every type\n");
  CHECK(faults_of("types = a|b\n") ==
        "1: types: \"a|b\" reads as a list of types; put commas between them\n");
  CHECK(faults_of("tasks = math.+\n") ==
        "1: tasks: \"math.+\" is neither a task nor a pattern; \"math.*\" is every task below \"math\"\n");
  CHECK(faults_of("tasks = a|b\n") ==
        "1: tasks: \"a|b\" reads as a list of tasks; put commas between them\n");
  CHECK(faults_of("types = *\nevent_type = a.*\n") ==
        "2: event_type: \"a.*\" is a pattern, not the type of an event; name one type, such as \"a.done\"\n");
  CHECK(faults_of("every = 99ms\n") == "1: every: at least 100ms\n");
  CHECK(faults_of("nice = 20\n") == "1: nice: \"20\" is no number from -20 to 19\n");
  CHECK(faults_of("nice = -21\n") == "1: nice: \"-21\" is no number from -20 to 19\n");
  CHECK(faults_of("cpu-weight = 0\n") == "1: cpu-weight: \"0\" is no number from 1 to 10000\n");
  CHECK(faults_of("environment = 1A=b\n") == "1: environment: \"1A=b\" is not NAME=VALUE\n");
  CHECK(faults_of("directory = here\n") == "1: directory: \"here\" is no absolute path\n");
  CHECK(faults_of("command = a | b\n").find("1: command: | means something to a shell") == 0);
  CHECK(faults_of("start\n").find("1: write name = value") == 0);
  CHECK(faults_of("connection = socket\nformat = text\n")
            .find("2: format has no meaning with connection = socket") == 0);
  CHECK(faults_of("tasks = bus.x\n").find("1: tasks: \"bus.x\" is below bus., where the tasks are") == 0);
  for (const char* task : {"bus.*", "bus.source.*", "bus.source.list"})
    CHECK(faults_of(std::string("tasks = a, ") + task + "\n").find(" is below bus., where the tasks are") !=
          std::string::npos);
  for (const char* type : {"bus.*", "bus.source.*", "bus.source.failed"})
    CHECK(faults_of(std::string("types = a, ") + type + "\n").find(" is below bus., where the types are") !=
          std::string::npos);
  CHECK(faults_of("types = *\nevent_type = bus.x\n").find("2: event_type: \"bus.x\" is below bus.") == 0);
  CHECK(faults_of("types = bus, buses.*\nevent_type = bus\n").empty());
  CHECK(faults_of("types = " + std::string(255, 't') + "\n").empty());
  CHECK(faults_of("types = " + std::string(256, 't') + "\n").find(" has 256 bytes; the limit is 255\n") !=
        std::string::npos);
  CHECK(faults_of("types = " + std::string(254, 't') + ".*\n").find(" has 256 bytes") != std::string::npos);
  CHECK(faults_of("tasks = " + std::string(256, 't') + "\n").find("1: tasks: ") == 0);
  CHECK(faults_of("types = *\nevent_type = " + std::string(256, 't') + "\n").find("2: event_type: ") == 0);
  CHECK(faults_of("types = a\xFF\n").find(" is not UTF-8\n") != std::string::npos);
  CHECK(faults_of(std::string_view("command = a \0b\n", 15)) == "1: command: no value can hold a NUL\n");
  CHECK(faults_of("environment = A=1\nenvironment = AB=1\nenvironment = A=2\n") ==
        "3: environment: A is given twice\n");
  CHECK(faults_of("types = a.*\nevent_type = b\n") ==
        "2: event_type b is none of those that `types` declares\n");
  CHECK(faults_of("types = a.*\nevent_type = a.b\n").empty());
  CHECK(
      faults_of("start = always\n", std::nullopt).find("0: there is no executable clock beside this file") ==
      0);
  CHECK(faults_of("command = date\n", std::nullopt).empty());
  CHECK(faults_of("every = 10 s\n") == "1: every: a time has no blanks: write 10s\n");
  CHECK(faults_of("log-bytes = 8 KiB # much\n") == "1: log-bytes: a size has no blanks: write 8KiB\n");
  CHECK(faults_of("command = ~/x\n") == "1: command: \"~/x\": ~ is not expanded: write the whole path\n");
  CHECK(faults_of("command = $HOME/x\n").find("$ is not expanded") != std::string::npos);
  CHECK(faults_of("command = git log ~/x $x\n").empty());
  CHECK(faults_of("log-file = ~/x\n") == "1: log-file: \"~/x\": ~ is not expanded: write the whole path\n");
}

TEST_CASE("What only follows from another fault of a file is not said") {
  CHECK(faults_of("start = manual\ncomand = date\n", std::nullopt) ==
        "2: unknown key \"comand\"; did you mean command?\n");
  CHECK(faults_of("types = a|b\nevent_type = c\n") ==
        "1: types: \"a|b\" reads as a list of types; put commas between them\n");
  CHECK(faults_of("event_type = a.*\n").find("is none of those") == std::string::npos);
  CHECK(faults_of("\xEF\xBB\xBFstart = always\n").find("1: the file begins with a byte order mark") == 0);
}

TEST_CASE("A name of a source is short and plain") {
  CHECK(is_source_name("load-1_B"));
  CHECK(is_source_name(std::string(64, 'a')));
  CHECK_FALSE(is_source_name(std::string(65, 'a')));
  CHECK_FALSE(is_source_name(""));
  CHECK_FALSE(is_source_name("a.b"));
  CHECK_FALSE(is_source_name("a b"));
}

TEST_CASE("A command is parted as a shell would part it, and nothing is expanded") {
  CHECK(words("a  b\tc") == std::vector<std::string>{"a", "b", "c"});
  CHECK(words("'a b'c \"d\\\"e\\n\" f\\ g") == std::vector<std::string>{"a bc", "d\"e\\n", "f g"});
  CHECK(words("$HOME ~ *.c a#b # c") == std::vector<std::string>{"$HOME", "~", "*.c", "a#b"});
  CHECK(words("'' x") == std::vector<std::string>{"", "x"});
  CHECK_FALSE(shell_words("'a"));
  CHECK_FALSE(shell_words("\"a"));
  CHECK_FALSE(shell_words("a\\"));
  CHECK_FALSE(shell_words("a > b"));
  CHECK(words("'a > b'") == std::vector<std::string>{"a > b"});
}
