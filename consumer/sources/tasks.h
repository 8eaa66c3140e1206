// The tasks bus.source.*: who may ask for what, and the answers (bus-sources(8)).
//
// Over the connection that supervisor.h has. What is asked for is done by the host; a command is answered when the
// source has reached its state, or with the reason why not.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "consumer/sources/hub_link.h"
#include "consumer/sources/log_follower.h"
#include "consumer/sources/report.h"
#include "consumer/sources/source.h"
#include "consumer/sources/task_args.h"
#include "protocol/event/timer.h"

namespace bus::sources {

class Tasks {
 public:
  class Host {
   public:
    virtual Source* find_source(std::string_view name) = 0;
    virtual std::vector<Source*> all_sources() = 0;  // by their names
    virtual Reloaded reload() = 0;
    virtual const std::vector<FileFault>& faults() const = 0;  // of the last look
    virtual Result<void> set_enabled(Source& source, bool enabled) = 0;
    virtual bool is_ending() const = 0;

   protected:
    ~Host() = default;
  };

  // `hub_uid`: whose hub it is.
  Tasks(Loop& loop, Host& host, HubLink& link);

  // Offers the tasks on the connection, which is open.
  Result<void> provide();
  void set_hub_user(uint32_t uid) { hub_uid_ = uid; }
  bool is_hub_user(uint32_t uid) const { return uid == hub_uid_; }

  void on_item(const busd_item& item);
  void on_link_lost();
  void on_command_ended(Source& source, const CommandEnd& end);
  void on_logged();
  // There is room again for what is sent.
  void on_turn_done();
  // Whoever reads its log is told the end.
  void on_source_gone();

 private:
  struct Asked {
    uint64_t request;
    std::string args;
    uint32_t uid;
    bool stream;
  };
  struct Task {
    const char* name;
    bool is_open_to_all;
    Takes takes;
    void (Tasks::*serve)(const Asked& asked);
  };
  static const std::vector<Task>& table();

  void list(const Asked& asked);
  void status(const Asked& asked);
  void start(const Asked& asked) { command(asked, &Source::start); }
  void stop(const Asked& asked) { command(asked, &Source::stop); }
  void restart(const Asked& asked) { command(asked, &Source::restart); }
  void enable(const Asked& asked) { mark(asked, true); }
  void disable(const Asked& asked) { mark(asked, false); }
  void reload(const Asked& asked);
  void logs(const Asked& asked);

  void command(const Asked& asked, void (Source::*what)(uint64_t));
  void mark(const Asked& asked, bool enabled);
  Source* source_of(const Asked& asked);
  std::string unknown_name(const std::string& name) const;
  bool may_change(uint32_t uid) const;
  void respond(uint64_t request, std::string_view result);
  void fail(uint64_t request, std::string_view code, std::string_view message);
  void pump();

  Host& host_;
  HubLink& link_;
  uint32_t hub_uid_;
  uint64_t last_command_ = 0;
  std::map<uint64_t, uint64_t> commands_;                       // to the request that has asked for it
  std::map<uint64_t, std::unique_ptr<LogFollower>> followers_;  // by request
  Timer pump_;
};

}  // namespace bus::sources
