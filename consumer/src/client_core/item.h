// One thing that happens on a connection: what the core reads off the wire, what the session adds, and what
// busd_connection_next hands out.
//
// There is one list of kinds. Those of the public header have its numbers; the others are answers to frames
// of the library's own, and no user sees them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "busd/consumer.h"
#include "consumer/src/client_core/value_news.h"
#include "protocol/frame.h"
#include "protocol/messages/call.h"
#include "protocol/messages/error.h"
#include "protocol/messages/interest.h"
#include "protocol/messages/source_status.h"

namespace bus::sdk {

enum class ItemKind {
  event = BUSD_ITEM_EVENT,  // `event`, `frame`
  lost = BUSD_ITEM_LOST,    // `lost_count` events between `lost_after` and `lost_before`; `detail`
  reset = BUSD_ITEM_RESET,  // the hub accepted our hello; `first`, `detail`
  source_status = BUSD_ITEM_SOURCE_STATUS,  // `status`
  broken = BUSD_ITEM_BREAK,                 // `detail`, `unconfirmed`
  refused = BUSD_ITEM_REFUSED,              // `error`: the answer to a frame of ours; `publication`
  interest = BUSD_ITEM_INTEREST,            // `interest`
  // Of calls: `call`, `number`, and of what the hub has sent also `frame`.
  call_end = BUSD_ITEM_CALL_END,  // a Response
  chunk = BUSD_ITEM_CHUNK,
  progress = BUSD_ITEM_PROGRESS,
  request = BUSD_ITEM_REQUEST,    // a GivenRequest
  canceled = BUSD_ITEM_CANCELED,  // a Cancel
  pause = BUSD_ITEM_PAUSE,
  resume = BUSD_ITEM_RESUME,
  // Of values: `news`, `number`, and of all but the first two `detail`.
  value = BUSD_ITEM_VALUE,
  synced = BUSD_ITEM_SYNCED,
  watch_end = BUSD_ITEM_WATCH_END,
  answered = BUSD_ITEM_ANSWERED,
  held = BUSD_ITEM_HELD,

  turned_away = 0x1000,  // the hub did not accept our hello; `turned_away`, `detail`. Nothing comes after it
  check_ack,             // the answer to a pre_shutdown_check; `last`
};

constexpr bool is_of_calls(ItemKind kind) { return kind >= ItemKind::call_end && kind <= ItemKind::resume; }
constexpr bool is_of_values(ItemKind kind) { return kind >= ItemKind::value && kind <= ItemKind::held; }

// Why the hub does not accept our hello.
enum class TurnedAway {
  rejected,  // hello_ack said so: the scope is taken
  denied,    // we may not use this hub
  busy,      // too many connections, too slow a hello: another attempt may work
  protocol,  // it is no hub of ours, or lacks a capability that we need
};

// What the hub says of a call. Raw values are views of the item's frame.
using CallMessage =
    std::variant<std::monostate, Response, Chunk, Progress, GivenRequest, Cancel, Pause, Resume>;

// Views and `event` are good until the next item of whoever gave this one.
struct Item {
  ItemKind kind = ItemKind::event;
  const EventLine* event = nullptr;
  std::string_view frame;  // without its line end, nor spaces around it
  uint64_t lost_count = 0;
  uint64_t lost_after = 0;
  uint64_t lost_before = 0;
  SourceStatus status;
  ErrorMessage error;
  InterestMessage interest;
  std::string detail;
  bool first = false;
  bool last = false;
  uint64_t unconfirmed = 0;
  uint64_t publication = 0;
  CallMessage call;
  uint64_t number =
      0;  // of the call, request, operation or watch, as the user knows it; 0: not looked up yet
  ValueNews news;
  bool has_calls = false;   // of a reset: the hub has the capability
  bool has_values = false;  // the same
  TurnedAway turned_away = TurnedAway::protocol;
};

}  // namespace bus::sdk
