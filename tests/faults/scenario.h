// What clients do to a hub while its calls fail: short plays that touch everything it does, and the accounts
// afterwards.
#pragma once

#include "tests/faults/faulty_hub.h"
#include "tests/faults/stage.h"

namespace bus::test {

// Joining, small, large and shared events, a stopped consumer that loses some, bad frames, the clean-up lock,
// a half-close, status, log rotation, leaving. With the fault armed; nothing of it waits for time. When the
// hub has survived, disarms it, and then holds the hub's counts against what the consumers got: nothing is
// lost that `seq` does not show.
void play(FaultyHub& hub, const Fault& fault);

// A caller and its providers: a stream whose reader stops for a while, calls that nobody takes, a provider that goes
// while it has requests. With the fault armed; disarms it when the hub has survived. No call ends twice, each ends on
// a connection that stays, and a result comes behind the whole of its stream.
void play_calls(FaultyHub& hub, const Fault& fault);

// The same kind of traffic while every call fails and no answer can be expected, for a moment; then nothing
// may spin.
void storm(FaultyHub& hub, const Fault& fault);

// A megabyte after the other for consumers that do not read, until the hub holds all that it may or has
// ended.
void flood(FaultyHub& hub);

// shutdown, with clients connected and something queued, until the hub has ended.
void stop_under(FaultyHub& hub, const Fault& fault);

}  // namespace bus::test
