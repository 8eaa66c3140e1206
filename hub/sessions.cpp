#include "hub/sessions.h"

#include <utility>

namespace bus::hub {

Sessions::Sessions(Loop& loop, HubConfig config, TimePoint start)
    : loop_(loop), read_buffer_(kReadBytes, '\0'), core_(std::move(config), *this, start) {}

Sessions::~Sessions() { close_all(); }

Session* Sessions::find(PeerId peer) {
  auto found = open_.find(peer);
  return found == open_.end() ? nullptr : found->second.get();
}

size_t Sessions::write(PeerId peer, std::string_view bytes) noexcept {
  Session* session = find(peer);
  return session == nullptr ? 0 : session->write(bytes);
}

void Sessions::add(Fd fd, const Credentials& credentials) {
  auto session = std::make_unique<Session>(loop_, std::move(fd), *this);
  PeerId id = core_.open(credentials, now());
  session->set_id(id);
  open_.emplace(id, std::move(session));
  core_.flush(id);
  settle();
}

void Sessions::settle() {
  // A peer that goes may touch others (a lock is released, a source is gone): the outermost call takes them
  // in turn.
  if (settling_) return;
  settling_ = true;
  for (;;) {
    const std::vector<PeerId>& touched = core_.take_touched();
    if (touched.empty()) break;
    for (PeerId id : touched) {
      if (Session* session = find(id)) attend(*session);
    }
  }
  settling_ = false;
}

void Sessions::attend(Session& session) {
  Fate fate = core_.fate(session.id());
  bool over =
      fate == Fate::close_now || (fate == Fate::close_when_flushed && core_.outbox(session.id()).empty());
  if (over || !session.obey()) remove(session);
}

void Sessions::remove(Session& session) {
  auto found = open_.find(session.id());
  if (found == open_.end()) return;
  session.close();
  closed_.push_back(std::move(found->second));
  open_.erase(found);
  core_.gone(session.id(), now());
  settle();
}

void Sessions::judge() {
  TimePoint at = now();
  for (PeerId id : core_.overdue(at)) {
    if (Session* session = find(id)) session->catch_up();
  }
  core_.tick(at);
  settle();
}

void Sessions::begin_stop(TimePoint deadline) {
  core_.begin_stop(deadline);
  settle();
}

void Sessions::close_all() {
  while (!open_.empty()) remove(*open_.begin()->second);
}

bool Sessions::bury() {
  bool freed = !closed_.empty();
  closed_.clear();
  return freed;
}

}  // namespace bus::hub
