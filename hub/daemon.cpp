#include "hub/daemon.h"

#include <csignal>
#include <utility>

#include "protocol/base/signals.h"

namespace bus::hub {

namespace {

// How long queues are flushed when the hub stops (PROTOCOL.md 4).
constexpr Duration kStopTimeout = seconds(1);

std::string count_of(uint64_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string status_line(const Summary& summary) {
  return count_of(summary.consumers, "consumer") + ", " + count_of(summary.sources, "source") + ", " +
         count_of(summary.dropped, "event") + " dropped";
}

}  // namespace

Daemon::Daemon(Loop& loop, HubConfig config, Fd listening, InstanceLock& lock, const ServiceManager& manager,
               Log& log)
    : loop_(loop),
      log_(log),
      sessions_(loop, std::move(config), now()),
      notifier_(
          loop, manager, [this] { return status_line(sessions_.core().summary()); }, log),
      rendezvous_(loop, lock, log,
                  {[this](Fd socket) { listen_at(std::move(socket)); },
                   [this](const std::string& reason) { hand_over(reason); }}),
      deadline_(
          loop, [this] { on_deadline(); }, Timer::Grain::fine),
      stop_deadline_(loop, [this] { sessions_.close_all(); }),
      on_sigterm_(loop, SIGTERM, [this] { begin_stop("SIGTERM"); }),
      on_sighup_(loop, SIGHUP, [this] { reload(); }) {
  listen_at(std::move(listening));
  if (!is_ignored(SIGINT)) on_sigint_.emplace(loop, SIGINT, [this] { begin_stop("SIGINT"); });
}

void Daemon::keep_values(ValueStore& store, KeptValues kept) {
  sessions_.core().keep_values(store, std::move(kept));
  ValueEvents events;
  events.committed = [this](uint64_t batch) { sessions_.values_committed(batch); };
  events.failed = [this](const Error& reason) { sessions_.values_failed(reason); };
  events.on_time = [this] { sessions_.expire(); };
  store.begin(std::move(events));
}

void Daemon::run() {
  loop_.on_end_of_turn([this] { end_of_turn(); });
  deadline_.set(sessions_.core().next_deadline());
  notifier_.ready();
  loop_.run();
  loop_.on_end_of_turn(nullptr);
}

void Daemon::listen_at(Fd listening) {
  // Whoever waits at a socket that was removed has come to the right hub all the same.
  if (listener_) static_cast<void>(listener_->accept_burst());
  Listener::Callbacks callbacks;
  callbacks.on_connection = [this](Fd fd, const Credentials& peer, Supply supply) {
    sessions_.add(std::move(fd), peer, supply);
  };
  callbacks.make_room = [this] { sessions_.end_farewells(); };
  callbacks.on_pause = [this](const std::string& reason) {
    log_.write(LogLevel::warning, "accepting is paused", {{"reason", reason}});
  };
  listener_.emplace(loop_, std::move(listening), std::move(callbacks));
}

void Daemon::hand_over(const std::string& reason) {
  log_.write(LogLevel::warning, "handing over, as clients no longer find this hub", {{"reason", reason}});
  begin_stop("handing over", "the hub hands over: " + reason);
}

void Daemon::begin_stop(const char* reason, std::string_view farewell) {
  if (std::exchange(stopping_, true)) return;
  log_.write(LogLevel::info, "stopping", {{"reason", reason}});
  notifier_.stopping(reason);
  rendezvous_.stop();
  listener_->close();
  TimePoint until = now() + kStopTimeout;
  stop_deadline_.set(until);
  sessions_.begin_stop(until, farewell);
}

void Daemon::end_of_turn() {
  if (sessions_.turn_is_open()) return;
  if (sessions_.destroy_closed()) listener_->descriptor_freed();
  log_notices();
  notifier_.changes(sessions_.core().changes());
  if (sessions_.core().stop_requested()) begin_stop("shutdown message");
  if (stopping_ && sessions_.empty()) {
    static_cast<void>(sessions_.destroy_closed());
    loop_.stop();
    return;
  }
  // While it stops there is only one deadline, and it is for all.
  TimePoint next = sessions_.core().next_deadline();
  deadline_.set(stopping_ && next != kAtOnce ? kNever : next);
}

void Daemon::reload() {
  notifier_.reloading();
  log_.reopen();
  if (also_reload_) also_reload_();
  notifier_.ready();
}

void Daemon::on_deadline() {
  sessions_.expire();
  if (!stopping_ && sessions_.core().idle(now()) && leave_for_disuse()) begin_stop("idle");
}

bool Daemon::leave_for_disuse() {
  // Somebody may have connected since the last look: he is taken in, and the hub stays.
  return listener_->accept_burst() == 0 && sessions_.core().idle(now());
}

void Daemon::log_notices() {
  for (const Notice& notice : sessions_.core().take_notices()) {
    const NoticeRule& rule = notice_rule(notice.kind);
    log_.write(rule.level, rule.name, {{"peer", notice.peer}, {"pid", notice.pid}, {"text", notice.text}});
  }
}

}  // namespace bus::hub
