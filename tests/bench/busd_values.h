// Values in busd's protocol (protocol/PROTOCOL.md 11): a hub with a store, and puts that say how they are to be kept.
#pragma once

#include <memory>
#include <string>

#include "tests/bench/value_wire.h"

namespace bus::bench::busd {

// As the member `durable` of a put has it.
enum class Durable { memory, process, power };

// `hub` is the name of the column, such as "busd".
std::unique_ptr<ValueStore> make_values(const std::string& hub, const std::string& program, Durable durable);

}  // namespace bus::bench::busd
