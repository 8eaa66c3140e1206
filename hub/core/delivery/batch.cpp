#include "hub/core/delivery/batch.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "hub/core/delivery/seq.h"

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

// The digits of a number and of those that follow it, as long as they do not get longer.
class Digits {
 public:
  explicit Digits(uint64_t first) : end_(put_digits(digits_, first)) {}

  size_t width() const { return static_cast<size_t>(end_ - digits_); }
  const char* next() {
    if (std::exchange(begun_, true)) {
      char* digit = end_ - 1;
      while (*digit == '9') *digit-- = '0';
      ++*digit;
    }
    return digits_;
  }

 private:
  char digits_[kMaxSeqDigits];
  char* end_;
  bool begun_ = false;
};

}  // namespace

void Batch::clear() {
  events_.clear();
  runs_.clear();
  streams_.assign(1, Stream{0, kNoRun, 0, 0, kNoRun, 0});
  open_run_ = 0;
  open_bytes_ = 0;
  own_.stream = 0;
  shared_.stream = 0;
  shared_memory_.reset();
  shared_bytes_.reset();
  shared_holdings_.clear();
  parts_.clear();
  if (kept_.size() > 1 || kept_size_ > kKeepBytes) {
    kept_.clear();
    kept_size_ = 0;
  }
  kept_used_ = 0;
  if (own_capacity_ > kOutKeptBytes) {
    own_bytes_.reset();
    own_capacity_ = 0;
  }
}

char* Batch::keep(size_t bytes) {
  if (kept_size_ - kept_used_ < bytes) {
    kept_size_ = std::max(bytes, kKeepBytes);
    kept_.push_back(std::make_unique_for_overwrite<char[]>(kept_size_));
    kept_used_ = 0;
  }
  char* room = kept_.back().get() + kept_used_;
  kept_used_ += bytes;
  return room;
}

void Batch::add(std::string_view frame, size_t seq_at) {
  events_.push_back({frame.data(), static_cast<uint32_t>(frame.size()), static_cast<uint32_t>(seq_at)});
  open_bytes_ += frame.size();
}

Batch::StreamId Batch::extended(StreamId stream) {
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

void Batch::close_run() {
  runs_.push_back({open_run_, events_.size(), nullptr, {}});
  open_run_ = events_.size();
  open_bytes_ = 0;
}

void Batch::list_runs(StreamId stream) {
  run_list_.clear();
  for (; stream != 0; stream = streams_[stream].parent) run_list_.push_back(streams_[stream].run);
  std::reverse(run_list_.begin(), run_list_.end());
}

size_t Batch::most_bytes_of(StreamId stream) const {
  return streams_[stream].bytes + streams_[stream].events * (kSeqMember.size() + kMaxSeqDigits);
}

size_t Batch::most_digits_of(StreamId stream) const { return streams_[stream].events * kMaxSeqDigits; }

bool Batch::Rendering::fits(uint64_t other) const {
  size_t last = ends.size() - 1;
  size_t width = digits_of(seq);
  return width == digits_of(seq + last) && width == digits_of(other) && width == digits_of(other + last);
}

Batch::Place Batch::Rendering::place_of(size_t bytes) const {
  auto after = std::upper_bound(ends.begin(), ends.end(), bytes);
  size_t begin = after == ends.begin() ? 0 : *(after - 1);
  return {static_cast<size_t>(after - ends.begin()), bytes - begin};
}

const Batch::Rendering& Batch::render(StreamId stream, uint64_t seq) {
  if (own_.stream == stream && own_.seq == seq) return own_;
  if (own_.stream == stream && own_.fits(seq)) {
    Digits digits(seq);
    for (uint32_t at : own_.digits_at) std::memcpy(own_.out + at, digits.next(), digits.width());
    own_.seq = seq;
    return own_;
  }
  if (size_t most = most_bytes_of(stream); most > own_capacity_) {
    own_capacity_ = std::bit_ceil(most);
    own_bytes_ = std::make_unique_for_overwrite<char[]>(own_capacity_);
  }
  own_.out = own_bytes_.get();
  fill(own_, stream, seq);
  return own_;
}

const Batch::Rendering& Batch::render_into(std::shared_ptr<char> memory, size_t size, StreamId stream,
                                           uint64_t seq) {
  shared_memory_ = std::move(memory);
  shared_size_ = size;
  shared_bytes_.reset();
  shared_holdings_.clear();
  shared_.out = shared_memory_.get();
  fill(shared_, stream, seq);
  return shared_;
}

void Batch::fill(Rendering& rendering, StreamId stream, uint64_t seq) {
  size_t events = streams_[stream].events;
  rendering.stream = stream;
  rendering.seq = seq;
  rendering.digits_at.resize(events);
  rendering.ends.resize(events);
  list_runs(stream);
  char* out = rendering.out;
  size_t at = 0;
  for (uint32_t run : run_list_) {
    for (size_t i = runs_[run].first; i < runs_[run].end; ++i, ++at) {
      const Event& event = events_[i];
      out = put(out, event.bytes, event.seq_at);
      out = put(out, kSeqMember.data(), kSeqMember.size());
      rendering.digits_at[at] = static_cast<uint32_t>(out - rendering.out);
      out = put_digits(out, seq++);
      out = put(out, event.bytes + event.seq_at, event.size - event.seq_at);
      rendering.ends[at] = static_cast<uint32_t>(out - rendering.out);
    }
  }
  rendering.size = static_cast<size_t>(out - rendering.out);
}

const std::vector<std::string_view>& Batch::pieces(uint64_t seq, char* digits) {
  pieces_.clear();
  Digits number(seq);
  size_t done = 0;
  for (uint32_t at : shared_.digits_at) {
    pieces_.push_back(shared_.bytes().substr(done, at - done));
    std::memcpy(digits, number.next(), number.width());
    pieces_.emplace_back(digits, number.width());
    digits += number.width();
    done = at + number.width();
  }
  pieces_.push_back(shared_.bytes().substr(done));
  return pieces_;
}

Block Batch::copied(Run& run, Payers payers) const {
  Block block;
  block.frames.reserve(run.end - run.first);
  uint32_t end = 0;
  for (size_t i = run.first; i < run.end; ++i) {
    end += events_[i].size;
    block.frames.push_back({end, events_[i].seq_at});
  }
  if (!run.copy) {
    std::shared_ptr<char> memory(new char[end], std::default_delete<char[]>());
    char* out = memory.get();
    for (size_t i = run.first; i < run.end; ++i) out = put(out, events_[i].bytes, events_[i].size);
    run.copy = charged(std::move(memory), end, payers.total);
  }
  block.held = charged(run.copy, payers.user);
  return block;
}

// Without a copy: the run's first event is the one at `at` of the shared rendering.
Block Batch::referred(const Run& run, size_t at, Payers payers) {
  Block block;
  block.frames.reserve(run.end - run.first);
  block.places.reserve(run.end - run.first);
  uint32_t end = 0;
  for (size_t i = run.first; i < run.end; ++i, ++at) {
    end += events_[i].size;
    uint32_t begin = at == 0 ? 0 : shared_.ends[at - 1];
    block.frames.push_back({end, events_[i].seq_at});
    block.places.push_back({begin, shared_.ends[at] - begin - events_[i].size});
  }
  block.held = shared_holding(payers);
  return block;
}

const HoldingPtr& Batch::shared_holding(Payers payers) {
  for (const auto& [user, holding] : shared_holdings_) {
    if (user == payers.user) return holding;
  }
  if (!shared_bytes_) shared_bytes_ = charged(shared_memory_, shared_size_, payers.total);
  return shared_holdings_.emplace_back(payers.user, charged(shared_bytes_, payers.user)).second;
}

const BlockPtr& Batch::block_of(Run& run, StreamId stream, size_t at, Payers payers) {
  StreamId reference_of = shared_memory_ && shared_.stream == stream ? stream : 0;
  for (const Kept& kept : run.kept) {
    if (kept.user == payers.user && kept.reference_of == reference_of) return kept.block;
  }
  Block block = reference_of != 0 ? referred(run, at, payers) : copied(run, payers);
  block.charge(payers);
  run.kept.push_back({payers.user, reference_of, std::make_shared<const Block>(std::move(block))});
  return run.kept.back().block;
}

const std::vector<Batch::Part>& Batch::parts_of(StreamId stream, size_t skip, Payers payers) {
  parts_.clear();
  list_runs(stream);
  size_t at = 0;
  for (uint32_t index : run_list_) {
    Run& run = runs_[index];
    size_t size = run.end - run.first;
    if (skip < at + size) {
      parts_.push_back({block_of(run, stream, at, payers), skip > at ? skip - at : 0, size});
    }
    at += size;
  }
  return parts_;
}

}  // namespace bus::hub
