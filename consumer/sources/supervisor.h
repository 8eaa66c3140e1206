// All sources of one bus: found in the directories, connected to the hub, started and stopped as they are asked to.
//
// Has the connection over which the tasks are offered and the events bus.source.* go out. Never starts a hub: while none
// is there it waits for the next one, its sources running; when its hub has ended in order, it ends, too. So it does when
// there can be no next one, or when it may not serve the one that is there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "consumer/sources/directory.h"
#include "consumer/sources/hub_link.h"
#include "consumer/sources/hub_watch.h"
#include "consumer/sources/marks.h"
#include "consumer/sources/processes.h"
#include "consumer/sources/source.h"
#include "consumer/sources/tasks.h"
#include "protocol/endpoint.h"
#include "protocol/event/directory_watch.h"
#include "protocol/event/loop.h"
#include "protocol/event/timer.h"

namespace bus::sources {

class Supervisor final : HubLink::Owner, Source::Owner, Tasks::Host {
 public:
  struct Settings {
    Endpoint endpoint;
    std::vector<std::string> directories;
    bool directories_may_be_missing = false;
    std::string state_directory;
    bool has_lock_beside_socket = true;  // which is gone with the directory of that
  };
  // What is said to people, a line each.
  struct Voice {
    std::function<void(const std::string& text)> note;
    std::function<void(const std::string& text)> warn;  // of what is wrong, once as long as it lasts
  };

  Supervisor(Loop& loop, Processes& processes, Settings settings, Voice voice);

  // Looks at the directories, connects, and begins.
  void begin();
  // SIGHUP.
  void look_again() { static_cast<void>(reload()); }
  // Stops all sources, side by side, and then the loop.
  void end(const std::string& reason);
  // Why it has ended by itself although nobody wanted that.
  const std::optional<Error>& failure() const { return failure_; }
  // To be called at the end of each turn of the loop.
  void end_of_turn();

 private:
  void on_item(const busd_item& item) override { tasks_.on_item(item); }
  void on_turn_done() override { tasks_.on_turn_done(); }
  void on_link_lost(const std::string& reason) override;

  void on_source_changed(Source& source) override;
  void on_source_logged(Source&) override { tasks_.on_logged(); }
  void on_command_ended(Source& source, const CommandEnd& end) override {
    tasks_.on_command_ended(source, end);
  }
  void on_source_disconnected(Source& source) override;
  void on_source_has_dead(Source& source) override { with_dead_.insert(&source); }

  Source* find_source(std::string_view name) override;
  std::vector<Source*> all_sources() override;
  Reloaded reload() override;
  const std::vector<FileFault>& faults() const override { return faults_; }
  Result<void> set_enabled(Source& source, bool enabled) override;
  bool is_ending() const override { return ending_; }

  void connect();
  Result<void> open_link();
  void give_up(const Error& why);
  bool has_lost_its_place();
  void connect_sources();
  void try_again_later();
  void try_again_soon();
  void say_trouble(const std::string& name, const Error& trouble);
  Duration farewell_left();
  void add(const std::string& name, FoundSource found);
  void remove_gone();
  void say_complaints();
  void say_faults(const std::vector<FileFault>& faults);

  Loop& loop_;
  Processes& processes_;
  Settings settings_;
  Voice voice_;
  Marks marks_;
  HubLink link_;
  Tasks tasks_;
  DirectoryWatch watch_;
  Timer retry_;
  HubWatch hub_watch_;
  Duration retry_pause_{};
  bool waits_ = false;  // for a hub, and has said so
  bool had_hub_ = false;
  bool ending_ = false;
  std::optional<std::pair<dev_t, ino_t>> place_;  // the directory of the socket, once it was there
  std::optional<Error> failure_;
  TimePoint farewell_until_ = kNever;
  std::map<std::string, std::unique_ptr<Source>, std::less<>> sources_;
  std::set<std::string> going_;  // those that are no longer there, and not yet stopped
  std::set<Source*> with_dead_;
  bool something_goes_ = false;
  std::vector<FileFault> faults_;
  std::string last_trouble_;
  uint64_t seed_;
};

}  // namespace bus::sources
