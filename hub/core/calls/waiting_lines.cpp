#include "hub/core/calls/waiting_lines.h"

#include "protocol/base/check.h"

namespace bus::hub {

WaitingLines::~WaitingLines() { BUSD_CHECK(lines_.empty() && size_ == 0); }

// Identifiers hold no control characters.
std::string WaitingLines::key_of(std::string_view task, std::string_view to) {
  std::string key(task);
  if (!to.empty()) (key += '\n') += to;
  return key;
}

Line* WaitingLines::find(std::string_view task, std::string_view to) const {
  auto at = lines_.find(key_of(task, to));
  return at == lines_.end() ? nullptr : at->second.get();
}

Line& WaitingLines::line(std::string_view task, std::string_view to, bool& is_new) {
  auto& line = lines_[key_of(task, to)];
  is_new = line == nullptr;
  if (!is_new) return *line;
  line = std::make_unique<Line>();
  line->task = task;
  line->to = to;
  line->place = all_.size();
  all_.push_back(line.get());
  return *line;
}

void WaitingLines::erase(Line& line) {
  BUSD_CHECK(line.size == 0 && line.tasks.empty());
  all_.back()->place = line.place;
  std::swap(all_[line.place], all_.back());
  all_.pop_back();
  lines_.erase(lines_.find(key_of(line.task, line.to)));
}

void WaitingLines::join(Line& line, Call& call, bool in_front) {
  BUSD_CHECK(call.line == nullptr && !call.queued);
  CallList& calls = line.users[call.account->uid];
  in_front ? calls.push_front(call) : calls.push_back(call);
  call.line = &line;
  ++line.size;
  ++size_;
}

void WaitingLines::leave(Call& call) {
  Line& line = *std::exchange(call.line, nullptr);
  auto user = line.users.find(call.account->uid);
  user->second.remove(call);
  if (user->second.empty()) line.users.erase(user);
  --line.size;
  if (--size_ == 0) turns_.clear();
}

Call* WaitingLines::first_of(const Line& line, uint32_t uid) {
  auto user = line.users.find(uid);
  return user == line.users.end() ? nullptr : &user->second.front();
}

size_t WaitingLines::waiting_of(const Line& line, uint32_t uid) {
  auto user = line.users.find(uid);
  return user == line.users.end() ? 0 : user->second.size();
}

bool WaitingLines::is_full(const Line& line, size_t most) {
  return std::any_of(line.users.begin(), line.users.end(),
                     [most](const auto& user) { return user.second.size() >= most; });
}

uint64_t WaitingLines::turn_of(uint32_t uid) const {
  auto at = turns_.find(uid);
  return at == turns_.end() ? 0 : at->second;
}

bool WaitingLines::is_before(const Call& a, const Call& b) const {
  uint64_t turn_a = turn_of(a.account->uid);
  uint64_t turn_b = turn_of(b.account->uid);
  return turn_a != turn_b ? turn_a < turn_b : a.id < b.id;
}

}  // namespace bus::hub
