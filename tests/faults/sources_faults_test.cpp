// Lets the n-th call of bus-sources fail, as faults_test.cpp does with busd: spawning, pipes, pidfds, inotify, the loop and
// files, while it starts, runs two sources, and stops.
//
// After each run: both sources are heard in the end, if need be after SIGHUP, or bus-sources has ended with a status and a word of its own; it ends
// by SIGTERM; and no process of a source is left.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

#include "tests/faults/faulty_hub.h"
#include "tests/integration/bus_sources_support.h"
#include "tests/support/slow.h"

namespace bus::test {
namespace {

constexpr int kFaultFdOfChild = 4;

class FaultySources {
 public:
  FaultySources() : shared_(::memfd_create("faults", MFD_CLOEXEC)) {
    REQUIRE(shared_);
    REQUIRE(::ftruncate(shared_.get(), sizeof(FaultControl)) == 0);
    void* at = ::mmap(nullptr, sizeof(FaultControl), PROT_READ | PROT_WRITE, MAP_SHARED, shared_.get(), 0);
    REQUIRE(at != MAP_FAILED);
    control_ = static_cast<FaultControl*>(at);
    for (const char* name : {"always", "wanted"}) {
      sources_.add_script(name, "exec sh -c 'while :; do echo 1; sleep 0.01; done' " + marker_);
      sources_.add_file(name,
                        std::string("stop-timeout = 1s\n") +
                            (name[0] == 'a' ? "start = always\nrestart = always\n" : "restart = always\n"));
    }
  }
  ~FaultySources() { ::munmap(control_, sizeof(FaultControl)); }
  FaultySources(const FaultySources&) = delete;
  FaultySources& operator=(const FaultySources&) = delete;

  // Whether the fault came to be.
  bool run(const Fault& fault) {
    std::memset(control_, 0, sizeof *control_);
    control_->call = fault.call;
    control_->error = fault.error;
    control_->nth = fault.nth;
    control_->armed = 1;
    ChildOptions options;
    options.descriptors = {{shared_.get(), kFaultFdOfChild}};
    options.environment = {{"LD_PRELOAD", FAULT_SHIM},
                           {"FAULT_FD", std::to_string(kFaultFdOfChild)},
                           {"ASAN_OPTIONS", "verify_asan_link_order=0"}};
    {
      Child child(BUSD_BIN_DIR "/bus-sources", sources_.arguments(), std::move(options));
      busd::Consumer listener =
          open_consumer(consumer_options(sources_.socket(), "listener", {"always", "wanted"}));
      bool serves = hears_both(listener, child);
      if (serves) tell_to_end(child);
      ExitStatus status = child.wait();
      INFO("it said: " << child.errors());
      // A fault may also hit it as it ends.
      CHECK(status.signal == 0);
      if (!serves) {
        // A lock that is said to be somebody's is none of its own.
        bool another_serves = child.errors().find(" serves the sources of ") != std::string::npos;
        CHECK((status.code != 0 || another_serves));
        CHECK(child.errors() != "");
      }
    }
    wait_until_gone(marker_);
    return control_->failed > 0;
  }

 private:
  // Again and again: libevent writes into a pipe to say that a signal came, and where that write is the one that fails,
  // nobody hears of the signal. By itself the write fails only when the pipe is full of such news.
  static void tell_to_end(Child& child) {
    for (TimePoint end = now() + kPatience; child.running() && now() < end; ::usleep(50'000))
      child.signal(SIGTERM);
  }

  // False: bus-sources has ended.
  bool hears_both(busd::Consumer& listener, Child& child) const {
    bool always = false;
    bool wanted = false;
    bool looks_again = false;
    for (TimePoint end = now() + kPatience; now() < end;) {
      auto item = listener.next(std::chrono::milliseconds(20));
      if (item && item->is_event()) (item->event().type() == "always" ? always : wanted) = true;
      if (always && wanted) return true;
      if (!child.running()) return false;
      // What could not be read is said, and read when it is told to look again.
      bool has_fault = child.errors().find(sources_.directory()) != std::string::npos;
      if (has_fault && !std::exchange(looks_again, true)) child.signal(SIGHUP);
    }
    FAIL("not heard: " << (always ? "" : "always ") << (wanted ? "" : "wanted ") << child.errors());
    return false;
  }

  std::string marker_ = "marker-faults-" + std::to_string(::getpid());
  Sources sources_;
  Fd shared_;
  FaultControl* control_ = nullptr;
};

// Every call at first; of those that come by the hundred a part.
uint64_t next_to_fail(uint64_t nth) { return nth < (kSlowBuild ? 3 : 12) ? nth + 1 : nth + 1 + nth / 3; }

void try_all(const std::vector<FaultCall>& calls) {
  FaultySources sources;
  size_t runs = 0;
  size_t faults = 0;
  for (const FaultRow& row : fault_rows()) {
    if (std::find(calls.begin(), calls.end(), row.call) == calls.end()) continue;
    for (int error : row.errors) {
      Fault fault{row.call, error, 1, false};
      for (int without = 0; without < 2; fault.nth = next_to_fail(fault.nth)) {
        INFO(fault.text());
        bool failed = sources.run(fault);
        ++runs;
        faults += failed ? 1 : 0;
        without = failed ? 0 : without + 1;
      }
    }
  }
  std::printf("%zu runs, %zu with a fault\n", runs, faults);
  CHECK(faults > 0);
}

}  // namespace

TEST_CASE("A process, a pipe or a pidfd that cannot be had is tried again, and nothing is left",
          "[sources-spawn]") {
  try_all({FAULT_posix_spawn, FAULT_pipe, FAULT_pidfd_open, FAULT_fcntl, FAULT_waitpid});
}

TEST_CASE("A watch, a timer or a loop that cannot be had is said, and nothing is left", "[sources-watch]") {
  try_all({FAULT_inotify_init, FAULT_inotify_add_watch, FAULT_epoll_create, FAULT_epoll_ctl, FAULT_epoll_wait,
           FAULT_timerfd_create, FAULT_poll, FAULT_getrandom});
}

TEST_CASE("Reading, writing and files may fail, and nothing is left", "[sources-files]") {
  try_all({FAULT_read, FAULT_write, FAULT_open, FAULT_rename, FAULT_mkdir, FAULT_flock, FAULT_fstat});
}

TEST_CASE("A connection to the hub may fail, and nothing is left", "[sources-hub]") {
  try_all({FAULT_socket, FAULT_connect, FAULT_send, FAULT_recv, FAULT_getsockopt});
}

}  // namespace bus::test
