#include "consumer/src/publisher.h"

#include <algorithm>

#include "protocol/encode.h"
#include "protocol/limits.h"

namespace bus::sdk {

namespace {

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

std::optional<std::string> Publisher::add(const busd_publication& what, uint64_t number) {
  return enqueue([&](SendBuffer& out) { return builder_.build(what, out); }, number);
}

std::optional<std::string> Publisher::add(std::string_view frame, uint64_t number) {
  return enqueue([&](SendBuffer& out) { return builder_.take(frame, out); }, number);
}

std::optional<std::string> Publisher::add(SourceState state, std::string_view detail) {
  const std::string& name = session_.hello().source;
  if (name.empty()) return "an anonymous source has no status; open it with a name";
  if (detail.size() > kMaxDetailBytes) {
    return "detail has " + std::to_string(detail.size()) + " bytes; the limit is " +
           std::to_string(kMaxDetailBytes);
  }
  std::string frame = encode(SourceStatus{name, state, std::string(detail)});
  auto write = [&](SendBuffer& out) -> std::optional<std::string> {
    out.append(frame);
    return std::nullopt;
  };
  (void)enqueue(write, 0);
  bool plain = state == SourceState::connected && detail.empty();
  last_status_ = plain ? std::string() : std::move(frame);
  return std::nullopt;
}

// Queues the frame that `write` adds to a buffer; what it returns is wrong with it. While there is a
// connection, it writes straight into what that one sends.
template <class Write>
std::optional<std::string> Publisher::enqueue(Write write, uint64_t number) {
  if (session_.up()) {
    auto fault = write(transport().outgoing());
    if (!fault) queued(number);
    return fault;
  }
  SendBuffer aside;
  auto fault = write(aside);
  if (!fault && !session_.over()) keep(aside.unsent(), number);
  return fault;
}

uint64_t Publisher::add_control(std::string_view frame) {
  was_used_ = true;
  queue_now(frame, 0);
  return ledger_.frames();
}

void Publisher::keep(std::string_view frame, uint64_t number) {
  backlog_bytes_ += frame.size();
  backlog_.push_back(Waiting{std::string(frame), number});
}

void Publisher::queue_now(std::string_view frame, uint64_t number) {
  transport().queue(frame);
  queued(number);
}

// Notes that the last of the connection's frames is publication `number`; 0: a status.
void Publisher::queued(uint64_t number) {
  if (number != 0) {
    ledger_.add_publication(number);
  } else {
    ledger_.add_other();
  }
}

// A frame is sent at once while the socket takes it, because nobody may come to send it later. In a stream
// the socket soon refuses, and from then on 16 KiB go at a time; so this costs little: measured with 100-byte
// payloads, 0.61 µs of CPU per event against 0.56 µs with 64 KiB held back. A caller that holds events back
// comes again, so the clock, whose cost shows beside a small event, is not asked for it.
bool Publisher::send_is_due() const {
  if (!session_.up()) return false;
  size_t waiting = transport().pending_bytes();
  if (waiting < options_.hold_bytes) return false;
  if (!transport().blocked() || waiting >= asked_at_ + kBatchBytes) return true;
  return options_.hold_bytes == 0 && now() >= asked_time_ + kBatchTime;
}

bool Publisher::send() {
  transport().send_pending();
  if (transport().blocked()) {
    asked_at_ = transport().pending_bytes();
    asked_time_ = now();
  }
  if (transport().sent_bytes() < read_after_ && !transport().write_failed()) return false;
  read_after_ = transport().sent_bytes() + kReadEachBytes;
  return true;
}

void Publisher::ask() {
  ledger_.add_other();
  barrier_.asked(ledger_.frames());
  session_.send_control(barrier_.question(ledger_.frames()));
}

void Publisher::bound_ledger() {
  if (ledger_.runs() > kMaxRuns && !barrier_.is_open() && session_.up()) ask();
}

bool Publisher::on_item(Item& item) {
  if (uint64_t ordinal = barrier_.take_answer(item); ordinal != 0) {
    ledger_.confirm(ordinal);
    return false;
  }
  if (item.kind == ItemKind::refused) {
    item.publication = ledger_.publication_of(item.error.frame);
    ++refused_;
  }
  return true;
}

uint64_t Publisher::on_break() {
  std::string_view unsent = transport().unsent_frames();
  auto lines = static_cast<uint64_t>(std::count(unsent.begin(), unsent.end(), '\n'));
  uint64_t ordinal = ledger_.frames() - lines;
  uint64_t in_doubt = ledger_.unconfirmed_until(ordinal);
  while (!unsent.empty()) {
    std::string_view frame = unsent.substr(0, unsent.find('\n') + 1);
    unsent.remove_prefix(frame.size());
    uint64_t number = ledger_.publication_of(++ordinal);
    // Hello and barriers belong to their connection.
    if (number != 0 || frame.starts_with(kStatusStart)) keep(frame, number);
  }
  transport().discard_unsent();
  ledger_.clear();
  barrier_.clear();
  return in_doubt;
}

void Publisher::on_reset() {
  barrier_.use_calls(session_.has_calls());
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
  transport().send_pending();
}

}  // namespace bus::sdk
