#include "tests/bench/call_client.h"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

#include "protocol/base/strings.h"
#include "tests/bench/busd_calls.h"

namespace bus::bench {

namespace {

constexpr size_t kReadBytes = 256 * 1024;

}  // namespace

Result<CallClient> CallClient::connect(Contender& contender) {
  BUSD_ASSIGN(Fd fd, contender.connect_publisher());
  BUSD_TRY(set_buffers(fd.get()));
  return CallClient(std::move(fd));
}

Result<std::string_view> CallClient::bytes_there() {
  if (buffer_.empty()) buffer_.resize(kReadBytes);
  ssize_t got = ::recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (got > 0) return std::string_view(buffer_.data(), static_cast<size_t>(got));
  if (got == 0) return Error{Errc::closed, "the hub closed the connection"};
  if (errno == EAGAIN || errno == EINTR) return std::string_view();
  return errno_error("recv from the hub", errno);
}

Result<std::string> CallClient::line(Duration patience) {
  TimePoint until = now() + patience;
  while (lines_.empty()) {
    BUSD_ASSIGN(std::string_view bytes, bytes_there());
    cutter_.take(bytes, [this](std::string_view line) {
      lines_.emplace_back(line);
      return true;
    });
    if (!lines_.empty()) break;
    if (now() >= until) return Error{Errc::timed_out, "the hub says nothing"};
    BUSD_TRY(wait_readable({fd_.get()}, until - now()));
  }
  std::string line = std::move(lines_.front());
  lines_.pop_front();
  return line;
}

Result<void> CallClient::provide(std::string_view task, size_t slots) {
  BUSD_TRY(send(R"({"type":"provide","id":"provide","tasks":[")" + std::string(task) + R"("],"slots":)" +
                std::to_string(slots) + "}\n"));
  BUSD_ASSIGN(std::string answer, line());
  if (answer.starts_with(R"({"type":"response","id":"provide","result":)")) return {};
  return Error{Errc::protocol, "the hub answers " + printable(answer)};
}

Result<void> CallClient::sync() {
  BUSD_ASSIGN(std::string unused, ask("bus.sync"));
  return {};
}

Result<std::string> CallClient::ask(std::string_view task) {
  BUSD_TRY(send(R"({"type":"request","id":"ask","task":")" + std::string(task) + "\"}\n"));
  std::deque<std::string> others;
  for (;;) {
    BUSD_ASSIGN(std::string answer, line());
    if (id_text_in(answer) != "ask") {
      others.push_back(std::move(answer));
      continue;
    }
    while (!others.empty()) {
      lines_.push_front(std::move(others.back()));
      others.pop_back();
    }
    std::string_view result = busd::rest_behind(answer, R"(,"result":)");
    if (result.empty()) return Error{Errc::protocol, "the hub answers " + printable(answer)};
    return std::string(result);
  }
}

Result<void> wait_readable(const std::vector<int>& fds, Duration patience) {
  std::vector<pollfd> waiting;
  waiting.reserve(fds.size());
  for (int fd : fds) waiting.push_back({fd, POLLIN, 0});
  int count = ::poll(waiting.data(), waiting.size(), static_cast<int>(to_ms(patience)) + 1);
  if (count < 0 && errno != EINTR) return errno_error("poll", errno);
  return {};
}

std::string request_line(uint64_t id, std::string_view task, std::string_view args, std::string_view more) {
  std::string line = R"({"type":"request","id":")" + std::to_string(id) + R"(","task":")";
  line.append(task).append("\"").append(more).append(R"(,"args":)").append(args).append("}\n");
  return line;
}

std::string_view id_text_in(std::string_view line) { return busd::text_behind(line, R"(,"id":")"); }

std::optional<uint64_t> id_in(std::string_view line) { return parse_u64(id_text_in(line)); }

}  // namespace bus::bench
