#include "consumer/src/values.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "consumer/src/text.h"
#include "consumer/src/value_answers.h"
#include "protocol/base/strings.h"
#include "protocol/event_pattern.h"
#include "protocol/limits.h"

namespace bus::sdk {

namespace {

// Ten years, as PROTOCOL.md 11 has it.
constexpr int64_t kMaxTtlMs = 315'360'000'000;

ApiResult invalid(std::string what) { return {BUSD_INVALID, std::move(what)}; }

std::optional<std::string> key_fault(std::string_view key) {
  if (auto fault = identifier_fault("key", key)) return fault;
  if (parse_event_pattern(key).kind == EventPattern::Kind::exact) return std::nullopt;
  return "key is a pattern, " + printable(key) + ": only list and watch take patterns";
}

ApiResult patterns_of(const busd_text* keys, size_t count, std::vector<std::string>& out) {
  if (count > kMaxWatchedKeys)
    return invalid(std::to_string(count) + " keys; the limit is " + std::to_string(kMaxWatchedKeys));
  if (count > 0 && keys == nullptr) return invalid("keys is NULL");
  for (size_t i = 0; i < count; ++i) {
    if (auto fault = identifier_fault("key", view_of(keys[i]))) return invalid(*fault);
    out.emplace_back(view_of(keys[i]));
  }
  return {};
}

TimePoint until(int64_t timeout_ms) {
  if (timeout_ms < 0) return kNever;
  return now() + milliseconds(timeout_ms == 0 ? int64_t{kDefaultTimeoutMs} : std::min(timeout_ms, kMaxTtlMs));
}

// A caller in C may have put any number there.
std::optional<Durability> durability_of(const busd_durability& given) {
  int number = 0;
  static_assert(sizeof number == sizeof given);
  std::memcpy(&number, &given, sizeof number);
  switch (number) {
    case BUSD_DURABLE_DEFAULT:
      return Durability::usual;
    case BUSD_DURABLE_MEMORY:
      return Durability::memory;
    case BUSD_DURABLE_PROCESS:
      return Durability::process;
    case BUSD_DURABLE_POWER:
      return Durability::power;
    default:
      return std::nullopt;
  }
}

}  // namespace

// ---- operations

ApiResult Values::available() const {
  if (session_.over()) return session_.result();
  if (!session_.up() || session_.has_values()) return {};
  return {BUSD_PROTOCOL, "the hub has no values: it is too old, or was started with --values off"};
}

// Sends the frame that was built, now or on the next connection.
ApiResult Values::start(uint64_t number, int64_t timeout_ms, Op op) {
  ApiResult result = available();
  if (!result.ok()) return result;
  if (session_.up()) {
    ops_.sent(number, until(timeout_ms), publisher_.add_control(frame_.text()));
  } else {
    ops_.waits(number, until(timeout_ms), frame_.text());
  }
  open_.emplace(number, std::move(op));
  return {};
}

ApiResult Values::put(std::string_view key, std::string_view value, const busd_put_options& options,
                      uint64_t& number) {
  if (auto fault = key_fault(key)) return invalid(*fault);
  if (options.ttl_ms < 0 || options.ttl_ms > kMaxTtlMs)
    return invalid("ttl_ms must be from 1 to " + std::to_string(kMaxTtlMs) + ", or 0 for none");
  auto durable = durability_of(options.durable);
  if (!durable) return invalid("unknown durability");
  if (auto fault = frame_.take_json("value", value)) return invalid(*fault);
  if (frame_.json().size() > kMaxValueBytes) {
    return invalid("value has " + std::to_string(frame_.json().size()) + " bytes; the limit is " +
                   std::to_string(kMaxValueBytes));
  }
  Put put;
  number = calls_.take_number();
  put.id = std::to_string(number);
  put.key = key;
  if (options.version != 0) put.version = options.version;
  put.create = options.create != 0;
  put.if_changed = options.if_changed != 0;
  if (options.ttl_ms != 0) put.ttl_ms = static_cast<uint64_t>(options.ttl_ms);
  put.while_connected = options.while_connected != 0;
  put.durable = *durable;
  put.value = frame_.json();
  if (auto fault = frame_.encode(put, "value")) return invalid(*fault);
  Op op{ValueNews::Of::change, std::string(key), std::nullopt, false};
  if (put.while_connected) {
    Holds::Hold hold;
    hold.value = put.value;
    hold.ttl_ms = put.ttl_ms;
    if (hold.ttl_ms) hold.expires = now() + milliseconds(*hold.ttl_ms);
    op.hold = std::move(hold);
  }
  return start(number, options.timeout_ms, std::move(op));
}

ApiResult Values::erase(std::string_view key, const busd_delete_options& options, uint64_t& number) {
  if (auto fault = key_fault(key)) return invalid(*fault);
  Delete message;
  number = calls_.take_number();
  message.id = std::to_string(number);
  message.key = key;
  if (options.version != 0) message.version = options.version;
  (void)frame_.take_json({}, {});
  if (auto fault = frame_.encode(message, {})) return invalid(*fault);
  return start(number, options.timeout_ms, Op{ValueNews::Of::change, std::string(key), std::nullopt, false});
}

ApiResult Values::get(std::string_view key, const busd_get_options& options, uint64_t& number) {
  if (auto fault = key_fault(key)) return invalid(*fault);
  number = calls_.take_number();
  (void)frame_.take_json({}, {});
  if (auto fault = frame_.encode(Get{std::to_string(number), std::string(key)}, {})) return invalid(*fault);
  return start(number, options.timeout_ms, Op{ValueNews::Of::get, {}, std::nullopt, false});
}

ApiResult Values::list(const busd_list_options& options, uint64_t& number) {
  List message;
  ApiResult keys = patterns_of(options.keys, options.key_count, message.keys);
  if (!keys.ok()) return keys;
  if (options.limit < 0 || options.limit > static_cast<int64_t>(kMaxListed))
    return invalid("limit must be from 1 to " + std::to_string(kMaxListed));
  if (options.after.length > 0) {
    if (auto fault = identifier_fault("after", view_of(options.after))) return invalid(*fault);
  }
  number = calls_.take_number();
  message.id = std::to_string(number);
  message.after = view_of(options.after);
  if (options.limit != 0) message.limit = static_cast<uint64_t>(options.limit);
  message.values = options.no_values == 0;
  (void)frame_.take_json({}, {});
  if (auto fault = frame_.encode(message, {})) return invalid(*fault);
  return start(number, options.timeout_ms, Op{ValueNews::Of::list, {}, std::nullopt, false});
}

void Values::abandon(uint64_t number) {
  ops_.forget(number);
  open_.erase(number);
}

// ---- watches

ApiResult Values::watch(const busd_text* keys, size_t key_count, const busd_watch_options& options,
                        uint64_t& number) {
  Watch message;
  if (key_count == 0) return invalid("no key is named to watch");
  ApiResult result = patterns_of(keys, key_count, message.keys);
  if (!result.ok()) return result;
  message.values = options.no_values == 0;
  message.snapshot = options.no_snapshot == 0;
  if (options.epoch.length > 0) {
    if (auto fault = identifier_fault("epoch", view_of(options.epoch))) return invalid(*fault);
    message.since = options.since;
    message.epoch = view_of(options.epoch);
  } else if (options.since != 0) {
    return invalid("since needs the epoch of the watch that has told it");
  }
  result = available();
  if (!result.ok()) return result;
  number = calls_.take_number();
  watches_.open(number, std::move(message));
  if (session_.up()) ask_watch(number);
  return {};
}

void Values::ask_watch(uint64_t number) {
  watches_.asked(number, publisher_.add_control(encode(watches_.question(number))));
}

ApiResult Values::unwatch(uint64_t number) {
  if (!watches_.was_opened(number)) return invalid("there is no watch " + std::to_string(number));
  if (!watches_.has(number)) return {};
  if (watches_.leave(number)) {
    publisher_.add_control(encode(Unwatch{std::to_string(number)}));
  } else if (!session_.up()) {
    end_left();
  }
  return {};
}

// ---- what happens on the connection

Calls::Whose Values::on_item(Item& item) {
  switch (item.kind) {
    case ItemKind::value:
    case ItemKind::synced:
      return watches_.on_item(item) ? Calls::Whose::user : Calls::Whose::nobody;
    case ItemKind::call_end:
    case ItemKind::refused:
      break;
    default:
      return Calls::Whose::other;
  }
  bool is_over = false;
  if (watches_.on_answer(item, is_over)) return is_over ? Calls::Whose::user : Calls::Whose::nobody;
  bool ours = item.kind == ItemKind::call_end ? ops_.on_item(item) : ops_.on_refused(item);
  if (!ours) return Calls::Whose::other;
  return on_answer(item) ? Calls::Whose::user : Calls::Whose::nobody;
}

// Makes the end of an operation its answer. False: it is for nobody.
bool Values::on_answer(Item& item) {
  auto at = open_.find(item.number);
  if (at == open_.end()) return false;
  Op op = std::move(at->second);
  open_.erase(at);
  Response response = std::move(*std::get_if<Response>(&item.call));
  item.kind = ItemKind::answered;
  read_answer(response, op.of, item);
  if (op.again) return on_held(op, item);
  if (op.of == ValueNews::Of::change && item.news.result == BUSD_OK) remember(op, item.news);
  return true;
}

// A change of ours has taken effect.
void Values::remember(Op& op, const ValueNews& news) {
  if (!op.hold) return holds_.drop(op.key);
  op.hold->version = news.version;
  op.hold->rev = news.rev;
  holds_.add(op.key, std::move(*op.hold));
}

// The answer to a put that the library has repeated. False: it is not over.
bool Values::on_held(const Op& op, Item& item) {
  // A connection that is gone again, or is about to go, says nothing about who has the key.
  bool unanswered = item.news.result == BUSD_LOST || item.news.code == "stopping";
  if (unanswered || !holds_.has(op.key)) return false;
  Holds::Next next = holds_.on_answer(op.key, item.news, now());
  if (next == Holds::Next::ask_again) {
    hold_again(op.key);
    return false;
  }
  if (item.news.keys.empty()) {
    KeyFact made;
    made.version = item.news.version;
    made.rev = item.news.rev;
    item.news.keys.push_back(std::move(made));
  }
  item.kind = ItemKind::held;
  item.news.keys.front().key = op.key;
  return true;
}

void Values::hold_again(const std::string& key) {
  uint64_t number = calls_.take_number();
  Put put = holds_.question(key);
  put.id = std::to_string(number);
  ops_.sent(number, kNever, publisher_.add_control(encode(put)));
  open_.emplace(number, Op{ValueNews::Of::change, key, std::nullopt, true});
  session_.transport().send_pending();
}

Item* Values::take_own() {
  if (ended_.empty()) {
    Item* end = ops_.take_end();
    return end != nullptr && on_answer(*end) ? end : nullptr;
  }
  end_ = Item{};
  end_.kind = ItemKind::watch_end;
  end_.number = ended_.front();
  ended_.pop_front();
  return &end_;
}

void Values::on_break() {
  ops_.on_break(false);
  watches_.on_break();
  end_left();
}

void Values::end_left() {
  for (uint64_t ended : watches_.end_left()) ended_.push_back(ended);
}

void Values::on_over() {
  ops_.on_break(true);
  watches_.clear();
}

// What was held comes first: what waits may change it.
void Values::on_reset() {
  for (const std::string& key : holds_.begin_again(now())) hold_again(key);
  for (uint64_t number : watches_.unasked()) ask_watch(number);
  ops_.send_waiting([this](std::string_view frame) { return publisher_.add_control(frame); });
  session_.transport().send_pending();
}

}  // namespace bus::sdk
