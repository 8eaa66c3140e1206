#!/bin/sh
# bus-consume: what happens besides events, on stderr and with --control in the stream.
. "$(dirname "$0")/lib.sh"

# Losses of a consumer that stood still: the newest events survive, the gap is counted.
start_hub --queue-frames 16
start_consumer slow key --control
slow=$pid
kill -STOP "$slow"
payload=$(printf '%1000s' '' | tr ' ' x)
awk -v text="$payload" 'BEGIN { for (i = 1; i <= 3000; ++i) print "{\"n\":" i ",\"text\":\"" text "\"}" }' |
  bus-publish --lines --type key || fail "publishing ended with $?"
run 0 bus-status
kill -CONT "$slow"
await slow.out '"n":3000,'
run 0 bus-publish key '"last"'
await slow.out '"last"'
kill -TERM "$slow"
expect_exit "the slow consumer" "$slow" 143
lost=$(sed -n 's/^{"type":"lost","count":\([0-9]*\),.*/\1/p' slow.out | awk '{ n += $1 } END { print n + 0 }')
events=$(grep -c '^{"type":"event"' slow.out)
[ "$lost" -gt 0 ] || fail "nothing was lost"
check_equal "events and losses together" 3001 "$((events + lost))"
check_has slow.err "events=$events lost=$lost "
check_has slow.err "bus-consume: lost "
grep -q '^{"type":"lost","count":[0-9]*,"after":[0-9]*,"before":[0-9]*}$' slow.out || fail "no lost line of the right form"
kill -TERM "$hub"
expect_exit "the hub" "$hub" 0

# Source states, and the break and return of the hub.
start_consumer states key --control
states=$pid
run 0 bus-publish key 1 --source clock
await states.out '"state":"disconnected"'
check_has states.out '{"type":"source_status","source":"clock","state":"connected"'
await states.err 'source clock is disconnected'
kill -KILL "$(hub_pid)"
await states.out '^{"type":"reset","first":true'
await states.err 'connected again'
check_has states.err "the connection to the hub broke, reconnecting"
run 0 bus-publish key 2
await states.out '"payload":2'
kill -TERM "$states"
expect_exit "the consumer of states" "$states" 143

# Without --control they are on stderr only, with -q nowhere.
start_consumer plain key
plain=$pid
run 0 bus-publish key 1 --source other
await plain.err 'source other is disconnected'
kill -TERM "$plain"
expect_exit "the plain consumer" "$plain" 143
check_lacks plain.out source_status
