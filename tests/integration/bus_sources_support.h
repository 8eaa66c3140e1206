// A hub, a bus-sources beside it, and a directory of sources that the test fills.
//
//   Sources sources;
//   sources.add_script("clock", "while :; do echo 1; sleep 0.02; done");
//   sources.start();
#pragma once

#include <csignal>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "consumer/cli/json_lookup.h"
#include "protocol/base/file.h"
#include "protocol/base/strings.h"
#include "tests/integration/sdk_support.h"
#include "tests/support/hub_fixture.h"

namespace bus::test {

// The value at `path` in JSON text; "" if there is none.
inline std::string member(std::string_view json, const std::vector<std::string>& path) {
  return cli::find_json(json, path).value_or("");
}

inline void write_text(const std::string& path, const std::string& text, mode_t mode = 0644) {
  // Whole or not at all, as somebody who replaces a program would do it.
  std::string aside = parent_dir(path) + "/.new";
  Fd file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  REQUIRE(file);
  REQUIRE(write_all(file.get(), text));
  REQUIRE(::fchmod(file.get(), mode) == 0);
  file.reset();
  REQUIRE(::rename(aside.c_str(), path.c_str()) == 0);
}

class Sources {
 public:
  explicit Sources(const std::vector<std::string>& hub_arguments = {})
      : hub_(std::make_unique<HubProcess>(hub_place_, hub_arguments)) {
    REQUIRE(::mkdir(directory().c_str(), 0700) == 0);
  }
  ~Sources() {
    if (supervisor_ && supervisor_->running()) supervisor_->signal(SIGTERM);
    if (supervisor_) (void)supervisor_->wait(seconds(20));
  }

  std::string directory() const { return place_.file("sources.d"); }
  std::string file(const std::string& name) const { return directory() + "/" + name; }
  std::string scratch(const std::string& name) const { return place_.file(name); }
  const std::string& socket() const { return hub_->socket(); }
  HubProcess& hub() { return *hub_; }
  Child& supervisor() { return *supervisor_; }

  void add_script(const std::string& name, const std::string& body) {
    write_text(file(name), "#!/bin/sh\n" + body + "\n", 0755);
  }
  void add_file(const std::string& name, const std::string& text) {
    write_text(file(name + ".source"), text);
  }

  std::vector<std::string> arguments() const {
    return {"--dir", directory(), "--socket", socket(), "--state", place_.file("state")};
  }
  Child run(const std::vector<std::string>& more = {}, ChildOptions options = {}) const {
    std::vector<std::string> all = arguments();
    all.insert(all.end(), more.begin(), more.end());
    return Child(BUSD_BIN_DIR "/bus-sources", all, std::move(options));
  }
  // Runs, and waits until the tasks are offered.
  void start(ChildOptions options = {}) {
    supervisor_ = std::make_unique<Child>(run({}, std::move(options)));
    supervisor_->wait_for_errors("serving ");
  }
  // By SIGTERM; the exit status is 0.
  void stop(Duration patience = kPatience) {
    supervisor_->signal(SIGTERM);
    ExitStatus status = supervisor_->wait(patience);
    INFO(supervisor_->errors());
    CHECK(status == ExitStatus{0, 0});
    supervisor_.reset();
  }
  void kill() {
    supervisor_->signal(SIGKILL);
    (void)supervisor_->wait();
    supervisor_.reset();
  }
  // SIGKILL of the hub, and another one at its place.
  void kill_hub() { hub_->kill(); }
  void start_hub() { hub_ = std::make_unique<HubProcess>(hub_place_, std::vector<std::string>{}); }
  void stop_hub() { hub_->stop(); }

  // The result of a task, or "code: message".
  std::string call(const std::string& task, const std::string& args = "null") {
    busd::Connection connection = opened(busd::Connection::open({.socket = socket(), .no_start = true}));
    auto answer = connection.call("bus.source." + task, args);
    return answer ? answer.result : answer.code + ": " + answer.message;
  }
  std::string call_by_name(const std::string& task, const std::string& name) {
    return call(task, R"({"name":")" + name + R"("})");
  }
  std::string status(const std::string& name) { return call_by_name("status", name); }
  std::string state(const std::string& name) { return member(status(name), {"state"}); }
  // Asks until `wanted` holds of its status.
  std::string wait_for(const std::string& name, const std::function<bool(const std::string&)>& wanted) {
    std::string last;
    for (TimePoint end = now() + kPatience; now() < end; ::usleep(5000)) {
      last = status(name);
      if (wanted(last)) return last;
    }
    FAIL("the source " << name << " did not come to what was waited for: " << last << "\n"
                       << (supervisor_ ? supervisor_->errors() : ""));
    return last;
  }
  std::string wait_for_state(const std::string& name, const std::string& state) {
    return wait_for(name, [&](const std::string& status) { return member(status, {"state"}) == state; });
  }

 private:
  TempDir hub_place_;
  TempDir place_;
  std::unique_ptr<HubProcess> hub_;
  std::unique_ptr<Child> supervisor_;
};

// Who consumes: events of `types`, and nothing else is looked at.
class Listener {
 public:
  Listener(const std::string& socket, std::vector<std::string> types, bool observer = false)
      : consumer_(open_consumer(options(socket, std::move(types), observer))) {}

  struct Heard {
    std::string type;
    std::string payload;
  };
  Heard next() {
    for (;;) {
      auto item = consumer_.next(kItemPatience);
      if (!item) FAIL("no event, but: " << item.error().message);
      if (item->is_event()) return {std::string(item->event().type()), std::string(item->event().payload())};
    }
  }
  // The next event of that type.
  Heard until(const std::string& type) {
    for (;;) {
      Heard heard = next();
      if (heard.type == type) return heard;
    }
  }

 private:
  static busd::ConsumerOptions options(const std::string& socket, std::vector<std::string> types,
                                       bool observer) {
    busd::ConsumerOptions options = consumer_options(socket, "listener", std::move(types));
    options.observer = observer;
    return options;
  }
  busd::Consumer consumer_;
};

// A call that goes on while the test does something else.
class OpenCall {
 public:
  OpenCall(const std::string& socket, const std::string& task, const std::string& args, bool stream)
      : connection_(opened(busd::Connection::open({.socket = socket, .no_start = true}))) {
    auto options = BUSD_INIT(busd_call_options);
    options.stream = stream ? 1 : 0;
    options.wait = 1;
    auto error = BUSD_INIT(busd_error);
    busd_result result = busd_connection_call_start(connection_.handle(), {task.data(), task.size()},
                                                    {args.data(), args.size()}, &options, nullptr, &error);
    INFO(error.message);
    REQUIRE(result == BUSD_OK);
    // From here on the request lies with its provider.
    REQUIRE(connection_.call("bus.sync"));
  }
  // The next chunk, or the result; the code of the error that it ends with; of progress "DONE of TOTAL".
  std::string next() {
    auto item = BUSD_INIT(busd_item);
    auto error = BUSD_INIT(busd_error);
    busd_result result = busd_connection_next(connection_.handle(), kItemPatience.count(), &item, &error);
    INFO(error.message);
    REQUIRE(result == BUSD_OK);
    if (item.kind == BUSD_ITEM_CHUNK) return {item.payload.data, item.payload.length};
    if (item.kind == BUSD_ITEM_PROGRESS)
      return std::to_string(item.done) + " of " + std::to_string(item.total);
    REQUIRE(item.kind == BUSD_ITEM_CALL_END);
    busd_text end = item.answer->code.length == 0 ? item.answer->result : item.answer->code;
    return {end.data, end.length};
  }

 private:
  busd::Connection connection_;
};

// Reads a log; ends with "null", or the code of an error.
struct LogReader : OpenCall {
  LogReader(const std::string& socket, const std::string& args)
      : OpenCall(socket, "bus.source.logs", args, true) {}
};

// Processes whose command line holds `marker`, and whether there are any.
std::vector<pid_t> processes_of(const std::string& marker);
bool is_running(const std::string& marker);
void wait_until_gone(const std::string& marker);

}  // namespace bus::test
