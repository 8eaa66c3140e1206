#include "hub/core/calls/call_memory.h"

#include <string>

#include "hub/core/base/budget.h"
#include "hub/core/base/turn_budget.h"

namespace bus::hub {

namespace {

// What a call takes beside its texts: itself, its places in tables, and the allocator's share.
constexpr size_t kCallBytes = sizeof(Call) + 80;

}  // namespace

bool CallMemory::has_room_for(const Account& account, size_t text_bytes) const {
  return hub_.ledger.has_room_for(account, Pool::calls, kCallBytes + text_bytes);
}

bool CallMemory::make_room(const Call& call, size_t bytes) {
  while (!hub_.ledger.has_room_for(*call.account, Pool::calls, bytes)) {
    Call* largest = nullptr;
    for (Call* each : streams_) {
      if (each->account != call.account || !each->extras || each->extras->chunk_bytes == 0) continue;
      if (largest == nullptr || each->extras->chunk_bytes > largest->extras->chunk_bytes) largest = each;
    }
    hub_.turn.spend(streams_.size());
    ++hub_.ledger.total(Pool::calls).refused;
    if (largest == nullptr) return false;
    discard_chunks(*largest);
    if (!largest->ended)
      owner_.slow_reader(*largest, "the memory for calls is used up, and this stream holds most of it");
  }
  return true;
}

void CallMemory::update(Call& call) {
  size_t bytes = kCallBytes + call.text.bytes();
  if (call.extras) bytes += sizeof(CallExtras) + call.extras->chunk_bytes + call.extras->progress.size();
  call.charge.set(*call.account, Pool::calls, bytes);
}

void CallMemory::add_chunk(Call& call, std::string_view data_token) {
  size_t bytes = CallWriter::chunk_bytes(call.text.id(), data_token);
  if (call.more().chunk_bytes + bytes > kMaxStreamBytes) {
    discard_chunks(call);
    return owner_.slow_reader(
        call, std::to_string(kMaxStreamBytes) + " bytes of this stream waited for their reader");
  }
  bool fits = make_room(call, bytes);
  if (call.ended) return;
  if (!fits) return owner_.slow_reader(call, "the memory for calls is used up");
  writer_.add_chunk(call, data_token);
  update(call);
}

void CallMemory::set_progress(Call& call, const Progress& message) {
  writer_.set_progress(call, message);
  update(call);
}

void CallMemory::discard_chunks(Call& call) {
  call.extras->chunks.clear();
  call.extras->chunk_bytes = 0;
  update(call);
}

}  // namespace bus::hub
