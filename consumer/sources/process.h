// The processes of one run of a source: its first process, and everything that this starts.
//
// Above spawn.h (how the first one comes to be) and processes.h (what all runs share). Tells its owner what happens, in
// callbacks that run in turns of their own. Decides nothing: when to terminate and when to kill is the lifecycle's
// (core/lifecycle.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "consumer/sources/core/lifecycle.h"
#include "protocol/base/fd.h"

namespace bus::sources {

class Processes;
class Run;

// What a run is started with.
struct Launch {
  std::string source;  // its name
  uint64_t run = 0;
  std::vector<std::string> command;  // the program is looked up in PATH when it has no slash
  std::string directory;             // working directory; empty: "/"
  // All of it, "K=V". BUSD_SOURCE_RUN is added, by which the run's processes are known.
  std::vector<std::string> environment;
  std::optional<Fd> channel;  // stdin and stdout of the program; none: pipes, see Pipes
  bool reads_stdin = false;   // with pipes: stdin is one; else it is /dev/null
  std::optional<uint64_t> memory_max;
  std::optional<uint32_t> cpu_weight;
  std::optional<int> nice;
};

// Our ends, non-blocking and close-on-exec.
struct Pipes {
  Fd in;   // the program's stdin; invalid when it has none
  Fd out;  // its stdout; invalid with a channel
  Fd err;  // its stderr
};

class Process {
 public:
  class Owner {
   public:
    virtual void on_started() = 0;                                   // the program was executed
    virtual void on_could_not_start(const std::string& reason) = 0;  // then nothing else comes
    // The first process has ended. `others_left`: processes of this run live on; on_all_gone() follows when they are gone.
    virtual void on_exited(Exit exit, bool others_left) = 0;
    virtual void on_all_gone() = 0;
    // What could not be done about it since it was started, as a line; within any call of it, too.
    virtual void on_complaint(const std::string& what) = 0;

   protected:
    ~Owner() = default;
  };

  // Starts it; what comes of it is said to the owner later. Never fails by itself: a lack of descriptors or processes is
  // an on_could_not_start.
  Process(Processes& all, Owner& owner, Launch launch);
  // Kills what is left; `all` sees to its end. Not in one of its own callbacks.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Valid from the construction on, until the owner takes them.
  Pipes take_pipes();
  int64_t pid() const;  // of the first process; -1 if there is none
  // What it was started without, and is not fatal: "memory-max is not in force: …", one line each.
  std::vector<std::string> take_complaints();

  // Closes nothing; SIGTERM, then SIGCONT, to its group, and to what has left that and has no parent to tell it.
  void terminate();
  void kill();  // SIGKILL to every process of the run, until none is left
  // Resident memory and processor time of all its processes, as far as they can be read, and how many these are.
  struct Use {
    uint64_t rss_bytes = 0;  // 0: not known
    uint64_t cpu_ms = 0;
    size_t processes = 0;
  };
  Use use() const;

 private:
  Processes& all_;
  std::unique_ptr<Run> run_;
};

}  // namespace bus::sources
