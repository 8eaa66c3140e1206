#!/bin/sh
# bus-consume: a loss is told, however quiet the program is, and --fail-on-loss makes it the exit status.
. "$(dirname "$0")/lib.sh"

# Nothing was lost: --fail-on-loss changes nothing, -q prints nothing, --summary the end line alone.
run 0 bus-consume key --timeout 10ms --fail-on-loss -q
check_empty err
run 0 bus-consume key --timeout 10ms --summary
check_equal "lines on stderr" 1 "$(lines_in err)"
check_has err "[bus] end event_key=key events=0 lost=0 seconds="
run 0 bus-consume key --timeout 10ms --summary -q
check_equal "lines on stderr, with -q too" 1 "$(lines_in err)"
run 124 bus-consume key -n 1 --timeout 10ms --fail-on-loss -q

# A hub that went and came back: an unknown number of events may have been lost.
start_consumer gone key --fail-on-loss --no-reconnect
run 0 bus-publish key 1
await gone.out '"seq":1'
kill -KILL "$(hub_pid)"
expect_exit "a consumer whose hub went, and which does not reconnect" "$pid" 69
start quiet bus-consume key --fail-on-loss -q --control
quiet=$pid
await_status '"event_key":"key"'
kill -KILL "$(hub_pid)"
await quiet.out '^{"type":"reset"'
kill -TERM "$quiet"
expect_exit "the quiet consumer after a reset" "$quiet" 75
check_equal "what the quiet consumer said" 'bus-consume: connected again; events in between may be lost; first of its scope
bus-consume: events may have been lost while the connection was broken' "$(cat quiet.err)"
start summary bus-consume key --summary --control
summary=$pid
await_status '"event_key":"key"'
kill -KILL "$(hub_pid)"
await summary.out '^{"type":"reset"'
kill -TERM "$summary"
expect_exit "a consumer that does not ask for it" "$summary" 143
check_has summary.err " events=0 lost=0 resets=1 seconds="

# A gap in seq.
need_socat
gap="$ack
echo '{\"type\":\"event\",\"event_type\":\"key\",\"seq\":4,\"payload\":1}'
echo '{\"type\":\"event\",\"event_type\":\"key\",\"seq\":6,\"payload\":2}'
$until_check
$confirm
cat >/dev/null"
play "$gap"
run 0 bus-consume --no-start key -n 2 -q
check_equal "what -q prints" 'bus-consume: lost 3 events between seq 0 and 4
bus-consume: lost 1 event between seq 4 and 6' "$(cat err)"
play "$gap"
run 75 bus-consume --no-start key -n 2 -q --fail-on-loss
check_equal "the events" 2 "$(lines_in out)"
play "$gap"
run 75 bus-consume --no-start key -n 3 --timeout 200ms --summary --fail-on-loss
check_has err " events=2 lost=4 seconds="
check_has err " reason=timeout"
check_equal "lines with --summary" 4 "$(lines_in err)"
play "$gap"
run 75 bus-consume --no-start key -n 2 -q --fail-on-loss --json-errors
check_equal "the error as JSON" '{"code":"events_lost","exit":75,"message":"4 events were lost","hint":""}' "$(tail -n 1 err)"
play "$gap"
start ended bus-consume --no-start key -q --fail-on-loss
await ended.out '"payload":2'
kill -TERM "$pid"
expect_exit "a consumer that lost events and got SIGTERM" "$pid" 75

# A failure of another kind is the stronger one.
play "$gap"
run 70 bus-consume --no-start key -n 2 -q --fail-on-loss --exec 'exit 3'
