#include "consumer/gocache/core/response.h"

#include "tests/unit/gocache/support.h"

using namespace bus::gocache;

namespace {

template <class... Arguments>
std::string line(void (*append)(std::string&, Arguments...), std::type_identity_t<Arguments>... arguments) {
  std::string out = "before\n";
  append(out, arguments...);
  REQUIRE(out.starts_with("before\n"));
  return out.substr(7);
}

const std::string kZeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

}  // namespace

TEST_CASE("The greeting tells the three commands") {
  CHECK(kGreeting == "{\"ID\":0,\"KnownCommands\":[\"get\",\"put\",\"close\"]}\n");
}

TEST_CASE("Members without a value are left out of answers") {
  CHECK(line(append_miss, 7) == "{\"ID\":7,\"Miss\":true}\n");
  CHECK(line(append_closed, 9) == "{\"ID\":9}\n");
  CHECK(line(append_stored, 3, "/c/aa/b-d") == "{\"ID\":3,\"DiskPath\":\"/c/aa/b-d\"}\n");
  CHECK(line(append_error, -4, "no") == "{\"ID\":-4,\"Err\":\"no\"}\n");
  CHECK(line(append_hit, 5, Entry{an_id(1), an_id(0), 12, kSecondNs}, "/p") ==
        "{\"ID\":5,\"OutputID\":\"" + kZeros +
            "\",\"Size\":12,\"Time\":\"1970-01-01T00:00:01Z\",\"DiskPath\":\"/p\"}\n");
  CHECK(line(append_hit, 5, Entry{an_id(1), an_id(0), 0, kSecondNs}, "/p") ==
        "{\"ID\":5,\"OutputID\":\"" + kZeros + "\",\"Time\":\"1970-01-01T00:00:01Z\",\"DiskPath\":\"/p\"}\n");
}

TEST_CASE("Paths and reasons are escaped as JSON wants it") {
  CHECK(line(append_stored, 1, "/a \"b\"\\c\n") == "{\"ID\":1,\"DiskPath\":\"/a \\\"b\\\"\\\\c\\n\"}\n");
  CHECK(line(append_error, 1, "a\tb") == "{\"ID\":1,\"Err\":\"a\\tb\"}\n");
}

TEST_CASE("Ids are told to the ends of their numbers") {
  CHECK(line(append_closed, INT64_MAX) == "{\"ID\":9223372036854775807}\n");
  CHECK(line(append_closed, INT64_MIN) == "{\"ID\":-9223372036854775808}\n");
}

TEST_CASE("A time has as many decimals as it needs") {
  CHECK(rfc3339(0) == "1970-01-01T00:00:00Z");
  CHECK(rfc3339(1) == "1970-01-01T00:00:00.000000001Z");
  CHECK(rfc3339(int64_t{1'790'000'000} * kSecondNs + 700'000'000) == "2026-09-21T14:13:20.7Z");
  CHECK(rfc3339(int64_t{1'790'000'000} * kSecondNs + 70'000'000) == "2026-09-21T14:13:20.07Z");
  CHECK(rfc3339(INT64_MAX) == "2262-04-11T23:47:16.854775807Z");
}
