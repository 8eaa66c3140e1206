#include "consumer/src/fill_item.h"

#include <string_view>

#include "consumer/src/text.h"
#include "protocol/json_text.h"

namespace bus::sdk {

namespace {

busd_source_state public_state(SourceState state) {
  switch (state) {
    case SourceState::connecting:
      return BUSD_SOURCE_CONNECTING;
    case SourceState::connected:
      return BUSD_SOURCE_CONNECTED;
    case SourceState::disconnected:
      return BUSD_SOURCE_DISCONNECTED;
    case SourceState::reconnecting:
      return BUSD_SOURCE_RECONNECTING;
  }
  return BUSD_SOURCE_CONNECTING;
}

// The text of a string token without escapes, its quotes taken off; else its decoded form, kept in `store`.
std::string_view text_of_token(std::string_view token, std::string& store) {
  if (token.size() < 2) return {};
  std::string_view inside = token.substr(1, token.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return inside;
  store = decode_json_string(token);
  return store;
}

}  // namespace

// Member by member: clearing the whole struct first shows in a stream of small events.
void fill_event(const Item& item, std::string& store, busd_item& out) {
  const EventLine& event = *item.event;
  out.kind = BUSD_ITEM_EVENT;
  out.event_type = text_of(event.event_type);
  out.event_id = text_of(event.event_id);
  out.source_time = text_of(text_of_token(event.source_time_token, store));
  out.seq = event.seq.value_or(0);
  out.payload = text_of(event.payload_token);
  out.frame = text_of(item.frame);
  out.members = &event;
  out.lost_count = out.lost_after = out.lost_before = 0;
  out.source = out.detail = out.code = busd_text{};
  out.state = BUSD_SOURCE_CONNECTING;
  out.first = 0;
  out.unconfirmed = out.publication = out.consumers = 0;
}

void fill_item(const Item& item, std::string& store, busd_item& out) {
  if (item.kind == ItemKind::event) return fill_event(item, store, out);
  size_t size = out.size;
  out = busd_item{};
  out.size = size;
  out.kind = static_cast<busd_item_kind>(item.kind);
  out.detail = text_of(item.detail);
  switch (item.kind) {
    case ItemKind::lost:
      out.lost_count = item.lost_count;
      out.lost_after = item.lost_after;
      out.lost_before = item.lost_before;
      break;
    case ItemKind::reset:
      out.first = item.first ? 1 : 0;
      break;
    case ItemKind::broken:
      out.unconfirmed = item.unconfirmed;
      break;
    case ItemKind::source_status:
      out.source = text_of(item.status.source);
      out.state = public_state(item.status.state);
      out.detail = text_of(item.status.detail);
      break;
    case ItemKind::refused:
      out.publication = item.publication;
      out.code = text_of(name_of(item.error.code));
      out.detail = text_of(item.error.message);
      break;
    case ItemKind::interest:
      out.event_type = text_of(item.interest.event_type);
      out.consumers = item.interest.consumers;
      break;
    case ItemKind::event:
    case ItemKind::turned_away:
    case ItemKind::check_ack:
      break;
  }
}

busd_text member_of(const busd_item& item, std::string_view name) {
  if (item.kind != BUSD_ITEM_EVENT || item.members == nullptr) return {};
  for (const Member& member : static_cast<const EventLine*>(item.members)->others) {
    std::string store;
    if (text_of_token(member.name_token, store) == name) return text_of(member.value_token);
  }
  return {};
}

}  // namespace bus::sdk
