#!/bin/sh
# bus-consume --exec: a command for each event.
. "$(dirname "$0")/lib.sh"

# The payload on stdin, facts in the environment, output on stdout, in order.
# shellcheck disable=SC2016 # the command's shell expands it
start_consumer env board -t '*' --subscription-id board:7 -n 2 --exec \
  'read -r payload; echo "$BUSD_EVENT_TYPE|$BUSD_EVENT_ID|$BUSD_SEQ|$BUSD_SOURCE_TIME|$BUSD_KEY|$BUSD_SUBSCRIPTION_ID|$BUSD_SOCKET|$payload"; echo "$BUSD_RECEIVED" >>received'
env=$pid
# shellcheck disable=SC2016
run 0 bus-publish 'a;$(touch x)' '{"n": 1.10}' --id 'e 1' --time 1700000000000
run 0 bus-publish b --null
expect_exit "the consumer with a command" "$env" 0
check_equal "what the commands printed" "a;\$(touch x)|e 1|1|1700000000000|board|board:7|$BUSD_SOCKET|{\"n\": 1.10}
b||2||board|board:7|$BUSD_SOCKET|null" "$(cat env.out)"
[ ! -e x ] || fail "an event type was run as a command"
check_equal "times of arrival" 2 "$(grep -Ec '^[0-9]{13}$' received)"
check_has env.err "events=2 lost=0 seconds="

# One after the other by default: the second begins when the first has ended.
mkfifo step
# shellcheck disable=SC2016
start_consumer serial key -n 2 --exec 'echo "begin $BUSD_SEQ"; read -r go <step; echo "end $BUSD_SEQ"'
serial=$pid
run 0 bus-publish key 1
run 0 bus-publish key 2
await serial.out 'begin 1'
echo go >step
await serial.out 'begin 2'
echo go >step
expect_exit "the consumer of one job" "$serial" 0
check_equal "the order" "begin 1 end 1 begin 2 end 2" "$(paste -sd ' ' serial.out)"

# With --jobs 2, two at once and no third.
mkfifo two
# shellcheck disable=SC2016
start_consumer jobs key -n 3 --jobs 2 --exec 'echo "begin $BUSD_SEQ"; read -r go <two; echo "end $BUSD_SEQ"'
jobs=$pid
run 0 bus-publish --lines --type key <<'LINES'
1
2
3
LINES
await jobs.out 'begin 1'
await jobs.out 'begin 2'
check_lacks jobs.out 'begin 3'
{
  echo go
  await jobs.out 'begin 3'
  echo go
  echo go
} >two
expect_exit "the consumer of two jobs" "$jobs" 0
check_equal "commands that ended" 3 "$(grep -c '^end' jobs.out)"
check_equal "who came last" "begin 3" "$(grep '^begin' jobs.out | tail -n 1)"

# A failure is told, counted, and makes the exit status 70; the stream goes on.
# shellcheck disable=SC2016
start_consumer fails key -n 3 --end-record --exec 'case $BUSD_SEQ in 1) exit 3 ;; 2) kill -9 $$ ;; esac; echo "good $BUSD_SEQ"'
fails=$pid
for n in 1 2 3; do run 0 bus-publish key "$n"; done
expect_exit "the consumer whose command fails" "$fails" 70
check_has fails.err "bus-consume: --exec ended with status 3 for event key, seq 1: "
check_has fails.err "bus-consume: --exec was ended by signal 9 for event key, seq 2: "
check_has fails.err " events=3 lost=0 failed=2 seconds="
check_has fails.out "good 3"
check_has fails.out '"failed":2,'
check_has fails.out '"exit":70}'

# Many failures are ten lines and a count.
start_consumer many key -n 30 --exec false
many=$pid
seq 30 | bus-publish --lines --type key || fail "publishing ended with $?"
expect_exit "the consumer of many failures" "$many" 70
check_equal "lines of single failures" 10 "$(grep -c 'ended with status 1' many.err)"
check_has many.err "--exec failed for 30 events"

# --fail-fast ends at the first.
start_consumer fast key --fail-fast --exec 'exit 5'
run 0 bus-publish key 1
expect_exit "the consumer that fails fast" "$pid" 70
check_has fast.err "reason=failed"
check_has fast.err "--fail-fast"

# A command that does not read its stdin, with a payload larger than a pipe: no fault, and no waiting.
awk 'BEGIN { s = "x"; while (length(s) < 900000) s = s s; print "\"" substr(s, 1, 900000) "\"" }' >large
start_consumer unread key -n 3 --exec 'exec 0<&-; echo ran'
unread=$pid
cat large large large | bus-publish --lines --type key || fail "publishing ended with $?"
expect_exit "the consumer whose command does not read" "$unread" 0
check_equal "commands that ran" 3 "$(grep -c ran unread.out)"
# One that reads slowly gets all of it.
start_consumer slowly key -n 1 --exec 'head -c 10 >/dev/null; cat | wc -c'
slowly=$pid
bus-publish --lines --type key <large || fail "publishing ended with $?"
expect_exit "the consumer whose command reads" "$slowly" 0
check_equal "bytes that it read" 900003 "$(($(cat slowly.out) + 10))"
# One that leaves somebody behind is over when it has ended itself.
mkfifo left
start_consumer leaves key -n 1 --exec 'exec 3<&0; cat <left >/dev/null 2>&1 3<&0 & echo gone'
run 0 bus-publish key 1
expect_exit "the consumer whose command leaves a process" "$pid" 0
echo >left

# Told to end, it waits for the commands that run, then cleans up; a second signal ends both.
mkfifo hold
start_consumer ending key --exec 'echo began; cat <hold >/dev/null; echo ended' --last 'echo cleaned >>ending.out'
ending=$pid
run 0 bus-publish key 1
await ending.out began
kill -TERM "$ending"
run 0 bus-publish key 2 # comes too late to be run
echo on >hold
expect_exit "the consumer told to end" "$ending" 143
check_equal "what happened" "began ended cleaned" "$(paste -sd ' ' ending.out)"
# shellcheck disable=SC2016
start_consumer twice key --jobs 3 --exec 'trap "echo told >>told; exit 1" TERM; echo "$$" >>began; while :; do read -r x <hold; done'
twice=$pid
seq 3 | bus-publish --lines --type key || fail "publishing ended with $?"
for line in 1 2 3; do
  timeout 10 tail -n +"$line" -F began 2>/dev/null | grep -qm1 '^[0-9]' || fail "command $line did not begin"
done
kill -TERM "$twice"
kill -INT "$twice"
wait "$twice"
code=$?
case $code in 130 | 143) ;; *) fail "two signals ended it with $code" ;; esac
timeout 10 tail -n +3 -F told 2>/dev/null | grep -qm1 told || fail "not all commands were told"

# While commands run, events wait in the hub; what does not fit there is lost, and that shows.
run 0 bus-stop --force
start_hub --queue-frames 16
mkfifo busy
# shellcheck disable=SC2016
start_consumer busy key --exec 'read -r n; case $n in 0) echo began; read -r go <busy ;; 3000*) echo last ;; esac' --jobs 8
busy=$pid
run 0 bus-publish --lines --type key <<'LINES'
0
0
0
0
0
0
0
0
LINES
await_eight() { timeout 10 tail -n +8 -F busy.out 2>/dev/null | grep -qm1 began || fail "not all commands began"; }
await_eight
payload=$(printf '%1000s' '' | tr ' ' x)
awk -v text="$payload" 'BEGIN { for (i = 1; i < 3000; ++i) print "\"" text "\""; print 3000 }' |
  bus-publish --lines --type key || fail "publishing ended with $?"
printf '%s\n' 1 2 3 4 5 6 7 8 >busy
await busy.out last
kill -TERM "$busy"
expect_exit "the busy consumer" "$busy" 143
lost=$(sed -n 's/^bus-consume: lost \([0-9]*\) events*.*/\1/p' busy.err | awk '{ n += $1 } END { print n + 0 }')
[ "$lost" -gt 0 ] || fail "nothing was lost"
check_has busy.err " events=$((3008 - lost)) lost=$lost "
kill -TERM "$hub"
expect_exit "the hub" "$hub" 0
