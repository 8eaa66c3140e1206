// The open calls of one caller, by the ids that it gave them: a hash table that is linked through the calls.
//
// So a call takes no memory here but a pointer, and no id is hashed twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "hub/core/calls/call.h"

namespace bus::hub {

class OpenCalls {
 public:
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  // nullptr when there is none of that id.
  Call* find(std::string_view id) const {
    if (chains_.empty()) return nullptr;
    uint16_t hash = hash_of(id);
    Call* call = chains_[hash & (chains_.size() - 1)];
    while (call != nullptr && (call->id_hash != hash || call->text.id() != id)) call = call->behind_in_chain;
    return call;
  }
  // There is none of its id.
  void insert(Call& call) {
    if (size_ >= chains_.size()) grow();
    call.id_hash = hash_of(call.text.id());
    link(call);
    ++size_;
  }
  void erase(Call& call) {
    Call** at = &chains_[call.id_hash & (chains_.size() - 1)];
    while (*at != &call) at = &(*at)->behind_in_chain;
    *at = call.behind_in_chain;
    if (--size_ == 0) chains_ = {};
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (Call* chain : chains_) {
      for (Call* call = chain; call != nullptr; call = call->behind_in_chain) visit(*call);
    }
  }

 private:
  // As many as a hash can tell from each other; beyond, the chains become longer.
  static constexpr size_t kMostChains = size_t{1} << 16;

  static uint16_t hash_of(std::string_view id) {
    return static_cast<uint16_t>(std::hash<std::string_view>{}(id));
  }
  void link(Call& call) {
    Call*& chain = chains_[call.id_hash & (chains_.size() - 1)];
    call.behind_in_chain = chain;
    chain = &call;
  }
  void grow() {
    if (chains_.size() == kMostChains) return;
    std::vector<Call*> calls;
    for_each([&](Call& call) { calls.push_back(&call); });
    chains_.assign(chains_.empty() ? 8 : chains_.size() * 2, nullptr);
    for (Call* call : calls) link(*call);
  }

  std::vector<Call*> chains_;  // a power of two of them, or none
  size_t size_ = 0;
};

}  // namespace bus::hub
