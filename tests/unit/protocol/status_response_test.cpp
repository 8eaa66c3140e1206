// The tests' own list of the members of status_response, and what any reader of a message says of a wrong one.
#include "tests/support/catch.h"
#include "tests/support/messages.h"

using namespace bus;
using namespace bus::test;

namespace {

StatusResponse full_response() {
  StatusResponse response;
  response.pid = 7;
  response.uptime_sec = 120;
  response.active_conns = 3;
  for (size_t i = 0; i < 2; ++i) {
    StatusResponse::Consumer consumer;
    consumer.pid = 100 + static_cast<int64_t>(i);
    consumer.event_key = "key-" + std::to_string(i);
    consumer.subscription_id = i % 2 == 0 ? "" : "s";
    consumer.received = 10;
    consumer.dropped = 2;
    consumer.kernel_pid = i % 2 == 0 ? 0 : 9;
    consumer.uid = 1000;
    consumer.event_types = {"a.*", "b"};
    consumer.delivered = 5;
    consumer.queued = 3;
    consumer.queued_bytes = 300;
    consumer.connected_sec = 60;
    consumer.exclusive = i % 2 == 1;
    consumer.delivered_bytes = 480;
    response.consumers.push_back(consumer);
  }
  response.version = "0.1.0";
  response.bus = "bus";
  response.socket = "/run/user/1000/busd/bus.sock";
  response.sources = {{"clock", SourceState::connected, 5, 1000, 42, 13, 8},
                      {"", SourceState::connected, 6, 0, 0, -1}};
  response.events = {1, 2, 3, 4, 5, 6, 700, 800};
  response.connections = {11, 12, 13, 14, 15, 16, 17, 18, 19};
  response.unmatched_types = {{"x", 5}, {"y", 1}};
  response.cleanup_locks = {{"k", 9, 100, 2}, {"l", 8, 90, 0, "sweep"}};
  response.limits = {1048576, 1024, 8388608, 4096, 30000, 300000, 60000, 1024, 25, 20, 21};
  response.memory = {1000, 900, {{"queues", 1, 2, 3, 4}}};
  response.users = {{1000, 5, 1, 70, 80}};
  response.callbacks = {9, 10, 11, {{100, 8}, {0, 1}}};
  response.calls = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  response.tasks = {{"t", 1, 2, 3, 4, 5, 6, 7, 8, 9, true}};
  response.providers = {{1, 2, 3, "s", 4, 5, -6, 7, true, {"t"}, 8}};
  return response;
}

StatusResponse decoded(std::string_view line) {
  Decoded result = decode(line);
  if (const Fault* fault = std::get_if<Fault>(&result)) FAIL("refused: " << fault->message);
  return std::get<StatusResponse>(std::get<Message>(result));
}

std::string fault_of(const std::string& members) {
  Decoded result = decode(R"({"type":"status_response",)" + members + "}");
  const Fault* fault = std::get_if<Fault>(&result);
  return fault == nullptr ? "accepted" : fault->message;
}

}  // namespace

TEST_CASE("status_response is written in order, lists always, unset ages and ids not at all") {
  StatusResponse response = full_response();
  CHECK(
      encode(response) ==
      R"({"type":"status_response","pid":7,"uptime_sec":120,"active_conns":3,"consumers":[)"
      R"({"pid":100,"event_key":"key-0","received":10,"dropped":2,"uid":1000,"event_types":["a.*","b"],"delivered":5,)"
      R"("queued":3,"queued_bytes":300,"connected_sec":60,"delivered_bytes":480},)"
      R"({"pid":101,"event_key":"key-1","subscription_id":"s","received":10,"dropped":2,"kernel_pid":9,"uid":1000,)"
      R"("event_types":["a.*","b"],"delivered":5,"queued":3,"queued_bytes":300,"connected_sec":60,"exclusive":true,"delivered_bytes":480}],)"
      R"("version":"0.1.0","bus":"bus","socket":"/run/user/1000/busd/bus.sock","sources":[)"
      R"({"source":"clock","state":"connected","pid":5,"kernel_pid":8,"uid":1000,"published":42,"last_event_ms_ago":13},)"
      R"({"source":"","state":"connected","pid":6,"uid":0,"published":0}],)"
      R"("events":{"published":1,"delivered":2,"dropped":3,"duplicates":4,"unmatched":5,"refused":6,)"
      R"("published_bytes":700,"delivered_bytes":800},)"
      R"("connections":{"accepted":11,"denied":12,"too_many":13,"timed_out":14,"cleanup_timeouts":15,"unread":16,"evicted":17,"uncleaned":18,"administrative":19},)"
      R"("unmatched_types":[{"event_type":"x","count":5},{"event_type":"y","count":1}],)"
      R"("cleanup_locks":[{"scope":"k","pid":9,"held_ms":100,"waiting":2},{"scope":"l","pid":8,"held_ms":90,"waiting":0,"task":"sweep"}],)"
      R"("limits":{"frame_bytes":1048576,"queue_frames":1024,"queue_bytes":8388608,"max_connections":4096,)"
      R"("idle_exit_ms":30000,"dedup_window_ms":300000,"cleanup_timeout_ms":60000,"waiting_hellos":1024,"uid_share_percent":25,"open_calls":20,"waiting_calls":21},)"
      R"("memory":{"limit_bytes":1000,"resident_bytes":900,"pools":[{"pool":"queues","used_bytes":1,"peak_bytes":2,"limit_bytes":3,"refused":4}]},)"
      R"("users":[{"uid":1000,"connections":5,"waiting":1,"queued_bytes":70,"unfinished_bytes":80}],)"
      R"("callbacks":{"count":9,"longest_us":10,"longest_elapsed_us":11,"histogram":[{"up_to_us":100,"count":8},{"count":1}]},)"
      R"("calls":{"open":1,"waiting":2,"done":3,"failed":4,"timeout":5,"canceled":6,"provider_gone":7,"declined":8,"no_provider":9,"busy":10,"other":11},)"
      R"("tasks":[{"task":"t","providers":1,"open":2,"waiting":3,"done":4,"ended":5,"p50_us":6,"p99_us":7,"slots":8,"free":9,"full":true}],)"
      R"("providers":[{"pid":1,"kernel_pid":2,"uid":3,"source":"s","slots":4,"open":5,"priority":-6,"late":7,"silent":true,)"
      R"("tasks":["t"],"more_tasks":8}]})"
      "\n");
  CHECK(decoded(encode(response)) == response);
}

TEST_CASE("An empty status_response has empty lists, never null") {
  StatusResponse response;
  std::string line = encode(response);
  for (const char* list : {"consumers", "sources", "unmatched_types", "cleanup_locks"}) {
    CAPTURE(list);
    CHECK(line.find("\"" + std::string(list) + "\":[]") != std::string::npos);
  }
  CHECK(line.find("idle_exit_ms") == std::string::npos);
  CHECK(line.find("truncated") == std::string::npos);
  CHECK(decoded(line) == response);
}

TEST_CASE("A response of an older hub is read, what it lacks as nothing") {
  StatusResponse response = decoded(
      R"({"type":"status_response","pid":7,"uptime_sec":120,"active_conns":1,"consumers":[{"pid":9,"event_key":"k","received":3,"dropped":0}]})");
  CHECK(response.consumers.size() == 1);
  CHECK(response.consumers[0].received == 3);
  CHECK(response.version.empty());
  CHECK(response.limits.idle_exit_ms == -1);
}

TEST_CASE("What is wrong in a status_response is named by its path") {
  CHECK(fault_of(R"("pid":"7")") == "pid must be a whole number of 64 bits, not a string");
  CHECK(fault_of(R"("consumers":{})") == "consumers must be an array, not an object");
  CHECK(fault_of(R"("consumers":[7])") == "consumers[] must be an object, not 7");
  CHECK(fault_of(R"("consumers":[{"received":-1}])") ==
        "consumers[].received must be a whole number from 0 to 18446744073709551615, not -1");
  CHECK(fault_of(R"("consumers":[{"pid":1,"pid":2}])") == "consumers[].pid is given twice; give it once");
  CHECK(fault_of(R"("sources":[{"source":"x","state":"up"}])") ==
        "sources[].state must be one of connecting, connected, disconnected, reconnecting");
  CHECK(fault_of(R"("events":[])") == "events must be an object, not an array");
  CHECK(fault_of(R"("limits":{"queue_bytes":1.5})") ==
        "limits.queue_bytes must be a whole number from 0 to 18446744073709551615, not 1.5");
  CHECK(fault_of(R"("truncated":1)") == "truncated must be true or false, not 1");
}
