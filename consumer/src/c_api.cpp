// The C face of the library: takes the callers' structs apart and puts the answers into theirs. No logic of
// its own.
//
// A caller may have been compiled against an older or a newer header: of each struct no more is read or
// written than the caller's `size` says, and what is missing counts as zero (convention 4 of the header).
// Each entry is noexcept inside, so that nothing, not even lack of memory, unwinds into C.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <poll.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include "busd/consumer.h"
#include "consumer/src/autostart.h"
#include "consumer/src/client.h"
#include "consumer/src/consumer.h"
#include "consumer/src/hub_control.h"
#include "consumer/src/hub_facts.h"
#include "consumer/src/source.h"
#include "consumer/src/text.h"
#include "consumer/src/verdict.h"
#include "protocol/base/strings.h"
#include "protocol/endpoint.h"
#include "protocol/limits.h"
#include "protocol/message.h"

using bus::sdk::text_of;
using bus::sdk::Verdict;
using bus::sdk::view_of;

struct busd_consumer {
  std::unique_ptr<bus::sdk::Consumer> impl;
};

struct busd_source {
  std::unique_ptr<bus::sdk::Source> impl;
};

namespace {

// A caller's struct, as this library knows it. Size zero, or no struct: nothing was set.
template <class T>
T taken(const T* from) noexcept {
  // Of a known size, because a copy of any size starts slowly, and a source comes here once per event.
  if (from != nullptr && from->size >= sizeof(T)) return *from;
  T copy{};
  if (from != nullptr) std::memcpy(&copy, from, from->size);
  copy.size = sizeof(T);
  return copy;
}

// Hands `value` to a caller's struct of `to->size` bytes.
template <class T>
void give(T* to, T value) noexcept {
  if (to == nullptr) return;
  size_t size = to->size;
  value.size = size;
  std::memcpy(to, &value, std::min(size, sizeof(T)));
}

std::string string_of(busd_text text) { return std::string(view_of(text)); }

void explain(const Verdict& verdict, busd_error* error) noexcept {
  busd_error filled{};
  filled.result = verdict.result;
  size_t length = std::min(verdict.message.size(), sizeof filled.message - 1);
  // Cut between characters, not inside one.
  while (length < verdict.message.size() && length > 0 &&
         (static_cast<unsigned char>(verdict.message[length]) & 0xc0U) == 0x80U) {
    --length;
  }
  std::memcpy(filled.message, verdict.message.data(), length);
  give(error, filled);
}

busd_result answer(const Verdict& verdict, busd_error* error) noexcept {
  if (!verdict.ok() && error != nullptr) explain(verdict, error);
  return verdict.result;
}

int64_t ms_until(bus::TimePoint deadline) noexcept {
  if (deadline == bus::kNever) return BUSD_FOREVER;
  auto left = deadline <= bus::now() ? bus::Duration::zero() : deadline - bus::now();
  return std::chrono::ceil<bus::milliseconds>(left).count();
}

// A timeout of the options; zero and negative mean the default.
bus::Duration duration_of(int64_t ms, bus::Duration fallback) noexcept {
  constexpr int64_t kYearMs = 31'557'600'000;  // longer is the same, and would overflow the clock
  return ms <= 0 ? fallback : bus::milliseconds(std::min(ms, kYearMs));
}

bus::Duration patience_of(int64_t ms) noexcept {
  return ms < 0 ? std::chrono::hours(1'000'000) : duration_of(ms, bus::Duration::zero());
}

const char* environment(const char* name) { return std::getenv(name); }

Verdict endpoint_of(busd_text socket, busd_text bus_name, bus::Endpoint& endpoint) {
  auto found = bus::resolve_endpoint({.socket = string_of(socket), .bus = string_of(bus_name)}, environment);
  if (!found) return bus::sdk::verdict_of(found.error());
  endpoint = std::move(*found);
  return {};
}

// What consumers and sources are asked in the same words.
template <class Options>
Verdict client_options_of(const Options& options, bus::sdk::ClientOptions& client) {
  Verdict verdict = endpoint_of(options.socket, options.bus, client.endpoint);
  if (!verdict.ok()) return verdict;
  client.start.allowed = options.no_start == 0 && !bus::sdk::start_forbidden_by_environment();
  client.start.program = bus::sdk::hub_program(string_of(options.hub_program));
  client.reconnect = options.no_reconnect == 0;
  client.open_timeout = duration_of(options.open_timeout_ms, client.open_timeout);
  client.reconnect_max = duration_of(options.reconnect_max_ms, client.reconnect_max);
  client.hello.pid = ::getpid();
  return {};
}

Verdict hello_of(const busd_consumer_options& options, bus::Hello& hello) {
  if (auto fault = bus::identifier_fault("key", view_of(options.key))) return {BUSD_INVALID, *fault};
  hello.event_key = string_of(options.key);
  if (options.event_type_count > bus::kMaxEventTypes) {
    return {BUSD_INVALID, std::to_string(options.event_type_count) + " event types; the limit is " +
                              std::to_string(bus::kMaxEventTypes)};
  }
  if (options.event_type_count > 0 && options.event_types == nullptr)
    return {BUSD_INVALID, "event_types is NULL"};
  for (size_t i = 0; i < options.event_type_count; ++i) {
    std::string_view type = view_of(options.event_types[i]);
    if (auto fault = bus::identifier_fault("event type", type)) return {BUSD_INVALID, *fault};
    hello.event_types.emplace_back(type);
  }
  hello.subscription_id = string_of(options.subscription_id);
  if (!hello.subscription_id.empty()) {
    if (auto fault = bus::identifier_fault("subscription_id", hello.subscription_id))
      return {BUSD_INVALID, *fault};
  }
  hello.exclusive = options.exclusive != 0;
  return {};
}

Verdict open_consumer(const busd_consumer_options& options, busd_consumer** consumer) noexcept {
  bus::sdk::ClientOptions client;
  Verdict verdict = hello_of(options, client.hello);
  if (verdict.ok()) verdict = client_options_of(options, client);
  if (!verdict.ok()) return verdict;
  auto handle = std::make_unique<busd_consumer>();
  bus::sdk::ConsumerHooks hooks{options.on_first, options.on_last, options.context};
  verdict = bus::sdk::Consumer::open(std::move(client), hooks, handle->impl);
  if (verdict.ok()) *consumer = handle.release();
  return verdict;
}

Verdict open_source(const busd_source_options& options, busd_source** source) noexcept {
  bus::sdk::ClientOptions client;
  client.hello.role = bus::Role::source;
  client.hello.source = string_of(options.name);
  if (!client.hello.source.empty()) {
    if (auto fault = bus::identifier_fault("name", client.hello.source)) return {BUSD_INVALID, *fault};
  }
  Verdict verdict = client_options_of(options, client);
  if (!verdict.ok()) return verdict;
  bus::sdk::SourceSettings settings;
  if (options.buffer_bytes != 0) settings.buffer_bytes = options.buffer_bytes;
  settings.hold_bytes = std::min(options.hold_bytes, settings.buffer_bytes);
  if (options.check_payloads != 0) settings.syntax = bus::sdk::Syntax::checked;
  auto handle = std::make_unique<busd_source>();
  verdict = bus::sdk::Source::open(std::move(client), settings, handle->impl);
  if (verdict.ok()) *source = handle.release();
  return verdict;
}

Verdict report_status(busd_source& source, busd_source_state state, busd_text detail) noexcept {
  if (state < BUSD_SOURCE_CONNECTING || state > BUSD_SOURCE_RECONNECTING)
    return {BUSD_INVALID, "unknown source state"};
  std::string_view why = view_of(detail);
  if (!bus::is_utf8(why)) return {BUSD_INVALID, "detail is not valid UTF-8"};
  constexpr bus::SourceState kStates[] = {bus::SourceState::connecting, bus::SourceState::connected,
                                          bus::SourceState::disconnected, bus::SourceState::reconnecting};
  return source.impl->status(kStates[state], why);
}

Verdict query_status(const busd_hub_options& options, int64_t timeout_ms, char** response,
                     size_t* length) noexcept {
  bus::Endpoint endpoint;
  Verdict verdict = endpoint_of(options.socket, options.bus, endpoint);
  if (!verdict.ok()) return verdict;
  bus::TimePoint began = bus::now();
  bus::Endpoint place = bus::sdk::locate(endpoint);
  std::string line;
  verdict = bus::sdk::hub_status(place, patience_of(timeout_ms) - (bus::now() - began), line);
  if (!verdict.ok()) return verdict;
  char* copy = static_cast<char*>(std::malloc(line.size() + 1));
  if (copy == nullptr) return {BUSD_INTERNAL, "out of memory"};
  std::memcpy(copy, line.c_str(), line.size() + 1);
  *response = copy;
  *length = line.size();
  return {};
}

// The rest of `to` stays as it is, which is NUL; text that does not fit is cut.
template <size_t Size>
void put_text(char (&to)[Size], const std::string& text) noexcept {
  std::memcpy(to, text.data(), std::min(text.size(), Size - 1));
}

busd_hub_facts facts_of(const bus::Endpoint& endpoint) {
  bus::sdk::HubFacts found = bus::sdk::hub_inspect(endpoint);
  if (found.absent) found = bus::sdk::hub_prove(endpoint);
  busd_hub_facts filled{};
  put_text(filled.socket, endpoint.socket);
  put_text(filled.lock, endpoint.lock);
  filled.socket_exists = found.socket_exists ? 1 : 0;
  filled.lock_held = found.lock_held ? 1 : 0;
  filled.lock_pid = found.lock_pid;
  filled.peer_pid = found.peer_pid;
  filled.peer_uid = found.peer_uid;
  filled.starter_pid = found.starter_pid;
  filled.absent = found.absent ? 1 : 0;
  return filled;
}

Verdict inspect(const busd_hub_options& options, busd_hub_facts* facts) noexcept {
  bus::Endpoint endpoint;
  Verdict verdict = endpoint_of(options.socket, options.bus, endpoint);
  if (verdict.ok()) give(facts, facts_of(bus::sdk::locate(endpoint)));
  return verdict;
}

Verdict find(const busd_hub_options& options, busd_hub_place* place) noexcept {
  bus::Endpoint endpoint;
  Verdict verdict = endpoint_of(options.socket, options.bus, endpoint);
  if (!verdict.ok()) return verdict;
  busd_hub_place filled{};
  put_text(filled.socket, bus::sdk::locate(endpoint).socket);
  put_text(filled.home, endpoint.socket);
  put_text(filled.notice, endpoint.notice);
  filled.named = endpoint.explicit_path ? 1 : 0;
  give(place, filled);
  return {};
}

void visit_hubs(busd_hub_visit visit, void* context) noexcept {
  for (const bus::Endpoint& endpoint : bus::sdk::hubs_at(bus::standard_places(environment))) {
    busd_hub_facts facts = facts_of(endpoint);
    facts.size = sizeof facts;
    visit(context, &facts);
  }
}

Verdict stop(const busd_hub_options& options, int64_t timeout_ms, bool force,
             busd_hub_ending* ending) noexcept {
  bus::Endpoint endpoint;
  Verdict verdict = endpoint_of(options.socket, options.bus, endpoint);
  if (!verdict.ok()) return verdict;
  bus::sdk::HubEnding came_to;
  verdict = bus::sdk::hub_stop(endpoint, patience_of(timeout_ms), force, came_to);
  busd_hub_ending filled{};
  filled.ran = came_to.ran ? 1 : 0;
  filled.killed = came_to.killed ? 1 : 0;
  filled.pid = came_to.pid;
  give(ending, filled);
  return verdict;
}

}  // namespace

extern "C" {

const char* busd_result_name(busd_result result) {
  switch (result) {
    case BUSD_OK:
      return "ok";
    case BUSD_TIMED_OUT:
      return "timed_out";
    case BUSD_UNREACHABLE:
      return "unreachable";
    case BUSD_DENIED:
      return "denied";
    case BUSD_REJECTED:
      return "rejected";
    case BUSD_INVALID:
      return "invalid";
    case BUSD_PROTOCOL:
      return "protocol";
    case BUSD_CLOSED:
      return "closed";
    case BUSD_REFUSED:
      return "refused";
    case BUSD_LOST:
      return "lost";
    case BUSD_INTERNAL:
      return "internal";
  }
  return "unknown";
}

const char* busd_version(void) { return BUSD_VERSION; }

busd_result busd_consumer_open(const busd_consumer_options* options, busd_consumer** consumer,
                               busd_error* error) {
  if (consumer == nullptr) return answer({BUSD_INVALID, "consumer is NULL"}, error);
  *consumer = nullptr;
  return answer(open_consumer(taken(options), consumer), error);
}

busd_result busd_consumer_next(busd_consumer* consumer, int64_t timeout_ms, busd_item* item,
                               busd_error* error) {
  if (consumer == nullptr || item == nullptr)
    return answer({BUSD_INVALID, "consumer or item is NULL"}, error);
  return [=]() noexcept {
    // The common case, and once per event: a caller whose struct is no smaller than ours needs no copy.
    if (item->size >= sizeof(busd_item)) return answer(consumer->impl->next(timeout_ms, *item), error);
    busd_item filled{};
    Verdict verdict = consumer->impl->next(timeout_ms, filled);
    if (verdict.ok()) give(item, filled);
    return answer(verdict, error);
  }();
}

busd_result busd_item_member(const busd_consumer* consumer, const busd_item* item, busd_text name,
                             busd_text* value) {
  if (consumer == nullptr || item == nullptr || value == nullptr || item->kind != BUSD_ITEM_EVENT)
    return BUSD_INVALID;
  return [=]() noexcept {
    busd_text found = consumer->impl->member(view_of(name));
    if (found.data == nullptr) return BUSD_INVALID;
    *value = found;
    return BUSD_OK;
  }();
}

int busd_consumer_fd(const busd_consumer* consumer) { return consumer->impl->fd(); }

// An epoll descriptor: readable for whatever the connection waits for.
short busd_consumer_events(const busd_consumer*) { return POLLIN; }

int64_t busd_consumer_deadline(const busd_consumer* consumer) { return ms_until(consumer->impl->deadline()); }

int busd_consumer_is_first(const busd_consumer* consumer) { return consumer->impl->is_first() ? 1 : 0; }

void busd_consumer_wake(busd_consumer* consumer) { consumer->impl->wake(); }

busd_result busd_consumer_close(busd_consumer* consumer, busd_error* error) {
  if (consumer == nullptr) return BUSD_OK;
  return [=]() noexcept {
    std::unique_ptr<busd_consumer> owned(consumer);
    return answer(owned->impl->close(), error);
  }();
}

void busd_consumer_abandon(busd_consumer* consumer) { delete consumer; }

busd_result busd_source_open(const busd_source_options* options, busd_source** source, busd_error* error) {
  if (source == nullptr) return answer({BUSD_INVALID, "source is NULL"}, error);
  *source = nullptr;
  return answer(open_source(taken(options), source), error);
}

busd_result busd_source_publish(busd_source* source, const busd_publication* publication, uint64_t* number,
                                busd_error* error) {
  if (source == nullptr || publication == nullptr)
    return answer({BUSD_INVALID, "source or publication is NULL"}, error);
  return [=]() noexcept {
    uint64_t given = 0;
    // Once per event: a caller whose struct is no smaller than ours needs no copy.
    Verdict verdict = publication->size >= sizeof *publication
                          ? source->impl->publish(*publication, given)
                          : source->impl->publish(taken(publication), given);
    if (number != nullptr) *number = given;
    return answer(verdict, error);
  }();
}

busd_result busd_source_publish_frame(busd_source* source, busd_text frame, uint64_t* number,
                                      busd_error* error) {
  if (source == nullptr) return answer({BUSD_INVALID, "source is NULL"}, error);
  return [=]() noexcept {
    uint64_t given = 0;
    Verdict verdict = source->impl->publish_frame(view_of(frame), given);
    if (number != nullptr) *number = given;
    return answer(verdict, error);
  }();
}

busd_result busd_source_status(busd_source* source, busd_source_state state, busd_text detail,
                               busd_error* error) {
  if (source == nullptr) return answer({BUSD_INVALID, "source is NULL"}, error);
  return answer(report_status(*source, state, detail), error);
}

busd_result busd_source_flush(busd_source* source, int64_t timeout_ms, busd_error* error) {
  if (source == nullptr) return answer({BUSD_INVALID, "source is NULL"}, error);
  return [=]() noexcept { return answer(source->impl->flush(timeout_ms), error); }();
}

busd_result busd_source_next_refusal(busd_source* source, busd_refusal* refusal) {
  if (source == nullptr || refusal == nullptr) return BUSD_INVALID;
  return [=]() noexcept {
    const bus::sdk::SourceRefusal* found = source->impl->next_refusal();
    if (found == nullptr) return BUSD_TIMED_OUT;
    busd_refusal filled{};
    filled.publication = found->publication;
    filled.code = text_of(found->code);
    filled.message = text_of(found->message);
    give(refusal, filled);
    return BUSD_OK;
  }();
}

uint64_t busd_source_unconfirmed(const busd_source* source) { return source->impl->unconfirmed(); }

int busd_source_fd(const busd_source* source) { return source->impl->fd(); }

short busd_source_events(const busd_source*) { return POLLIN; }

int64_t busd_source_deadline(const busd_source* source) { return ms_until(source->impl->deadline()); }

busd_result busd_source_process(busd_source* source, busd_error* error) {
  if (source == nullptr) return answer({BUSD_INVALID, "source is NULL"}, error);
  return [=]() noexcept { return answer(source->impl->process(), error); }();
}

void busd_source_wake(busd_source* source) { source->impl->wake(); }

busd_result busd_source_close(busd_source* source, int64_t timeout_ms, busd_error* error) {
  if (source == nullptr) return BUSD_OK;
  return [=]() noexcept {
    std::unique_ptr<busd_source> owned(source);
    return answer(owned->impl->close(timeout_ms), error);
  }();
}

busd_result busd_hub_status(const busd_hub_options* options, int64_t timeout_ms, char** response,
                            size_t* length, busd_error* error) {
  if (response == nullptr || length == nullptr)
    return answer({BUSD_INVALID, "response or length is NULL"}, error);
  *response = nullptr;
  *length = 0;
  return answer(query_status(taken(options), timeout_ms, response, length), error);
}

void busd_free(void* memory) { std::free(memory); }

busd_result busd_hub_inspect(const busd_hub_options* options, busd_hub_facts* facts, busd_error* error) {
  if (facts == nullptr) return answer({BUSD_INVALID, "facts is NULL"}, error);
  return answer(inspect(taken(options), facts), error);
}

busd_result busd_hub_stop(const busd_hub_options* options, int64_t timeout_ms, int force, busd_error* error) {
  return answer(stop(taken(options), timeout_ms, force != 0, nullptr), error);
}

busd_result busd_hub_end(const busd_hub_options* options, int64_t timeout_ms, int force,
                         busd_hub_ending* ending, busd_error* error) {
  return answer(stop(taken(options), timeout_ms, force != 0, ending), error);
}

busd_result busd_hub_find(const busd_hub_options* options, busd_hub_place* place, busd_error* error) {
  if (place == nullptr) return answer({BUSD_INVALID, "place is NULL"}, error);
  return answer(find(taken(options), place), error);
}

busd_result busd_hub_each(busd_hub_visit visit, void* context, busd_error* error) {
  if (visit == nullptr) return answer({BUSD_INVALID, "visit is NULL"}, error);
  visit_hubs(visit, context);
  return BUSD_OK;
}

}  // extern "C"
