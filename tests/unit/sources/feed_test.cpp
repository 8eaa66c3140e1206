// What becomes of lines where no hub is needed to see it: the log, what is counted, and what goes on to the owner.
#include "consumer/sources/feed.h"

#include <csignal>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <utility>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace bus::sources {
namespace {

class Bench final : Feed::Owner, HubLink::Owner {
 public:
  explicit Bench(Definition what = plain_definition("s", "/s"))
      : definition(std::move(what)),
        loop(std::move(*Loop::create())),
        link(*loop, static_cast<HubLink::Owner&>(*this)),
        feed(definition, link, static_cast<Feed::Owner&>(*this)) {}

  std::vector<std::string> log() const {
    std::vector<std::string> lines;
    for (uint64_t n = feed.log().first(); n < feed.log().next(); ++n) {
      const LogLine& line = feed.log().at(n);
      lines.push_back((line.stream == Stream::out ? "out " : "err ") + std::to_string(line.run) + " " +
                      line.text);
    }
    return lines;
  }

  Definition definition;
  std::unique_ptr<Loop> loop;
  HubLink link;
  Feed feed;
  std::vector<std::string> messages;

 private:
  void on_good_line() override {}
  void on_message(std::string_view type, std::string_view) override { messages.emplace_back(type); }
  void on_logged() override {}
  void on_item(const busd_item&) override {}
  void on_link_lost(const std::string&) override {}
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("What the hub refuses stands in the log with the hub's reason, and is counted") {
  Bench bench;
  bench.feed.refuse(3, "frame_too_large", "the event would be longer than a frame may be");
  CHECK(bench.log() == Lines{"err 3 [the hub refused an event: frame_too_large: the event would be longer "
                             "than a frame may be]"});
  CHECK(bench.feed.refused() == 1);
}

TEST_CASE("That lines of the log's file are lost stands in the log once, however they came to be") {
  test::TempDir directory;
  Definition definition = plain_definition("s", "/s");
  definition.log_file = directory.file("log");
  Bench bench(definition);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit none{0, before.rlim_max};
  void (*handler)(int) = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  bench.feed.take(Stream::err, 1, "one", true);
  bench.feed.take(Stream::err, 1, "two", true);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, handler);
  REQUIRE(bench.log().size() == 3);
  CHECK(bench.log()[1].starts_with("err 1 [log-file: lines are lost: write "));
  CHECK(bench.log()[2] == "err 1 two");
  CHECK(bench.log()[0] == "err 1 one");
}

TEST_CASE("Everything that is no event goes to the log, of both streams, with its run") {
  Bench bench;
  bench.feed.take(Stream::out, 1, "a word", true);
  bench.feed.take(Stream::err, 1, "{\"looks\":\"like JSON\"}\r", true);
  bench.feed.take(Stream::out, 2, "{\"cut\":1", false);
  bench.feed.take(Stream::out, 2, "{\"whole\":1}", false);
  bench.feed.take(Stream::out, 2, R"({"type":"event","event_type":"other","payload":1})", true);
  bench.feed.skip_too_long(Stream::out, 2);
  bench.feed.note(2, "what bus-sources says itself");
  Lines log = bench.log();
  REQUIRE(log.size() == 7);
  CHECK(log[0] == "out 1 a word");
  CHECK(log[1] == R"(err 1 {"looks":"like JSON"})");
  CHECK(log[2] == R"(out 2 {"cut":1)");
  CHECK(log[3] == R"(out 2 [no event: the line has no end] {"whole":1})");
  CHECK(log[4].starts_with(R"(out 2 [no event: its type "other" is none of those that `types` declares] {)"));
  CHECK(log[5] == "out 2 [a line of more than 1MiB was skipped]");
  CHECK(log[6] == "err 2 [what bus-sources says itself]");
  CHECK(bench.feed.refused() == 2);
  CHECK(bench.feed.skipped() == 1);
  CHECK(bench.feed.published() == 0);
}

TEST_CASE("The last line of stderr is that of its run") {
  Bench bench;
  bench.feed.take(Stream::err, 1, "first", true);
  bench.feed.take(Stream::err, 1, "why it failed", true);
  bench.feed.take(Stream::err, 1, "", true);
  CHECK(bench.feed.last_error_line(1) == "why it failed");
  CHECK(bench.feed.last_error_line(2).empty());
}

TEST_CASE("Frames that are no events go to whoever answers requests") {
  Bench bench;
  for (const char* line :
       {R"({"type":"response","id":"1","result":2})", R"({"type":"chunk","id":"1","seq":1,"data":3})",
        R"({"type":"progress","id":"1","done":1})",
        R"({"type":"source_status","source":"s","state":"connected"})"})
    bench.feed.take(Stream::out, 1, line, true);
  CHECK(bench.messages == Lines{"response", "chunk", "progress", "source_status"});
  CHECK(bench.log().empty());
}

}  // namespace bus::sources
