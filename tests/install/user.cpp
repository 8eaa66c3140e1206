// A user of <busd/consumer.hpp>: every function, and with it each template.
#include <busd/consumer.hpp>

namespace {

busd::Error use_items(busd::Consumer& consumer) {
  std::size_t bytes = 0;
  while (auto item = consumer.next(std::chrono::milliseconds(10))) {
    if (item->is_event()) {
      auto event = item->event();
      bytes += event.type().size() + event.id().size() + event.source_time().size() + event.payload().size();
      bytes += event.frame().size() + event.seq() + event.member("traceparent").value_or("").size();
    }
    if (item->is_lost()) bytes += item->lost().count + item->lost().after + item->lost().before;
    if (item->is_source_status()) bytes += *busd::name_of(item->source_status().state) == 'c' ? 1U : 0U;
    if (item->is_break() || item->is_reset()) bytes += item->detail().size() + (item->first() ? 1U : 0U);
    if (item->kind() == BUSD_ITEM_EVENT && bytes == 0) break;
  }
  return consumer.error();
}

bool use_consumer() {
  auto consumer =
      busd::Consumer::open({.key = "k", .event_types = {"build.*"}, .on_first = [] { return true; }});
  if (!consumer) return consumer.error().message.empty();
  busd::Consumer moved = std::move(*consumer);
  moved.wake();
  if (moved.fd() < moved.events() || moved.deadline() || moved.is_first())
    return use_items(moved).message.empty();
  if (moved.handle() == nullptr) moved.abandon();
  return moved.close().has_value();
}

bool use_source() {
  auto source = busd::Source::open({.name = "s", .hold_bytes = 1});
  if (!source) return false;
  auto published = source->publish("t", "1");
  if (!published || !source->publish(busd::Publication{.event_type = "t", .members = "\"a\":1"}))
    return false;
  if (source->publish_frame("{}").number() == 0 || !source->status(busd::SourceState::connected, ""))
    return false;
  source->wake();
  if (source->fd() < source->events() || source->deadline()) return source->process().has_value();
  if (!source->flush()) {
    while (auto refusal = source->next_refusal()) {
      if (refusal->message.size() + refusal->code.size() == refusal->publication) return false;
    }
  }
  return source->unconfirmed() == 0 && source->close(busd::forever) && source->handle() == nullptr;
}

bool use_calls() {
  auto connection = busd::Connection::open({});
  if (!connection) return false;
  busd::Answer answer = connection->call("t", "1", {.timeout = std::chrono::seconds(1)});
  if (!answer) return answer.code.empty();
  bool parts = false;
  std::vector<busd::Call> calls;
  calls.push_back(connection->call_async("t"));
  calls.back().on_chunk([&](std::string_view data) { parts = data.empty(); });
  calls.back().on_progress([&](const busd::Progress& how) { parts = how.done == how.total; });
  if (!calls.back().cancel() || calls.back().number() == 0) return false;
  if (!busd::wait_all(calls, busd::forever) || !calls.back().is_done()) return false;
  auto served = connection->serve("t",
                                  [](busd::Request request) {
                                    bool plain = request.task() == "t" && request.source().empty() &&
                                                 request.uid() == 0;
                                    if (plain && request.is_open() && request.pid() > 0)
                                      (void)request.decline();
                                    if (request.streams()) (void)request.chunk(request.args());
                                    if (!request.progress({.done = request.number()}))
                                      (void)request.fail("c", "m");
                                    if (request.timeout().count() > 0) (void)request.respond();
                                  },
                                  {.slots = 2});
  return served && connection->run() && connection->unserve("t") && calls.back().wait().result.empty() &&
         calls.back().answer().by.empty() && parts;
}

bool use_streams() {
  auto connection = busd::Connection::open({});
  if (!connection) return false;
  auto stream = busd::BulkStream::open(*connection);
  if (!stream) return false;
  auto from = busd::receive_stream(stream->ticket());
  return from && stream->send(*from);
}

bool use_hub() {
  auto status = busd::hub_status();
  auto facts = busd::hub_inspect({.socket = "/tmp/s", .bus = ""});
  return status && facts && facts->lock_held && busd::hub_stop({}, std::chrono::seconds(1), true);
}

}  // namespace

int main() { return use_consumer() && use_source() && use_calls() && use_streams() && use_hub() ? 0 : 1; }
