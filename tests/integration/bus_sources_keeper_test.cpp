// A hub that runs the sources of its standard place by itself: bus-sources is started, watched, started again, and what it leaves
// is ended.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <sys/syscall.h>

#include "tests/integration/bus_sources_support.h"
#include "tests/support/refuse_calls.h"
#include "tests/support/slow.h"

namespace bus::test {
namespace {

// What a killed bus-sources has left may live so long; the contract says a second.
constexpr Duration kOrphanAge = kSlowBuild ? seconds(5) : seconds(1);

// A user's runtime directory, configuration and state, with one source that survives bus-sources: it has left its session, and
// ignores that it is told to end.
class Home {
 public:
  explicit Home(const std::string& name) : marker_("marker-" + name + "-" + std::to_string(::getpid())) {
    for (const char* directory :
         {"run", "run/busd", "config", "config/busd", "config/busd/sources.d", "state"})
      REQUIRE(::mkdir(dir_.file(directory).c_str(), 0700) == 0);
    write_text(
        dir_.file("config/busd/sources.d/s"),
        "#!/bin/sh\nexec setsid -w sh -c 'trap \"\" TERM HUP; while :; do sleep 0.1; done' " + marker_ + "\n",
        0755);
    write_text(dir_.file("config/busd/sources.d/s.source"), "start = always\nstop-timeout = 100ms\n");
  }
  ~Home() {
    if (hub_ && hub_->running()) {
      hub_->signal(SIGTERM);
      (void)hub_->wait();
    }
    for (pid_t pid : left()) ::kill(pid, SIGKILL);
  }
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;

  Child& hub() { return *hub_; }
  ChildOptions options() const {
    ChildOptions options;
    options.environment = {{"XDG_RUNTIME_DIR", dir_.file("run")},
                           {"XDG_CONFIG_HOME", dir_.file("config")},
                           {"XDG_STATE_HOME", dir_.file("state")}};
    return options;
  }
  void start_hub(std::function<void()> in_child = {}) {
    ChildOptions all = options();
    all.in_child = std::move(in_child);
    hub_ = std::make_unique<Child>(BUSD_BIN_DIR "/busd", std::vector<std::string>{}, all);
    hub_->wait_for_errors("serving");
  }
  size_t count_in_log(const std::string& text) const {
    std::string log = hub_->errors();
    size_t count = 0;
    for (size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) ++count;
    return count;
  }
  // The one that was started as the nth, from 1, when its source is up; its pid.
  pid_t wait_for_start(size_t nth) {
    wait_for([&] { return count_in_log(kStarted) >= nth; });
    std::string log = hub_->errors();
    std::string pid = log.substr(log.rfind(kStarted) + kStarted.size());
    REQUIRE(pid.starts_with(" pid="));
    pid = pid.substr(5, pid.find('\n') - 5);
    wait_for([&] { return !left().empty(); });
    return static_cast<pid_t>(parse_u64(pid).value_or(0));
  }
  // The processes of the source but its first one, which is told to end by the kernel.
  std::vector<pid_t> left() const {
    std::vector<pid_t> found = processes_of(marker_);
    std::erase_if(found, [](pid_t pid) {
      auto command = read_file("/proc/" + std::to_string(pid) + "/cmdline", 65'536);
      return !command || command->starts_with("setsid");
    });
    return found;
  }
  // By the socket in their arguments.
  std::vector<pid_t> supervisors() const { return processes_of(dir_.file("run/busd/")); }
  bool are_gone(const std::vector<pid_t>& pids) const {
    std::vector<pid_t> now_left = left();
    return std::none_of(pids.begin(), pids.end(), [&](pid_t pid) {
      return std::find(now_left.begin(), now_left.end(), pid) != now_left.end();
    });
  }
  void wait_for(const std::function<bool()>& condition) {
    for (TimePoint end = now() + kPatience; !condition(); ::usleep(2000)) {
      if (now() > end) FAIL("what was waited for did not come; the hub has said:\n" << hub_->errors());
    }
  }
  // Kills bus-sources, and sees what it leaves end in time.
  void kill(pid_t supervisor) {
    std::vector<pid_t> orphans = left();
    REQUIRE_FALSE(orphans.empty());
    TimePoint killed = now();
    REQUIRE(::kill(supervisor, SIGKILL) == 0);
    wait_for([&] { return are_gone(orphans); });
    CHECK(now() - killed < kOrphanAge);
  }

 private:
  static inline const std::string kStarted = "\"bus-sources is started\"";
  std::string marker_;
  TempDir dir_;
  std::unique_ptr<Child> hub_;
};

TEST_CASE("However often bus-sources is killed, what it leaves is ended within a second", "[kept]") {
  Home home("often");
  home.start_hub();
  for (size_t kills = 1; kills <= 5; ++kills) {
    CAPTURE(kills);
    home.kill(home.wait_for_start(kills));
  }
}

TEST_CASE("A hub that ends in order leaves nothing of a bus-sources that was killed", "[kept]") {
  Home home("order");
  home.start_hub();
  pid_t supervisor = home.wait_for_start(1);
  SECTION("just before") {
    home.hub().signal(SIGSTOP);
    wait_for_state(home.hub().pid(), 'T');
    REQUIRE(::kill(supervisor, SIGKILL) == 0);
    wait_for_state(supervisor, 'Z');
    home.hub().signal(SIGTERM);
    home.hub().signal(SIGCONT);
  }
  SECTION("and is to be started again") {
    REQUIRE(::kill(supervisor, SIGKILL) == 0);
    home.hub().wait_for_errors("bus-sources has failed");
    home.hub().signal(SIGTERM);
  }
  CHECK(home.hub().wait() == ExitStatus{0, 0});
  home.wait_for([&] { return home.left().empty(); });
}

TEST_CASE("A hub that ends before its bus-sources has seen it leaves none that waits for the next hub",
          "[kept]") {
  Home home("young");
  home.start_hub();
  home.hub().wait_for_errors("bus-sources is started");
  home.hub().signal(SIGTERM);
  CHECK(home.hub().wait() == ExitStatus{0, 0});
  home.wait_for([&] { return home.supervisors().empty() && home.left().empty(); });
}

TEST_CASE("Another bus-sources is said once, and ours is started when it has ended", "[kept]") {
  Home home("another");
  Child other(BUSD_BIN_DIR "/bus-sources", {}, home.options());
  other.wait_for_errors("waiting for one");
  home.start_hub();
  std::string why = "another one serves: pid " + std::to_string(other.pid());
  home.hub().wait_for_errors(why);
  home.wait_for([&] { return !home.left().empty(); });
  ::usleep(1'500'000);  // what must not happen
  CHECK(home.count_in_log(why) == 1);
  CHECK(home.count_in_log("bus-sources is") == 1);
  home.kill(other.pid());
  pid_t ours = home.wait_for_start(1);
  CHECK(::kill(ours, 0) == 0);
}

// Of a user who has nothing yet.
class Newcomer {
 public:
  explicit Newcomer(const std::function<void()>& in_child = {}) {
    REQUIRE(::mkdir(dir_.file("run").c_str(), 0700) == 0);
    ChildOptions options;
    options.environment = {{"XDG_RUNTIME_DIR", dir_.file("run")},
                           {"XDG_CONFIG_HOME", dir_.file("config")},
                           {"XDG_STATE_HOME", dir_.file("state")}};
    options.in_child = in_child;
    hub_ = std::make_unique<Child>(BUSD_BIN_DIR "/busd", std::vector<std::string>{}, options);
    hub_->wait_for_errors("serving");
  }
  ~Newcomer() {
    hub_->signal(SIGTERM);
    (void)hub_->wait();
  }
  Newcomer(const Newcomer&) = delete;
  Newcomer& operator=(const Newcomer&) = delete;

  Child& hub() { return *hub_; }
  void make_directories() const {
    for (const char* directory : {"config", "config/busd", "config/busd/sources.d"})
      REQUIRE(::mkdir(dir_.file(directory).c_str(), 0700) == 0);
  }
  void add(const std::string& name) const {
    write_text(dir_.file("config/busd/sources.d/" + name), "#!/bin/sh\nexec sleep 100\n", 0755);
  }

 private:
  TempDir dir_;
  std::unique_ptr<Child> hub_;
};

TEST_CASE("A hub that found no sources starts bus-sources for the first one", "[kept]") {
  Newcomer user;
  user.make_directories();
  user.add("a");
  user.hub().wait_for_errors("serving 1 source ");
}

TEST_CASE("A bus-sources that somebody has stopped is started when the directory changes", "[kept]") {
  Newcomer user;
  user.make_directories();
  user.add("a");
  user.hub().wait_for_errors("serving 1 source ");
  std::string log = user.hub().errors();
  const std::string before_pid = "\"bus-sources is started\" pid=";
  size_t at = log.find(before_pid);
  REQUIRE(at != std::string::npos);
  // One that ends within a second has found another one.
  ::usleep(static_cast<useconds_t>(to_ms(seconds(1))) * 1000);
  REQUIRE(::kill(std::stoi(log.substr(at + before_pid.size())), SIGTERM) == 0);
  user.hub().wait_for_errors("bus-sources has ended");
  user.add("b");
  user.hub().wait_for_errors("serving 2 sources ");
}

TEST_CASE("Where the kernel gives no watch of a directory, sources are seen at SIGHUP, and that is said",
          "[kept]") {
  Newcomer user([] {
    if (!refuse_calls({SYS_inotify_init1}, EMFILE)) ::_exit(1);
  });
  user.hub().wait_for_errors("new sources are seen only at SIGHUP");
  user.make_directories();
  user.add("a");
  user.hub().signal(SIGHUP);
  user.hub().wait_for_errors("serving 1 source ");
}

TEST_CASE("Where the kernel tells no end of a process, bus-sources is looked for", "[kept]") {
  Home home("untold");
  home.start_hub([] {
    if (!refuse_calls({SYS_pidfd_open}, ENOSYS)) ::_exit(1);
  });
  home.kill(home.wait_for_start(1));
  home.hub().wait_for_errors("killed by signal 9");
  home.kill(home.wait_for_start(2));
  CHECK(home.count_in_log("killed by signal 9") == 2);
}

}  // namespace
}  // namespace bus::test
