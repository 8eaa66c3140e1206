#include "consumer/src/value_answers.h"

#include <optional>
#include <utility>

#include "protocol/messages/value.h"
#include "protocol/reading.h"

namespace bus::sdk {

namespace {

// The T that raw JSON is; unknown members are ignored. `fault` says what is wrong.
template <class T>
std::optional<T> read(std::string_view json, std::string& fault) {
  if (json.empty() || kind_of(json) != JsonKind::object) {
    fault = "the hub's answer is no object";
    return std::nullopt;
  }
  T message;
  Reading reading(names_of<T>());
  reading.take(json);
  members(reading, message);
  if (!reading.fault()) return message;
  fault = "the hub's answer: " + *reading.fault();
  return std::nullopt;
}

KeyFact fact_of(const KeyState& state) {
  KeyFact fact;
  fact.key = state.key;
  fact.version = state.version;
  fact.rev = state.rev;
  fact.age_ms = state.age_ms;
  fact.ttl_ms = state.ttl_ms.value_or(0);
  fact.uid = state.uid;
  fact.value = state.value;
  return fact;
}

void read_error(const CallError& error, Item& item) {
  ValueNews& news = item.news;
  news.result = result_of_code(error.code);
  news.code = error.code;
  item.detail = error.message;
  if (news.result != BUSD_STALE && news.result != BUSD_EXISTS) return;
  std::string ignored;
  auto data = read<StaleData>(error.data, ignored);
  if (!data) return;
  KeyFact present;
  present.version = data->version;
  present.rev = data->rev;
  present.deleted = data->deleted;
  present.value = data->value;
  news.keys.push_back(std::move(present));
}

bool read_change(std::string_view json, ValueNews& news, std::string& fault) {
  auto change = read<ChangeResult>(json, fault);
  if (!change) return false;
  news.version = change->version;
  news.rev = change->rev;
  news.unchanged = change->unchanged;
  return true;
}

bool read_get(std::string_view json, ValueNews& news, std::string& fault) {
  auto state = read<KeyState>(json, fault);
  if (!state) return false;
  if (state->value.empty()) state->value = "null";
  news.keys.push_back(fact_of(*state));
  return true;
}

bool read_list(std::string_view json, ValueNews& news, std::string& fault) {
  auto list = read<ListResult>(json, fault);
  if (!list) return false;
  news.keys.reserve(list->keys.size());
  for (const KeyState& state : list->keys) news.keys.push_back(fact_of(state));
  news.next = std::move(list->next);
  return true;
}

}  // namespace

busd_result result_of_code(std::string_view code) {
  constexpr std::pair<std::string_view, busd_result> kResults[] = {
      {"stale", BUSD_STALE},       {"exists", BUSD_EXISTS},        {"not_found", BUSD_NOT_FOUND},
      {"full", BUSD_FULL},         {"store", BUSD_STORE},          {"not_allowed", BUSD_DENIED},
      {"denied", BUSD_DENIED},     {"bad_args", BUSD_INVALID},     {"too_large", BUSD_INVALID},
      {"bad_frame", BUSD_INVALID}, {"bad_json", BUSD_INVALID},     {"frame_too_large", BUSD_INVALID},
      {"busy", BUSD_REJECTED},     {"stopping", BUSD_REJECTED},    {"timeout", BUSD_TIMED_OUT},
      {"lost", BUSD_LOST},         {"unknown_type", BUSD_PROTOCOL}};
  for (const auto& [name, result] : kResults) {
    if (code == name) return result;
  }
  return BUSD_FAILED;
}

void read_answer(const Response& response, ValueNews::Of of, Item& item) {
  ValueNews news;
  news.of = of;
  item.news = std::move(news);
  item.detail.clear();
  if (response.error) return read_error(*response.error, item);
  std::string fault;
  bool good = true;
  if (of == ValueNews::Of::change) good = read_change(response.result, item.news, fault);
  if (of == ValueNews::Of::get) good = read_get(response.result, item.news, fault);
  if (of == ValueNews::Of::list) good = read_list(response.result, item.news, fault);
  if (good) return;
  item.news.result = BUSD_PROTOCOL;
  item.detail = std::move(fault);
}

void read_end(const Response& response, bool wanted, Item& item) {
  item.news = ValueNews{};
  item.detail.clear();
  if (response.error && !wanted) read_error(*response.error, item);
}

}  // namespace bus::sdk
