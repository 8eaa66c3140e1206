#include "tests/bench/options.h"

#include "tests/support/catch.h"

using namespace bus::bench;

namespace {

std::variant<Options, Ending> parse(std::vector<std::string> words) {
  words.insert(words.begin(), "bus-bench");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return parse_options(static_cast<int>(argv.size()), argv.data());
}

Options options_of(const std::vector<std::string>& words) {
  auto parsed = parse(words);
  REQUIRE(std::holds_alternative<Options>(parsed));
  return std::get<Options>(parsed);
}

}  // namespace

TEST_CASE("Without --busd the one beside bus-bench is measured") {
  Options options = options_of({});
  REQUIRE(options.hubs.size() == 1);
  CHECK(options.hubs[0].first == "busd");
  CHECK(options.hubs[0].second == options.own_directory + "/busd");
}

TEST_CASE("Several busd are several columns") {
  Options options = options_of({"--busd", "old=/a/busd", "--busd", "/b/busd"});
  REQUIRE(options.hubs.size() == 2);
  CHECK(options.hubs[0] == std::pair<std::string, std::string>("busd old", "/a/busd"));
  CHECK(options.hubs[1] == std::pair<std::string, std::string>("busd", "/b/busd"));
}

TEST_CASE("--quick shortens the runs, and what is given beside it still counts") {
  CHECK(options_of({"--quick"}).effort.runs == 3);
  CHECK(options_of({"--quick", "--runs", "9"}).effort.runs == 9);
  CHECK(options_of({"--quick"}).effort.run < options_of({}).effort.run);
}

TEST_CASE("--family chooses one, and without it all are measured") {
  CHECK_FALSE(options_of({}).filter.family);
  CHECK(options_of({"--family", "calls"}).filter.family == Family::calls);
  CHECK(options_of({"--family", "values"}).filter.family == Family::values);
  CHECK(options_of({"--family", "events"}).filter.family == Family::events);
}

TEST_CASE("What makes no sense ends with 64 and says why") {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--runs", "0"},
                                                {"--payload", "sparse"},
                                                {"--family", "songs"},
                                                {"--size", "1"},
                                                {"--nonsense"}}) {
    auto parsed = parse(words);
    REQUIRE(std::holds_alternative<Ending>(parsed));
    CHECK(std::get<Ending>(parsed).code == 64);
    CHECK(std::get<Ending>(parsed).text.starts_with("bus-bench: "));
  }
}

TEST_CASE("Contenders are named by their beginnings, whatever the case") {
  CHECK(is_named({"busd", "null"}, "null hub"));
  CHECK(is_named({"dbus"}, "dbus-daemon"));
  CHECK(is_named({"nats"}, "NATS"));
  CHECK(is_named({"busd"}, "busd old"));
  CHECK_FALSE(is_named({"redis", ""}, "NATS"));
}
