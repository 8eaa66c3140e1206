// Named sources: their last state, their counts, and their dedup windows (PROTOCOL.md 4 and 5).
//
// A name is known from its first hello or source_status on. While a connection bears it, it stays; afterwards
// it is kept (for status, and its dedup window for its return) among the kMaxAbsentSources
// last seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hub/core/base/budget.h"
#include "hub/core/base/text_map.h"
#include "hub/core/peers/publisher.h"
#include "protocol/base/clock.h"
#include "protocol/limits.h"
#include "protocol/messages/source_status.h"

namespace bus::hub {

struct NamedSource {
  NamedSource(std::string_view its_name, Publishers& publishers) : name(its_name), published(publishers) {}

  std::string name;
  SourceState state = SourceState::connected;
  std::string detail;
  size_t connections = 0;
  int64_t pid = 0;         // of the connection that was heard last
  int64_t kernel_pid = 0;  // the same, as the kernel has it
  uint32_t uid = 0;
  Publisher published;  // by all connections that have borne the name

  // Of no interest to a consumer that joins: there may be hundreds, and none of them sends anything.
  bool has_gone() const { return connections == 0 && state == SourceState::disconnected; }
};

class SourceTable {
 public:
  // `forgotten` is told the name of a source that is known no longer.
  SourceTable(Publishers& publishers, std::function<void(const std::string&)> forgotten)
      : publishers_(publishers), forgotten_(std::move(forgotten)) {}
  ~SourceTable();

  // A connection bears `name` from now on. Good until the matching drop().
  NamedSource& add(std::string_view name);
  void drop(NamedSource& source);

  // A state was reported for `name`, which need not be connected.
  NamedSource& report(const SourceStatus& status);

  // All that are known, by name.
  std::vector<const NamedSource*> known() const;
  size_t size() const { return by_name_.size(); }

 private:
  NamedSource& find_or_insert(std::string_view name);
  void make_absent(NamedSource& source);

  Publishers& publishers_;
  std::function<void(const std::string&)> forgotten_;
  TextMap<std::unique_ptr<NamedSource>> by_name_;
  std::deque<NamedSource*> absent_;  // longest absent first; at most kMaxAbsentSources
};

}  // namespace bus::hub
