// status_response, the one large message (PROTOCOL.md 7). Part of codec.h's work, in a file of its own.
#pragma once

#include <string>

#include "protocol/fields.h"
#include "protocol/message.h"

namespace bus {

// What is wrong is in fields.fault().
StatusResponse decode_status_response(Fields& fields);

// One line with its LF.
std::string encode_status_response(const StatusResponse& response);

}  // namespace bus
