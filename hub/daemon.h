// The running hub: loop, listener, sessions and signals wired together, from the first connection to the
// last.
//
// Starting up (directory, lock, socket, limits) is serve.h; what a message does is the core's.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "hub/core/hub_core.h"
#include "hub/instance_lock.h"
#include "hub/listener.h"
#include "hub/log.h"
#include "hub/notifier.h"
#include "hub/rendezvous.h"
#include "hub/sessions.h"
#include "hub/value_store.h"
#include "protocol/event/loop.h"
#include "protocol/event/signal_watch.h"
#include "protocol/event/timer.h"

namespace bus::hub {

class Daemon {
 public:
  // `lock` is of the place that the socket `listening` stands at; a socket that is removed there is put up
  // again by it.
  Daemon(Loop& loop, HubConfig config, Fd listening, InstanceLock& lock, const ServiceManager& manager,
         Log& log);

  // What is kept of values, and by whom; before run(). The store outlives this, and is finished before.
  void keep_values(ValueStore& store, KeptValues kept);
  // Serves until SIGTERM, SIGINT, a shutdown message, disuse, or the loss of its place ends it, and every
  // connection is closed.
  void run();
  // What else is done at SIGHUP.
  void on_reload(std::function<void()> also) { also_reload_ = std::move(also); }

 private:
  // No new connections; what is queued is written for at most kStopTimeout; then the loop ends.
  // `farewell` is what consumers are told; empty: nothing.
  void begin_stop(const char* reason, std::string_view farewell = {});
  void listen_at(Fd listening);
  void hand_over(const std::string& reason);
  void end_of_turn();
  void on_deadline();
  bool leave_for_disuse();
  void log_notices();
  void reload();

  Loop& loop_;
  Log& log_;
  Sessions sessions_;
  Notifier notifier_;
  std::optional<Listener> listener_;  // from the constructor on; a new one for each new socket
  Rendezvous rendezvous_;
  Timer deadline_;
  Timer stop_deadline_;
  SignalWatch on_sigterm_;
  // Unless SIGINT was ignored when the hub started, as for a script's background job.
  std::optional<SignalWatch> on_sigint_;
  SignalWatch on_sighup_;
  std::function<void()> also_reload_;
  bool stopping_ = false;
};

}  // namespace bus::hub
