// Values in NATS: a key-value bucket, which is a JetStream stream with one message for each key (nats-io/nats-architecture-and-design,
// ADR-8 and ADR-31), kept in files as by default.
//
// A put is a publication that the stream acknowledges, a get a direct one, and who follows keys is an ordered push consumer that
// begins with the last message of each subject.
#pragma once

#include <memory>

#include "tests/bench/value_wire.h"

namespace bus::bench::nats {

std::unique_ptr<ValueStore> make_values();

}  // namespace bus::bench::nats
