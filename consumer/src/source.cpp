#include "consumer/src/source.h"

#include <algorithm>
#include <utility>

#include "consumer/src/deadline.h"
#include "protocol/codec.h"
#include "protocol/limits.h"

namespace bus::sdk {

namespace {

constexpr size_t kMaxRefusalsKept = 1024;

// The ledger asks the hub for a confirmation by itself when it holds so many runs, each 16 bytes.
constexpr size_t kMaxRuns = 1024;

// A socket that refused bytes is asked again when so much more waits, or after this time: fewer and larger
// writes.
constexpr size_t kBatchBytes = 16'384;
constexpr milliseconds kBatchTime{1};

// Errors are looked for each time so much was sent: a read per event would double the cost of a small one. Of
// errors that nobody reads, the hub bears what its socket takes and 64 KiB more (PROTOCOL.md 4): thousands.
constexpr uint64_t kReadEachBytes = 16'384;

constexpr std::string_view kStatusStart = "{\"type\":\"source_status\"";

}  // namespace

Verdict Source::open(ClientOptions options, SourceSettings settings, std::unique_ptr<Source>& opened) {
  std::unique_ptr<Client> client;
  Verdict verdict = Client::open(std::move(options), client);
  if (!verdict.ok()) return verdict;
  opened = std::unique_ptr<Source>(new Source(std::move(client), settings));
  opened->on_back();
  return {};
}

Verdict Source::publish(const busd_publication& what, uint64_t& number) {
  number = ++last_number_;
  return enqueue([&](SendBuffer& out) { return builder_.build(what, out); }, number);
}

Verdict Source::publish_frame(std::string_view frame, uint64_t& number) {
  number = ++last_number_;
  return enqueue([&](SendBuffer& out) { return builder_.take(frame, out); }, number);
}

Verdict Source::status(SourceState state, std::string_view detail) {
  const std::string& name = client_->hello().source;
  if (name.empty()) return {BUSD_INVALID, "an anonymous source has no status; open it with a name"};
  if (detail.size() > kMaxDetailBytes) {
    return {BUSD_INVALID, "detail has " + std::to_string(detail.size()) + " bytes; the limit is " +
                              std::to_string(kMaxDetailBytes)};
  }
  std::string frame = encode(SourceStatus{name, state, std::string(detail)});
  auto write = [&](SendBuffer& out) -> std::optional<std::string> {
    out.append(frame);
    return std::nullopt;
  };
  Verdict verdict = enqueue(write, 0);
  bool plain = state == SourceState::connected && detail.empty();
  last_status_ = plain ? std::string() : std::move(frame);
  return verdict;
}

// Queues the frame that `write` adds to a buffer; what it returns is wrong with it. While there is a
// connection, it writes straight into what that one sends.
template <class Write>
Verdict Source::enqueue(Write write, uint64_t number) {
  if (!client_->up()) {
    SendBuffer aside;
    if (auto fault = write(aside)) return {BUSD_INVALID, std::move(*fault)};
    return keep(aside.unsent(), number);
  }
  if (auto fault = write(client_->connection().outgoing())) return {BUSD_INVALID, std::move(*fault)};
  queued(number);
  // Most events of a stream that is held back.
  if (client_->connection().pending_bytes() < settings_.hold_bytes && !break_to_report_) return {};
  return send_or_wait();
}

// Without a connection: tries to get one, and queues the frame for it or the next.
Verdict Source::keep(std::string_view frame, uint64_t number) {
  step();
  if (client_->state() == Client::State::over) return client_->verdict();
  if (client_->up()) {
    queue_now(frame, number);
  } else {
    backlog_bytes_ += frame.size();
    backlog_.push_back(Waiting{std::string(frame), number});
  }
  return send_or_wait();
}

Verdict Source::send_or_wait() {
  if (ledger_.runs() > kMaxRuns && checks_.empty() && client_->up()) ask();
  if (client_->up() && send_is_due()) send_now();
  if (waiting_bytes() > settings_.buffer_bytes) {
    Verdict verdict = make_room();
    if (!verdict.ok()) return verdict;
  }
  return report_break();
}

void Source::queue_now(std::string_view frame, uint64_t number) {
  client_->connection().queue(frame);
  queued(number);
}

// Notes that the last of the connection's frames is publication `number`; 0: a status.
void Source::queued(uint64_t number) {
  if (number != 0) {
    ledger_.add_publication(number);
  } else {
    ledger_.add_other();
  }
}

// A frame is sent at once while the socket takes it, because nobody may come to send it later. In a stream
// the socket soon refuses, and from then on 16 KiB go at a time; so this costs little: measured with 100-byte
// payloads, 0.61 µs of CPU per event against 0.56 µs with 64 KiB held back. Who has events held back comes
// again, so the clock, which is seen beside a small event, is not asked for him.
bool Source::send_is_due() const {
  const Connection& connection = client_->connection();
  size_t waiting = connection.pending_bytes();
  if (waiting < settings_.hold_bytes) return false;
  if (!connection.blocked() || waiting >= asked_at_ + kBatchBytes) return true;
  return settings_.hold_bytes == 0 && now() >= asked_time_ + kBatchTime;
}

void Source::send_now() {
  Connection& connection = client_->connection();
  connection.send_pending();
  if (connection.blocked()) {
    asked_at_ = connection.pending_bytes();
    asked_time_ = now();
  }
  if (connection.sent_bytes() < read_after_ && !connection.write_failed()) return;
  read_after_ = connection.sent_bytes() + kReadEachBytes;
  step();
}

// Blocks until no more than the buffer's size waits.
Verdict Source::make_room() {
  if (client_->up()) send_now();
  for (;;) {
    step();
    if (client_->state() == Client::State::over) return client_->verdict();
    if (waiting_bytes() <= settings_.buffer_bytes) return {};
    if (client_->wait(kNever) == Connection::Wait::woken) {
      return {BUSD_TIMED_OUT, "woken while the hub took no more; the event is queued"};
    }
  }
}

// Does what is due without waiting: reads what came, reconnects.
void Source::step() {
  for (;;) {
    switch (client_->take()) {
      case Client::Took::item:
        on_inbound(client_->item());
        break;
      case Client::Took::broke:
        on_break();
        break;
      case Client::Took::back:
        on_back();
        break;
      case Client::Took::over:
        if (!checks_.empty() || ledger_.frames() > 0) on_break();
        return;
      case Client::Took::nothing:
        return;
    }
  }
}

void Source::on_inbound(const Inbound& inbound) {
  bool answers_check = inbound.kind == Inbound::Kind::check_ack;
  if (inbound.kind == Inbound::Kind::error) {
    const ErrorMessage& error = inbound.error;
    // An error in place of an ack tells as much: all before it was processed.
    answers_check = !checks_.empty() && error.frame == checks_.front();
    if (!answers_check) {
      ++refused_;
      if (refusals_.size() < kMaxRefusalsKept) {
        refusals_.push_back(
            SourceRefusal{ledger_.publication_of(error.frame), name_of(error.code), error.message});
      }
    }
  }
  if (answers_check && !checks_.empty()) {
    ledger_.confirm(checks_.front());
    checks_.pop_front();
  }
}

// The connection is gone: what the hub cannot have seen whole waits for the next one, the rest is of unknown
// fate.
void Source::on_break() {
  std::string_view unsent = client_->connection().unsent_frames();
  auto lines = static_cast<uint64_t>(std::count(unsent.begin(), unsent.end(), '\n'));
  uint64_t ordinal = ledger_.frames() - lines;
  uint64_t in_doubt = ledger_.unconfirmed_until(ordinal);
  while (!unsent.empty()) {
    std::string_view frame = unsent.substr(0, unsent.find('\n') + 1);
    unsent.remove_prefix(frame.size());
    uint64_t number = ledger_.publication_of(++ordinal);
    // Hello and checks belong to their connection.
    if (number == 0 && !frame.starts_with(kStatusStart)) continue;
    backlog_bytes_ += frame.size();
    backlog_.push_back(Waiting{std::string(frame), number});
  }
  client_->connection().discard_unsent();
  ledger_.clear();
  checks_.clear();
  if (in_doubt == 0) return;
  unconfirmed_ = in_doubt + (break_to_report_ ? unconfirmed_ : 0);
  break_to_report_ = true;
}

void Source::on_back() {
  ledger_.clear();
  ledger_.add_other();  // hello, which the hub has answered
  ledger_.confirm(ledger_.frames());
  // The hub has said "connected", which may not be what was reported. A newer state waits in the backlog.
  auto is_status = [](const Waiting& waiting) { return waiting.number == 0; };
  if (!last_status_.empty() && std::none_of(backlog_.begin(), backlog_.end(), is_status)) {
    queue_now(last_status_, 0);
  }
  for (const Waiting& waiting : backlog_) queue_now(waiting.frame, waiting.number);
  backlog_.clear();
  backlog_bytes_ = 0;
  client_->connection().send_pending();
}

// Asks for a round trip: the answer comes after those to all frames before. A check from a connection that is
// no consumer reserves nothing (PROTOCOL.md 6).
void Source::ask() {
  ledger_.add_other();
  checks_.push_back(ledger_.frames());
  client_->send_control(encode(PreShutdownCheck{client_->hello().event_key, ""}));
}

Verdict Source::report_break() {
  if (!std::exchange(break_to_report_, false)) return {};
  return {BUSD_LOST,
          "the connection broke: the fate of " + std::to_string(unconfirmed_) + " publications is unknown"};
}

Verdict Source::flush(int64_t timeout_ms) { return flush_until(deadline_of(timeout_ms)); }

Verdict Source::flush_until(TimePoint until) {
  if (client_->up()) send_now();
  for (;;) {
    step();
    if (break_to_report_) return report_break();
    if (client_->state() == Client::State::over) return client_->verdict();
    if (client_->up()) {
      if (ledger_.confirmed() == ledger_.frames()) return answer_of_flush();
      if (checks_.empty() || checks_.back() != ledger_.frames()) {
        ask();
        continue;
      }
    }
    if (now() >= until) return {BUSD_TIMED_OUT, "the hub has not confirmed everything in time"};
    if (client_->wait(until) == Connection::Wait::woken) return {BUSD_TIMED_OUT, "woken"};
  }
}

Verdict Source::answer_of_flush() {
  uint64_t refused = std::exchange(refused_, 0);
  if (refused == 0) return {};
  return {BUSD_REFUSED, "the hub refused " + std::to_string(refused) + " of what was published"};
}

const SourceRefusal* Source::next_refusal() {
  if (refusals_.empty()) return nullptr;
  taken_ = std::move(refusals_.front());
  refusals_.pop_front();
  return &taken_;
}

Verdict Source::process() {
  if (client_->up()) send_now();
  step();
  if (break_to_report_) return report_break();
  if (client_->state() == Client::State::over) return client_->verdict();
  return {};
}

TimePoint Source::deadline() const {
  const Connection& connection = client_->connection();
  bool held = client_->up() && connection.pending_bytes() > 0 && !connection.blocked();
  return held ? TimePoint::min() : client_->deadline();
}

Verdict Source::close(int64_t timeout_ms) {
  TimePoint until = deadline_of(timeout_ms);
  Verdict verdict = flush_until(until);
  if (client_->up()) {
    client_->send_control(encode(Bye{}));
    // The end of file says that the hub knows of our going, so that whoever asks it next sees this source
    // gone.
    until = std::min(until, now() + kWriteTimeout);
    for (;;) {
      Client::Took took = client_->take();
      if (took != Client::Took::item && took != Client::Took::nothing) break;
      if (took == Client::Took::nothing && now() >= until) break;
      if (took == Client::Took::nothing) (void)client_->wait(until);
    }
  }
  client_->end(Verdict(BUSD_CLOSED, "closed"));
  return verdict;
}

}  // namespace bus::sdk
