// Values through one server, in the raw bytes of its own wire protocol: put, get, and what follows keys.
//
// A contender that has a notion of values gives out its stores by Contender::value_stores(): one for each way in which it keeps
// them. The generator of values (value_generator.h) treats all of them alike.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"
#include "tests/bench/server_process.h"

namespace bus::bench {

// What the stream of a client or a follower has brought. `version` counts the puts of the key, and is 0 where the server does not.
class ValueSink {
 public:
  virtual ~ValueSink() = default;
  // To a client: what became of its operation of that number.
  virtual void stored(uint64_t number, uint64_t version) = 0;
  virtual void got(uint64_t number, uint64_t version, std::string_view value) = 0;
  // To a follower: the newest state of a key. `skipped` ones came between it and the state before.
  virtual void changed(std::string_view key, uint64_t version, uint64_t skipped, std::string_view value) = 0;
  // It has all that there was when it began.
  virtual void synced() = 0;
};

// Cuts the byte stream of one client into answers. Keeps the unfinished rest between calls.
class ValueParser {
 public:
  virtual ~ValueParser() = default;
  // Takes the bytes of one read. False when they are not the protocol, or say that an operation failed.
  virtual bool take(std::string_view bytes, ValueSink& sink) = 0;
};

// One connection that follows keys. Where the server pushes less than the values, it asks for them.
class ValueFollower {
 public:
  virtual ~ValueFollower() = default;
  // Appends what is to be written first.
  virtual void begin(std::string& out) = 0;
  // Takes the bytes of one read, and appends what is to be written because of them. False as above.
  virtual bool take(std::string_view bytes, ValueSink& sink, std::string& out) = 0;
};

class ValueStore {
 public:
  virtual ~ValueStore() = default;

  // As in the tables: "busd process", "Redis AOF always", "NATS KV".
  virtual std::string name() const = 0;

  // Starts the server with `directory` as its scratch, where it finds what it has kept there before. It accepts connections when this
  // returns.
  virtual Result<ServerProcess> start(const std::string& directory) = 0;
  // Makes what puts need, once for each new directory.
  virtual Result<void> prepare() { return {}; }
  // Whether there are values at the next start.
  virtual bool is_kept() const = 0;

  // Blocking; the descriptor comes back non-blocking, and is ready for operations. Clients are numbered from 0.
  virtual Result<Fd> connect(size_t client) = 0;

  // Appends the operation `number` of a client, which counts them from 1. The value is JSON.
  virtual void append_put(std::string& out, size_t client, uint64_t number, std::string_view key,
                          std::string_view value) = 0;
  virtual void append_get(std::string& out, size_t client, uint64_t number, std::string_view key) = 0;
  virtual std::unique_ptr<ValueParser> make_value_parser() = 0;

  // All keys, or the one that is named, from now on; what there is before `synced` is a matter of the server.
  virtual std::unique_ptr<ValueFollower> follow(std::string_view key) = 0;
  // All that there is, then `synced`.
  virtual std::unique_ptr<ValueFollower> snapshot() = 0;
};

}  // namespace bus::bench
