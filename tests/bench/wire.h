// Handshakes over non-blocking sockets: connect, send all of something, read so much of an answer and not one
// byte more, each with a bound. For what happens before the measured part; the generator does its own
// reading.
//
// Unix sockets are connected with connect_unix of protocol/base/unix_socket.h, which fits here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/clock.h"
#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "tests/bench/server_process.h"

namespace bus::bench {

// Of one step of a handshake; more than any server needs on a loaded machine.
inline constexpr Duration kHandshakePatience = seconds(10);

// Loopback, TCP_NODELAY, non-blocking. Error unavailable: nobody listens there.
Result<Fd> connect_tcp(uint16_t port, Duration patience = kHandshakePatience);

// A port of the loopback address that is free now.
Result<uint16_t> free_port();

// The same room for every connection under measurement: a TCP connection would otherwise tune itself, and a Unix
// socket not.
Result<void> set_buffers(int fd);

// Writes all of `bytes`; waits where the socket is full. Errors: timed_out, closed.
Result<void> send_all(int fd, std::string_view bytes, Duration patience = kHandshakePatience);

// What comes up to and with `end`, and no byte beyond it. Errors: timed_out and closed, with what did arrive;
// too_long beyond 1 MiB.
Result<std::string> read_until(int fd, std::string_view end, Duration patience = kHandshakePatience);

// Errors: timed_out, closed.
Result<std::string> read_exactly(int fd, size_t bytes, Duration patience = kHandshakePatience);

// Waits until `server` accepts a connection there, which is closed again at once.
Result<void> wait_until_accepting(ServerProcess& server, const std::string& unix_path);
Result<void> wait_until_accepting(ServerProcess& server, uint16_t port);

}  // namespace bus::bench
