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

// A directory for $XDG_RUNTIME_DIR, which is passed over when it does not exist.
class Runtime {
 public:
  Runtime() { REQUIRE(::mkdtemp(path_) != nullptr); }
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  ~Runtime() { ::rmdir(path_); }
  std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/busd-endpoint-XXXXXX";
};

}  // namespace

TEST_CASE("--socket comes before everything else") {
  auto endpoint = resolve({.socket = "/x/foo.sock", .bus = ""},
                          {{"BUSD_SOCKET", "/y/bar.sock"}, {"BUSD_BUS", "b"}, {"XDG_RUNTIME_DIR", "/"}});
  REQUIRE(endpoint);
  CHECK(endpoint->socket == "/x/foo.sock");
  CHECK(endpoint->name == "foo");
  CHECK(endpoint->directory == "/x");
  CHECK(endpoint->lock == "/x/foo.lock");
  CHECK(endpoint->start_lock == "/x/foo.start.lock");
  CHECK(endpoint->log == "/x/foo.log");
  CHECK(endpoint->explicit_path);
}

TEST_CASE("--bus comes before the environment") {
  Runtime runtime;
  auto endpoint =
      resolve({.socket = "", .bus = "b"},
              {{"BUSD_SOCKET", "/y/bar.sock"}, {"BUSD_BUS", "other"}, {"XDG_RUNTIME_DIR", runtime.path()}});
  REQUIRE(endpoint);
  CHECK(endpoint->socket == runtime.path() + "/busd/b.sock");
  CHECK_FALSE(endpoint->explicit_path);
}

TEST_CASE("--socket together with --bus is refused") {
  auto endpoint = resolve({.socket = "/x/foo.sock", .bus = "b"});
  REQUIRE_FALSE(endpoint);
  CHECK(endpoint.error().code == Errc::invalid);
  CHECK(endpoint.error().what.find("excludes") != std::string::npos);
}

TEST_CASE("$BUSD_SOCKET comes next, unless it is empty") {
  Runtime runtime;
  auto endpoint =
      resolve({}, {{"BUSD_SOCKET", "/y/bar"}, {"BUSD_BUS", "b"}, {"XDG_RUNTIME_DIR", runtime.path()}});
  REQUIRE(endpoint);
  CHECK(endpoint->socket == "/y/bar");
  CHECK(endpoint->lock == "/y/bar.lock");
  CHECK(endpoint->explicit_path);
  CHECK(endpoint->elsewhere.empty());
  endpoint = resolve({}, {{"BUSD_SOCKET", ""}, {"XDG_RUNTIME_DIR", runtime.path()}});
  REQUIRE(endpoint);
  CHECK(endpoint->socket == runtime.path() + "/busd/bus.sock");
  CHECK_FALSE(endpoint->explicit_path);
}

TEST_CASE("What a file says comes after the environment, its socket before its bus") {
  Runtime runtime;
  bus::EndpointRequest request;
  request.file_socket = "/f/file.sock";
  std::map<std::string, std::string> variables{{"XDG_RUNTIME_DIR", runtime.path()}};
  auto at = [&] {
    auto endpoint = resolve(request, variables);
    REQUIRE(endpoint);
    return endpoint->socket;
  };
  CHECK(at() == "/f/file.sock");
  variables["BUSD_BUS"] = "env";
  CHECK(at() == runtime.path() + "/busd/env.sock");
  variables["BUSD_SOCKET"] = "/y/bar.sock";
  CHECK(at() == "/y/bar.sock");
  request.bus = "option";
  CHECK(at() == runtime.path() + "/busd/option.sock");
  bus::EndpointRequest named;
  named.file_bus = "file";
  auto endpoint = resolve(named, {{"XDG_RUNTIME_DIR", runtime.path()}});
  REQUIRE(endpoint);
  CHECK(endpoint->name == "file");
}

TEST_CASE("$BUSD_SOCKET that is no absolute path is refused by the variable's name") {
  for (const char* path : {"~/x", "x.sock", "./x.sock", "unix:/x.sock", " /x.sock", "$HOME/x"}) {
    CAPTURE(path);
    auto endpoint = resolve({}, {{"BUSD_SOCKET", path}});
    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().code == Errc::invalid);
    CHECK(endpoint.error().what.starts_with("$BUSD_SOCKET is \"" + std::string(path) + "\""));
  }
  auto endpoint = resolve({}, {{"BUSD_SOCKET", "/x/"}});
  REQUIRE_FALSE(endpoint);
  CHECK(endpoint.error().what.starts_with("$BUSD_SOCKET: "));
  // An option that overrides it does not read it.
  CHECK(resolve({.socket = "/x/y.sock", .bus = ""}, {{"BUSD_SOCKET", "~/x"}}));
}

TEST_CASE("A path that begins with a ~ is refused also as an option") {
  auto endpoint = resolve({.socket = "~/x.sock", .bus = ""});
  REQUIRE_FALSE(endpoint);
  CHECK(endpoint.error().code == Errc::invalid);
  CHECK(endpoint.error().what.find("$HOME") != std::string::npos);
}

TEST_CASE("A bus has its files in the runtime directory, by its name") {
  Runtime runtime;
  std::string directory = runtime.path() + "/busd";
  auto endpoint = resolve({.socket = "", .bus = "my-bus.2"},
                          {{"XDG_RUNTIME_DIR", runtime.path()}, {"BUSD_BUS", "other"}});
  REQUIRE(endpoint);
  CHECK(endpoint->name == "my-bus.2");
  CHECK(endpoint->directory == directory);
  CHECK(endpoint->socket == directory + "/my-bus.2.sock");
  CHECK(endpoint->lock == directory + "/my-bus.2.lock");
  CHECK(endpoint->start_lock == directory + "/my-bus.2.start.lock");
  CHECK(endpoint->log == directory + "/my-bus.2.log");
  CHECK(endpoint->notice.empty());
  REQUIRE_FALSE(endpoint->elsewhere.empty());
  CHECK(endpoint->elsewhere.back() == "/tmp/busd-" + std::to_string(::geteuid()) + "/my-bus.2.sock");
  endpoint = resolve({}, {{"XDG_RUNTIME_DIR", runtime.path() + "/"}, {"BUSD_BUS", "other"}});
  REQUIRE(endpoint);
  CHECK(endpoint->socket == directory + "/other.sock");
}

TEST_CASE("Without a runtime directory it is /run/user/UID if that is ours, else /tmp") {
  std::string uid = std::to_string(::geteuid());
  struct stat st {};
  bool ours =
      ::lstat(("/run/user/" + uid).c_str(), &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == ::geteuid();
  std::string expected = (ours ? "/run/user/" + uid + "/busd" : "/tmp/busd-" + uid) + "/bus.sock";
  for (const char* runtime : {"", "relative/dir", "/busd-endpoint-missing", "/etc/passwd"}) {
    CAPTURE(runtime);
    auto endpoint = resolve({}, {{"XDG_RUNTIME_DIR", runtime}});
    REQUIRE(endpoint);
    CHECK(endpoint->socket == expected);
    bool set = *runtime != '\0';
    CHECK(endpoint->notice.empty() == (ours && !set));
    if (set)
      CHECK(endpoint->notice.starts_with("$XDG_RUNTIME_DIR is \"" + std::string(runtime) + "\", which "));
    if (set) CHECK(endpoint->notice.find(expected.substr(0, expected.rfind('/'))) != std::string::npos);
  }
}

TEST_CASE("A bus name is judged by its characters and its length") {
  for (const std::string& name :
       {std::string("b"), std::string("A-Z_0.9"), std::string("-x"), std::string(64, 'x')}) {
    CAPTURE(name);
    CHECK(resolve({.socket = "", .bus = name}, {}));
  }
  for (const std::string& name :
       {std::string(".x"), std::string("."), std::string(".."), std::string("a/b"), std::string("a b"),
        std::string("\xC3\xA9"), std::string(65, 'x'), std::string("a\n"), std::string("a\0b", 3)}) {
    CAPTURE(name);
    auto endpoint = resolve({.socket = "", .bus = name}, {});
    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().code == Errc::invalid);
    CHECK(endpoint.error().what.find("bus name") != std::string::npos);
    CHECK(endpoint.error().what.find('\n') == std::string::npos);
  }
  CHECK_FALSE(resolve({}, {{"BUSD_BUS", "a/b"}}));
}

TEST_CASE("A socket path of 107 bytes is accepted, one of 108 refused by name and limit") {
  std::string longest = "/" + std::string(bus::kMaxSocketPathBytes - 1, 'x');
  CHECK(resolve({.socket = longest, .bus = ""}));
  auto endpoint = resolve({.socket = longest + "x", .bus = ""});
  REQUIRE_FALSE(endpoint);
  CHECK(endpoint.error().code == Errc::too_long);
  CHECK(endpoint.error().what.find("107") != std::string::npos);
  CHECK(endpoint.error().what.find(longest) != std::string::npos);
  Runtime runtime;
  std::string deep = runtime.path() + "/" + std::string(90, 'r');
  REQUIRE(::mkdir(deep.c_str(), 0700) == 0);
  endpoint = resolve({}, {{"XDG_RUNTIME_DIR", deep}});
  ::rmdir(deep.c_str());
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
  auto relative = resolve({.socket = "bus.sock", .bus = ""});
  auto absolute = resolve({.socket = "/x/bus.sock", .bus = ""});
  REQUIRE(::fchdir(here.get()) == 0);
  REQUIRE_FALSE(relative);
  CHECK(relative.error().what.starts_with("find the working directory, for the relative path \"bus.sock\""));
  CHECK(absolute);
}
