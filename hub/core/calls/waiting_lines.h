// Calls that wait for a provider: a line for each task, in which the users come in turn.
//
// A call with `to` waits in a line of its own, since only that source may take it. Knows nothing of who provides.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/core/base/text_map.h"
#include "hub/core/calls/call.h"

namespace bus::hub {

struct Line {
  std::string task;
  std::string to;                      // the source that is to serve; empty: any provider
  std::map<uint32_t, CallList> users;  // by uid; none is empty
  size_t size = 0;
  size_t place = 0;          // among all lines
  std::vector<Task*> tasks;  // provided, and match
};

class WaitingLines {
 public:
  ~WaitingLines();

  // The line of a task; made when there is none, then `is_new`.
  Line& line(std::string_view task, std::string_view to, bool& is_new);
  Line* find(std::string_view task, std::string_view to) const;
  // A line that is empty is to be erased by its caller.
  void erase(Line& line);

  void join(Line& line, Call& call, bool in_front);
  void leave(Call& call);

  // The first of the user's calls there; nullptr: none waits.
  static Call* first_of(const Line& line, uint32_t uid);
  // How many calls of the user wait there.
  static size_t waiting_of(const Line& line, uint32_t uid);
  // Whether as many calls of a user wait there as may.
  static bool is_full(const Line& line, size_t most);

  // Of two calls that wait, whether `a` comes first: the user who was served longest ago, then the older call.
  bool is_before(const Call& a, const Call& b) const;
  // A call of the user was served.
  void served(uint32_t uid) { turns_[uid] = ++turn_; }

  const std::vector<Line*>& all() const { return all_; }
  size_t size() const { return size_; }

 private:
  static std::string key_of(std::string_view task, std::string_view to);
  uint64_t turn_of(uint32_t uid) const;

  TextMap<std::unique_ptr<Line>> lines_;
  std::vector<Line*> all_;
  std::unordered_map<uint32_t, uint64_t> turns_;  // while anybody waits
  uint64_t turn_ = 0;
  size_t size_ = 0;
};

}  // namespace bus::hub
