#include "hub/core/turn.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "hub/core/seq.h"

namespace bus::hub {

namespace {

// What is kept in a turn is small as a rule: lines that came in pieces or are not in the hub's own form.
constexpr size_t kKeepBytes = 64 * 1024;
// A turn's bytes fit, unless a frame of nearly the largest size is among them.
constexpr size_t kOutKeptBytes = 1024 * 1024;

char* put(char* out, const char* from, size_t bytes) {
  std::memcpy(out, from, bytes);
  return out + bytes;
}

// The number whose last digit stands before `end` becomes the next one, in place. It does not get longer.
void count_up(char* end) {
  char* digit = end - 1;
  while (*digit == '9') *digit-- = '0';
  ++*digit;
}

}  // namespace

void Turn::clear() {
  events_.clear();
  runs_.clear();
  streams_.assign(1, Stream{0, kNoRun, 0, 0, kNoRun, 0});
  open_run_ = 0;
  open_bytes_ = 0;
  rendered_ = 0;
  parts_.clear();
  if (kept_.size() > 1 || kept_size_ > kKeepBytes) {
    kept_.clear();
    kept_size_ = 0;
  }
  kept_used_ = 0;
  if (out_capacity_ > kOutKeptBytes) {
    out_.reset();
    out_capacity_ = 0;
  }
}

char* Turn::keep(size_t bytes) {
  if (kept_size_ - kept_used_ < bytes) {
    kept_size_ = std::max(bytes, kKeepBytes);
    kept_.push_back(std::make_unique_for_overwrite<char[]>(kept_size_));
    kept_used_ = 0;
  }
  char* room = kept_.back().get() + kept_used_;
  kept_used_ += bytes;
  return room;
}

void Turn::add(std::string_view frame, size_t seq_at) {
  events_.push_back({frame.data(), static_cast<uint32_t>(frame.size()), static_cast<uint32_t>(seq_at)});
  open_bytes_ += frame.size();
}

Turn::StreamId Turn::extended(StreamId stream) {
  auto run = static_cast<uint32_t>(runs_.size());
  Stream& before = streams_[stream];
  if (before.extended_by == run) return before.extension;
  auto made = static_cast<StreamId>(streams_.size());
  before.extended_by = run;
  before.extension = made;
  Stream next{stream, run, before.events + (events_.size() - open_run_), before.bytes + open_bytes_,
              kNoRun, 0};
  streams_.push_back(next);
  return made;
}

void Turn::close_run() {
  runs_.push_back({open_run_, events_.size(), nullptr});
  open_run_ = events_.size();
  open_bytes_ = 0;
}

void Turn::list_runs(StreamId stream) {
  run_list_.clear();
  for (; stream != 0; stream = streams_[stream].parent) run_list_.push_back(streams_[stream].run);
  std::reverse(run_list_.begin(), run_list_.end());
}

std::string_view Turn::render(StreamId stream, uint64_t seq) {
  size_t last = streams_[stream].events - 1;
  size_t width = digits_of(seq);
  bool same_width = rendered_ == stream && width == digits_of(seq + last) &&
                    width == digits_of(rendered_seq_) && width == digits_of(rendered_seq_ + last);
  if (!same_width) {
    render_anew(stream, seq);
  } else if (seq != rendered_seq_) {
    overwrite_digits(seq);
  }
  rendered_ = stream;
  rendered_seq_ = seq;
  return {out_.get(), out_size_};
}

void Turn::render_anew(StreamId stream, uint64_t seq) {
  size_t events = streams_[stream].events;
  size_t most = streams_[stream].bytes + events * (kSeqMember.size() + kMaxSeqDigits);
  if (most > out_capacity_) {
    out_capacity_ = std::bit_ceil(most);
    out_ = std::make_unique_for_overwrite<char[]>(out_capacity_);
  }
  digits_at_.resize(events);
  ends_.resize(events);
  list_runs(stream);
  char* out = out_.get();
  size_t at = 0;
  for (uint32_t run : run_list_) {
    for (size_t i = runs_[run].first; i < runs_[run].end; ++i, ++at) {
      const Event& event = events_[i];
      out = put(out, event.bytes, event.seq_at);
      out = put(out, kSeqMember.data(), kSeqMember.size());
      digits_at_[at] = static_cast<uint32_t>(out - out_.get());
      out = put_digits(out, seq++);
      out = put(out, event.bytes + event.seq_at, event.size - event.seq_at);
      ends_[at] = static_cast<uint32_t>(out - out_.get());
    }
  }
  out_size_ = static_cast<size_t>(out - out_.get());
}

void Turn::overwrite_digits(uint64_t seq) {
  char digits[kMaxSeqDigits];
  char* end = put_digits(digits, seq);
  auto width = static_cast<size_t>(end - digits);
  for (size_t i = 0; i < digits_at_.size(); ++i) {
    if (i > 0) count_up(end);
    std::memcpy(out_.get() + digits_at_[i], digits, width);
  }
}

Turn::Place Turn::place_of(size_t bytes) const {
  auto after = std::upper_bound(ends_.begin(), ends_.end(), bytes);
  size_t begin = after == ends_.begin() ? 0 : *(after - 1);
  return {static_cast<size_t>(after - ends_.begin()), bytes - begin};
}

const BlockPtr& Turn::block_of(Run& run) {
  if (run.block) return run.block;
  Block block;
  block.frames.reserve(run.end - run.first);
  size_t bytes = 0;
  for (size_t i = run.first; i < run.end; ++i) bytes += events_[i].size;
  block.bytes.reserve(bytes);
  for (size_t i = run.first; i < run.end; ++i) {
    block.bytes.append(events_[i].bytes, events_[i].size);
    block.frames.push_back({static_cast<uint32_t>(block.bytes.size()), events_[i].seq_at});
  }
  run.block = std::make_shared<const Block>(std::move(block));
  return run.block;
}

const std::vector<Turn::Part>& Turn::parts_of(StreamId stream, size_t skip) {
  parts_.clear();
  list_runs(stream);
  for (uint32_t index : run_list_) {
    Run& run = runs_[index];
    size_t size = run.end - run.first;
    if (skip < size) parts_.push_back({block_of(run), skip, size});
    skip -= std::min(skip, size);
  }
  return parts_;
}

}  // namespace bus::hub
