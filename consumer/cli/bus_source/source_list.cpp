#include "consumer/cli/bus_source/source_list.h"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "busd/consumer.hpp"
#include "consumer/cli/bus_source/hub_side.h"
#include "consumer/cli/bus_source/wall_clock.h"
#include "consumer/cli/exit_code.h"
#include "consumer/cli/keys.h"
#include "consumer/cli/output.h"
#include "consumer/cli/screen.h"
#include "consumer/cli/signals.h"
#include "consumer/cli/source_text.h"

namespace bus::cli {

namespace {

constexpr int64_t kLongestWaitMs = 3'600'000;

int write_all_of(Output& output, const std::string& text, const Console& console) {
  Written written = output.text(text);
  if (written == Written::ok) written = output.flush();
  if (written != Written::failed) return kDone;
  return console.error(ErrorCode::output_failed,
                       std::string("cannot write to stdout: ") + std::strerror(errno));
}

int no_answer(const Console& console) {
  return console.error(
      error_of(ErrorCode::not_a_hub, "what answers for the sources of this bus is no bus-sources"));
}

class ListWatch {
 public:
  ListWatch(busd::Connection connection, const Place& place, const ListWish& wish, const Console& console)
      : connection_(std::move(connection)),
        place_(place),
        wish_(wish),
        console_(console),
        output_(STDOUT_FILENO) {}

  int run();

 private:
  void watch_screen(Screen& screen);
  void watch_pipe();
  // Whether there is an answer.
  bool look();
  std::optional<std::vector<TableLine>> table(std::optional<size_t> columns);
  bool wait(Screen* screen);
  bool quits();

  busd::Connection connection_;
  const Place& place_;
  const ListWish& wish_;
  const Console& console_;
  Output output_;
  std::string list_;
  bool keys_ = false;
  int code_ = kDone;
};

int ListWatch::run() {
  enter_phase(Phase::running);
  if (!wish_.json && screen_is_possible()) {
    Screen screen(output_);
    keys_ = isatty(STDIN_FILENO) == 1;
    watch_screen(screen);
  } else {
    watch_pipe();
  }
  return caught_signal() != 0 ? ended_by_signal(caught_signal()) : code_;
}

bool ListWatch::look() {
  auto list = ask_sources(connection_, place_, "list", "null", console_, code_);
  if (!list || caught_signal() != 0) return false;
  list_ = std::move(*list);
  return true;
}

// What stderr says of a single list belongs to each of many.
std::optional<std::vector<TableLine>> ListWatch::table(std::optional<size_t> columns) {
  auto lines = source_table(list_, columns);
  if (!lines) {
    code_ = no_answer(console_);
    return std::nullopt;
  }
  for (const std::string& fault : source_faults(list_))
    lines->push_back({"fault: " + fault, Emphasis::warning});
  return lines;
}

void ListWatch::watch_screen(Screen& screen) {
  while (look()) {
    auto lines = table(screen.columns());
    if (!lines) return;
    std::string footer = keys_ ? "q quit" : "Ctrl-C quit";
    if (!screen.draw(*lines, footer, colour_wanted(STDOUT_FILENO)) || !wait(&screen)) return;
  }
}

void ListWatch::watch_pipe() {
  bool printed = false;
  while (look()) {
    std::string text = list_ + "\n";
    if (!wish_.json) {
      auto lines = table(std::nullopt);
      if (!lines) return;
      uint64_t now_ms = wall_ms();
      text = std::string(printed ? "\n" : "") + "time    " + time_text(now_ms, now_ms) + "\n" +
             joined(*lines, false);
    }
    printed = true;
    code_ = write_all_of(output_, text, console_);
    if (code_ != kDone || !wait(nullptr)) return;
  }
}

// Returns false when it is time to end.
bool ListWatch::wait(Screen* screen) {
  pollfd waits[] = {{.fd = signal_fd(), .events = POLLIN, .revents = 0},
                    {.fd = STDOUT_FILENO, .events = 0, .revents = 0},
                    {.fd = screen == nullptr ? -1 : screen->fd(), .events = POLLIN, .revents = 0},
                    {.fd = keys_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}};
  poll(waits, std::size(waits), static_cast<int>(std::min<int64_t>(wish_.watch->count(), kLongestWaitMs)));
  if (caught_signal() != 0 || (waits[1].revents & (POLLERR | POLLHUP)) != 0) return false;
  if (screen != nullptr && waits[2].revents != 0) screen->handle_changes();
  return waits[3].revents == 0 || !quits();
}

bool ListWatch::quits() {
  char bytes[256];
  ssize_t length = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (length <= 0) {
    keys_ = length < 0 && (errno == EINTR || errno == EAGAIN);
    return false;
  }
  for (Key key : keys_in(std::string_view(bytes, static_cast<size_t>(length)))) {
    if (key == Key::quit) return true;
  }
  return false;
}

}  // namespace

int list_sources(const Place& place, const ListWish& wish, const Console& console) {
  int code = kDone;
  auto connection = connect_to_hub(place, console, code);
  if (!connection) return code;
  if (wish.watch) return ListWatch(std::move(*connection), place, wish, console).run();
  auto list = ask_sources(*connection, place, "list", "null", console, code);
  if (!list) return code;
  Output output(STDOUT_FILENO);
  if (wish.json) return write_all_of(output, *list + "\n", console);
  auto lines = source_table(*list, terminal_columns(STDOUT_FILENO));
  if (!lines) return no_answer(console);
  code = write_all_of(output, joined(*lines, colour_wanted(STDOUT_FILENO)), console);
  for (const std::string& fault : source_faults(*list)) console.warning("fault: " + fault);
  return code;
}

int show_source(const Place& place, const std::string& name, bool json, const Console& console) {
  int code = kDone;
  auto connection = connect_to_hub(place, console, code);
  auto status =
      connection ? ask_sources(*connection, place, "status", name_args(name), console, code) : std::nullopt;
  if (!status) return code;
  Output output(STDOUT_FILENO);
  if (json) return write_all_of(output, *status + "\n", console);
  auto lines = source_details(*status, terminal_columns(STDOUT_FILENO), wall_ms());
  if (!lines) return no_answer(console);
  return write_all_of(output, joined(*lines, colour_wanted(STDOUT_FILENO)), console);
}

}  // namespace bus::cli
