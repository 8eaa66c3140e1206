// Interest over real sockets: what a source is told, what a slow one finds, observers and background connections
// (PROTOCOL.md 12), raw and by the SDK.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/golden.h"
#include "tests/integration/sdk_support.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"

using namespace bus;
using namespace bus::test;

namespace {

std::string interest(const std::string& entry, int consumers) {
  return R"({"type":"interest","event_type":")" + entry + R"(","consumers":)" + std::to_string(consumers) +
         "}";
}

std::string source_hello(const std::string& publishes, const std::string& more = "") {
  return R"({"type":"hello","pid":43,"event_key":"","event_types":[],"version":"v1","role":"source","publishes":[)" +
         publishes + "]" + more + "}";
}

std::string in_words(const busd::Item& item) {
  if (!item.is_interest()) return describe(item);
  busd::Interest told = item.interest();
  return std::string(told.event_type) + " " + std::to_string(told.consumers);
}

std::string next_in_words(busd::Connection& connection) {
  auto item = connection.next(kItemPatience);
  if (!item) FAIL("no item, but: " << busd_result_name(item.error().result) << ": " << item.error().message);
  return in_words(*item);
}

busd::ConnectionOptions publisher_options(const std::string& socket, std::vector<std::string> types) {
  busd::ConnectionOptions options;
  options.socket = socket;
  options.source = "clock";
  options.no_start = true;
  options.publish_types = std::move(types);
  return options;
}

}  // namespace

// ---- raw frames

TEST_CASE("The golden lines of section 12", "[raw]") {
  HubProcess hub;
  RawClient client(hub.socket());
  client.send_line(
      R"({"type":"hello","pid":7,"event_key":"","event_types":[],"version":"v1","role":"client"})");
  client.expect_line(kNotFirst);
  RawClient source(hub.socket());
  source.send_line(source_hello(R"("weather.*","alarm")"));
  source.expect_line(kNotFirst);
  source.expect_line(interest("weather.*", 0));
  source.expect_line(interest("alarm", 0));
  RawClient consumer(hub.socket());
  consumer.hello("k", {"weather.rain"});
  source.expect_line(interest("weather.*", 1));
  RawClient observer(hub.socket());
  observer.hello("tail", {"*"}, R"("observer":true)");
  client.send_line(R"({"type":"event","event_type":"alarm","payload":1})");
  observer.expect_line(R"({"type":"event","event_type":"alarm","seq":1,"payload":1})");
  consumer.close();
  source.expect_line(interest("weather.*", 0));
  CHECK(source.quiet());
  client.shutdown_write();
  client.expect_eof();
}

TEST_CASE("A source that does not read finds the newest numbers, not all of them", "[raw]") {
  HubProcess hub;
  constexpr size_t kEntries = 255;
  constexpr size_t kToggles = 150;
  const std::string padding(200, 'p');
  std::string entries;
  for (size_t i = 0; i < kEntries; ++i) entries += "\"" + padding + "." + std::to_string(i) + "\",";
  RawClient source(hub.socket());
  source.send_line(source_hello(entries + "\"end\""));
  source.expect_line(kNotFirst);
  for (size_t i = 0; i < kToggles; ++i) {
    RawClient consumer(hub.socket());
    consumer.hello("k", {padding + ".*"});
    consumer.send_line(kBye);
    consumer.expect_eof();
  }
  RawClient one(hub.socket());
  one.hello("k", {padding + ".*"});
  RawClient two(hub.socket());
  two.hello("l", {padding + ".7", padding + ".*"});
  // What waits is told in the order in which it began to wait.
  RawClient end(hub.socket());
  end.hello("m", {"end"});
  std::map<std::string, uint64_t> told;
  size_t lines = 0;
  while (told["end"] == 0) {
    auto line = source.read_as<InterestMessage>();
    told[line.event_type] = line.consumers;
    ++lines;
  }
  INFO(lines << " lines");
  CHECK(source.quiet());
  CHECK(lines < kToggles * 2 * kEntries / 4);
  CHECK(told.size() == kEntries + 1);
  for (const auto& [entry, number] : told) {
    CAPTURE(entry);
    CHECK(number > 0);
  }
}

TEST_CASE("A hub exits for lack of use although background connections are there", "[raw]") {
  HubProcess hub({"--idle-exit", "200ms"});
  RawClient consumer(hub.socket());
  consumer.hello("k", {"*"}, R"("background":true)");
  RawClient source(hub.socket());
  source.send_line(source_hello("\"a\"", R"(,"background":true)"));
  source.expect_line(kNotFirst);
  source.expect_line(interest("a", 1));
  hub.expect_clean_exit();
  CHECK(hub.log().find("reason=\"idle\"") != std::string::npos);
  consumer.expect_end();
  source.expect_end();
}

// ---- the SDK

TEST_CASE("A connection that publishes is told by items who listens", "[sdk]") {
  HubProcess hub;
  auto publisher = opened(busd::Connection::open(publisher_options(hub.socket(), {"tick.*", "alarm"})));
  CHECK(next_in_words(publisher) == "tick.* 0");
  CHECK(next_in_words(publisher) == "alarm 0");
  auto consumer = open_consumer(consumer_options(hub.socket(), "k", {"tick.second"}));
  CHECK(next_in_words(publisher) == "tick.* 1");
  auto observing = consumer_options(hub.socket(), "tail", {"*"});
  observing.observer = true;
  auto observer = open_consumer(observing);
  CHECK(next_item(observer) == "source clock connected");
  CHECK(consumer.close());
  CHECK(next_in_words(publisher) == "tick.* 0");
  publish(publisher, "tick.second", "1");
  CHECK(next_item(observer) == "event 1");
}

TEST_CASE("After a reconnection all entries are told anew", "[sdk]") {
  TempDir directory;
  auto hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  auto publisher = opened(busd::Connection::open(publisher_options(hub->socket(), {"a", "b"})));
  CHECK(next_in_words(publisher) == "a 0");
  CHECK(next_in_words(publisher) == "b 0");
  auto consumer = open_consumer(consumer_options(hub->socket(), "k", {"b"}));
  CHECK(next_in_words(publisher) == "b 1");
  CHECK(consumer.close());
  CHECK(next_in_words(publisher) == "b 0");
  hub->kill();
  CHECK(next_in_words(publisher) == "break");
  hub.reset();
  hub = std::make_unique<HubProcess>(directory, std::vector<std::string>{});
  RawClient early(hub->socket());
  early.hello("k", {"a"});
  CHECK(next_in_words(publisher) == "reset");
  std::map<std::string, std::string> last;
  std::string word;
  while (last["a"] != "a 1" || last["b"] != "b 0") {
    word = next_in_words(publisher);
    last[word.substr(0, 1)] = word;
  }
  hub.reset();
}

TEST_CASE("What comes during a flush is kept, interest too", "[sdk]") {
  HubProcess hub;
  auto publisher = opened(busd::Connection::open(publisher_options(hub.socket(), {"a"})));
  auto consumer = open_consumer(consumer_options(hub.socket(), "k", {"a"}));
  publish(publisher, "a", "1");
  publish(publisher, "a", "2");
  std::string word = next_in_words(publisher);
  if (word == "a 0") word = next_in_words(publisher);
  CHECK(word == "a 1");
}

TEST_CASE("A background connection starts no hub, and is none's reason to stay", "[sdk]") {
  TempDir directory;
  auto options = connection_options(directory.path() + "/bus.sock", "k");
  options.no_start = false;
  options.background = true;
  auto refused = busd::Connection::open(options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().result == BUSD_UNREACHABLE);
  HubProcess hub(directory, {"--idle-exit", "200ms"});
  auto open = open_connection(options);
  hub.expect_clean_exit();
  CHECK(next_in_words(open) == "break");
}

TEST_CASE("Options of interest that cannot be are refused before anything is sent", "[sdk]") {
  HubProcess hub;
  auto result_of = [](busd::ConnectionOptions options) {
    auto refused = busd::Connection::open(std::move(options));
    REQUIRE_FALSE(refused);
    return std::string(busd_result_name(refused.error().result)) + ": " + refused.error().message;
  };
  auto options = publisher_options(hub.socket(), std::vector<std::string>(257, "t"));
  CHECK(result_of(options) == "invalid: 257 publish types; the limit is 256");
  options.publish_types = {"a\n"};
  CHECK(result_of(options).find("control character") != std::string::npos);
  options.publish_types = {};
  options.observer = true;
  CHECK(result_of(options).find("observer") != std::string::npos);
}
