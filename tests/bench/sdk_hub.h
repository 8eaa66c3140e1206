// A child process that plays the hub for one client and does nothing else, so that the hub is no limit: it
// sends prepared events as fast as they are taken, or takes what comes and throws it away.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace bus::sdk_bench {

class PlayedHub {
 public:
  // Answers hello, sends `events` frames of EventStream, and waits until the client has gone.
  static Result<PlayedHub> sending(const std::string& socket, uint64_t events, size_t payload_bytes);
  // Answers hello and each pre_shutdown_check that is the last line that has come; counts the other lines
  // until the client has gone.
  static Result<PlayedHub> taking(const std::string& socket);

  PlayedHub(PlayedHub&& other) noexcept;
  PlayedHub& operator=(PlayedHub&&) = delete;
  ~PlayedHub();

  // Waits for its end. How many events it sent, or lines it took: check and bye do not count.
  Result<uint64_t> finish();

 private:
  template <class Play>
  static Result<PlayedHub> start(const std::string& socket, Play play);
  PlayedHub(pid_t pid, Fd report) : pid_(pid), report_(std::move(report)) {}

  pid_t pid_;
  Fd report_;
};

// The client's side of a connection without the SDK: connected (blocking), hello said, its answer read.
Result<Fd> greet(const std::string& socket);

// Blocking. False: the other end is gone.
bool write_all(int fd, std::string_view bytes);

// Keeps this process to one core; the hub that it starts then stays off it. Left alone, the kernel sometimes
// puts both on one, where the bytes are still in its cache, and the same work takes half or twice the time.
// Does nothing where there is only one.
void stay_on_one_core();

inline constexpr std::string_view kCheckLine = "{\"type\":\"pre_shutdown_check\",\"event_key\":\"\"}\n";

}  // namespace bus::sdk_bench
