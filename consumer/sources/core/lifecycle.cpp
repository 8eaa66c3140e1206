#include "consumer/sources/core/lifecycle.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace bus::sources {

namespace {

Wish wish_by(const Definition& definition) {
  switch (definition.start) {
    case Start::demand:
      return Wish::demand;
    case Start::always:
      return Wish::up;
    case Start::manual:
      return Wish::down;
  }
  return Wish::down;
}

// Of a run that was told to end. What says more than that it did so is said.
std::string reason_of_stopped(const Exit& exit) {
  bool is_obedient = exit.ok() || exit.signal == SIGTERM || exit.code == 128 + SIGTERM;
  return is_obedient ? "stopped" : "stopped: " + exit.why();
}

}  // namespace

const char* name_of(State state) {
  switch (state) {
    case State::idle:
      return "idle";
    case State::starting:
      return "starting";
    case State::running:
      return "running";
    case State::stopping:
      return "stopping";
    case State::backoff:
      return "backoff";
    case State::failed:
      return "failed";
    case State::disabled:
      return "disabled";
  }
  return "idle";
}

const char* name_of(Wish wish) {
  switch (wish) {
    case Wish::demand:
      return "demand";
    case Wish::up:
      return "up";
    case Wish::down:
      return "down";
  }
  return "demand";
}

const char* text_of(Rest rest) {
  switch (rest) {
    case Rest::none:
      return "";
    case Rest::stopped:
      return "stopped by name";
    case Rest::stay_down:
      return "asked to stay down";
    case Rest::manual:
      return "start = manual";
    case Rest::ended:
      return "ended by itself";
  }
  return "";
}

Lifecycle::Lifecycle(Actor& actor, const Definition& definition, uint64_t seed)
    : actor_(actor), rules_(definition), back_off_(seed), wish_(wish_by(definition)) {}

bool Lifecycle::should_run() const {
  return enabled_ && !retired_ && (wish_ == Wish::up || (wish_ == Wish::demand && wanted_));
}

Rest Lifecycle::rest_reason() const {
  bool rests = (state_ == State::idle || state_ == State::failed) && next_try_ == kNever;
  if (!rests || retired_) return Rest::none;
  if (wish_ == Wish::down) return down_by_;
  return satisfied_ && should_run() ? Rest::ended : Rest::none;
}

TimePoint Lifecycle::deadline() const { return std::min({linger_until_, kill_at_, next_try_}); }

std::vector<CommandEnd> Lifecycle::take_ended() { return std::exchange(ended_, {}); }

// --- what happens ---

void Lifecycle::begin(TimePoint now) { pursue(now); }

void Lifecycle::set_wanted(bool wanted, TimePoint now) {
  if (wanted == wanted_) return;
  wanted_ = wanted;
  if (wanted) satisfied_ = false;
  pursue(now);
}

void Lifecycle::started(TimePoint now) {
  note_start(now);
  if (state_ == State::starting) enter(State::running);
  settle();
}

void Lifecycle::could_not_start(std::string reason, TimePoint now) {
  exit_ = Exit{.code = {}, .signal = {}, .lasted = {}, .reason = std::move(reason)};
  note_start(now);
  finish(now);
}

void Lifecycle::exited(Exit exit, bool others_left, TimePoint now) {
  exit.lasted = now - started_at_;
  if (ending_) exit.reason = reason_of_stopped(exit);
  exit_ = std::move(exit);
  if (!others_left) return finish(now);
  if (state_ == State::stopping) return;
  // What it has left behind must not meet the next run.
  enter(State::stopping);
  linger_until_ = kNever;
  kill_at_ = now + rules_.stop_timeout;
  actor_.terminate();
}

void Lifecycle::all_gone(TimePoint now) { finish(now); }

void Lifecycle::expired(TimePoint now) {
  if (kill_at_ <= now) {
    kill_at_ = kNever;
    actor_.kill();
  }
  if (linger_until_ <= now) {
    linger_until_ = kNever;
    end(now);
  }
  if (next_try_ <= now) pursue(now);
}

// --- what is asked ---

void Lifecycle::start(uint64_t command, TimePoint now) {
  if (!enabled_) {
    ended_.push_back({command, "it is disabled: enable it first"});
    return;
  }
  bool runs = state_ == State::starting || state_ == State::running;
  add_command(command, Goal::up, runs ? run_ : run_ + 1);
  wish_ = Wish::up;
  satisfied_ = false;
  forget_runs();
  next_try_ = kNever;
  ending_ = ending_ || state_ == State::stopping;  // then it is started at once, whatever has ended it
  pursue(now);
}

void Lifecycle::stop(uint64_t command, TimePoint now) {
  add_command(command, Goal::down, 0);
  wish_ = Wish::down;
  down_by_ = Rest::stopped;
  pursue(now);
}

void Lifecycle::restart(uint64_t command, TimePoint now) {
  if (state_ == State::starting || state_ == State::running) end(now);
  bool was_wanted = should_run();
  Wish before = wish_;
  start(command, now);
  if (was_wanted) wish_ = before;
}

// --- what is decided ---

void Lifecycle::set_enabled(bool enabled, TimePoint now) {
  enabled_ = enabled;
  satisfied_ = false;
  if (enabled) follow(rules_);
  if (enabled && state_ == State::disabled) enter(State::idle);
  if (!enabled && !is_alive()) enter(State::disabled);
  pursue(now);
}

void Lifecycle::set_rules(const Definition& definition, TimePoint now) {
  bool is_by_command = wish_ != wish_by(rules_);  // a start or a stop, which holds
  bool changes = wish_by(definition) != wish_by(rules_) && !is_by_command;
  if (changes) follow(definition);
  bool is_planned_anew = next_try_ != kNever && definition.every != rules_.every;
  rules_ = definition;
  if (changes) satisfied_ = false;
  if (changes || is_planned_anew) pursue(now);
}

void Lifecycle::redefine(const Definition& definition, TimePoint now) {
  if (wish_ == wish_by(rules_)) follow(definition);
  rules_ = definition;
  satisfied_ = false;
  forget_runs();
  end(now);
  pursue(now);
}

void Lifecycle::retire(TimePoint now, std::string why) {
  retired_ = true;
  why_retired_ = std::move(why);
  pursue(now);
}

// --- what follows ---

void Lifecycle::follow(const Definition& definition) {
  wish_ = wish_by(definition);
  down_by_ = Rest::manual;
}

void Lifecycle::enter(State state) {
  state_ = state;
  if (std::exchange(announced_, state) != state) actor_.changed();
}

// A run that was told to end before it could start is none that `every` counts from.
void Lifecycle::note_start(TimePoint now) {
  started_at_ = now;
  if (!ending_) last_start_ = now;
}

void Lifecycle::spawn() {
  ++run_;
  if (std::exchange(is_restart_, false)) ++restarts_;
  ending_ = false;
  had_good_line_ = false;
  linger_until_ = next_try_ = kNever;
  enter(State::starting);
  actor_.spawn(run_);
}

// Ends the run under way.
void Lifecycle::end(TimePoint now) {
  linger_until_ = kNever;
  if (!is_alive()) return rest();
  ending_ = true;
  if (state_ == State::stopping) return;
  enter(State::stopping);
  kill_at_ = now + rules_.stop_timeout;
  actor_.terminate();
}

// Does what the wish and the demand ask for now.
void Lifecycle::pursue(TimePoint now) {
  if (should_run()) {
    linger_until_ = kNever;
    if (!is_alive() && !satisfied_) start_or_wait(not_before_ > now ? State::backoff : State::idle, now);
  } else if (state_ == State::running || state_ == State::starting) {
    bool is_only_unwanted = enabled_ && !retired_ && wish_ == Wish::demand;
    if (is_only_unwanted) {
      linger(now);
    } else {
      end(now);
    }
  } else if (state_ == State::stopping) {
    ending_ = true;
  } else {
    rest();
  }
  settle();
}

void Lifecycle::linger(TimePoint now) {
  if (linger_until_ == kNever) linger_until_ = now + rules_.linger;
  if (linger_until_ <= now) end(now);
}

// The run is over, and nothing of it is left.
void Lifecycle::finish(TimePoint now) {
  kill_at_ = linger_until_ = kNever;
  bool was_told = std::exchange(ending_, false);
  state_ = State::idle;  // it is said below what it really is
  if (!was_told) {
    plan_next(now);
  } else if (should_run()) {
    start_or_wait(State::idle, now);
  } else {
    rest();
  }
  settle();
}

// It has ended by itself.
void Lifecycle::plan_next(TimePoint now) {
  // What a program says over a connection of its own is not seen here.
  bool shows_lines = rules_.connection == Channel::lines;
  bool was_good = exit_->lasted >= BackOff::kGoodRun && (had_good_line_ || !shows_lines);
  if (exit_->code == kStayDown) {
    wish_ = Wish::down;
    down_by_ = Rest::stay_down;
    return rest();
  }
  bool repeats = rules_.every || rules_.restart == Restart::always ||
                 (rules_.restart == Restart::on_failure && !exit_->ok());
  if (!repeats) {
    satisfied_ = true;
    return enter(exit_->ok() ? State::idle : State::failed);
  }
  bool is_due_again = rules_.every && exit_->ok();
  if (is_due_again) {
    back_off_.reset();
  } else {
    is_restart_ = true;
    not_before_ = now + back_off_.next(was_good);
  }
  start_or_wait(is_due_again ? State::idle : State::backoff, now);
}

// The next run may begin: after a back-off, and so long after the last start as `every` says.
TimePoint Lifecycle::earliest_start() const {
  bool is_repeated = rules_.every && last_start_ != TimePoint::min();
  return is_repeated ? std::max(not_before_, last_start_ + *rules_.every) : not_before_;
}

void Lifecycle::start_or_wait(State waiting, TimePoint now) {
  if (!should_run()) return rest();
  TimePoint earliest = earliest_start();
  if (earliest <= now) return spawn();
  next_try_ = earliest;
  enter(waiting);
}

// The next run is started as if it were the first one.
void Lifecycle::forget_runs() {
  back_off_.reset();
  not_before_ = last_start_ = TimePoint::min();
}

void Lifecycle::rest() {
  next_try_ = kNever;
  is_restart_ = false;
  if (!enabled_) return enter(State::disabled);
  if (state_ != State::failed) enter(State::idle);
}

void Lifecycle::add_command(uint64_t command, Goal goal, uint64_t from_run) {
  for (const Command& earlier : commands_) {
    if (earlier.goal != goal)
      ended_.push_back(
          {earlier.number, goal == Goal::down ? "it was stopped meanwhile" : "it was started meanwhile"});
  }
  std::erase_if(commands_, [&](const Command& earlier) { return earlier.goal != goal; });
  commands_.push_back({command, goal, from_run});
}

// Answers the commands whose end has come.
void Lifecycle::settle() {
  std::erase_if(commands_, [&](const Command& command) {
    if (command.goal == Goal::down) {
      if (is_alive()) return false;
      ended_.push_back({command.number, {}});
      return true;
    }
    bool is_on_its_way = state_ == State::starting || state_ == State::stopping ||
                         (state_ == State::backoff && run_ < command.from_run);
    if (is_on_its_way || (state_ == State::running && run_ < command.from_run)) return false;
    bool is_up = state_ == State::running;
    ended_.push_back({command.number, is_up                               ? ""
                                      : run_ >= command.from_run && exit_ ? exit_->why()
                                      : retired_                          ? why_retired_
                                                                          : "nobody wants it any more"});
    return true;
  });
}

}  // namespace bus::sources
