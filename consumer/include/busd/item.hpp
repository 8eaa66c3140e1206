// busd/item.hpp - what a connection gives to its user, for C++20. <busd/consumer.hpp> includes it.
#ifndef BUSD_ITEM_HPP
#define BUSD_ITEM_HPP

#include <busd/consumer.h>
#include <busd/expected.hpp>
#include <busd/values.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

namespace busd {

enum class SourceState {
  connecting = BUSD_SOURCE_CONNECTING,
  connected = BUSD_SOURCE_CONNECTED,
  disconnected = BUSD_SOURCE_DISCONNECTED,
  reconnecting = BUSD_SOURCE_RECONNECTING,
};

// As on the wire: "connected".
inline const char* name_of(SourceState state) noexcept {
  switch (state) {
    case SourceState::connecting:
      return "connecting";
    case SourceState::connected:
      return "connected";
    case SourceState::disconnected:
      return "disconnected";
    case SourceState::reconnecting:
      return "reconnecting";
  }
  return "unknown";
}

class Event {
 public:
  explicit Event(const busd_item* item) noexcept : item_(item) {}

  std::string_view type() const noexcept { return detail::view(item_->event_type); }
  std::string_view id() const noexcept { return detail::view(item_->event_id); }              // empty: none
  std::string_view source_time() const noexcept { return detail::view(item_->source_time); }  // empty: none
  std::uint64_t seq() const noexcept { return item_->seq; }
  std::string_view payload() const noexcept { return detail::view(item_->payload); }  // raw JSON
  std::string_view frame() const noexcept {
    return detail::view(item_->frame);
  }  // as it came, without line end
  // A member that the protocol does not define ("traceparent"), as raw JSON.
  std::optional<std::string_view> member(std::string_view name) const noexcept {
    busd_text value{};
    if (busd_item_member(item_, detail::text(name), &value) != BUSD_OK) return std::nullopt;
    return detail::view(value);
  }

 private:
  const busd_item* item_;
};

// `count` events were lost between the events with seq `after` and `before`.
struct Lost {
  std::uint64_t count = 0;
  std::uint64_t after = 0;
  std::uint64_t before = 0;
};

struct SourceStatus {
  std::string_view source;
  SourceState state = SourceState::connecting;
  std::string_view detail;
};

// The hub refused `publication`, by its number; 0: none in particular.
struct Refusal {
  std::uint64_t publication = 0;
  std::string_view code;
  std::string_view message;
};

// So many consumers listen to the entry `event_type` of publish_types.
struct Interest {
  std::string_view event_type;
  std::uint64_t consumers = 0;
};

// One thing that has happened. Ask for its kind, then take what belongs to that kind. Ignore other kinds than
// these. An item is valid until the next call on its connection.
class Item {
 public:
  explicit Item(const busd_item* item) noexcept : item_(item) {}

  busd_item_kind kind() const noexcept { return item_->kind; }
  bool is_event() const noexcept { return kind() == BUSD_ITEM_EVENT; }
  bool is_lost() const noexcept { return kind() == BUSD_ITEM_LOST; }
  bool is_break() const noexcept { return kind() == BUSD_ITEM_BREAK; }
  bool is_reset() const noexcept { return kind() == BUSD_ITEM_RESET; }
  bool is_source_status() const noexcept { return kind() == BUSD_ITEM_SOURCE_STATUS; }
  bool is_refused() const noexcept { return kind() == BUSD_ITEM_REFUSED; }
  bool is_interest() const noexcept { return kind() == BUSD_ITEM_INTEREST; }
  // Of calls that no handler takes, see busd/calls.hpp.
  bool is_request() const noexcept { return kind() == BUSD_ITEM_REQUEST; }
  bool is_canceled() const noexcept { return kind() == BUSD_ITEM_CANCELED; }
  // Of values, see busd/values.hpp.
  bool is_value() const noexcept { return kind() == BUSD_ITEM_VALUE; }
  bool is_synced() const noexcept { return kind() == BUSD_ITEM_SYNCED; }
  bool is_watch_end() const noexcept { return kind() == BUSD_ITEM_WATCH_END; }
  bool is_answered() const noexcept { return kind() == BUSD_ITEM_ANSWERED; }
  bool is_held() const noexcept { return kind() == BUSD_ITEM_HELD; }

  Event event() const noexcept { return Event(item_); }
  Lost lost() const noexcept { return {item_->lost_count, item_->lost_after, item_->lost_before}; }
  SourceStatus source_status() const noexcept {
    return {detail::view(item_->source), static_cast<SourceState>(item_->state), detail::view(item_->detail)};
  }
  Refusal refusal() const noexcept {
    return {item_->publication, detail::view(item_->code), detail::view(item_->detail)};
  }
  Interest interest() const noexcept { return {detail::view(item_->event_type), item_->consumers}; }
  std::uint64_t number() const noexcept { return item_->call; }  // of the call, request, operation or watch
  // Of a value, a held, and the answer to a get.
  Value value() const { return item_->value == nullptr ? Value{} : detail::value(*item_->value); }
  // The answer to a put or an erase.
  Change change() const {
    if (item_->change == nullptr) return {};
    return detail::change(item_->result, *item_->change, detail());
  }
  // The answer to a list.
  Page page() const { return item_->page == nullptr ? Page{} : detail::page(*item_->page); }
  Synced synced() const noexcept {
    const busd_synced& from = *item_->synced;
    return {from.rev, detail::view(from.epoch), from.keys, from.reset != 0};
  }
  busd_result result() const noexcept { return item_->result; }  // of an answer, a held, a watch_end
  const busd_item& raw() const noexcept { return *item_; }
  bool first() const noexcept { return item_->first != 0; }                  // of a reset
  std::uint64_t unconfirmed() const noexcept { return item_->unconfirmed; }  // of a break
  std::string_view detail() const noexcept {
    return detail::view(item_->detail);
  }  // why: of a break, reset, loss, error

 private:
  const busd_item* item_;
};

}  // namespace busd

#endif  // BUSD_ITEM_HPP
