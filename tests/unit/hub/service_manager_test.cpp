#include "hub/service_manager.h"

#include <cstdlib>
#include <map>
#include <string>

#include "hub/exit_code.h"
#include "hub/passed_socket.h"
#include "protocol/base/process.h"
#include "tests/support/catch.h"

using namespace bus;
using namespace bus::hub;

namespace {

constexpr pid_t kSelf = 4242;

using Table = std::map<std::string, std::string>;

Environment lookup(const Table& table) {
  return [table](const char* name) -> const char* {
    static std::string value;
    auto found = table.find(name);
    if (found == table.end()) return nullptr;
    value = found->second;
    return value.c_str();
  };
}

Result<bool> passed(const Table& table) { return socket_is_passed(lookup(table), kSelf); }
Result<ServiceManager> manager(const Table& table) { return service_manager_of(lookup(table), kSelf); }

template <class T>
std::string complaint(const Result<T>& result) {
  REQUIRE_FALSE(result);
  CHECK(exit_code_of(result.error().code) == kExitUsage);
  return result.error().what;
}

// A socket address on Linux holds 108 bytes.
std::string name_of(char first, size_t bytes) { return first + std::string(bytes - 1, 'n'); }

}  // namespace

TEST_CASE("A socket is passed when LISTEN_PID names this process and LISTEN_FDS is 1") {
  auto ours = passed({{"LISTEN_PID", "4242"}, {"LISTEN_FDS", "1"}});
  REQUIRE(ours);
  CHECK(*ours);
  for (const Table& table : {Table{}, Table{{"LISTEN_FDS", "1"}}, Table{{"LISTEN_PID", ""}},
                             Table{{"LISTEN_PID", "4243"}, {"LISTEN_FDS", "1"}},
                             Table{{"LISTEN_PID", "4243"}, {"LISTEN_FDS", "nonsense"}}}) {
    auto none = passed(table);
    REQUIRE(none);
    CHECK_FALSE(*none);
  }
}

TEST_CASE("Variables of a passed socket that make no sense are refused, each with its reason") {
  CHECK(complaint(passed({{"LISTEN_PID", "x"}, {"LISTEN_FDS", "1"}})) == "LISTEN_PID \"x\" is not a pid");
  CHECK(complaint(passed({{"LISTEN_PID", "0"}, {"LISTEN_FDS", "1"}})) == "LISTEN_PID \"0\" is not a pid");
  CHECK(complaint(passed({{"LISTEN_PID", "-1"}})) == "LISTEN_PID \"-1\" is not a pid");
  CHECK(complaint(passed({{"LISTEN_PID", "4242"}})) == "LISTEN_PID is set, and LISTEN_FDS is not");
  CHECK(complaint(passed({{"LISTEN_PID", "4242"}, {"LISTEN_FDS", ""}})) == "LISTEN_FDS \"\" is not a number");
  for (const char* count : {"0", "2", "18446744073709551615"}) {
    CHECK(complaint(passed({{"LISTEN_PID", "4242"}, {"LISTEN_FDS", count}})).starts_with(count));
  }
}

TEST_CASE("NOTIFY_SOCKET is a path or an abstract name") {
  auto none = manager({{"NOTIFY_SOCKET", ""}});
  REQUIRE(none);
  CHECK(none->address.empty());
  CHECK(none->watchdog == Duration::max());
  auto path = manager({{"NOTIFY_SOCKET", "/run/systemd/notify"}});
  REQUIRE(path);
  CHECK(path->address == "/run/systemd/notify");
  auto abstract = manager({{"NOTIFY_SOCKET", "@name"}});
  REQUIRE(abstract);
  CHECK(abstract->address == std::string("\0name", 5));
}

TEST_CASE("NOTIFY_SOCKET is refused when no socket address could hold it") {
  for (const char* odd : {"run/notify", "vsock:2:1234", "/", "@", " "}) {
    CHECK(complaint(manager({{"NOTIFY_SOCKET", odd}}))
              .ends_with(" is neither an absolute path nor @ and a name"));
  }
  CHECK(manager({{"NOTIFY_SOCKET", name_of('/', 107)}}));
  CHECK(complaint(manager({{"NOTIFY_SOCKET", name_of('/', 108)}}))
            .ends_with("108 bytes long; the limit is 107"));
  CHECK(manager({{"NOTIFY_SOCKET", name_of('@', 108)}}));
  CHECK(complaint(manager({{"NOTIFY_SOCKET", name_of('@', 109)}}))
            .ends_with("109 bytes long; the limit is 108"));
}

TEST_CASE("A watchdog waits for this process if WATCHDOG_PID says so or nothing") {
  Table table = {{"NOTIFY_SOCKET", "/n"}, {"WATCHDOG_USEC", "30000000"}};
  auto unnamed = manager(table);
  REQUIRE(unnamed);
  CHECK(unnamed->watchdog == seconds(30));
  table["WATCHDOG_PID"] = "4242";
  auto ours = manager(table);
  REQUIRE(ours);
  CHECK(ours->watchdog == seconds(30));
  table["WATCHDOG_PID"] = "4243";
  auto another = manager(table);
  REQUIRE(another);
  CHECK(another->watchdog == Duration::max());
  auto nowhere = manager({{"WATCHDOG_USEC", "30000000"}});
  REQUIRE(nowhere);
  CHECK(nowhere->watchdog == Duration::max());
}

TEST_CASE("A watchdog that waits longer than any process lives is none, and odd ones are refused") {
  Table table = {{"NOTIFY_SOCKET", "/n"}, {"WATCHDOG_USEC", "18446744073709551615"}};
  auto longest = manager(table);
  REQUIRE(longest);
  CHECK(longest->watchdog == Duration::max());
  for (const char* odd : {"0", "-1", "30s", "18446744073709551616"}) {
    table["WATCHDOG_USEC"] = odd;
    CHECK(complaint(manager(table)) == "WATCHDOG_USEC \"" + std::string(odd) + "\" is not a positive number");
  }
  table["WATCHDOG_USEC"] = "1000";
  table["WATCHDOG_PID"] = "me";
  CHECK(complaint(manager(table)) == "WATCHDOG_PID \"me\" is not a positive number");
}

TEST_CASE("What is told of a reload has the time in microseconds, and a status is one line") {
  CHECK(tell_reloading(TimePoint(std::chrono::microseconds(1'234'567) + std::chrono::nanoseconds(999))) ==
        "RELOADING=1\nMONOTONIC_USEC=1234567\n");
  CHECK(tell_status("two\nlines") == "STATUS=two lines\n");
  CHECK(tell_status("") == "STATUS=\n");
}

TEST_CASE("The variables of a service are gone once they were read") {
  for (const char* name : kServiceVariables) REQUIRE(::setenv(name, "1", 1) == 0);
  forget_service_environment();
  for (const char* name :
       {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
    CHECK(::getenv(name) == nullptr);
}
