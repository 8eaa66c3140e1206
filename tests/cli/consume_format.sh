#!/bin/sh
# bus-consume: how events are written (--format, --timestamps, --batch), which are left out (--exclude), and the record at the
# end.
. "$(dirname "$0")/lib.sh"

# Each field, and what is missing.
start_consumer fields key -t '*' -n 3 \
  --format '{key}|{event_type}|{event_id}|{seq}|{source_time}|{payload.job}|{payload.list.1.n}|{/payload/a.b}|{/extra}'
fields=$pid
run 0 bus-publish build.done '{"job":"nightly \"7\"\u0021","list":[0,{"n":1.10}],"a.b":[ 1,2]}' --id e-1 --time 1700000000000
run 0 bus-publish --lines <<'LINES'
{"type":"event","event_type":"plain","extra":{"x":null},"payload":"text"}
{"type":"event","event_type":"bare","payload":{"job":null,"list":{"1":{"n":true}}}}
LINES
expect_exit "the consumer with all fields" "$fields" 0
check_equal "the lines" 'key|build.done|e-1|1|1700000000000|nightly "7"!|1.10|[ 1,2]|
key|plain||2|||||{"x":null}
key|bare||3||null|true||' "$(cat fields.out)"

start_consumer escapes key -n 1 --format '{{{seq}}}\t{payload}\\\n{event}'
run 0 bus-publish key '"a\tb"'
expect_exit "the consumer with escapes" "$pid" 0
check_equal "the lines" "$(printf '{1}\ta\tb\\\n{"type":"event","event_type":"key","seq":1,"payload":"a\\tb"}')" "$(cat escapes.out)"

# A template into files.
start_consumer files key -n 1 --output-dir dir --format '{payload.name}'
run 0 bus-publish key '{"name":"n"}'
expect_exit "the consumer with files" "$pid" 0
check_equal "the file" n "$(cat dir/*.json)"

# The time of arrival is that of the clock, in the frame and in what --control prints.
before=$(date +%s)
start_consumer timed key -n 1 --timestamps --control
run 0 bus-publish key '{"received":1}' --source clock
expect_exit "the consumer with times" "$pid" 0
after=$(date +%s)
grep -Eq '^\{"type":"event","event_type":"key","seq":1,"payload":\{"received":1\},"received":[0-9]{13}\}$' timed.out ||
  fail "no event with a time"
grep -Eq '^\{"type":"source_status","source":"clock",.*,"received":[0-9]{13}\}$' timed.out || fail "no state with a time"
at=$(sed -n 's/^{"type":"event".*,"received":\([0-9]*\)...}$/\1/p' timed.out)
if [ "$at" -lt "$before" ] || [ "$at" -gt "$after" ]; then fail "the time $at is not between $before and $after"; fi
start_consumer clock key -n 1 --format '{received}{received_utc}'
run 0 bus-publish key --null
expect_exit "the consumer with a clock" "$pid" 0
grep -Eq '^[0-9]{13}20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\.[0-9]{3}Z$' clock.out ||
  fail "no clock"

# What is excluded is counted apart, and not towards -n.
start_consumer part ci -t 'build.*' -t x --exclude 'build.log.*' --exclude build.noise -n 3 --end-record
part=$pid
printf '%s\n' '{"type":"event","event_type":"build.log.a","payload":1}' '{"type":"event","event_type":"build.log","payload":2}' \
  '{"type":"event","event_type":"build.noise","payload":3}' '{"type":"event","event_type":"x","payload":4}' \
  '{"type":"event","event_type":"build.done","payload":5}' | bus-publish --lines || fail "publishing ended with $?"
expect_exit "the consumer of a part" "$part" 0
check_equal "the payloads" "2 4 5" "$(sed -n 's/.*"payload":\(.*\)}$/\1/p' part.out | paste -sd ' ')"
check_has part.err " events=3 lost=0 excluded=2 seconds="
check_equal "the record" \
  '{"type":"end","event_key":"ci","events":3,"lost":0,"resets":0,"excluded":2,"failed":0,"seconds":N,"reason":"limit","exit":0}' \
  "$(tail -n 1 part.out | sed 's/"seconds":[0-9]*\.[0-9]*,/"seconds":N,/')"

# The record tells how it ended; where the reader has gone there is none.
run 124 bus-consume key -n 1 --timeout 10ms --end-record -q
check_has out '"reason":"timeout","exit":124}'
run 0 bus-consume key -n 1 --timeout 10ms --timeout-ok --end-record -q
check_has out '"reason":"timeout","exit":0}'
start_consumer signalled key --end-record
kill -TERM "$pid"
expect_exit "the consumer that got a signal" "$pid" 143
check_has signalled.out '"reason":"signal","exit":143}'
start_consumer recorded key -n 1 --end-record --output-dir recorded
run 0 bus-publish key 1
expect_exit "the consumer with files and a record" "$pid" 0
check_equal "stdout" 1 "$(lines_in recorded.out)"

# A batch is written when its time has come, at the end, and before another line; it is never empty.
start_consumer batches key --batch 50ms --payload --control -n 5 --end-record
batches=$pid
run 0 bus-publish key '{"n":1.10}'
await batches.out '^\[{"n":1.10}\]$'
run 0 bus-publish --lines --type key --source clock <<'LINES'
2
[ 3 ]
4
5
LINES
expect_exit "the consumer of batches" "$batches" 0
grep '^\[' batches.out | sed 's/^\[//; s/]$//' | paste -sd , >joined
check_equal "all events in order" '{"n":1.10},2,[ 3 ],4,5' "$(cat joined)"
check_lacks batches.out '[]'
check_equal "the last line" '{"type":"end"' "$(tail -n 1 batches.out | cut -c 1-13)"
start_consumer whole key --batch 1h -n 3 --control
whole=$pid
run 0 bus-publish --lines --type key --source other <<'LINES'
1
2
3
LINES
expect_exit "the consumer of one batch" "$whole" 0
check_equal "the batch" '[{"type":"event","event_type":"key","seq":1,"payload":1},{"type":"event","event_type":"key","seq":2,"payload":2},{"type":"event","event_type":"key","seq":3,"payload":3}]' \
  "$(grep '^\[' whole.out)"
start_consumer ended key --batch 1h --payload --until-eof </dev/null
expect_exit "the consumer that got nothing" "$pid" 0
check_empty ended.out

# A line of a batch has a bound.
start_consumer large key --batch 1h --payload -n 3
large=$pid
awk 'BEGIN { s = "x"; while (length(s) < 400000) s = s s; s = substr(s, 1, 400000); for (i = 0; i < 3; ++i) print "\"" s "\"" }' |
  bus-publish --lines --type key || fail "publishing ended with $?"
expect_exit "the consumer of large events" "$large" 0
check_equal "lines, none longer than 1 MiB" "800007 400004" "$(awk '{ print length($0) }' large.out | paste -sd ' ')"

# What does not go together, and what is wrong with a value, is named.
refused() { # TEXT ARGUMENT…
  text=$1
  shift
  run 64 bus-consume key "$@"
  check_has err "$text"
  check_empty out
}
while read -r one other; do
  # shellcheck disable=SC2086 # the options' values are words of their own
  run 64 bus-consume key $one $other
  check_has err "${one%%[= ]*}"
  check_has err "${other%%[= ]*}"
done <<'PAIRS'
--payload --format x
--payload --timestamps
--timestamps --format x
--batch=1s --format x
--batch=1s --output-dir dir
--batch=1s --exec cat
--exec=cat --output-dir dir
--exec=cat --payload
--exec=cat --format x
--exec=cat --timestamps
--exec=cat --control
--payload --control
--payload --end-record
--format=x --control
--format=x --end-record
PAIRS
refused --exec --jobs 2
refused --exec --fail-fast
refused --timeout --timeout-ok -n 1
refused --count --timeout-ok --timeout 1s
refused "not a number from 1 to 64" --exec cat --jobs 0
refused "not a number from 1 to 64" --exec cat --jobs 65
refused "1ms or more" --batch 0s
refused "--exclude leaves no event" --exclude key
refused "--exclude leaves no event" -t 'a.*' -t b --exclude 'a.*' --exclude '*'
refused "must not be empty" --format ''
refused '"event_typ" is no field; write event_type, event_id,' --format '{event_typ}'
refused '"" is no field' --format '{}'
refused 'the "{" at byte 3 is not closed; write {{' --format 'a {seq'
refused 'the "}" at byte 3 closes nothing; write }}' --format 'a } b'
refused 'begins no escape' --format 'a\x'
refused 'begins no escape' --format "a\\"
refused 'has an empty name between dots' --format '{payload..a}'
refused 'has an empty name between dots' --format '{payload.}'
refused 'is no JSON pointer' --format '{/a~2}'
