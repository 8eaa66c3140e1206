#include "tests/bench/frame_batch.h"

#include <algorithm>

#include "protocol/base/check.h"
#include "tests/bench/payload.h"

namespace bus::bench {

namespace {

constexpr size_t kBatchBytes = size_t{1} << 20;
constexpr size_t kMostFrames = 1024;

constexpr std::string_view kQuestion = R"({"type":"request","id":"sync","task":"bus.sync"})"
                                       "\n";
constexpr std::string_view kEnd = "}\n";

// All of a frame before its payload, which is the last member. Names are short, so that a small frame has room for
// one.
std::string beginning_of(FrameSort sort, std::string_view number, std::string_view ended_call) {
  switch (sort) {
    case FrameSort::event:
      return R"({"type":"event","event_type":"bench","payload":)";
    case FrameSort::source_status:
      return R"({"type":"source_status","source":"b","state":"connected","x":)";
    case FrameSort::chunk:
      return R"({"type":"chunk","id":")" + std::string(ended_call) + R"(","data":)";
    case FrameSort::response:
      return R"({"type":"response","id":")" + std::string(ended_call) + R"(","result":)";
    case FrameSort::request:
      return R"({"type":"request","id":")" + std::string(number) + R"(","task":"none","args":)";
  }
  return {};
}

}  // namespace

std::string_view title_of(FrameSort sort) {
  switch (sort) {
    case FrameSort::event:
      return "event";
    case FrameSort::source_status:
      return "source_status";
    case FrameSort::chunk:
      return "chunk, late";
    case FrameSort::response:
      return "response, late";
    case FrameSort::request:
      return "request, refused";
  }
  return "";
}

FrameBatch make_batch(FrameSort sort, size_t frame_bytes, std::string_view ended_call) {
  BUSD_CHECK(frame_bytes >= kMinBatchFrameBytes);
  FrameBatch batch;
  batch.frames = std::clamp<size_t>(kBatchBytes / frame_bytes, 1, kMostFrames);
  batch.answers = (sort == FrameSort::request ? batch.frames : 0) + 1;
  std::string number = number_text(0);
  for (size_t i = 0; i < batch.frames; ++i) {
    increment_number(number);
    std::string beginning = beginning_of(sort, number, ended_call);
    std::string payload = make_payload(PayloadKind::dense, frame_bytes - beginning.size() - kEnd.size());
    payload.replace(kNumberMark.size(), kNumberDigits, number);
    batch.bytes.append(beginning).append(payload).append(kEnd);
  }
  batch.bytes += kQuestion;
  return batch;
}

}  // namespace bus::bench
