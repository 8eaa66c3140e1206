// When one supervised source runs: its state, what it is wished to do, and what follows from what happens to it.
//
//   idle ── spawn ──> starting ── exec succeeded ──> running ── told to end ──> stopping ── nothing left ──> idle
//                         │                             │                          ^
//                         └──── could not start ──┐     └── ended by itself ───────┤ (while processes of it are left)
//                                                 v                                v
//                                              backoff <── failed, is to run ── (judged by `restart`)
//
// Pure: time comes in, and what is to be done goes out through Actor. Knows neither pids nor the bus.
// Whether anybody wants the source is said by set_wanted(); demand.h knows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/sources/core/back_off.h"
#include "consumer/sources/core/definition.h"
#include "protocol/base/clock.h"

namespace bus::sources {

enum class State { idle, starting, running, stopping, backoff, failed, disabled };
enum class Wish { demand, up, down };
// Why one that does not run is not started, though it is not for want of demand.
enum class Rest { none, stopped, stay_down, manual, ended };

const char* name_of(State state);
const char* name_of(Wish wish);
// For people; empty: none.
const char* text_of(Rest rest);

// How a run has ended, or why it could not begin.
struct Exit {
  std::optional<int> code;
  std::optional<int> signal;  // one of both, unless the program could not be executed
  Duration lasted{};
  std::string
      reason;  // for people: "killed by SIGSEGV", "No such file or directory"; of one that went well it may be empty

  bool ok() const { return code == 0; }
  std::string why() const { return reason.empty() ? "ended in order" : reason; }
};

// A program that exits so asks to stay down until it is started by name.
inline constexpr int kStayDown = 125;

// What a command has come to. Each is answered exactly once.
struct CommandEnd {
  uint64_t command = 0;
  std::string trouble;  // empty: the state was reached
};

class Lifecycle {
 public:
  // What is to be done about processes. Each is called at most once in a run, in this order.
  class Actor {
   public:
    virtual void spawn(uint64_t run) = 0;  // then started() or could_not_start()
    virtual void terminate() = 0;          // end of its stdin, SIGTERM and SIGCONT to its group
    virtual void kill() = 0;               // SIGKILL to all of it
    virtual void changed() = 0;            // the state, or what stands beside it

   protected:
    ~Actor() = default;
  };

  Lifecycle(Actor& actor, const Definition& definition, uint64_t seed);

  // --- what happens ---

  void begin(TimePoint now);  // once, after the construction
  void set_wanted(bool wanted, TimePoint now);
  void started(TimePoint now);
  void could_not_start(std::string reason, TimePoint now);
  void good_line() { had_good_line_ = true; }
  // Its first process has ended; `others_left`: processes that it has started live on.
  void exited(Exit exit, bool others_left, TimePoint now);
  // The last process of a run that has exited is gone.
  void all_gone(TimePoint now);
  void expired(TimePoint now);  // deadline() has come

  // --- what is asked; each ends as an entry of take_ended() ---

  void start(uint64_t command, TimePoint now);
  void stop(uint64_t command, TimePoint now);
  void restart(uint64_t command, TimePoint now);

  // --- what is decided ---

  void set_enabled(bool enabled, TimePoint now);  // enabling takes a stop back, too
  // The source was changed: a run under way ends, and the next one goes by the new definition.
  void redefine(const Definition& definition, TimePoint now);
  // The same, but nothing runs anew: only what is known of its future changes (start, linger, restart, …).
  void set_rules(const Definition& definition, TimePoint now);
  // The source is no longer there, or everything ends: what runs is stopped, for good.
  void retire(TimePoint now, std::string why = "bus-sources ends");

  // --- what is known ---

  State state() const { return state_; }
  Wish wish() const { return wish_; }
  Rest rest_reason() const;
  uint64_t run() const { return run_; }            // from 1; 0: never started
  uint64_t restarts() const { return restarts_; }  // starts after a run that ended by itself
  bool is_over() const { return retired_ && !is_alive(); }
  const std::optional<Exit>& last_exit() const { return exit_; }
  TimePoint started_at() const { return started_at_; }
  TimePoint deadline() const;
  // When it is started again, if that is planned.
  TimePoint next_try() const { return next_try_; }
  std::vector<CommandEnd> take_ended();

 private:
  enum class Goal { up, down };
  struct Command {
    uint64_t number;
    Goal goal;
    uint64_t from_run;  // up: the first run that counts
  };

  bool is_alive() const {
    return state_ == State::starting || state_ == State::running || state_ == State::stopping;
  }
  bool should_run() const;
  void follow(const Definition& definition);
  void enter(State state);
  void note_start(TimePoint now);
  void spawn();
  void end(TimePoint now);
  void pursue(TimePoint now);
  void linger(TimePoint now);
  void finish(TimePoint now);
  void plan_next(TimePoint now);
  TimePoint earliest_start() const;
  void start_or_wait(State waiting, TimePoint now);
  void forget_runs();
  void rest();
  void add_command(uint64_t command, Goal goal, uint64_t from_run);
  void settle();

  Actor& actor_;
  Definition rules_;
  BackOff back_off_;
  State state_ = State::idle;
  State announced_ = State::idle;
  Wish wish_;
  Rest down_by_ = Rest::manual;  // what has made the wish `down`
  bool enabled_ = true;
  bool retired_ = false;
  std::string why_retired_;
  bool wanted_ = false;
  bool satisfied_ = false;  // it has done what it was started for: not again before there is new demand
  bool ending_ = false;     // this run was told to end
  bool had_good_line_ = false;
  uint64_t run_ = 0;
  uint64_t restarts_ = 0;
  bool is_restart_ = false;  // the next start follows a run that ended by itself
  std::optional<Exit> exit_;
  TimePoint started_at_{};
  TimePoint linger_until_ = kNever;
  TimePoint kill_at_ = kNever;
  TimePoint next_try_ = kNever;
  TimePoint not_before_ = TimePoint::min();  // a back-off outlives the demand that it interrupted
  TimePoint last_start_ = TimePoint::min();  // from which `every` counts, whoever comes meanwhile
  std::vector<Command> commands_;
  std::vector<CommandEnd> ended_;
};

}  // namespace bus::sources
