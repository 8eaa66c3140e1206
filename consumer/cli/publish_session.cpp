#include "consumer/cli/publish_session.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include "consumer/cli/exit_code.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/text.h"

namespace bus::cli {

namespace {

// Confirmation bounds what a break leaves in doubt, and the map of lines. While it is awaited nothing is sent:
// for lines of 1 KiB, a round trip for every 768 KiB cost 5 to 10 % of the rate, and for every 4 MiB it costs
// nothing that could be measured.
constexpr uint64_t kConfirmEvery = 65'536;

constexpr std::chrono::milliseconds kCloseTimeout{1000};
// So many bad lines are reported one by one; of more only the number is.
constexpr uint64_t kMostReported = 10;
static_assert(kBufferBytes >= kConfirmBytes + 2 * kMaxLineBytes);
// What a frame has beside its payload and type.
constexpr size_t kFrameBytes = 64;
// A hub that confirms nothing for so long is named on stderr.
constexpr std::chrono::milliseconds kNamedAfter{3000};

// What the hub's refusal of an event means for the exit code.
int exit_code_of_refusal(std::string_view code) {
  if (code == "denied") return kPermission;
  bool data =
      code == "bad_json" || code == "bad_frame" || code == "unknown_type" || code == "frame_too_large";
  return data ? kBadData : kTryAgain;
}

}  // namespace

void LineMap::add(uint64_t publication, uint64_t line) {
  if (!steps_.empty() && line - publication == steps_.back().line - steps_.back().publication) return;
  steps_.push_back({publication, line});
}

uint64_t LineMap::line_of(uint64_t publication) const {
  auto after = std::upper_bound(steps_.begin(), steps_.end(), publication,
                                [](uint64_t value, const Step& step) { return value < step.publication; });
  if (after == steps_.begin()) return publication;
  --after;
  return after->line + (publication - after->publication);
}

void LineMap::forget_up_to(uint64_t publication) {
  auto after = std::upper_bound(steps_.begin(), steps_.end(), publication,
                                [](uint64_t value, const Step& step) { return value < step.publication; });
  // The last of them still says where the next one stands.
  if (after - steps_.begin() > 1) steps_.erase(steps_.begin(), after - 1);
}

PublishSession::PublishSession(const PublishOptions& options, const Console& console, busd::Source source)
    : options_(options),
      console_(console),
      source_(std::move(source)),
      reader_(kMaxLineBytes),
      rate_(console) {
  wake_on_signal([](void* handle) { busd_source_wake(static_cast<busd_source*>(handle)); }, source_.handle());
  enter_phase(Phase::running);
}

int PublishSession::publish_one(std::string payload, std::chrono::steady_clock::time_point deadline) {
  std::string given = payload;
  if (options_.text) {
    append_json_string(scratch_, payload);
    payload = std::exchange(scratch_, {});
  } else {
    join_json_lines(payload);
  }
  auto published = source_.publish(busd::Publication{.event_type = options_.type,
                                                     .payload = payload,
                                                     .event_id = options_.id,
                                                     .source_time = options_.time});
  note_outcome(published, 0, given);
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  if (!broken_ && unconfirmed_ > 0) confirm(std::max(left, std::chrono::milliseconds(0)));
  return finish();
}

int PublishSession::publish_lines() {
  stream_ = true;
  bool more = true;
  while (more && going_on()) {
    while (going_on()) {
      auto line = reader_.next();
      if (!line) break;
      publish_line(*line);
    }
    if (unconfirmed_ >= kConfirmEvery) confirm(options_.timeout);
    more = going_on() && read_more();
  }
  // A last line without its line end.
  if (auto line = going_on() ? reader_.next() : std::nullopt) publish_line(*line);
  return finish();
}

bool PublishSession::going_on() const {
  return !broken_ && !input_failed_ && !given_up_ && !stalled_ && caught_signal() == 0;
}

Input PublishSession::input() const {
  if (options_.text) return Input::text;
  return options_.type.empty() ? Input::frame : Input::payload;
}

bool PublishSession::read_more() {
  rate_.update(lines_);
  wait_for_input();
  if (!going_on()) return false;
  switch (reader_.fill(STDIN_FILENO)) {
    case LineReader::Read::data:
    case LineReader::Read::again:
      return true;
    case LineReader::Read::end:
      return false;
    case LineReader::Read::failed:
      break;
  }
  rate_.clear();
  console_.error(ErrorCode::input_failed, std::string("cannot read stdin: ") + std::strerror(errno));
  input_failed_ = true;
  return false;
}

// Returns when stdin has something. Meanwhile everything goes out and is confirmed, so that a slow source's
// events are never held back, a refusal is told when it comes, and a hub that dies is noticed at once.
void PublishSession::wait_for_input() {
  pollfd waits[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                    {.fd = -1, .events = 0, .revents = 0}};
  if (poll(waits, 1, 0) > 0) return;
  if (unconfirmed_ > 0) confirm(options_.timeout);
  while (going_on()) {
    auto wait = source_.deadline();
    if (auto patience = rate_.patience()) wait = std::min(wait.value_or(*patience), *patience);
    waits[1] = {.fd = source_.fd(), .events = source_.events(), .revents = 0};
    int most = wait ? static_cast<int>(std::clamp<int64_t>(wait->count(), 0, INT_MAX)) : -1;
    int ready = poll(waits, 2, most);
    if (ready > 0 && waits[0].revents != 0) return;
    if (auto processed = source_.process(); !processed && processed.error().result != BUSD_TIMED_OUT) {
      broke(processed.error());
    }
    take_refusals();
    rate_.update(lines_);
  }
}

void PublishSession::publish_line(const Line& line) {
  lines_ = line.number;
  if (line.too_long) {
    report(error_of(ErrorCode::bad_data, "longer than " + std::to_string(kMaxLineBytes) + " bytes"),
           line.number);
    return;
  }
  if (!options_.text && (is_more_utf16(line) || begins_pretty_printed(line) || is_piece(line))) return;
  if (!options_.text && is_blank(line.text)) return;
  std::string_view payload = line.text;
  if (options_.text) {
    scratch_.clear();
    append_json_string(scratch_, line.text);
    payload = scratch_;
  }
  keep_room(payload.size());
  if (!going_on()) return;
  if (options_.type.empty()) return note_outcome(source_.publish_frame(payload), line.number, line.text);
  note_outcome(source_.publish(options_.type, payload), line.number, line.text);
}

// Nothing of an input that is written over several lines is published: some of its lines would be values.
bool PublishSession::begins_pretty_printed(const Line& line) {
  if (looked_at_first_ || is_blank(line.text)) return false;
  looked_at_first_ = true;
  if (is_utf16(line.text) || !is_unfinished_json(line.text)) return false;
  given_up_ = true;
  report({ErrorCode::bad_data,
          kBadData,
          "the value does not end on this line, so nothing is published",
          "one value per line is needed, as jq -c . writes them",
          {}},
         line.number);
  return true;
}

// Of a value over several lines that comes later none is published, either.
bool PublishSession::is_piece(const Line& line) {
  if (value_.open()) {
    if (!value_.take(line.text)) return false;
    ++pieces_;
    ++bad_lines_;
    ++unsaid_;
    return true;
  }
  if (!is_unfinished_json(line.text) || !value_.begin(line.text)) return false;
  ++pieces_;
  report({ErrorCode::bad_data,
          kBadData,
          "the value does not end on this line; neither this line nor its continuation is published",
          "one value per line is needed, as jq -c . writes them",
          {}},
         line.number);
  return true;
}

// Its first line is reported in full; further ones, and the halves of line ends, are counted.
bool PublishSession::is_more_utf16(const Line& line) {
  if (!is_utf16(line.text)) return false;
  if (!std::exchange(utf16_, true)) return false;
  ++bad_lines_;
  ++unsaid_;
  return true;
}

// Waits here for a hub that takes no more, and not in the library, whose wait has no limit: what is not
// confirmed always fits its buffer.
void PublishSession::keep_room(size_t bytes) {
  unconfirmed_bytes_ += bytes + options_.type.size() + kFrameBytes;
  if (unconfirmed_bytes_ < kConfirmBytes) return;
  confirm(options_.timeout);
  if (options_.timeout_given) {
    stalled_ = timed_out_ && going_on();
    return;
  }
  while (timed_out_ && going_on()) flush(options_.timeout);
}

void PublishSession::note_outcome(const busd::Published& published, uint64_t line, std::string_view text) {
  if (published.number() != 0) {
    last_publication_ = published.number();
    map_.add(published.number(), line);
  }
  switch (published.error().result) {
    case BUSD_OK:
    case BUSD_TIMED_OUT:  // woken by a signal; the event is queued
      ++unconfirmed_;
      ++queued_;
      return;
    case BUSD_INVALID:
      report(bad_input(text, published.error().message, input()), line);
      return;
    default:
      ++unconfirmed_;  // neither sent nor confirmed
      ++queued_;
      broke(published.error());
  }
}

void PublishSession::report(Error error, uint64_t line) {
  rate_.clear();
  ++bad_lines_;
  code_ = std::max(code_, error.exit);
  if (bad_lines_ - unsaid_ > kMostReported) {
    ++unsaid_;
    return;
  }
  if (stream_ && line != 0) error.message = "line " + std::to_string(line) + ": " + error.message;
  console_.error(error);
}

void PublishSession::report_rest() {
  if (!stream_ || bad_lines_ == 0 || given_up_) return;
  std::string rest;
  if (unsaid_ > 0) rest = "… and " + std::to_string(unsaid_) + " more: ";
  rest += counted(bad_lines_, "line") + " of " + std::to_string(lines_) + " not published";
  if (pieces_ > 0) rest += ", " + std::to_string(pieces_) + " of them in values over several lines";
  console_.error(ErrorCode::bad_data, rest);
}

void PublishSession::say_summary() const {
  std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin_;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f", spent.count());
  std::string text =
      "[bus] published " + counted(queued_ - std::min(queued_, refused_ + unconfirmed_), "event");
  text += ", " + std::to_string(bad_lines_) + " refused";
  if (unconfirmed_ > 0) text += ", " + std::to_string(unconfirmed_) + " unconfirmed";
  console_.fixed_line(text + ", in " + seconds + " s");
}

// Names a hub that makes it wait for long.
void PublishSession::confirm(std::chrono::milliseconds timeout) {
  auto patience = std::min(timeout, kNamedAfter);
  flush(patience);
  if (!timed_out_ || timeout == patience || broken_ || caught_signal() != 0) return;
  rate_.clear();
  console_.warning("the hub has not confirmed " + counted(unconfirmed_, stream_ ? "line" : "event") +
                   " for 3 s; waiting for it (--timeout limits that)");
  flush(timeout - patience);
}

void PublishSession::flush(std::chrono::milliseconds timeout) {
  auto flushed = source_.flush(timeout);
  busd_result result = flushed ? BUSD_OK : flushed.error().result;
  timed_out_ = result == BUSD_TIMED_OUT;
  if (result == BUSD_OK || result == BUSD_REFUSED) {
    unconfirmed_ = 0;
    unconfirmed_bytes_ = 0;
    take_refusals();
    if (result == BUSD_REFUSED)
      code_ = std::max(code_, kBadData);  // refusals beyond those that the library keeps
    map_.forget_up_to(last_publication_);
  } else if (!timed_out_) {
    broke(flushed.error());
  }
}

void PublishSession::take_refusals() {
  while (auto refusal = source_.next_refusal()) {
    if (refusal->publication != 0) ++refused_;
    uint64_t line = refusal->publication == 0 ? 0 : map_.line_of(refusal->publication);
    report({ErrorCode::refused,
            exit_code_of_refusal(refusal->code),
            "refused by the hub: " + std::string(refusal->message) + " (" + std::string(refusal->code) + ")",
            {},
            {}},
           line);
  }
}

void PublishSession::broke(const busd::Error& error) {
  if (std::exchange(broken_, true)) return;
  take_refusals();
  rate_.clear();
  bool lost = error.result == BUSD_LOST || error.result == BUSD_CLOSED || error.result == BUSD_UNREACHABLE;
  Error said = error_of(error);
  if (lost) said.exit = kTryAgain;
  if (lost) said.code = ErrorCode::connection_lost;
  code_ = std::max(code_, said.exit);
  std::string doubt = unconfirmed_ == 0 ? "nothing" : counted(unconfirmed_, stream_ ? "line" : "event");
  said.message = "connection to the hub lost, " + doubt + " unconfirmed: " + said.message;
  console_.error(said);
}

int PublishSession::finish() {
  if (stream_ && !broken_ && unconfirmed_ > 0) confirm(options_.timeout);
  if (timed_out_ && caught_signal() != 0 && !broken_)
    confirm(options_.timeout);  // the signal ended the wait, not the time
  rate_.clear();
  enter_phase(Phase::leaving);
  wake_on_signal(nullptr, nullptr);
  if (!broken_ && timed_out_) {
    code_ = std::max(code_, kTimeRanOut);
    console_.error(ErrorCode::timed_out, "the hub did not confirm " +
                                             counted(unconfirmed_, stream_ ? "line" : "event") + " in time");
  }
  // Everything is confirmed by now, or never will be: what closing answers changes nothing.
  static_cast<void>(source_.close(broken_ || timed_out_ ? std::chrono::milliseconds(0) : kCloseTimeout));
  report_rest();
  if (stream_) say_summary();
  if (caught_signal() != 0) return ended_by_signal(caught_signal());
  if (stream_ && code_ == kDone && queued_ == 0 && !input_failed_)
    return console_.error(ErrorCode::empty_input, "stdin has nothing to publish");
  return input_failed_ && code_ == kDone ? kInternal : code_;
}

}  // namespace bus::cli
