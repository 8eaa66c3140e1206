#include "consumer/sources/feed.h"

#include <algorithm>
#include <chrono>

#include "protocol/base/strings.h"
#include "protocol/limits.h"

namespace bus::sources {

namespace {

// Of a line that an event's exit quotes.
constexpr size_t kMaxQuotedBytes = 400;

int64_t wall_ms() {
  auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(since).count();
}

}  // namespace

Feed::Feed(const Definition& definition, HubLink& link, Owner& owner)
    : definition_(&definition), link_(link), owner_(owner), ring_(definition.log_bytes) {
  define(definition);
}

void Feed::define(const Definition& definition) {
  definition_ = &definition;
  judge_.emplace(definition);
  ring_.set_max_bytes(definition.log_bytes);
  if (definition.log_file.empty()) {
    file_.reset();
  } else if (!file_ || file_->path() != definition.log_file) {
    file_ = std::make_unique<LogFile>(definition.log_file);
    if (!file_->trouble().empty()) note(0, "log-file: " + file_->trouble());
  }
}

void Feed::take(Stream stream, uint64_t run, std::string_view line, bool whole) {
  if (stream == Stream::err) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) {
      error_run_ = run;
      error_line_ = line.substr(0, kMaxQuotedBytes);
    }
    return keep(stream, run, line);
  }
  Judged judged = whole ? judge_->judge(line) : judge_->judge_cut(line);
  switch (judged.kind) {
    case Judged::Kind::frame:
    case Judged::Kind::payload:
      return publish(judged, run, line);
    case Judged::Kind::message:
      return owner_.on_message(judged.type, judged.text);
    case Judged::Kind::refused:
      return note_refused(stream, run, judged.reason, judged.text);
    case Judged::Kind::log:
      return keep(stream, run, judged.text);
    case Judged::Kind::blank:
      break;
  }
}

void Feed::publish(const Judged& judged, uint64_t run, std::string_view line) {
  if (!link_.is_open()) return;  // its end is told, and the pipe is not read until there is another
  auto error = BUSD_INIT(busd_error);
  busd_result result = BUSD_OK;
  if (judged.kind == Judged::Kind::frame) {
    result = busd_connection_publish_frame(link_.get(), text_of(judged.text), nullptr, &error);
  } else {
    auto what = BUSD_INIT(busd_publication);
    what.event_type = text_of(definition_->event_type);
    what.payload = text_of(judged.text);
    result = busd_connection_publish(link_.get(), &what, nullptr, &error);
  }
  if (result == BUSD_INVALID) return note_refused(Stream::out, run, error.message, line);
  ++published_;
  owner_.on_good_line();
}

void Feed::skip_too_long(Stream stream, uint64_t run) {
  ++skipped_;
  keep(stream, run, "[a line of more than " + format_size(kMaxFrameBytes) + " was skipped]");
}

void Feed::note(uint64_t run, std::string_view text) {
  keep(Stream::err, run, "[" + std::string(text) + "]");
}

void Feed::refuse(uint64_t run, std::string_view code, std::string_view reason) {
  ++refused_;
  if (published_ > 0) --published_;
  note(run, "the hub refused an event: " + std::string(code) + ": " + std::string(reason));
}

void Feed::note_refused(Stream stream, uint64_t run, std::string_view reason, std::string_view line) {
  ++refused_;
  keep(stream, run, "[no event: " + std::string(reason) + "] " + std::string(line));
}

void Feed::keep(Stream stream, uint64_t run, std::string_view line) {
  int64_t time_ms = wall_ms();
  ring_.add(stream, run, time_ms, line);
  if (file_ && file_->write(stream, run, time_ms, ring_.at(ring_.next() - 1).text))
    ring_.add(Stream::err, run, time_ms, "[log-file: lines are lost: " + file_->trouble() + "]");
  owner_.on_logged();
}

std::string Feed::last_error_line(uint64_t run) const {
  return error_run_ == run ? error_line_ : std::string();
}

}  // namespace bus::sources
