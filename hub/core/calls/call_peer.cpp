#include "hub/core/calls/call_peer.h"

#include "hub/core/calls/call_writer.h"
#include "protocol/base/check.h"

namespace bus::hub {

CallPeer::~CallPeer() { BUSD_CHECK(open.empty() && !provider); }

bool CallPeer::render(std::string& out, size_t want) { return writer.render(*this, out, want); }

}  // namespace bus::hub
