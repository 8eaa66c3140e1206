// The part of a connection that waits for what is asked of values.
#include <utility>

#include "consumer/src/connection.h"
#include "consumer/src/text.h"

namespace bus::sdk {

namespace {

// Who loses a race often loses the next one, too: two that do nothing else were seen to lose 16 in a row.
constexpr int64_t kDefaultTries = 100;

KeyFact copy_of(const ValueNews& news) { return news.keys.empty() ? KeyFact{} : news.keys.front(); }

}  // namespace

// ---- one answer

ApiResult Connection::wait_for_answer(const ApiResult& started, uint64_t number, const Item*& answer) {
  if (!started.ok()) return started;
  ApiResult waited = wait_for_end(number, ItemKind::answered, answer);
  if (!waited.ok()) {
    values_.abandon(number);
    return waited;
  }
  return answer->news.result == BUSD_OK ? ApiResult() : ApiResult(answer->news.result, answer->detail);
}

ApiResult Connection::put(std::string_view key, std::string_view value, const busd_put_options& options,
                          const Item*& answer) {
  uint64_t number = 0;
  ApiResult started = values_.put(key, value, options, number);
  return wait_for_answer(started, number, answer);
}

ApiResult Connection::put_start(std::string_view key, std::string_view value, const busd_put_options& options,
                                uint64_t& number) {
  if (!session_->up()) step();
  return send_said(values_.put(key, value, options, number));
}

ApiResult Connection::erase(std::string_view key, const busd_delete_options& options, const Item*& answer) {
  uint64_t number = 0;
  ApiResult started = values_.erase(key, options, number);
  return wait_for_answer(started, number, answer);
}

ApiResult Connection::erase_start(std::string_view key, const busd_delete_options& options,
                                  uint64_t& number) {
  if (!session_->up()) step();
  return send_said(values_.erase(key, options, number));
}

ApiResult Connection::get(std::string_view key, const busd_get_options& options, const Item*& answer) {
  uint64_t number = 0;
  ApiResult started = values_.get(key, options, number);
  return wait_for_answer(started, number, answer);
}

ApiResult Connection::get_start(std::string_view key, const busd_get_options& options, uint64_t& number) {
  if (!session_->up()) step();
  return send_said(values_.get(key, options, number));
}

ApiResult Connection::list(const busd_list_options& options, const Item*& answer) {
  uint64_t number = 0;
  ApiResult started = values_.list(options, number);
  return wait_for_answer(started, number, answer);
}

ApiResult Connection::list_start(const busd_list_options& options, uint64_t& number) {
  if (!session_->up()) step();
  return send_said(values_.list(options, number));
}

// ---- watches

ApiResult Connection::watch(const busd_text* keys, size_t key_count, const busd_watch_options& options,
                            uint64_t& number) {
  if (!session_->up()) step();
  return send_said(values_.watch(keys, key_count, options, number));
}

ApiResult Connection::unwatch(uint64_t number) { return send_said(values_.unwatch(number)); }

// ---- from the present value to the next one

// What the key has, as far as the cache knows; with `ask`, as the hub says now. None: there is no such key.
ApiResult Connection::present_of(std::string_view key, const Update& how, bool ask,
                                 std::optional<KeyFact>& present) {
  present.reset();
  if (!ask && how.cache != nullptr && how.cache->has_values()) {
    if (const KeyFact* known = how.cache->find(key)) present = *known;
    if (present || how.cache->is_synced()) return {};
  }
  busd_get_options options{};
  options.timeout_ms = how.put.timeout_ms;
  const Item* answer = nullptr;
  ApiResult got = get(key, options, answer);
  if (got.code == BUSD_NOT_FOUND) return {};
  if (got.ok()) present = copy_of(answer->news);
  return got;
}

ApiResult Connection::update(std::string_view given_key, const Update& how, const Item*& answer) {
  std::string key(given_key);  // which may be text of the last item
  std::optional<KeyFact> present;
  ApiResult result = present_of(key, how, false, present);
  int64_t tries = how.tries > 0 ? how.tries : kDefaultTries;
  for (; result.ok(); --tries) {
    busd_text next{};
    busd_value now_there = present ? value_of(*present) : busd_value{};
    busd_update_step step = how.step(how.context, present ? &now_there : nullptr, &next);
    if (step == BUSD_UPDATE_LEAVE || (step == BUSD_UPDATE_DELETE && !present)) {
      left_ = Item{};
      left_.kind = ItemKind::answered;
      left_.news.of = ValueNews::Of::change;
      left_.news.unchanged = true;
      left_.news.version = present ? present->version : 0;
      left_.news.rev = present ? present->rev : 0;
      answer = &left_;
      return {};
    }
    busd_put_options put = how.put;
    put.version = present ? present->version + 1 : 0;
    put.create = present ? 0 : 1;
    busd_delete_options erase_options{};
    erase_options.version = put.version;
    erase_options.timeout_ms = put.timeout_ms;
    answer = nullptr;
    result = step == BUSD_UPDATE_DELETE ? erase(key, erase_options, answer)
                                        : this->put(key, view_of(next), put, answer);
    bool late = result.code == BUSD_STALE || result.code == BUSD_EXISTS ||
                (step == BUSD_UPDATE_DELETE && result.code == BUSD_NOT_FOUND);
    if (!late || tries <= 1) return result;
    // What the answer does not tell, the hub is asked: a value that is null, or does not fit.
    bool told = !answer->news.keys.empty() &&
                (answer->news.keys.front().deleted || !answer->news.keys.front().value.empty());
    if (!told) {
      result = present_of(key, how, true, present);
      continue;
    }
    present = copy_of(answer->news);
    present->key = key;
    if (present->deleted) present.reset();
    result = {};
  }
  return result;
}

}  // namespace bus::sdk
