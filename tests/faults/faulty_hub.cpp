#include "tests/faults/faulty_hub.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/base/unix_socket.h"
#include "tests/support/catch.h"
#include "tests/support/hub_fixture.h"
#include "tests/support/messages.h"

namespace bus::test {

namespace {

constexpr int kReadyFdOfChild = 3;
constexpr int kFaultFdOfChild = 4;

const char* name_of(FaultCall call) {
#define FAULT_TEXT(name, ...) #name,
  static constexpr const char* kNames[] = {FAULT_CALLS(FAULT_TEXT)};
#undef FAULT_TEXT
  return kNames[call];
}

// What it writes to its end of the readiness pipe, to the end; the wait is bounded.
std::string read_to_end(int fd) {
  TimePoint deadline = now() + kPatience;
  std::string text;
  for (;;) {
    pollfd waiting{fd, POLLIN, 0};
    auto left = std::max<long long>(to_ms(deadline - now()), 0);
    if (::poll(&waiting, 1, static_cast<int>(left)) == 0) FAIL("busd hangs as it starts; it said: " << text);
    std::array<char, 512> chunk{};
    ssize_t n = ::read(fd, chunk.data(), chunk.size());
    if (n <= 0) return text;
    text.append(chunk.data(), static_cast<size_t>(n));
  }
}

// A status_response of whoever listens there; nothing when nobody does, or it goes without an answer.
std::optional<StatusResponse> ask(const std::string& socket) {
  auto fd = connect_unix(socket, kPatience);
  if (!fd) return std::nullopt;
  std::string query = encode(StatusQuery{});
  if (::send(fd->get(), query.data(), query.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(query.size()))
    return std::nullopt;
  std::string answer = read_to_end(fd->get());
  size_t end = answer.find('\n');
  if (end == std::string::npos) return std::nullopt;
  Decoded decoded = decode(answer.substr(0, end));
  auto* message = std::get_if<Message>(&decoded);
  auto* status = message == nullptr ? nullptr : std::get_if<StatusResponse>(message);
  return status == nullptr ? std::nullopt : std::optional<StatusResponse>(std::move(*status));
}

}  // namespace

std::string Fault::text() const {
  return std::string(name_of(call)) + " " + ::strerrorname_np(error) + " n=" + std::to_string(nth) +
         (all ? " and all after it" : "");
}

const std::vector<FaultRow>& fault_rows() {
#define FAULT_ROW(name, ...) {FAULT_##name, {__VA_ARGS__}},
  static const std::vector<FaultRow> kRows = {FAULT_CALLS(FAULT_ROW)};
#undef FAULT_ROW
  return kRows;
}

bool can_fail_allocations() {
#ifdef FAULT_SANITIZED
  return false;
#else
  return true;
#endif
}

FaultyHub::FaultyHub(int queue_frames)
    : socket_(directory_.file("bus.sock")),
      manager_(directory_.file("notify")),
      shared_(::memfd_create("faults", MFD_CLOEXEC)) {
  std::ofstream(file("busd.conf")) << "queue-frames = " << queue_frames << "\nlog-level = debug\n";
  REQUIRE(shared_);
  REQUIRE(::ftruncate(shared_.get(), sizeof(FaultControl)) == 0);
  void* at = ::mmap(nullptr, sizeof(FaultControl), PROT_READ | PROT_WRITE, MAP_SHARED, shared_.get(), 0);
  REQUIRE(at != MAP_FAILED);
  control_ = static_cast<FaultControl*>(at);
}

FaultyHub::~FaultyHub() { ::munmap(control_, sizeof(FaultControl)); }

ChildOptions FaultyHub::options_with_shim() const {
  ChildOptions options;
  options.descriptors = {{shared_.get(), kFaultFdOfChild}};
  options.environment = {{"LD_PRELOAD", FAULT_SHIM},
                         {"FAULT_FD", std::to_string(kFaultFdOfChild)},
                         {"NOTIFY_SOCKET", manager_.name()},
                         // The shim stands before the sanitizer's library, and may: it replaces nothing that
                         // memory needs.
                         {"ASAN_OPTIONS", "verify_asan_link_order=0"}};
  if (memory_limit_ > 0) {
    options.in_child = [bytes = memory_limit_] {
      rlimit limit{bytes, bytes};
      ::setrlimit(RLIMIT_AS, &limit);
    };
  }
  return options;
}

void FaultyHub::open_to_group(gid_t gid) {
  socket_ = file("open/bus.sock");
  more_words_ = {"--allow-gid", std::to_string(gid)};
}

void FaultyHub::close_place() { std::filesystem::remove_all(file("open")); }

bool FaultyHub::start(const Fault* fault) {
  disarm();
  while (!manager_.take(milliseconds(0)).empty()) {
  }
  if (fault != nullptr) arm(*fault);
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Fd ready(ends[0]);
  Fd theirs(ends[1]);
  ChildOptions options = options_with_shim();
  options.descriptors.emplace_back(theirs.get(), kReadyFdOfChild);
  std::vector<std::string> words = {
      "--socket", socket_,           "--ready-fd", std::to_string(kReadyFdOfChild),
      "--config", file("busd.conf"), "--log-file", file("hub.log")};
  words.insert(words.end(), more_words_.begin(), more_words_.end());
  child_ = std::make_unique<Child>(busd_program(), words, std::move(options));
  theirs.reset();
  std::string line = read_to_end(ready.get());
  if (line == "ready\n") return true;
  // A line that could not be written; only the hub itself can tell.
  if (line.empty() && ask(socket_)) return true;
  expect_promised_end();
  return false;
}

void FaultyHub::start_well() {
  if (!start()) FAIL("busd did not start although nothing failed");
}

bool FaultyHub::detach(const Fault* fault) {
  disarm();
  if (fault != nullptr) arm(*fault);
  child_ = std::make_unique<Child>(
      busd_program(),
      std::vector<std::string>{"--detach", "--socket", socket_, "--log-file", file("hub.log")},
      options_with_shim());
  bool serves = child_->wait() == ExitStatus{0, 0};
  disarm();
  if (serves) {
    child_.reset();
  } else {
    expect_promised_end();
  }
  return serves;
}

void FaultyHub::stop_detached() {
  TimePoint begin = now();
  auto status = ask(socket_);
  if (!status) FAIL("nobody serves, although busd --detach said so");
  slowest_ = std::max(slowest_, now() - begin);
  Fd process = watch_process(static_cast<pid_t>(status->pid));
  auto fd = connect_unix(socket_, kPatience);
  std::string line = encode(Shutdown{});
  REQUIRE(
      (fd && ::send(fd->get(), line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())));
  pollfd ended{process.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(to_ms(kPatience))) != 1) FAIL("the hub does not stop when asked to");
}

void FaultyHub::arm(const Fault& fault) {
  disarm();
  for (uint64_t& count : control_->calls) __atomic_store_n(&count, uint64_t{0}, __ATOMIC_SEQ_CST);
  control_->call = fault.call;
  control_->error = fault.error;
  control_->nth = fault.nth;
  control_->all = fault.all ? 1 : 0;
  __atomic_store_n(&control_->failed, uint64_t{0}, __ATOMIC_SEQ_CST);
  __atomic_store_n(&control_->empty_turns, uint64_t{0}, __ATOMIC_SEQ_CST);
  __atomic_store_n(&control_->armed, 1, __ATOMIC_SEQ_CST);
}

void FaultyHub::disarm() { __atomic_store_n(&control_->armed, 0, __ATOMIC_SEQ_CST); }

uint64_t FaultyHub::failed() const { return __atomic_load_n(&control_->failed, __ATOMIC_SEQ_CST); }

uint64_t FaultyHub::calls(FaultCall call) const {
  return __atomic_load_n(&control_->calls[call], __ATOMIC_SEQ_CST);
}

uint64_t FaultyHub::empty_turns() const { return __atomic_load_n(&control_->empty_turns, __ATOMIC_SEQ_CST); }

bool FaultyHub::survived() {
  disarm();
  if (!child_) return false;
  if (ask(socket_)) return true;
  expect_promised_end();
  return false;
}

void FaultyHub::expect_promised_end() {
  ExitStatus status = child_->wait();
  last_code_ = status.code;
  std::string errors = child_->errors();
  INFO("busd ended with code " << status.code << ", signal " << status.signal << ", and wrote:\n" << errors);
  if (failed() == 0 && memory_limit_ == 0) FAIL("busd ended although nothing failed");
  // The dynamic loader's, before there is a busd.
  constexpr int kNotLoaded = 127;
  bool says_so = errors.find("error while loading") != std::string::npos ||
                 errors.find("cannot allocate TLS data") != std::string::npos;
  if (memory_limit_ > 0 && status.code == kNotLoaded && says_so) {
    child_.reset();
    return;
  }
  // lstat said that its directory is gone: it has handed over (PROTOCOL.md 8).
  if (status == ExitStatus{0, 0} && handed_over()) {
    child_.reset();
    return;
  }
  constexpr std::array<int, 9> kPromised = {64, 69, 70, 71, 73, 75, 77, 78, 124};
  bool promised = std::find(kPromised.begin(), kPromised.end(), status.code) != kPromised.end();
  if (status.signal != 0 || !promised || errors.find("busd: ") == std::string::npos)
    FAIL("this is no end that busd promises");
  child_.reset();
}

bool FaultyHub::handed_over() const {
  std::ifstream stream(file("hub.log"));
  std::string log{std::istreambuf_iterator<char>(stream), {}};
  // Its start may be in the part that was rotated away.
  size_t start = log.rfind("msg=\"serving\"");
  return log.find("msg=\"handing over", start == std::string::npos ? 0 : start) != std::string::npos;
}

void FaultyHub::expect_end() {
  disarm();
  if (child_->wait() == ExitStatus{0, 0}) {
    child_.reset();
  } else {
    expect_promised_end();
  }
}

void FaultyHub::kill() {
  child_->signal(SIGKILL);
  static_cast<void>(child_->wait());
  child_.reset();
}

void FaultyHub::stop() {
  child_->signal(SIGTERM);
  ExitStatus status = child_->wait();
  INFO("busd wrote:\n" << child_->errors());
  REQUIRE(status == ExitStatus{0, 0});
  child_.reset();
}

StatusResponse FaultyHub::expect_service() {
  disarm();
  TimePoint begin = now();
  if (!running()) start_well();
  auto status = ask(socket_);
  if (!status) FAIL("no service");
  slowest_ = std::max(slowest_, now() - begin);
  return std::move(*status);
}

}  // namespace bus::test
