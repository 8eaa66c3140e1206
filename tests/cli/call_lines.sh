#!/bin/sh
# bus-call --lines: many calls at once over one connection, and lines that are none.
. "$(dirname "$0")/lib.sh"

start_hub
start_provider tasks t.echo t.code t.stream t.hold 'x.*'
provider=$pid

# Answers carry the id as it was given, a string or a number, and come in the order of the ends.
cat >in <<'LINES'
{"id":"held","task":"t.hold"}
{"id":1,"task":"t.echo","args":{"a":1.10}}

{"task":"t.echo","id":"tw\u006f","args":"x","timeout_ms":5000,"wait":true,"idempotent":true}
{"id":3.0,"task":"t.code","args":"bad_luck"}
{"id":4,"task":"none"}
{"type":"request","id":5,"task":"t.stream","args":2,"stream":true,"traceparent":"00-1","from":{"pid":1}}
LINES
mkfifo input
# shellcheck disable=SC2016 # the other shell expands it
start lines sh -c 'exec bus-call --lines <input'
lines=$pid
exec 8>input
cat in >&8
await lines.out '"id":5,"result"'
await lines.out '"id":4,"error"'
check_equal "answers while one is open" '{"id":"tw\u006f","result":"x"}
{"id":1,"result":{"a":1.10}}
{"id":3.0,"error":{"code":"bad_luck","message":"it said bad_luck","data":{"of":"t.code"}}}
{"id":4,"error":{"code":"no_provider","message":"nobody provides none","by":"hub"}}
{"id":5,"chunk":{"n":1},"seq":1}
{"id":5,"chunk":{"n":2},"seq":2}
{"id":5,"result":null}' "$(LC_ALL=C sort -s -t , -k 1,1 lines.out)"
await tasks.out '"traceparent":"00-1","args":2}'
kill -USR1 "$provider"
await lines.out '^{"id":"held","result":null}$'
# More lines after that, and then the end.
echo '{"id":6,"task":"t.echo","args":6}' >&8
await lines.out '^{"id":6,"result":6}$'
exec 8>&-
expect_exit "the lines" "$lines" 70
check_equal "what it said" "bus-call: 2 of 7 calls failed; the answers on stdout say why" "$(cat lines.err)"

# All went well: 0, and nothing on stderr. The last line needs no line end.
printf '{"id":1,"task":"t.echo"}\r\n{"id":2,"task":"x.y"}' >in
run 0 bus-call --lines <in
check_equal "answers" 2 "$(lines_in out)"
check_empty err

# Lines that are no calls are answered by their number, and the rest goes on.
cat >in <<'LINES'
nonsense
[1]
{"id":3}
{"task":"t.echo"}
{"id":5,"task":7}
{"id":{"a":1},"task":"t.echo"}
{"id":7,"task":"t.echo","timeout_ms":-1}
{"id":8,"task":"t.echo","timeout_ms":86400001}
{"id":9,"task":"t.echo","wait":"yes"}
{"id":10,"task":"t.echo","id":10}
{"id":11,"task":"t.echo","parent":"x"}
{"id":12,"type":"event","task":"t.echo"}
{"id":13,"task":"a\u0007b"}
{"id":14,
{"id":"good","task":"t.echo","args":"still"}
LINES
run 65 bus-call --lines <in
answers() { jq -r '"\(.id) \(.error.code) \(.error.data.line) \(.error.message)"' out; }
check_equal "answers to bad lines" 'null bad_line 1 line 1: not JSON at byte 2: Invalid value; write {"id":1,"task":"math.add","args":{}}
null bad_line 2 line 2: a line must be an object, not an array; write {"id":1,"task":"math.add","args":{}}
3 bad_line 3 line 3: it has no task; write {"id":1,"task":"math.add","args":{}}
null bad_line 4 line 4: it has no id; write {"id":1,"task":"math.add","args":{}}
5 bad_line 5 line 5: task must be a string, not 7
null bad_line 6 line 6: id must be a string or a number, not an object
7 bad_line 7 line 7: timeout_ms must be a whole number from 0 to 86400000, not -1
8 bad_line 8 line 8: timeout_ms must be a whole number from 0 to 86400000, not 86400001
9 bad_line 9 line 9: wait must be true or false, not a string
10 bad_line 10 line 10: "id" is given twice
11 bad_line 11 line 11: parent cannot be given, because bus-call serves no request
12 bad_line 12 line 12: type can only be "request"
13 bad_line 13 line 13: task holds a control character
null bad_line 14 line 14: not JSON at byte 10: Missing a name for object member; JSON that goes over several lines is put on one by: jq -c .
good null null null' "$(answers)"
check_equal "what it said" "bus-call: 14 lines are no calls; the answers on stdout say why" "$(cat err)"
{
  head -c 3000000 /dev/zero | tr '\0' x
  printf '\n{"id":2,"task":"t.echo"}\n'
} >in
run 65 bus-call --lines <in
check_has out '"message":"line 1: longer than 1048575 bytes"'
check_has out '{"id":2,"result":null}'
for input in /dev/null "$work/blank"; do
  printf '\n  \n' >blank
  run 65 bus-call --lines <"$input"
  check_equal "what it said" "bus-call: stdin has no calls" "$(cat err)"
done

# The options are defaults of all lines.
printf '{"id":1,"task":"t.stream","args":1}\n{"id":2,"task":"t.hold"}\n' >in
run 70 bus-call --lines --stream --timeout 200ms <in
check_has out '{"id":1,"chunk":{"n":1},"seq":1}'
check_has out '{"id":2,"error":{"code":"timeout",'
run 70 bus-call --lines --to nobody <in
check_equal "calls to a source that is not there" 2 "$(grep -c '"code":"no_provider"' out)"

# 5000 calls: never more than 1024 are open, and each has its answer.
awk 'BEGIN { for (i = 1; i <= 5000; ++i) printf "{\"id\":%d,\"task\":\"t.echo\",\"args\":%d}\n", i, i }' >in
run 0 bus-call --lines <in
check_equal "answers" 5000 "$(jq -r 'select(.id == .result) | .id' out | sort -un | wc -l | tr -d ' ')"
check_lacks out busy

# A signal cancels all that are open: each is answered, and its provider is told.
awk 'BEGIN { for (i = 1; i <= 2000; ++i) printf "{\"id\":%d,\"task\":\"t.hold\"}\n", i }' >in
# shellcheck disable=SC2016
start many sh -c 'exec bus-call --lines <in'
many=$pid
await_status '"calls":{"open":1024,'
# The provider has 16 slots; it is told of those that it had.
kill -INT "$many"
expect_exit "the many calls" "$many" 130
check_equal "calls that were canceled" 1024 "$(grep -c '"error":{"code":"canceled",' many.out)"
check_empty many.err
timeout 10 tail -n +1 -F tasks.out 2>/dev/null | grep -m 16 -c '"reason":"canceled"' >counted
check_equal "cancels that the provider got" 16 "$(cat counted)"

# A reader that has gone ends it; nothing is lost silently.
mkfifo answers
# shellcheck disable=SC2016
start unread sh -c 'exec bus-call --lines <in >answers'
unread=$pid
exec 7<answers
await_status '"calls":{"open":1024,'
exec 7<&-
expect_exit "the calls whose reader left" "$unread" 70
check_equal "what it said" "bus-call: stdout was closed before everything was written to it" "$(cat unread.err)"
timeout 10 bus-status --json --watch 50ms | grep -qm1 '"calls":{"open":0,' || fail "calls are left open"

# The hub goes: each call has its answer, and the rest of the input is left.
# shellcheck disable=SC2016
start broken sh -c 'exec bus-call --lines <in'
broken=$pid
await_status '"calls":{"open":1024,'
kill -KILL "$hub"
expect_exit "the calls when their hub was killed" "$broken" 75
check_equal "calls that were lost" 1024 "$(grep -c '"error":{"code":"lost",.*"by":"library"' broken.out)"
check_equal "lines on stderr" 1 "$(lines_in broken.err)"
check_has broken.err "bus-call: connection to the hub lost: "
