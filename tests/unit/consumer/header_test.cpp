// The faces of the library that need no hub: sizes, texts, arguments.
#include <busd/consumer.h>
#include <busd/consumer.hpp>
#include <cstring>
#include <string>
#include <type_traits>

#include "tests/support/catch.h"

extern "C" int header_works_in_c(void);

namespace {

// What every user of the C++ face relies on.
static_assert(std::is_move_constructible_v<busd::Consumer> && !std::is_copy_constructible_v<busd::Consumer>);
static_assert(std::is_nothrow_move_assignable_v<busd::Source> && !std::is_copy_assignable_v<busd::Source>);

TEST_CASE("The C header compiles as strict C11 and works from there") { CHECK(header_works_in_c() == 0); }

TEST_CASE("Every result has a name, and an unknown one is called so") {
  for (int result = BUSD_OK; result <= BUSD_STORE; ++result) {
    CHECK(std::string(busd_result_name(static_cast<busd_result>(result))) != "unknown");
  }
  CHECK(std::string(busd_result_name(static_cast<busd_result>(18))) == "unknown");
}

TEST_CASE("No more of an error struct is written than the caller has") {
  auto options = BUSD_INIT(busd_consumer_options);
  struct {
    busd_error error;
    char behind[8];
  } memory;
  std::memset(&memory, 'x', sizeof memory);
  // A caller whose busd_error had room for a 20-byte message.
  memory.error.size = offsetof(busd_error, message) + 20;
  busd_consumer* consumer = nullptr;
  CHECK(busd_consumer_open(&options, &consumer, &memory.error) == BUSD_INVALID);
  CHECK(memory.error.size == offsetof(busd_error, message) + 20);
  CHECK(memory.error.result == BUSD_INVALID);
  for (size_t i = 20; i < sizeof memory.error.message; ++i) REQUIRE(memory.error.message[i] == 'x');
}

TEST_CASE("No more of an options struct is read than the caller has") {
  // An old caller, whose options end before `subscription_id`; behind it lies what would be refused.
  auto options = BUSD_INIT(busd_consumer_options);
  options.size = offsetof(busd_consumer_options, subscription_id);
  options.subscription_id = {"\n", 1};
  options.key = {"k", 1};
  options.socket = {"/nonexistent/busd-test/x.sock", 29};
  auto error = BUSD_INIT(busd_error);
  busd_consumer* consumer = nullptr;
  REQUIRE(::setenv("BUSD_NO_START", "1", 1) == 0);
  CHECK(busd_consumer_open(&options, &consumer, &error) == BUSD_UNREACHABLE);
  options.size = sizeof options;
  CHECK(busd_consumer_open(&options, &consumer, &error) == BUSD_INVALID);
  CHECK(std::string(error.message).find("subscription_id") != std::string::npos);
  REQUIRE(::unsetenv("BUSD_NO_START") == 0);
}

TEST_CASE("Bad options are named") {
  auto why = [](busd::ConsumerOptions options) {
    auto consumer = busd::Consumer::open(std::move(options));
    REQUIRE_FALSE(consumer);
    CHECK(consumer.error().result == BUSD_INVALID);
    return consumer.error().message;
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(why({}), Contains("key"));
  CHECK_THAT(why({.key = std::string(256, 'k')}), Contains("key"));
  CHECK_THAT(why({.key = "k", .event_types = {"t", ""}}), Contains("event type"));
  CHECK_THAT(why({.key = "k", .event_types = std::vector<std::string>(257, "t")}),
             Contains("257 event types"));
  CHECK_THAT(why({.key = "k", .bus = "../up"}), Contains("bus"));
  CHECK_THAT(why({.key = "k", .socket = "/" + std::string(107, 'x')}), Contains("107"));
  auto source = busd::Source::open({.name = "\x01"});
  REQUIRE_FALSE(source);
  CHECK(source.error().result == BUSD_INVALID);
}

TEST_CASE("A hub that is not there is unreachable, and its facts say nothing") {
  busd::HubOptions nowhere{.socket = "/nonexistent/busd-test/x.sock"};
  auto status = busd::hub_status(nowhere);
  REQUIRE_FALSE(status);
  CHECK(status.error().result == BUSD_UNREACHABLE);
  auto facts = busd::hub_inspect(nowhere);
  REQUIRE(facts);
  CHECK(facts->socket == "/nonexistent/busd-test/x.sock");
  CHECK(facts->lock == "/nonexistent/busd-test/x.lock");
  CHECK_FALSE(facts->socket_exists);
  CHECK_FALSE(facts->lock_held);
  CHECK(busd::hub_stop(nowhere, std::chrono::milliseconds(10)));
}

}  // namespace
