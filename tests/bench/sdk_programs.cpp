#include "tests/bench/sdk_programs.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/base/clock.h"
#include "tests/bench/sdk_hub.h"
#include "tests/bench/sdk_stream.h"

namespace bus::sdk_bench {

namespace {

constexpr size_t kChunkBytes = 262'144;
constexpr size_t kFileBatchBytes = 1'048'576;

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Runs `body` in a child, which ends with what it returns.
template <class Body>
Result<Sample> in_a_child(uint64_t events, uint64_t bytes, Body body) {
  TimePoint begin = now();
  pid_t pid = ::fork();
  if (pid < 0) return errno_error("fork", errno);
  if (pid == 0) ::_exit(body());
  int status = 0;
  rusage usage{};
  if (::wait4(pid, &status, 0, &usage) != pid) return errno_error("wait4", errno);
  if (status != 0) return Error{Errc::io, "the process ended with status " + std::to_string(status)};
  std::chrono::duration<double> spent = now() - begin;
  return Sample{events, bytes, spent.count(), seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)};
}

int execute(std::vector<std::string> words, int input, int output) {
  if (::dup2(input, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0) return 1;
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  return 127;
}

// Until `bytes` have gone; a short count is a failure.
int copy(int from, int to, uint64_t bytes) {
  auto buffer = std::make_unique_for_overwrite<char[]>(kChunkBytes);
  while (bytes > 0) {
    ssize_t n = ::read(from, buffer.get(), std::min<uint64_t>(kChunkBytes, bytes));
    if (n <= 0 || !write_all(to, std::string_view(buffer.get(), static_cast<size_t>(n)))) return 1;
    bytes -= static_cast<uint64_t>(n);
  }
  return 0;
}

struct Saving {
  std::string programs;
  std::string socket;
  uint64_t events;
  size_t payload_bytes;
  std::string file;
  uint64_t bytes;
};

template <class Body>
Result<Sample> save(const Saving& work, Body body) {
  if (work.file != "/dev/null") ::unlink(work.file.c_str());
  Fd file(::open(work.file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return errno_error("open " + work.file, errno);
  BUSD_ASSIGN(auto hub, PlayedHub::sending(work.socket, work.events, work.payload_bytes));
  BUSD_ASSIGN(Sample sample, in_a_child(work.events, work.bytes, [&] { return body(file.get()); }));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 ||
      (S_ISREG(info.st_mode) && static_cast<uint64_t>(info.st_size) != work.bytes))
    return Error{Errc::io, "the file does not hold all events"};
  return sample;
}

int save_raw(const Saving& work, int file) {
  auto fd = greet(work.socket);
  return fd ? copy(fd->get(), file, work.bytes) : 1;
}

int run_consume(const Saving& work, int file) {
  Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return execute({work.programs + "/bus-consume", "bench", "-t", std::string(kTopic), "-q", "--no-start",
                  "--socket", work.socket, "-n", std::to_string(work.events)},
                 nothing.get(), file);
}

struct Sending {
  std::string programs;
  std::string socket;
  uint64_t events;
  std::string file;
  uint64_t bytes;
};

template <class Body>
Result<Sample> send(const Sending& work, Body body) {
  Fd file(::open(work.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return errno_error("open " + work.file, errno);
  BUSD_ASSIGN(auto hub, PlayedHub::taking(work.socket));
  BUSD_ASSIGN(Sample sample, in_a_child(work.events, work.bytes, [&] { return body(file.get()); }));
  BUSD_ASSIGN(uint64_t taken, hub.finish());
  if (taken != work.events) return Error{Errc::io, "the hub got " + std::to_string(taken) + " events"};
  return sample;
}

int send_raw(const Sending& work, int file) {
  auto fd = greet(work.socket);
  if (!fd || copy(file, fd->get(), work.bytes) != 0) return 1;
  char answer[512];
  return write_all(fd->get(), kCheckLine) && ::read(fd->get(), answer, sizeof answer) > 0 ? 0 : 1;
}

int run_publish(const Sending& work, int file) {
  return execute({work.programs + "/bus-publish", "--lines", "-q", "--no-start", "--socket", work.socket},
                 file, STDOUT_FILENO);
}

}  // namespace

std::vector<Way> ways_to_save(const std::string& programs, const std::string& socket, uint64_t events,
                              size_t payload_bytes, const std::string& file) {
  Saving work{programs, socket, events, payload_bytes, file, EventStream::bytes_of(events, payload_bytes)};
  return {
      {"raw read and write", [work] { return save(work, [&](int fd) { return save_raw(work, fd); }); }},
      {"bus-consume > file", [work] { return save(work, [&](int fd) { return run_consume(work, fd); }); }}};
}

std::vector<Way> ways_to_send(const std::string& programs, const std::string& socket, uint64_t events,
                              const std::string& file) {
  Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  ::fstat(fd.get(), &info);
  Sending work{programs, socket, events, file, static_cast<uint64_t>(info.st_size)};
  return {
      {"raw read and write", [work] { return send(work, [&](int from) { return send_raw(work, from); }); }},
      {"bus-publish --lines < file",
       [work] { return send(work, [&](int from) { return run_publish(work, from); }); }}};
}

Result<void> write_lines(const std::string& file, uint64_t events, size_t payload_bytes) {
  Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return errno_error("open " + file, errno);
  std::string line = source_line(dense_payload(payload_bytes));
  std::string batch;
  for (uint64_t i = 0; i < events; ++i) {
    batch += line;
    if (batch.size() < kFileBatchBytes && i + 1 < events) continue;
    if (!write_all(fd.get(), batch)) return errno_error("write " + file, errno);
    batch.clear();
  }
  return {};
}

}  // namespace bus::sdk_bench
