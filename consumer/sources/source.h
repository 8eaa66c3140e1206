// One supervised source: joins when it runs (core/lifecycle.h), who wants it (core/demand.h, relay.h), its processes
// (process.h), what they write (run_output.h, feed.h) and its connection to the hub (hub_link.h).
//
// Decides nothing itself. Knows no other source; supervisor.h has them all.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/sources/core/definition.h"
#include "consumer/sources/core/demand.h"
#include "consumer/sources/core/lifecycle.h"
#include "consumer/sources/directory.h"
#include "consumer/sources/feed.h"
#include "consumer/sources/hub_link.h"
#include "consumer/sources/inlet.h"
#include "consumer/sources/process.h"
#include "consumer/sources/processes.h"
#include "consumer/sources/relay.h"
#include "consumer/sources/run_output.h"
#include "protocol/event/loop.h"
#include "protocol/event/timer.h"

namespace bus::sources {

class Source final : Lifecycle::Actor, Process::Owner, HubLink::Owner, RunOutput::Owner, Feed::Owner {
 public:
  class Owner {
   public:
    // Its state has changed.
    virtual void on_source_changed(Source& source) = 0;
    virtual void on_source_logged(Source& source) = 0;
    virtual void on_command_ended(Source& source, const CommandEnd& end) = 0;
    virtual void on_source_disconnected(Source& source) = 0;
    // sweep() is to be called at the end of the turn.
    virtual void on_source_has_dead(Source& source) = 0;

   protected:
    ~Owner() = default;
  };

  struct Place {
    Loop& loop;
    Processes& processes;
    std::string socket;  // of the hub
  };

  Source(const Place& place, Owner& owner, FoundSource found, bool enabled, uint64_t seed);
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // A hub is there. Why it could not be is kept, until it can.
  Result<void> connect();
  // Not in a callback of this source.
  void disconnect(Duration patience) { link_.close(patience); }
  bool is_connected() const { return link_.is_open(); }
  // Begins to do what its definition says; once.
  void begin();
  // It was found again. Whether anything has changed.
  bool redefine(FoundSource found);
  void sweep();

  void start(uint64_t command);
  void stop(uint64_t command);
  void restart(uint64_t command);
  void set_enabled(bool enabled);
  // It is no longer there, and why; without a reason, because everything ends.
  void retire(const std::string& why = {});

  const Definition& definition() const { return found_.definition; }
  const std::string& name() const { return found_.definition.name; }
  const Lifecycle& life() const { return life_; }
  const Demand& demand() const { return demand_; }
  // Why it has no connection to the hub, and how often that was tried; 0: nothing is wrong.
  struct Unconnected {
    std::string reason;
    uint64_t tries = 0;
  };
  const Unconnected& unconnected() const { return unconnected_; }
  // Why it is no longer there; empty: it is.
  const std::string& gone() const { return gone_; }
  // What its last run was started without.
  const std::vector<std::string>& complaints() const { return complaints_; }
  const Feed& feed() const { return feed_; }
  std::optional<int64_t> pid() const;
  std::optional<Process::Use> use() const;

 private:
  void spawn(uint64_t run) override;
  void terminate() override;
  void kill() override;
  void changed() override;

  void on_started() override;
  void on_could_not_start(const std::string& reason) override;
  void on_exited(Exit exit, bool others_left) override;
  void on_all_gone() override;
  void on_complaint(const std::string& what) override { feed_.note(process_run_, what); }

  void on_item(const busd_item& item) override;
  void on_turn_done() override;
  void on_link_lost(const std::string& reason) override;

  void on_line(Stream stream, uint64_t run, std::string_view line, bool whole) override;
  void on_too_long(Stream stream, uint64_t run) override;
  void on_lines_done() override;
  void on_output_over(uint64_t run) override;

  void on_good_line() override { life_.good_line(); }
  void on_message(std::string_view type, std::string_view line) override;
  void on_logged() override { owner_.on_source_logged(*this); }

  Result<void> open_link();
  void launch();
  busd_connection_options connection_options(std::vector<busd_text>& types) const;
  Result<Fd> open_channel();
  void fail_launch(const std::string& reason);
  void retire_process();
  void on_interest(const busd_item& item);
  void tell_interest();
  void want();
  void report_state();
  void pause_outputs();
  void settle();
  bool is_other_program(const FoundSource& found);
  std::string no_run_reason() const;

  Place place_;
  Owner& owner_;
  FoundSource found_;
  std::optional<uint64_t> contents_;  // of its program, when it was found
  Demand demand_;
  HubLink link_;
  Feed feed_;
  Lifecycle life_;
  Relay relay_;
  Timer deadline_;
  Timer unlaunched_;  // what could not be launched is said in a turn of its own
  std::string launch_trouble_;
  bool launch_waits_ = false;  // for a hub
  size_t interest_awaited_ = 0;
  Unconnected unconnected_;
  std::string gone_;
  std::vector<std::string> complaints_;
  bool connected_anew_ = false;  // and no demand was judged since
  std::unique_ptr<Process> process_;
  uint64_t process_run_ = 0;
  std::unique_ptr<Inlet> inlet_;
  std::vector<std::unique_ptr<RunOutput>> outputs_;  // the newest last
  std::vector<std::pair<std::string, uint64_t>> interest_;
  std::vector<std::unique_ptr<Process>> dead_processes_;
  std::vector<std::unique_ptr<RunOutput>> dead_outputs_;
};

// Whether a run under way cannot go on by the new definition.
bool needs_new_run(const Definition& before, const Definition& after);

}  // namespace bus::sources
