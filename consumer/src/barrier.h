// The barrier of publishers: a question whose answer says that the hub has processed all frames before it.
//
// The question is a call of the hub's task `bus.sync` (PROTOCOL.md 10). A hub without calls is asked a
// pre_shutdown_check about a scope that is not the connection's own: it reserves nothing, makes nobody leave,
// and is answered in order (PROTOCOL.md 6). Nothing outside this file knows which question it is.
#pragma once

#include <cstdint>
#include <list>
#include <string>

#include "consumer/src/client_core/item.h"
#include "protocol/messages/hello.h"

namespace bus::sdk {

class Barrier {
 public:
  // For a connection that says `hello`.
  explicit Barrier(const Hello& hello);

  // What the hub of this connection can answer.
  void use_calls(bool has_calls) { has_calls_ = has_calls; }

  // The frame to send as frame `ordinal` of the connection; asked() has that, too.
  std::string question(uint64_t ordinal) const;
  void asked(uint64_t ordinal) { open_.push_back(ordinal); }

  // Whether an answer is awaited, and the frame of the last question.
  bool is_open() const { return !open_.empty(); }
  uint64_t last() const { return open_.empty() ? 0 : open_.back(); }

  // Whether the item is the answer to such a call, whoever asked.
  static bool is_answer(const Item& item);

  // Takes `item` if it answers the oldest open question, and returns that one's ordinal; 0: it does not.
  uint64_t take_answer(const Item& item);

  // The connection is gone, and its answers with it.
  void clear() { open_.clear(); }

 private:
  std::string check_;
  bool has_calls_ = false;
  std::list<uint64_t> open_;  // ordinals of the questions that the hub has not answered yet
};

}  // namespace bus::sdk
