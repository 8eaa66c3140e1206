#include "consumer/src/server.h"

#include <algorithm>
#include <utility>

namespace bus::sdk {

namespace {

const std::string& id_of(const Item& item) {
  if (const auto* cancel = std::get_if<Cancel>(&item.call)) return cancel->id;
  if (const auto* pause = std::get_if<Pause>(&item.call)) return pause->id;
  return std::get_if<Resume>(&item.call)->id;
}

}  // namespace

void Server::provide(const Provide& what) {
  for (const std::string& task : what.tasks) {
    if (std::find(tasks_.begin(), tasks_.end(), task) == tasks_.end()) tasks_.push_back(task);
  }
  slots_ = what.slots;
  priority_ = what.priority;
}

void Server::unprovide(const std::vector<std::string>& tasks) {
  if (tasks.empty()) return tasks_.clear();
  std::erase_if(tasks_, [&](const std::string& task) {
    return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
  });
}

std::vector<Provide> Server::provided() const {
  std::vector<Provide> messages;
  for (size_t begin = 0; begin < tasks_.size(); begin += kMaxTasksInProvide) {
    size_t end = std::min(begin + kMaxTasksInProvide, tasks_.size());
    Provide message;
    message.tasks.assign(tasks_.begin() + static_cast<std::ptrdiff_t>(begin),
                         tasks_.begin() + static_cast<std::ptrdiff_t>(end));
    message.slots = slots_;
    message.priority = priority_;
    messages.push_back(std::move(message));
  }
  return messages;
}

const Server::Request* Server::find(uint64_t number) const {
  auto at = open_.find(number);
  return at == open_.end() ? nullptr : &at->second;
}

void Server::answered(uint64_t number) {
  auto at = open_.find(number);
  if (at == open_.end()) return;
  numbers_.erase(at->second.id);
  open_.erase(at);
}

bool Server::on_item(Item& item) {
  if (const auto* request = std::get_if<GivenRequest>(&item.call)) {
    // No hub gives more than it was told slots.
    if (open_.size() >= kMaxSlots) return false;
    item.number = ++last_number_;
    open_[item.number] = Request{request->id, request->stream, false};
    numbers_[request->id] = item.number;
    return true;
  }
  auto at = numbers_.find(id_of(item));
  if (at == numbers_.end()) return false;
  item.number = at->second;
  if (item.kind == ItemKind::canceled) {
    answered(item.number);
  } else {
    open_[item.number].paused = item.kind == ItemKind::pause;
  }
  return true;
}

void Server::on_break() {
  for (const auto& [number, request] : open_) lost_.push_back(number);
  lost_.sort();
  open_.clear();
  numbers_.clear();
}

Item* Server::take_lost() {
  if (lost_.empty()) return nullptr;
  lost_item_.kind = ItemKind::canceled;
  lost_item_.number = lost_.front();
  lost_item_.call = Cancel{{}, "lost"};
  lost_.pop_front();
  return &lost_item_;
}

}  // namespace bus::sdk
