// One way of moving events through one server, spoken in the raw bytes of its own wire protocol.
//
// A contender starts its server in a scratch directory, opens connections that are ready for work (every
// handshake done, every subscription in force), builds the bytes of a publication, and cuts what a subscriber
// receives into messages. The generator (generator.h) owns all connections and treats all contenders alike,
// so that what differs between two columns of a table is the server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "tests/bench/call_wire.h"
#include "tests/bench/server_process.h"
#include "tests/bench/value_wire.h"

namespace bus::bench {

// What a subscriber's stream has brought. Payloads carry their number as kNumberDigits decimal digits (see
// payload.h), and the generator checks that each subscriber gets the numbers of each publisher in order and
// without a hole.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  // One complete delivery; `payload` is the payload as it came.
  virtual void message(std::string_view payload) = 0;
};

// Cuts the byte stream of one subscriber into messages. Keeps the unfinished rest between calls. Must be
// cheap: it runs on the generator's core.
class Parser {
 public:
  virtual ~Parser() = default;
  // Takes the bytes of one read. False when they are not the protocol; the run is then reported as failed.
  virtual bool take(std::string_view bytes, MessageSink& sink) = 0;
};

enum class Role {
  hub,       // a busd: what the tables are about
  null_hub,  // the ceiling; looks at no topic, so it is left out where topics matter
  peer,      // what a user would pick instead
};

class Contender {
 public:
  virtual ~Contender() = default;

  // As in the tables: "busd", "null hub", "NATS", "Redis", "mosquitto", "dbus-daemon", "ZeroMQ".
  virtual std::string name() const = 0;

  // The program that must be in PATH, or an absolute path; empty when it is built here. A contender whose
  // program is missing is left out, and the table says so.
  virtual std::string program() const = 0;

  // What its figures are compared with.
  virtual Role role() const { return Role::peer; }

  // Starts the server with `directory` (empty, ours alone) as its scratch, persistence, logging and limits
  // off, and returns once it accepts connections.
  virtual Result<ServerProcess> start(const std::string& directory) = 0;

  // Blocking handshakes; the descriptors come back non-blocking. A subscriber's return means that its
  // subscriptions are in force: what is published from now on reaches it.
  virtual Result<Fd> connect_publisher() = 0;
  virtual Result<Fd> connect_subscriber(const std::vector<std::string>& topics) = 0;

  // The same, after it got so many messages that the others did not get, as if it had joined earlier: where
  // deliveries are numbered for each subscriber, its numbers then differ from theirs. `topics` has one to
  // itself.
  virtual Result<Fd> connect_subscriber_apart(const std::vector<std::string>& topics, size_t /*messages*/) {
    return connect_subscriber(topics);
  }

  // Appends the bytes that publish `payload` (valid JSON) on `topic` once. `serial` counts from 1 per
  // connection, for protocols that number their messages.
  virtual void append_publication(std::string& out, std::string_view topic, std::string_view payload,
                                  uint64_t serial) = 0;

  virtual std::unique_ptr<Parser> make_parser() = 0;

  // How it makes calls; null when it has none.
  virtual CallWire* calls() { return nullptr; }

  // How it keeps values, in as many ways as it can; they live as long as the contender. Each has a server of its own.
  virtual std::vector<ValueStore*> value_stores() { return {}; }
};

}  // namespace bus::bench
