// Frames of one kind and size as bytes, ready to be sent: many in a batch, which all differ, and behind them a
// question whose answer says that the hub has handled them.
//
// Pure; frame_cost.cpp has the socket. Written by hand like busd_wire.h, and for the same reason.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace bus::bench {

enum class FrameSort {
  event,          // which no consumer has asked for
  source_status,  // its payload is a member that the hub does not know
  chunk,          // of a call that has ended
  response,       // to a call that has ended
  request,        // for a task that nobody provides: the hub answers it
};

inline constexpr std::array kFrameSorts = {FrameSort::event, FrameSort::source_status, FrameSort::chunk,
                                           FrameSort::response, FrameSort::request};

// As in the table: "request, refused".
std::string_view title_of(FrameSort sort);

// A smaller frame has no room for a payload (payload.h).
inline constexpr size_t kMinBatchFrameBytes = 128;

struct FrameBatch {
  std::string bytes;
  size_t frames = 0;   // without the question
  size_t answers = 0;  // lines that the hub sends, the answer to the question last
};

// Each frame has exactly `frame_bytes`, its line end included, and a dense payload. `ended_call` is the id of a
// request that was given to the sender, and that it has answered.
FrameBatch make_batch(FrameSort sort, size_t frame_bytes, std::string_view ended_call);

}  // namespace bus::bench
