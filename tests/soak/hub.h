// The hub of a soak: started in a directory of its own, looked at from outside, asked for its status, ended.
#pragma once

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "tests/support/status_response.h"

namespace bus::soak {

using test::StatusResponse;

class Hub {
 public:
  // Ready when it returns. `arguments` come behind --socket.
  static Result<Hub> start(const std::string& program, const std::vector<std::string>& arguments);
  ~Hub();  // ends it if it still runs, and removes its directory
  Hub(Hub&& other) noexcept;
  Hub& operator=(Hub&&) = delete;

  const std::string& socket() const { return socket_; }
  pid_t pid() const { return pid_; }
  bool running() const;
  size_t resident_bytes() const;
  size_t descriptors() const;
  Result<StatusResponse> status() const;
  Result<Fd> connect() const;
  // SIGTERM; whether it ended with 0 in time.
  bool stop();
  // The end of its log, for whoever reads about a violation.
  std::string last_words() const;

 private:
  Hub() = default;

  pid_t pid_ = -1;
  Fd pidfd_;
  std::string directory_;
  std::string socket_;
};

}  // namespace bus::soak
