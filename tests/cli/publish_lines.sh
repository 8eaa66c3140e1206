#!/bin/sh
# bus-publish --lines: streams on stdin, and bad lines by their number.
. "$(dirname "$0")/lib.sh"

start_hub --queue-frames 20000
start_consumer all all -t '*' --payload
all=$pid
since=1
arrived() { # LAST: puts all payloads since the last call, up to one that is LAST, into the file `got`
  await all.out "^$1\$"
  tail -n "+$since" all.out >got
  since=$(($(lines_in all.out) + 1))
}
check_arrived() { # WHAT PAYLOADS
  arrived "$(echo "$2" | tail -n 1)"
  check_equal "$1" "$2" "$(cat got)"
}

# Whole frames, and payloads of a type; empty lines and CR count for nothing; a last line needs no line end.
printf '{"type":"event","event_type":"a","payload":1}\r\n\n  \n{"payload":2,"event_type":"b","type":"event"}' >frames
run 0 bus-publish --lines <frames
check_arrived "payloads of frames" "1
2"
check_equal "what was done" "[bus] published 2 events, 0 refused" "$(sed 's/, in [0-9.]* s$//' err)"
printf '{"n":3}\n\n4\r\n5' >in
run 0 bus-publish --lines --type c <in
check_arrived "payloads of lines" '{"n":3}
4
5'
printf 'one "line"\n\nend' >in
run 0 bus-publish --lines --type c --text <in
check_arrived "payloads of text" '"one \"line\""
""
"end"'

# Lines that are payloads, and no whole events: the option that they need. A frame that is nearly one needs none.
for line in 1 '"text"' '[2]' '{"job":7}' '{"type":"temp"}'; do
  echo "$line" >in
  run 65 bus-publish --lines <in
  check_has err "; without --type, each line is a whole event; if the lines are payloads, add --type TYPE"
done
echo 'plain text' >in
run 65 bus-publish --lines <in
check_has err "if the lines are payloads, add --type TYPE --text"
echo '{"type":"event","payload":1}' >in
run 65 bus-publish --lines <in
check_lacks err "add --type"

# Input without a line, or without an event, is an error and no success.
printf '\n \n' >in
for input in /dev/null in; do
  run 65 bus-publish --lines --type c <"$input"
  check_has err "stdin has nothing to publish"
  run 65 bus-publish --lines -q <"$input"
  check_equal "what -q leaves" "bus-publish: stdin has nothing to publish" "$(cat err)"
done

# Of JSON that goes over several lines nothing is published, though some of its lines would be values.
printf '\n[\n1,\n2\n]\n' >in
for form in "--type c" ""; do
  # shellcheck disable=SC2086 # two words, or none
  run 65 bus-publish --lines $form <in
  check_has err "line 2: the value does not end on this line, so nothing is published"
  check_has err "jq -c ."
  check_has err "[bus] published 0 events, 1 refused, in "
  check_equal "lines on stderr" 2 "$(lines_in err)"
done

# Nor of a value that begins later, whose pieces are told from values of their own; a line that was cut off costs only itself.
cat >in <<'LINES'
"before"
{
  "a": 1,
  "b": [
    "piece",
    2
  ]
}
{"n":1,
{"n":"kept"}
[
3,
4
]
"behind"
LINES
run 65 bus-publish --lines --type c <in
check_arrived "payloads around values over several lines" '"before"
{"n":"kept"}
"behind"'
check_has err "line 2: the value does not end on this line; neither this line nor its continuation is published; one value per line is needed, as jq -c ."
check_has err "12 lines of 15 not published, 12 of them in values over several lines"
check_has err "[bus] published 3 events, 12 refused"
check_equal "lines about values over several lines" "2 9 11" "$(sed -n 's/^bus-publish: line \([0-9]*\): .*/\1/p' err | tr '\n' ' ' | sed 's/ $//')"

# UTF-16 is named where it begins, and once.
{
  echo '"utf8"'
  printf '{"n":1}\n{"n":2}\n' | iconv -f UTF-8 -t UTF-16LE
  printf '\n"utf8 again"\n'
} >in
run 65 bus-publish --lines --type c <in
check_arrived "payloads around UTF-16" '"utf8"
"utf8 again"'
check_has err "line 2: the text is UTF-16, not UTF-8; iconv -f UTF-16 -t UTF-8 converts it"
check_equal "lines that name UTF-16" 1 "$(grep -c UTF-16, err)"
printf '[\n1\n]\n' | iconv -f UTF-8 -t UTF-16 >in
run 65 bus-publish --lines --type c <in
check_has err "line 1: the text is UTF-16, not UTF-8"

# A byte order mark and bytes that are not UTF-8 are called that.
printf '\357\273\277{"n":1}\n"after"\n"\377"\n' >in
run 65 bus-publish --lines --type c <in
check_arrived "payloads beside a byte order mark" '"after"'
check_has err "line 1: the text begins with a byte order mark (BOM)"
check_has err "line 3: byte 2 is not UTF-8 (0xff)"

# Ten bad lines are reported, and the rest is counted.
yes nope | head -n 30 >in
run 65 bus-publish --lines --type c <in
check_has err "line 10: payload: "
check_lacks err "line 11: "
check_has err "… and 20 more: 30 lines of 30 not published"
check_equal "lines on stderr" 12 "$(lines_in err)"
run 65 bus-publish --lines --type c --json-errors -q <in
check_equal "objects on stderr" 11 "$(grep -c '^{"code":"bad_data","exit":65,"message":"' err)"

# Bad lines are named, skipped, and make it 65; the rest is published.
cat >mixed <<'LINES'
{"type":"event","event_type":"a","payload":6}

{"type":"event","event_type":"a","payload":}
{"type":"event","payload":7}
{"type":"event","event_type":"a","payload":8}
{"type":"bye"}
[]
{"type":"event","event_type":"a","payload":9}
LINES
run 65 bus-publish --lines <mixed
check_arrived "payloads among bad lines" "6
8
9"
check_equal "the lines named" "3 4 6 7" "$(sed -n 's/^bus-publish: line \([0-9]*\): .*/\1/p' err | tr '\n' ' ' | sed 's/ $//')"
check_has err "4 lines of 8 not published"
check_has err "[bus] published 3 events, 4 refused, in "
check_equal "lines on stderr" 6 "$(lines_in err)"

# A line over the cap is named, and reading goes on behind it.
{
  echo 10
  head -c 3000000 /dev/zero | tr '\0' x
  printf '\n11\n'
  head -c 1048576 /dev/zero | tr '\0' 7
} >long
run 65 bus-publish --lines --type a <long
check_arrived "payloads around long lines" "10
11"
check_has err "line 2: longer than 1048575 bytes"
check_has err "line 4: longer than 1048575 bytes"
check_has err "2 lines of 4 not published"

# A trickle is published line by line: each is seen before the next is written.
mkfifo trickle
start trickle sh -c 'exec bus-publish --lines --type t <trickle'
trickle=$pid
exec 8>trickle
for n in 21 22 23; do
  echo "$n" >&8
  await all.out "^$n\$"
done
# A bad line is reported while the stream goes on.
echo '{' >&8
await trickle.err 'line 4: '
exec 8>&-
expect_exit "the trickle" "$trickle" 65

# A signal ends the stream; what was read is published.
start ended sh -c 'exec bus-publish --lines --type t <trickle'
ended=$pid
exec 8>trickle
echo 31 >&8
await all.out '^31$'
kill -TERM "$ended"
expect_exit "the publisher that got SIGTERM" "$ended" 143
exec 8>&-
arrived 31

# 10 000 lines, every third of them empty, one bad: all numbers right, all the rest arrives in order.
awk 'BEGIN { for (i = 1; i <= 10000; ++i) print i % 3 ? i + 100000 : ""; print "bad"; print 999999 }' >numbers
run 65 bus-publish --lines --type many <numbers
check_has err "line 10001: "
arrived 999999
grep '^[0-9]' numbers | cmp - got || fail "the payloads differ"
kill -TERM "$all"
expect_exit "the consumer of everything" "$all" 143
check_has all.err " lost=0 "

# A hub that takes nothing: bounded with --timeout; without, what is waited for is named.
yes 1234567890 | head -n 100000 >flood
flood() { # NAME ARGUMENT…: publishes one line, freezes the hub, publishes a flood
  flooded=$1
  shift
  start_consumer "$flooded.seen" "$flooded" -n 1
  seen=$pid
  # shellcheck disable=SC2016 # the other shell expands it
  start "$flooded" sh -c 'exec bus-publish --lines --type "$@" <trickle' sh "$flooded" "$@"
  publisher=$pid
  exec 8>trickle
  echo 1 >&8
  expect_exit "the consumer of $flooded" "$seen" 0
  kill -STOP "$hub"
  cat flood >&8 &
  exec 8>&-
}
flood bounded --timeout 300ms
expect_exit "the publisher with a limit" "$publisher" 124
check_has bounded.err "the hub did not confirm "
check_has bounded.err " unconfirmed, in "
kill -CONT "$hub"
flood patient
await patient.err '^bus-publish: the hub has not confirmed [0-9]* lines* for 3 s; waiting for it (--timeout limits that)'
kill -CONT "$hub"
expect_exit "the publisher that waited for the hub" "$publisher" 0
check_has patient.err "[bus] published 100001 events, 0 refused"

# A bracket in a line that is no JSON begins no value: what comes after it is published.
printf 'garbage \033[31m\n1\n' >coloured
run 65 bus-publish --lines --type t <coloured
check_has err "line 1: payload: not JSON"
check_has err "published 1 event"
