// A socket to the hub on which hello was said and answered: for a program that starts another one, which speaks the
// wire itself.
//
// Reads the answer and not one byte more, so that whoever gets the socket misses nothing. Keeps nothing.
#pragma once

#include "consumer/src/api_result.h"
#include "consumer/src/session.h"
#include "protocol/base/fd.h"

namespace bus::sdk {

// `opened` blocks, as the descriptors do that a program starts with. The options about reconnecting mean nothing.
ApiResult open_socket(const SessionOptions& options, Fd& opened);

}  // namespace bus::sdk
