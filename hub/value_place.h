// Where the values of a hub are kept (PROTOCOL.md 11): by its settings, and by default by its socket and its user.
//
// Opens no store; value_store.h does.
#pragma once

#include <optional>
#include <string>

#include "hub/options.h"
#include "protocol/base/result.h"
#include "protocol/endpoint.h"

namespace bus::hub {

struct ValuePlace {
  bool serves = true;  // false: `--values off`, the hub has no values
  std::string path;    // absolute; empty: nothing is stored
  // Why nothing is stored although the hub is where one stores by default; usually empty.
  std::string fault;
};

// Error denied, io: PATH is relative, and there is no current directory.
Result<ValuePlace> value_place(const Options& options, const Endpoint& endpoint,
                               const Environment& environment);

// Why values would not be stored there although they should be, found out without creating anything.
std::optional<std::string> place_trouble(const ValuePlace& place);

}  // namespace bus::hub
