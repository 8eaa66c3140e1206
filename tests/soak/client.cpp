#include "tests/soak/client.h"

#include <cerrno>
#include <sys/socket.h>
#include <utility>

#include "protocol/base/strings.h"

namespace bus::soak {

namespace {

constexpr size_t kReadBytes = 256 * 1024;
// What one client reads before the others have their turn.
constexpr size_t kReadsInTurn = 8;

constexpr std::string_view kGarbage = "{\"type\":oops}\n";

// The number behind `name` in `line`; 0 when there is none.
uint64_t number_after(std::string_view line, std::string_view name) {
  size_t at = line.find(name);
  if (at == std::string_view::npos) return 0;
  line.remove_prefix(at + name.size());
  return parse_u64(std::string(line.substr(0, line.find_first_not_of("0123456789")))).value_or(0);
}

std::string shortened(std::string_view line) {
  return std::string(line.substr(0, 160)) + (line.size() > 160 ? "…" : "");
}

}  // namespace

Client::Client(Fd socket, uint64_t id, Kind kind, Ledger& ledger)
    : ledger_(ledger),
      socket_(std::move(socket)),
      id_(id),
      kind_(kind),
      phase_(kind == Kind::anonymous ? Phase::up : Phase::greeting) {
  ++ledger_.connections;
}

Client::~Client() { finish(false); }

void Client::say_hello(const std::string& key, const std::string& types, const std::string& source) {
  key_ = key;
  std::string line = R"({"type":"hello","pid":)" + std::to_string(id_) + R"(,"event_key":")" + key +
                     R"(","event_types":[)" + types + R"(],"version":"v1")";
  if (kind_ == Kind::source) line += R"(,"role":"source","source":")" + source + "\"";
  queue(line + "}\n", false);
}

void Client::publish(std::string_view type, size_t payload_bytes, bool with_id) {
  std::string line = R"({"type":"event","event_type":")" + std::string(type) + "\"";
  uint64_t number = ++published_;
  if (with_id) line += R"(,"event_id":")" + std::to_string(id_) + "-" + std::to_string(number) + "\"";
  line += R"(,"payload":{"s":)" + std::to_string(id_) + R"(,"n":)" + std::to_string(number) + R"(,"b":)" +
          std::to_string(payload_bytes) + R"(,"pad":")";
  line.append(payload_bytes, static_cast<char>('a' + number % 26));
  queue(line + "\"}}\n", true);
}

void Client::send_garbage() {
  ++garbage_;
  queue(kGarbage, false);
}

void Client::ask_for_last() {
  ++unanswered_;
  queue(R"({"type":"pre_shutdown_check","event_key":")" + key_ + "\"}\n", false);
}

void Client::ask_for_nothing() {
  ++unanswered_;
  queue("{\"type\":\"pre_shutdown_check\",\"event_key\":\"nobody's scope\"}\n", false);
}

void Client::say_bye() {
  if (phase_ != Phase::up) return;
  phase_ = Phase::leaving;
  // What is queued for it has to be read in time.
  stalled_ = false;
  queue("{\"type\":\"bye\"}\n", false);
}

void Client::half_close() {
  phase_ = Phase::half_closed;
  ::shutdown(socket_.get(), SHUT_WR);
}

void Client::die() { finish(false); }

void Client::queue(std::string_view line, bool event) {
  out_ += line;
  queued_bytes_ += line.size();
  if (event) event_ends_.push_back(queued_bytes_);
  write();
}

void Client::write() {
  size_t done = 0;
  while (done < out_.size()) {
    ssize_t n = ::send(socket_.get(), out_.data() + done, out_.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // full, or gone: the reader learns of that
    done += static_cast<size_t>(n);
  }
  out_.erase(0, done);
  sent_bytes_ += done;
  for (; !event_ends_.empty() && event_ends_.front() <= sent_bytes_; event_ends_.pop_front())
    ++ledger_.events_written;
}

void Client::read() {
  static char chunk[kReadBytes];
  for (size_t i = 0; i < kReadsInTurn && phase_ != Phase::over; ++i) {
    ssize_t n = ::recv(socket_.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return on_end(n < 0);
    std::string_view rest(chunk, static_cast<size_t>(n));
    for (size_t end = 0; phase_ != Phase::over && (end = rest.find('\n')) != std::string_view::npos;) {
      if (in_.empty()) {
        take(rest.substr(0, end));
      } else {
        in_ += rest.substr(0, end);
        take(std::exchange(in_, {}));
      }
      rest.remove_prefix(end + 1);
    }
    in_ += rest;
  }
}

void Client::take(std::string_view line) {
  if (!line.ends_with('}')) return violate("a torn frame: " + shortened(line));
  if (line.starts_with(R"({"type":"event",)")) return take_event(line);
  if (line.starts_with(R"({"type":"hello_ack",)")) return take_ack(line);
  if (line.starts_with(R"({"type":"error",)")) return take_error(line);
  if (line.starts_with(R"({"type":"source_status",)") && kind_ == Kind::consumer) return;
  if (line.starts_with(R"({"type":"pre_shutdown_ack",)") && unanswered_ > 0) {
    --unanswered_;
    if (line.find("true") != std::string_view::npos) say_bye();
    return;
  }
  violate("a frame that it did not ask for: " + shortened(line));
}

void Client::take_event(std::string_view line) {
  uint64_t seq = number_after(line, "\"seq\":");
  uint64_t source = number_after(line, "\"s\":");
  uint64_t number = number_after(line, "\"n\":");
  uint64_t bytes = number_after(line, "\"b\":");
  if (phase_ == Phase::greeting) violate("an event before hello_ack");
  if (seq <= last_seq_) violate("seq " + std::to_string(seq) + " after " + std::to_string(last_seq_));
  constexpr std::string_view kPad = "\"pad\":\"";
  size_t pad = line.find(kPad);
  bool whole = pad != std::string_view::npos && line.size() == pad + kPad.size() + bytes + 3;
  std::string_view text = whole ? line.substr(pad + kPad.size(), bytes) : std::string_view();
  auto letter = static_cast<char>('a' + number % 26);
  if (!whole || text.find_first_not_of(letter) != std::string_view::npos)
    violate("a torn event: " + shortened(line));
  uint64_t& last = last_of_source_[source];
  if (number <= last) {
    violate("event " + std::to_string(number) + " of source " + std::to_string(source) + " after " +
            std::to_string(last));
  }
  last = number;
  ledger_.gaps += seq - last_seq_ - 1;
  last_seq_ = seq;
  ++events_read_;
  ++ledger_.events_read;
}

void Client::take_ack(std::string_view line) {
  if (phase_ != Phase::greeting) return violate("a second hello_ack");
  rejected_ = line.find("\"rejected\":true") != std::string_view::npos;
  phase_ = rejected_ ? Phase::leaving : Phase::up;
}

void Client::take_error(std::string_view line) {
  if (line.find("\"code\":\"busy\"") != std::string_view::npos) {
    ++ledger_.refused_busy;
  } else if (line.find("\"code\":\"bad_json\"") != std::string_view::npos && garbage_ > 0) {
    --garbage_;
  } else {
    violate("an error without a reason: " + shortened(line));
  }
}

void Client::on_end(bool reset) {
  bool awaited = phase_ == Phase::leaving || (phase_ == Phase::half_closed && kind_ != Kind::consumer);
  if (!awaited) violate(reset ? "the hub cut the connection" : "the hub ended the connection");
  if (awaited && reset) violate("a reset where EOF belongs");
  if (!in_.empty()) violate("the connection ended in the middle of a frame: " + shortened(in_));
  finish(awaited && !reset);
}

void Client::finish(bool clean) {
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  (clean ? ledger_.clean_read : ledger_.cut_read) += events_read_;
  (clean ? ledger_.clean_gaps : ledger_.cut_gaps) += gaps();
  socket_.reset();
}

void Client::violate(const std::string& what) {
  static constexpr const char* kPhases[] = {"greeting", "up", "half-closed", "leaving", "over"};
  static constexpr const char* kKinds[] = {"consumer", "source", "anonymous"};
  ledger_.violate(std::string(kKinds[static_cast<int>(kind_)]) + " " + std::to_string(id_) + " (" +
                  kPhases[static_cast<int>(phase_)] + "): " + what);
}

}  // namespace bus::soak
