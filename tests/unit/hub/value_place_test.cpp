#include "hub/value_place.h"

#include <map>
#include <unistd.h>

#include "protocol/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

using namespace bus;
using namespace bus::hub;
using bus::test::TempDir;

namespace {

// A user with a runtime directory of its own, and the variables that a test adds.
class User {
 public:
  explicit User(std::map<std::string, std::string> variables = {{"HOME", "/home/ann"}})
      : variables_(std::move(variables)) {
    variables_.emplace("XDG_RUNTIME_DIR", runtime_.path());
  }

  ValuePlace place(const EndpointRequest& request, const std::string& values = kValuesByDefault) const {
    auto look_up = [this](const char* name) {
      auto at = variables_.find(name);
      return at == variables_.end() ? nullptr : at->second.c_str();
    };
    auto endpoint = resolve_endpoint(request, look_up);
    REQUIRE(endpoint.has_value());
    Options options;
    options.values = values;
    auto place = value_place(options, *endpoint, look_up);
    if (!place) FAIL(place.error().what);
    return *place;
  }
  std::string runtime(const std::string& name) const { return runtime_.file(name); }

 private:
  TempDir runtime_;
  std::map<std::string, std::string> variables_;
};

}  // namespace

TEST_CASE("Values of a hub at its user's standard place are in its state directory, by the name of the bus") {
  User user({{"HOME", "/home/ann"}, {"XDG_STATE_HOME", "/state"}});
  CHECK(user.place({}).path == "/state/busd/bus.values");
  CHECK(user.place({"", "work"}).path == "/state/busd/work.values");
  // A hub that is started on demand, or by systemd, is told the path.
  CHECK(user.place({user.runtime("busd/work.sock"), ""}).path == "/state/busd/work.values");
}

TEST_CASE("A state directory that is empty or relative counts as not set") {
  for (const char* state : {"", "state", "./state"}) {
    User user({{"HOME", "/home/ann"}, {"XDG_STATE_HOME", state}});
    CHECK(user.place({}).path == "/home/ann/.local/state/busd/bus.values");
  }
  CHECK(User().place({}).path == "/home/ann/.local/state/busd/bus.values");
}

TEST_CASE("Without a home nothing is stored, and that is told") {
  const std::vector<std::map<std::string, std::string>> homeless = {{}, {{"HOME", "ann"}}, {{"HOME", ""}}};
  for (const auto& variables : homeless) {
    ValuePlace place = User(variables).place({});
    CHECK(place.serves);
    CHECK(place.path.empty());
    CHECK(place.fault == "neither $XDG_STATE_HOME nor $HOME names a directory");
  }
}

TEST_CASE("A hub at another socket stores nothing by default, which is no fault") {
  User user;
  for (const char* socket : {"/srv/events/bus.sock", "/run/busd/bus.sock"}) {
    ValuePlace place = user.place({socket, ""});
    CHECK(place.serves);
    CHECK(place.path.empty());
    CHECK(place.fault.empty());
  }
  CHECK(user.place({user.runtime("busd/bus"), ""}).path.empty());
  CHECK(user.place({user.runtime("bus.sock"), ""}).path.empty());
}

TEST_CASE("A path is taken as it is, a relative one from the current directory, wherever the socket is") {
  User user;
  for (const char* socket : {"/srv/events/bus.sock", ""}) {
    CHECK(user.place({socket, ""}, "/var/lib/x.values").path == "/var/lib/x.values");
    CHECK(user.place({socket, ""}, "a/b.values").path == *absolute_path("a/b.values"));
  }
  CHECK(absolute_path("a/b.values")->starts_with('/'));
}

TEST_CASE("values memory stores nothing, values off serves none") {
  User user;
  CHECK(user.place({}, kValuesInMemory).path.empty());
  CHECK(user.place({}, kValuesInMemory).serves);
  CHECK(user.place({}, kValuesInMemory).fault.empty());
  CHECK_FALSE(user.place({}, kValuesOff).serves);
  CHECK(user.place({}, kValuesOff).path.empty());
}
