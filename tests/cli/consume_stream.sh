#!/bin/sh
# bus-consume: what it prints, for which entries, and that nothing is missing.
. "$(dirname "$0")/lib.sh"

# Room for the 10 000 events below: a hub drops the oldest of those that wait for a consumer slower than the source.
start_hub --queue-frames 20000

# TYPE defaults to KEY; the frame is printed as it came, and stderr has its two fixed lines.
start_consumer plain build -n 2
consumer=$pid
run 0 bus-publish build '{"b":1.10,"a":"\/"}' --id e-1 --time 1700000000000
run 0 bus-publish other 1
run 0 bus-publish --lines <<'LINES'
{"payload":[ 1 , 2 ],"traceparent":"00-ab","event_type":"build","type":"event"}
LINES
expect_exit "the plain consumer" "$consumer" 0
check_equal "the frames" '{"type":"event","event_type":"build","event_id":"e-1","source_time":"1700000000000","seq":1,"payload":{"b":1.10,"a":"\/"}}
{"type":"event","event_type":"build","seq":2,"traceparent":"00-ab","payload":[ 1 , 2 ]}' "$(cat plain.out)"
check_equal "the ready line" "[bus] ready event_key=build" "$(head -n 1 plain.err)"
check_has plain.err "[bus] end event_key=build events=2 lost=0 seconds="
check_has plain.err " reason=limit"

# Entries: exact, a prefix pattern, everything. -q says nothing.
start_consumer exact k -t a.b -n 1 --payload
exact=$pid
start_consumer prefix k -t 'a.*' -t z -n 3 --payload
prefix=$pid
start_consumer every k -t '*' -n 5 --payload
every=$pid
start quiet bus-consume k -t '*' -n 1 -q
quiet=$pid
await_status '"active_conns":4,' # the quiet one has no line to wait for
printf '%s\n' '{"type":"event","event_type":"a","payload":1}' '{"type":"event","event_type":"a.b","payload":2}' \
  '{"type":"event","event_type":"a.b.c","payload":3}' '{"type":"event","event_type":"ab","payload":4}' \
  '{"type":"event","event_type":"z","payload":5}' | bus-publish --lines || fail "publishing ended with $?"
expect_exit "the exact consumer" "$exact" 0
expect_exit "the prefix consumer" "$prefix" 0
expect_exit "the consumer of everything" "$every" 0
expect_exit "the quiet consumer" "$quiet" 0
check_equal "payloads of a.b" 2 "$(cat exact.out)"
check_equal "payloads of a.* and z" "2 3 5" "$(tr '\n' ' ' <prefix.out | sed 's/ $//')"
check_equal "payloads of *" "1 2 3 4 5" "$(tr '\n' ' ' <every.out | sed 's/ $//')"
check_equal "lines of the quiet consumer" 1 "$(lines_in quiet.out)"
check_empty quiet.err

# Each line is there as soon as its event is.
start_consumer live tick --payload
live=$pid
for n in 1 2 3; do
  run 0 bus-publish tick "$n"
  await live.out "^$n\$"
done
kill -TERM "$live"
expect_exit "the live consumer" "$live" 143

# 10 000 events arrive, all, in order, also at a reader that takes its time.
start_consumer many many -n 10000 --payload
many=$pid
awk 'BEGIN { for (i = 1; i <= 10000; ++i) print i }' >numbers
run 0 bus-publish --lines --type many <numbers
expect_exit "the consumer of 10 000" "$many" 0
cmp numbers many.out || fail "the numbers differ"
check_has many.err "events=10000 lost=0"
