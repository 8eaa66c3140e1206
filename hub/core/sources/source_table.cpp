#include "hub/core/sources/source_table.h"

#include <algorithm>

#include "protocol/base/check.h"

namespace bus::hub {

SourceTable::~SourceTable() { BUSD_CHECK(absent_.size() == by_name_.size()); }

NamedSource& SourceTable::find_or_insert(std::string_view name) {
  auto at = by_name_.find(name);
  if (at != by_name_.end()) return *at->second;
  auto source = std::make_unique<NamedSource>(name, publishers_);
  return *by_name_.emplace(source->name, std::move(source)).first->second;
}

NamedSource& SourceTable::add(std::string_view name) {
  NamedSource& source = find_or_insert(name);
  if (source.connections++ == 0) std::erase(absent_, &source);
  source.state = SourceState::connected;
  source.detail.clear();
  return source;
}

void SourceTable::drop(NamedSource& source) {
  BUSD_CHECK(source.connections > 0);
  if (--source.connections > 0) return;
  source.state = SourceState::disconnected;
  source.detail.clear();
  make_absent(source);
}

NamedSource& SourceTable::report(const SourceStatus& status) {
  NamedSource& source = find_or_insert(status.source);
  source.state = status.state;
  source.detail = status.detail;
  if (source.connections == 0) make_absent(source);
  return source;
}

void SourceTable::make_absent(NamedSource& source) {
  if (!absent_.empty() && absent_.back() == &source) return;
  std::erase(absent_, &source);
  absent_.push_back(&source);
  if (absent_.size() <= kMaxAbsentSources) return;
  auto longest = by_name_.find(absent_.front()->name);
  absent_.pop_front();
  forgotten_(longest->first);
  by_name_.erase(longest);
}

std::vector<const NamedSource*> SourceTable::known() const {
  std::vector<const NamedSource*> out;
  out.reserve(by_name_.size());
  for (const auto& [name, source] : by_name_) out.push_back(source.get());
  std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  return out;
}

}  // namespace bus::hub
