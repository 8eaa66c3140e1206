#include "hub/config_file.h"

#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;

namespace {

std::string fault_of(std::string_view text) {
  Options options;
  auto done = apply_config(text, "busd.conf", options);
  REQUIRE_FALSE(done);
  return done.error().what;
}

}  // namespace

TEST_CASE("A configuration file is name = value lines with comments, quotes and lists") {
  Options options;
  auto done = apply_config(
      "# a comment\n"
      "; another one\r\n"
      "\n"
      "  queue-frames=16   # with a reason\n"
      "socket = \"/a b/#1, really.sock\"\n"
      "log-file = '/it\"s.log'\n"
      "allow-uid = [1, 2,3]\n"
      "allow-gid = 4\n"
      "idle-exit = never",
      "busd.conf", options);
  if (!done) FAIL(done.error().what);
  CHECK(options.queue.frames == 16);
  CHECK(options.endpoint.socket == "/a b/#1, really.sock");
  CHECK(options.log_file == "/it\"s.log");
  CHECK(options.allow_uids == std::vector<uint32_t>{1, 2, 3});
  CHECK(options.allow_gids == std::vector<uint32_t>{4});
  CHECK(options.idle_exit == Duration::max());
}

TEST_CASE("Every fault of a configuration file is told with its line") {
  CHECK(fault_of("\n\nqueue-frame = 1\n").starts_with("busd.conf:3: unknown setting \"queue-frame\""));
  CHECK(fault_of("queue-frames = 1\nqueue-frames = 2\n")
            .starts_with("busd.conf:2: queue-frames is given twice"));
  CHECK(fault_of("queue-frames = 0").starts_with("busd.conf:1: queue-frames: \"0\""));
  CHECK(fault_of("queue-frames = 1 2").starts_with("busd.conf:1: queue-frames takes one value"));
  CHECK(fault_of("queue-frames =").starts_with("busd.conf:1: write name = value"));
  CHECK(fault_of("x").starts_with("busd.conf:1: "));
  CHECK(fault_of("= 5").starts_with("busd.conf:1: "));
  CHECK(fault_of("[hub]\n").starts_with("busd.conf:1: there are no sections"));
  CHECK(fault_of("hub.queue-frames = 5").starts_with("busd.conf:1: unknown setting \"hub.queue-frames\""));
  CHECK(fault_of("allow-uid = [1,\n2]").starts_with("busd.conf:1: a list must stand on one line"));
  CHECK(fault_of("detach = true").starts_with("busd.conf:1: unknown setting \"detach\""));
  CHECK(fault_of("socket = \"/unfinished").starts_with("busd.conf:1: "));
}

TEST_CASE("config_fuzz: a NUL between quotes is part of the value, and no path holds one") {
  std::string_view text("log-file = \"/a# b\\\0\0c\"", 22);
  CHECK(fault_of(text).find("holds a character that no path of ours may hold") != std::string::npos);
}

TEST_CASE("A byte order mark is named as what keeps a file from being read") {
  Options options;
  auto done = apply_config("\xEF\xBB\xBFqueue-frames = 7\n", "f", options);
  REQUIRE_FALSE(done);
  CHECK(done.error().what.find("f:1: the file begins with a byte order mark (BOM)") == 0);
}

TEST_CASE("config_fuzz: a blank line may hold a carriage return") {
  Options options;
  CHECK(apply_config("\n\r\n \t\r\n\r", "busd.conf", options));
}
