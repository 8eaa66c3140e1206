#include "consumer/src/fill_item.h"

#include <string_view>
#include <vector>

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

busd_request request_of(const GivenRequest& request) {
  busd_request out{};
  out.size = sizeof out;
  out.task = text_of(request.task);
  out.args = text_of(request.args);
  out.timeout_ms = request.timeout_ms;
  out.stream = request.stream ? 1 : 0;
  out.pid = request.from.pid;
  out.uid = request.from.uid;
  out.source = text_of(request.from.source);
  return out;
}

void fill_call(const Item& item, ItemStore& store, busd_item& out) {
  out.call = item.number;
  if (const auto* response = std::get_if<Response>(&item.call)) {
    store.answer = answer_of(*response);
    out.answer = &store.answer;
    out.members = &response->others;
  } else if (const auto* request = std::get_if<GivenRequest>(&item.call)) {
    store.request = request_of(*request);
    out.request = &store.request;
    out.members = &request->others;
  } else if (const auto* chunk = std::get_if<Chunk>(&item.call)) {
    out.seq = chunk->seq;
    out.payload = text_of(chunk->data);
  } else if (const auto* progress = std::get_if<Progress>(&item.call)) {
    out.done = progress->done.value_or(0);
    out.total = progress->total.value_or(0);
    out.detail = text_of(progress->text);
  } else if (const auto* cancel = std::get_if<Cancel>(&item.call)) {
    out.code = text_of(cancel->reason);
  }
}

// What an item of values says is news of it, of an answer by its kind.
void fill_values(const Item& item, ItemStore& store, busd_item& out) {
  const ValueNews& news = item.news;
  out.call = item.number;
  out.result = news.result;
  out.code = text_of(news.code);
  bool is_answer = item.kind == ItemKind::answered;
  if (item.kind == ItemKind::synced) {
    store.synced =
        busd_synced{sizeof store.synced, news.rev, text_of(news.epoch), news.count, news.reset ? 1 : 0};
    out.synced = &store.synced;
  } else if (is_answer && news.of == ValueNews::Of::change) {
    store.change = change_of(item, store);
    out.change = &store.change;
  } else if (is_answer && news.of == ValueNews::Of::list) {
    if (news.result != BUSD_OK) return;
    store.page = page_of(item, store);
    out.page = &store.page;
  } else if (!news.keys.empty()) {
    store.value = value_of(news.keys.front());
    out.value = &store.value;
  }
}

}  // namespace

busd_value value_of(const KeyFact& fact) {
  busd_value out{};
  out.size = sizeof out;
  out.key = text_of(fact.key);
  out.value = text_of(fact.value);
  out.version = fact.version;
  out.rev = fact.rev;
  out.age_ms = fact.age_ms;
  out.ttl_ms = fact.ttl_ms;
  out.uid = fact.uid;
  out.skipped = fact.skipped;
  out.deleted = fact.deleted ? 1 : 0;
  out.expired = fact.expired ? 1 : 0;
  out.snapshot = fact.snapshot ? 1 : 0;
  return out;
}

busd_change change_of(const Item& item, ItemStore& store) {
  const ValueNews& news = item.news;
  busd_change out{};
  out.size = sizeof out;
  out.version = news.version;
  out.rev = news.rev;
  out.unchanged = news.unchanged ? 1 : 0;
  out.code = text_of(news.code);
  out.message = text_of(item.detail);
  if (!news.keys.empty()) {
    store.value = value_of(news.keys.front());
    out.present = &store.value;
  }
  return out;
}

busd_page page_of(const Item& item, ItemStore& store) {
  store.rows.clear();
  store.row_pointers.clear();
  store.rows.reserve(item.news.keys.size());
  for (const KeyFact& fact : item.news.keys) {
    store.rows.push_back(value_of(fact));
    store.row_pointers.push_back(&store.rows.back());
  }
  return busd_page{sizeof(busd_page), store.row_pointers.data(), store.rows.size(), text_of(item.news.next)};
}

busd_answer answer_of(const Response& response) {
  busd_answer out{};
  out.size = sizeof out;
  if (response.error) {
    out.code = text_of(response.error->code);
    out.message = text_of(response.error->message);
    out.by = text_of(response.error->by);
    out.data = text_of(response.error->data);
  } else {
    out.result = text_of(response.result.empty() ? std::string_view("null") : response.result);
  }
  return out;
}

// Member by member: clearing the whole struct first shows in a stream of small events.
void fill_event(const Item& item, ItemStore& store, busd_item& out) {
  const EventLine& event = *item.event;
  out.kind = BUSD_ITEM_EVENT;
  out.event_type = text_of(event.event_type);
  out.event_id = text_of(event.event_id);
  out.source_time = text_of(text_of_token(event.source_time_token, store.source_time));
  out.seq = event.seq.value_or(0);
  out.payload = text_of(event.payload_token);
  out.frame = text_of(item.frame);
  out.members = &event.others;
  out.lost_count = out.lost_after = out.lost_before = 0;
  out.source = out.detail = out.code = busd_text{};
  out.state = BUSD_SOURCE_CONNECTING;
  out.first = 0;
  out.unconfirmed = out.publication = out.consumers = 0;
  out.call = out.done = out.total = 0;
  out.answer = nullptr;
  out.request = nullptr;
  out.value = nullptr;
  out.change = nullptr;
  out.page = nullptr;
  out.synced = nullptr;
  out.result = BUSD_OK;
}

void fill_item(const Item& item, ItemStore& store, busd_item& out) {
  if (item.kind == ItemKind::event) return fill_event(item, store, out);
  size_t size = out.size;
  out = busd_item{};
  out.size = size;
  out.kind = static_cast<busd_item_kind>(item.kind);
  if (!is_of_calls(item.kind)) out.detail = text_of(item.detail);
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
    case ItemKind::call_end:
    case ItemKind::chunk:
    case ItemKind::progress:
    case ItemKind::request:
    case ItemKind::canceled:
    case ItemKind::pause:
    case ItemKind::resume:
      fill_call(item, store, out);
      break;
    case ItemKind::value:
    case ItemKind::synced:
    case ItemKind::watch_end:
    case ItemKind::answered:
    case ItemKind::held:
      fill_values(item, store, out);
      break;
    case ItemKind::event:
    case ItemKind::turned_away:
    case ItemKind::check_ack:
      break;
  }
}

busd_text member_of(const busd_item& item, std::string_view name) {
  if (item.members == nullptr) return {};
  for (const Member& member : *static_cast<const std::vector<Member>*>(item.members)) {
    std::string store;
    if (text_of_token(member.name_token, store) == name) return text_of(member.value_token);
  }
  return {};
}

}  // namespace bus::sdk
