#include "protocol/endpoint.h"

#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/base/fd.h"
#include "protocol/base/unix_socket.h"
#include "tests/support/catch.h"

using bus::Endpoint;
using bus::Errc;

namespace {

bus::Result<Endpoint> resolve(const bus::EndpointRequest& request,
                              const std::map<std::string, std::string>& variables = {}) {
  return bus::resolve_endpoint(request, [&](const char* name) -> const char* {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string working_directory() {
  char buffer[4096];
  REQUIRE(::getcwd(buffer, sizeof buffer) != nullptr);
  return buffer;
}

}  // namespace

TEST_CASE("--socket comes before everything else") {
  auto endpoint = resolve({.socket = "/x/foo.sock", .bus = "b"},
                          {{"BUSD_SOCKET", "/y/bar.sock"}, {"XDG_RUNTIME_DIR", "/z"}});
  REQUIRE(endpoint);
  CHECK(endpoint->socket == "/x/foo.sock");
  CHECK(endpoint->name == "foo");
  CHECK(endpoint->directory == "/x");
  CHECK(endpoint->lock == "/x/foo.lock");
  CHECK(endpoint->start_lock == "/x/foo.start.lock");
  CHECK(endpoint->log == "/x/foo.log");
  CHECK(endpoint->explicit_path);
}

TEST_CASE("$BUSD_SOCKET comes next, unless it is empty") {
  auto endpoint = resolve({.socket = "", .bus = "b"}, {{"BUSD_SOCKET", "/y/bar"}, {"XDG_RUNTIME_DIR", "/z"}});
  REQUIRE(endpoint);
  CHECK(endpoint->socket == "/y/bar");
  CHECK(endpoint->lock == "/y/bar.lock");
  CHECK(endpoint->explicit_path);
  endpoint = resolve({}, {{"BUSD_SOCKET", ""}, {"XDG_RUNTIME_DIR", "/z"}});
  REQUIRE(endpoint);
  CHECK(endpoint->socket == "/z/busd/bus.sock");
  CHECK_FALSE(endpoint->explicit_path);
}

TEST_CASE("A bus has its files in the runtime directory, by its name") {
  auto endpoint =
      resolve({.socket = "", .bus = "my-bus.2"}, {{"XDG_RUNTIME_DIR", "/run/user/7"}, {"BUSD_BUS", "other"}});
  REQUIRE(endpoint);
  CHECK(endpoint->name == "my-bus.2");
  CHECK(endpoint->directory == "/run/user/7/busd");
  CHECK(endpoint->socket == "/run/user/7/busd/my-bus.2.sock");
  CHECK(endpoint->lock == "/run/user/7/busd/my-bus.2.lock");
  CHECK(endpoint->start_lock == "/run/user/7/busd/my-bus.2.start.lock");
  CHECK(endpoint->log == "/run/user/7/busd/my-bus.2.log");
  endpoint = resolve({}, {{"XDG_RUNTIME_DIR", "/run/user/7/"}, {"BUSD_BUS", "other"}});
  REQUIRE(endpoint);
  CHECK(endpoint->socket == "/run/user/7/busd/other.sock");
}

TEST_CASE("Without a runtime directory it is /run/user/UID if that is ours, else /tmp") {
  std::string uid = std::to_string(::geteuid());
  struct stat st {};
  bool ours =
      ::lstat(("/run/user/" + uid).c_str(), &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == ::geteuid();
  std::string expected = (ours ? "/run/user/" + uid + "/busd" : "/tmp/busd-" + uid) + "/bus.sock";
  for (const char* runtime : {"", "relative/dir"}) {
    auto endpoint = resolve({}, {{"XDG_RUNTIME_DIR", runtime}});
    REQUIRE(endpoint);
    CHECK(endpoint->socket == expected);
  }
}

TEST_CASE("A bus name is judged by its characters and its length") {
  for (const std::string& name :
       {std::string("b"), std::string("A-Z_0.9"), std::string("-x"), std::string(64, 'x')}) {
    CAPTURE(name);
    CHECK(resolve({.socket = "", .bus = name}, {{"XDG_RUNTIME_DIR", "/r"}}));
  }
  for (const std::string& name :
       {std::string(".x"), std::string("."), std::string(".."), std::string("a/b"), std::string("a b"),
        std::string("\xC3\xA9"), std::string(65, 'x'), std::string("a\n"), std::string("a\0b", 3)}) {
    CAPTURE(name);
    auto endpoint = resolve({.socket = "", .bus = name}, {{"XDG_RUNTIME_DIR", "/r"}});
    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().code == Errc::invalid);
    CHECK(endpoint.error().what.find("bus name") != std::string::npos);
    CHECK(endpoint.error().what.find('\n') == std::string::npos);
  }
  CHECK_FALSE(resolve({}, {{"XDG_RUNTIME_DIR", "/r"}, {"BUSD_BUS", "a/b"}}));
}

TEST_CASE("A socket path of 107 bytes is accepted, one of 108 refused by name and limit") {
  std::string longest = "/" + std::string(bus::kMaxSocketPathBytes - 1, 'x');
  CHECK(resolve({.socket = longest, .bus = ""}));
  auto endpoint = resolve({.socket = longest + "x", .bus = ""});
  REQUIRE_FALSE(endpoint);
  CHECK(endpoint.error().code == Errc::too_long);
  CHECK(endpoint.error().what.find("107") != std::string::npos);
  CHECK(endpoint.error().what.find(longest) != std::string::npos);
  endpoint = resolve({}, {{"XDG_RUNTIME_DIR", "/" + std::string(100, 'r')}});
  REQUIRE_FALSE(endpoint);
  CHECK(endpoint.error().code == Errc::too_long);
}

TEST_CASE("A relative socket path is made absolute") {
  auto endpoint = resolve({.socket = "b.sock", .bus = ""});
  if (working_directory().size() + 7 > bus::kMaxSocketPathBytes) {
    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().code == Errc::too_long);
  } else {
    REQUIRE(endpoint);
    CHECK(endpoint->socket == working_directory() + "/b.sock");
    CHECK(endpoint->directory == working_directory());
  }
}

TEST_CASE("A path that names no file is refused") {
  for (const char* path : {"/x/", "/", "/x/.sock"}) {
    CAPTURE(path);
    auto endpoint = resolve({.socket = path, .bus = ""});
    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().code == Errc::invalid);
  }
}

TEST_CASE("A relative socket path is refused where the working directory is gone") {
  bus::Fd here(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(here.get() >= 0);
  char gone[] = "/tmp/busd-endpoint-XXXXXX";
  REQUIRE(::mkdtemp(gone) != nullptr);
  REQUIRE(::chdir(gone) == 0);
  REQUIRE(::rmdir(gone) == 0);
  auto relative = resolve({"bus.sock", ""});
  auto absolute = resolve({"/x/bus.sock", ""});
  REQUIRE(::fchdir(here.get()) == 0);
  REQUIRE_FALSE(relative);
  CHECK(relative.error().what.starts_with("find the working directory, for the relative path \"bus.sock\""));
  CHECK(absolute);
}
