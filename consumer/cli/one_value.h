// The verbs of bus-value that ask the hub something and end: get, put, delete, list.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "busd/consumer.hpp"
#include "consumer/cli/console.h"
#include "consumer/cli/output.h"
#include "consumer/cli/value_options.h"

namespace bus::cli {

class OneValue {
 public:
  using Clock = std::chrono::steady_clock;

  // `until`: when the time of --timeout is over; nothing: it has none.
  OneValue(const ValueCommand& command, const Console& console, busd::Connection& connection,
           std::optional<Clock::time_point> until);

  // Each returns the exit status. `json` is the value.
  int get();
  int put(const std::string& json);
  int erase();
  int list();
  // What has become of a put or a deletion.
  int changed(const busd::Change& change);

 private:
  int changed(const std::string& key, const busd::Change& change);
  // The time that is left for one answer; 0: the library's own.
  std::chrono::milliseconds patience() const;
  int failed(const busd::Error& error, Error said) const;
  std::string line_of(const busd::Value& value, bool with_key) const;
  // Gets the value of one that a list has left out, because it does not fit; false: it is gone.
  bool complete(busd::Value& value);
  int print(const std::string& line);
  int flush();
  int written(Written written) const;

  const ValueCommand& command_;
  const Console& console_;
  busd::Connection& connection_;
  std::optional<Clock::time_point> until_;
  Output output_;
  bool to_terminal_;
};

}  // namespace bus::cli
