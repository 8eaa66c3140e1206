// The C functions of consumers and sources, over those of connections.
#include <poll.h>

#include "consumer/src/c_call.h"
#include "consumer/src/c_handles.h"
#include "consumer/src/text.h"

using bus::sdk::answer;
using bus::sdk::Face;
using bus::sdk::give;
using bus::sdk::of;
using bus::sdk::taken;

namespace {

// What the options of consumers and sources have in common.
template <class Options>
busd_connection_options place_of(const Options& options) {
  busd_connection_options all{};
  all.size = sizeof all;
  all.socket = options.socket;
  all.bus = options.bus;
  all.hub_program = options.hub_program;
  all.no_start = options.no_start;
  all.no_reconnect = options.no_reconnect;
  all.open_timeout_ms = options.open_timeout_ms;
  all.reconnect_max_ms = options.reconnect_max_ms;
  all.cancel_fd = options.cancel_fd;
  return all;
}

busd_connection_options widened(const busd_consumer_options& options) {
  busd_connection_options all = place_of(options);
  all.key = options.key;
  all.event_types = options.event_types;
  all.event_type_count = options.event_type_count;
  all.subscription_id = options.subscription_id;
  all.exclusive = options.exclusive;
  all.on_first = options.on_first;
  all.on_last = options.on_last;
  all.context = options.context;
  all.observer = options.observer;
  all.background = options.background;
  all.cleanup_task = options.cleanup_task;
  return all;
}

busd_connection_options widened(const busd_source_options& options) {
  busd_connection_options all = place_of(options);
  all.source = options.name;
  all.buffer_bytes = options.buffer_bytes;
  all.hold_bytes = options.hold_bytes;
  all.check_payloads = options.check_payloads;
  return all;
}

}  // namespace

extern "C" {

busd_result busd_consumer_open(const busd_consumer_options* options, busd_consumer** consumer,
                               busd_error* error) {
  if (consumer == nullptr) return answer({BUSD_INVALID, "consumer is NULL"}, error);
  *consumer = nullptr;
  return bus::sdk::open_handle(widened(taken(options)), Face::receives, consumer, error);
}

busd_result busd_consumer_next(busd_consumer* consumer, int64_t timeout_ms, busd_item* item,
                               busd_error* error) {
  return bus::sdk::next_item(consumer, timeout_ms, item, error);
}

int busd_consumer_fd(const busd_consumer* consumer) { return consumer->impl->fd(); }

short busd_consumer_events(const busd_consumer*) { return POLLIN; }

int64_t busd_consumer_deadline(const busd_consumer* consumer) {
  return bus::sdk::ms_until(consumer->impl->deadline());
}

int busd_consumer_is_first(const busd_consumer* consumer) { return consumer->impl->is_first() ? 1 : 0; }

void busd_consumer_wake(busd_consumer* consumer) { consumer->impl->wake(); }

busd_result busd_consumer_close(busd_consumer* consumer, busd_error* error) {
  return bus::sdk::close_handle(consumer, 0, error);
}

void busd_consumer_abandon(busd_consumer* consumer) { delete consumer; }

busd_result busd_source_open(const busd_source_options* options, busd_source** source, busd_error* error) {
  if (source == nullptr) return answer({BUSD_INVALID, "source is NULL"}, error);
  *source = nullptr;
  return bus::sdk::open_handle(widened(taken(options)), Face::publishes, source, error);
}

busd_result busd_source_publish(busd_source* source, const busd_publication* publication, uint64_t* number,
                                busd_error* error) {
  return bus::sdk::publish(source, publication, number, error);
}

busd_result busd_source_publish_frame(busd_source* source, busd_text frame, uint64_t* number,
                                      busd_error* error) {
  return bus::sdk::publish_frame(of(source), frame, number, error);
}

busd_result busd_source_status(busd_source* source, busd_source_state state, busd_text detail,
                               busd_error* error) {
  return bus::sdk::report(of(source), state, detail, error);
}

busd_result busd_source_flush(busd_source* source, int64_t timeout_ms, busd_error* error) {
  return bus::sdk::flush(of(source), timeout_ms, error);
}

busd_result busd_source_next_refusal(busd_source* source, busd_refusal* refusal) {
  if (source == nullptr || refusal == nullptr) return BUSD_INVALID;
  return [=]() noexcept {
    const bus::sdk::Item* found = source->impl->next_refusal();
    if (found == nullptr) return BUSD_TIMED_OUT;
    busd_refusal filled{};
    filled.publication = found->publication;
    filled.code = bus::sdk::text_of(name_of(found->error.code));
    filled.message = bus::sdk::text_of(found->error.message);
    give(refusal, filled);
    return BUSD_OK;
  }();
}

uint64_t busd_source_unconfirmed(const busd_source* source) { return source->impl->unconfirmed(); }

int busd_source_fd(const busd_source* source) { return source->impl->fd(); }

short busd_source_events(const busd_source*) { return POLLIN; }

int64_t busd_source_deadline(const busd_source* source) {
  return bus::sdk::ms_until(source->impl->deadline());
}

busd_result busd_source_process(busd_source* source, busd_error* error) {
  if (source == nullptr) return answer({BUSD_INVALID, "source is NULL"}, error);
  return [=]() noexcept { return answer(source->impl->process(), error); }();
}

void busd_source_wake(busd_source* source) { source->impl->wake(); }

busd_result busd_source_close(busd_source* source, int64_t timeout_ms, busd_error* error) {
  return bus::sdk::close_handle(source, timeout_ms, error);
}

}  // extern "C"
