// Calls: requests to named tasks, what belongs to an open one, and its end (PROTOCOL.md 10).
//
// Raw values are views of the frame that they were read from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/limits.h"
#include "protocol/messages/way.h"
#include "protocol/raw_json.h"

namespace bus {

// Client to hub: from now on the connection serves these tasks.
struct Provide {
  static constexpr std::string_view kType = "provide";
  std::string id;
  std::vector<std::string> tasks;
  uint64_t slots = kDefaultSlots;
  int64_t priority = 0;
  bool operator==(const Provide&) const = default;
};

template <class Way>
void members(Way& way, Some<Provide> auto& provide) {
  way.id_if_any("id", provide.id);
  way.identifiers("tasks", provide.tasks, kMaxTasksInProvide);
  way.number_within(uint64_t{kDefaultSlots}, "slots", provide.slots, uint64_t{1}, uint64_t{kMaxSlots});
  way.number_unless(int64_t{0}, "priority", provide.priority);
}

// Client to hub: it takes no new requests of these tasks; without `tasks`, of none.
struct Unprovide {
  static constexpr std::string_view kType = "unprovide";
  std::string id;
  std::vector<std::string> tasks;
  bool operator==(const Unprovide&) const = default;
};

template <class Way>
void members(Way& way, Some<Unprovide> auto& unprovide) {
  way.id_if_any("id", unprovide.id);
  way.identifiers_if_any("tasks", unprovide.tasks, kMaxTasksInProvide);
}

// Client to hub.
struct Request {
  static constexpr std::string_view kType = "request";
  std::string id;
  std::string task;
  uint64_t timeout_ms = kDefaultTimeoutMs;  // 0: none
  bool wait = false;
  bool stream = false;
  bool idempotent = false;
  std::string to;
  std::string parent;
  std::string reply_event;
  std::vector<Member> others;
  std::string_view args = "null";
};

template <class Way>
void members(Way& way, Some<Request> auto& request) {
  way.id("id", request.id);
  way.identifier("task", request.task);
  way.number_within(uint64_t{kDefaultTimeoutMs}, "timeout_ms", request.timeout_ms, uint64_t{0},
                    uint64_t{kMaxTimeoutMs});
  way.flag_if_set("wait", request.wait);
  way.flag_if_set("stream", request.stream);
  way.flag_if_set("idempotent", request.idempotent);
  way.identifier_if_any("to", request.to);
  way.id_if_any("parent", request.parent);
  way.identifier_if_any("reply_event", request.reply_event);
  way.ignored("from");
  way.ignored("by");
  way.others(request.others);
  way.raw("args", request.args);
}

// Hub to client: a request that a provider is given.
struct GivenRequest {
  static constexpr std::string_view kType = "request";
  struct From {
    int64_t pid = 0;
    uint64_t uid = 0;
    std::string source;
    bool operator==(const From&) const = default;
  };
  std::string id;
  std::string task;
  uint64_t timeout_ms = 0;  // what is left; 0: no limit
  bool stream = false;
  From from;
  std::vector<Member> others;
  std::string_view args = "null";
};

template <class Way>
void members(Way& way, Some<GivenRequest::From> auto& from) {
  way.number("pid", from.pid);
  way.number("uid", from.uid);
  way.identifier_if_any("source", from.source);
}

template <class Way>
void members(Way& way, Some<GivenRequest> auto& request) {
  way.id("id", request.id);
  way.identifier("task", request.task);
  way.number_unless(uint64_t{0}, "timeout_ms", request.timeout_ms);
  way.flag_if_set("stream", request.stream);
  way.object("from", request.from);
  way.others(request.others);
  way.raw("args", request.args);
}

// A part of an answer. `seq` is the hub's; what a provider says of it is ignored.
struct Chunk {
  static constexpr std::string_view kType = "chunk";
  std::string id;
  uint64_t seq = 0;
  std::string_view data = "null";
};

template <class Way>
void members(Way& way, Some<Chunk> auto& chunk) {
  way.id("id", chunk.id);
  way.number_unless(uint64_t{0}, "seq", chunk.seq);
  way.raw("data", chunk.data);
}

struct Progress {
  static constexpr std::string_view kType = "progress";
  std::string id;
  std::optional<uint64_t> done;
  std::optional<uint64_t> total;
  std::string text;
  bool operator==(const Progress&) const = default;
};

template <class Way>
void members(Way& way, Some<Progress> auto& progress) {
  way.id("id", progress.id);
  way.number_if_any("done", progress.done);
  way.number_if_any("total", progress.total);
  way.text_if_any("text", progress.text, kMaxProgressTextBytes);
}

// Hub to client: who reads this stream does not keep up; does again.
struct Pause {
  static constexpr std::string_view kType = "pause";
  std::string id;
  bool operator==(const Pause&) const = default;
};

template <class Way>
void members(Way& way, Some<Pause> auto& pause) {
  way.id("id", pause.id);
}

struct Resume {
  static constexpr std::string_view kType = "resume";
  std::string id;
  bool operator==(const Resume&) const = default;
};

template <class Way>
void members(Way& way, Some<Resume> auto& resume) {
  way.id("id", resume.id);
}

struct Cancel {
  static constexpr std::string_view kType = "cancel";
  std::string id;
  std::string reason;
  bool operator==(const Cancel&) const = default;
};

template <class Way>
void members(Way& way, Some<Cancel> auto& cancel) {
  way.id("id", cancel.id);
  way.identifier_if_any("reason", cancel.reason);
}

// Why a call has failed. `by` is "hub" when the hub says so, and the provider's own word is not heard.
struct CallError {
  std::string code;
  std::string message;
  std::string by;
  std::string_view data;  // raw JSON; empty when there is none
};

template <class Way>
void members(Way& way, Some<CallError> auto& error) {
  way.identifier("code", error.code);
  way.required_text("message", error.message);
  way.text_if_any("by", error.by);
  way.raw_if_any("data", error.data);
}

// The end of a call: `result`, unless there is an error.
struct Response {
  static constexpr std::string_view kType = "response";
  std::string id;
  std::vector<Member> others;
  std::string_view result;  // raw JSON; empty stands for null
  std::optional<CallError> error;
};

template <class Way>
void members(Way& way, Some<Response> auto& response) {
  way.id("id", response.id);
  way.ignored("from");
  way.ignored("by");
  way.others(response.others);
  way.raw_if_any("result", response.result);
  way.object_if_any("error", response.error);
}

}  // namespace bus
