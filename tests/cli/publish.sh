#!/bin/sh
# bus-publish: one event, its payload in every form, and what is refused.
. "$(dirname "$0")/lib.sh"

start_consumer all all -t '*'
all=$pid
published() { # TEXT: the next event's frame after its type holds this
  await all.out "\"event_type\":\"$mark\""
  check_equal "the event" "$1" "$(grep -F "\"event_type\":\"$mark\"" all.out | sed 's/"seq":[0-9]*,//')"
}

mark=t.plain
run 0 bus-publish t.plain '{"n": 1.50}'
published '{"type":"event","event_type":"t.plain","payload":{"n": 1.50}}'
check_empty out
check_empty err

mark=t.none
run 0 bus-publish t.none --null
published '{"type":"event","event_type":"t.none","payload":null}'

mark=t.negative
run 0 bus-publish t.negative -5
published '{"type":"event","event_type":"t.negative","payload":-5}'

mark=t.array
run 0 bus-publish t.array '[1,2]'
published '{"type":"event","event_type":"t.array","payload":[1,2]}'

mark=t.named
run 0 bus-publish t.named 1 --id i-1 --time 1700000000000 --source clock
published '{"type":"event","event_type":"t.named","event_id":"i-1","source_time":"1700000000000","payload":1}'
await all.err 'source clock is connected'

# The same id again is a repetition; from the same named source it is dropped, and that is no failure.
run 0 bus-publish t.named 2 --id i-1 --source clock
run 0 bus-status --json
check_has out '"duplicates":1'

mark=t.text
run 0 bus-publish t.text "say \"hi\" \\ $(printf 'a\tb\nc\001')" --text
published '{"type":"event","event_type":"t.text","payload":"say \"hi\" \\ a\tb\nc\u0001"}'

mark=t.stdin
printf '{\n  "a": [1,\r\n 2]\n}\n' >in
run 0 bus-publish t.stdin - <in
published '{"type":"event","event_type":"t.stdin","payload":{   "a": [1,   2] }}'

# Without PAYLOAD, stdin is read as well: a pipe, a file, and what is empty is an error.
mark=t.piped
echo '{"x":1}' | bus-publish t.piped || fail "the publisher behind a pipe ended with $?"
published '{"type":"event","event_type":"t.piped","payload":{"x":1}}'
mark=t.piped.text
echo hello | bus-publish t.piped.text --text || fail "the publisher of text ended with $?"
published '{"type":"event","event_type":"t.piped.text","payload":"hello"}'
mark=t.file
echo 7 >in
run 0 bus-publish t.file <in
published '{"type":"event","event_type":"t.file","payload":7}'
# A given payload leaves stdin alone.
mark=t.given
echo 8 | bus-publish t.given 9 || fail "the publisher with a payload ended with $?"
published '{"type":"event","event_type":"t.given","payload":9}'
# A pipe that stays silent is said to be waited for.
mkfifo silence
start waiting sh -c 'exec bus-publish t.late <silence'
waiting=$pid
exec 8>silence
await waiting.err 'bus-publish: reading the payload from stdin; --null publishes an event without one'
mark=t.late
echo 10 >&8
exec 8>&-
expect_exit "the publisher that waited" "$waiting" 0
published '{"type":"event","event_type":"t.late","payload":10}'

mark=t.stdin.text
printf 'two\nlines\n' >in
run 0 bus-publish t.stdin.text - --text <in
published '{"type":"event","event_type":"t.stdin.text","payload":"two\nlines"}'

mark=t.empty.text
run 0 bus-publish t.empty.text '' --text
published '{"type":"event","event_type":"t.empty.text","payload":""}'

# Bad data: 65, one line that says what is wrong, and nothing is published.
bad_data() { # TEXT ARGUMENT…
  text=$1
  shift
  run 65 bus-publish t.bad "$@"
  check_has err "$text"
  check_equal "lines about $*" 1 "$(lines_in err)"
}
bad_data "payload" '{"a":'
bad_data "payload" 'plain words'
bad_data "payload" '{"a":1} {"b":2}'
bad_data "the payload is empty" ''
bad_data "for plain text add --text; for a JSON string write '\"hello\"'" hello
bad_data "one by: jq -c ." '[1,'
for text in '{job:7}' '{ job : 7 }' "{'job':7}"; do
  bad_data "need double quotes, and in a shell the whole needs single ones: '{\"job\": …}'" "$text"
done
: >in
for input in in /dev/null; do
  for payload in "" - "--text" "- --text"; do
    # shellcheck disable=SC2086 # two words, or none
    run 65 bus-publish t.bad $payload <"$input"
    case $payload in
      - | "- --text") check_has err "bus-publish: stdin is empty; --null" ;;
      *) check_has err "bus-publish: no PAYLOAD given, and stdin is empty; --null" ;;
    esac
  done
done
run 65 bus-publish t.bad <&-
check_has err "stdin is empty"
printf ' \n' >in
run 65 bus-publish t.bad <in
check_has err "the payload is empty"
printf '\357\273\2771' >in
run 65 bus-publish t.bad <in
check_has err "byte order mark (BOM)"
printf '\377\376"\000' >in
run 65 bus-publish t.bad <in
check_has err "UTF-16"
bad_data "byte 2 is not UTF-8 (0xff)" "$(printf '"\377"')"
bad_data "byte 1 is not UTF-8 (0xff)" "$(printf '\377')" --text
printf '"a\nb"' >in
run 65 bus-publish t.bad - <in
check_has err payload
run 65 bus-publish t.bad - </dev/null
check_has err "stdin is empty"
head -c 1048577 /dev/zero | tr '\0' 1 >in
run 65 bus-publish t.bad - <in
check_has err "1048576"

# A frame of exactly the largest size passes, with room for the hub's seq; one byte more does not.
fill() { printf '%*s' "$1" '' | tr ' ' x; }
largest=$((1048576 - $(printf '{"type":"event","event_type":"t.large","seq":18446744073709551615,"payload":""}\n' | wc -c)))
mark=t.large
fill "$largest" >in
run 0 bus-publish t.large - --text <in
await all.out '"event_type":"t.large"'
fill "$((largest + 1))" >in
run 65 bus-publish t.badly - --text <in
kill -TERM "$all"
expect_exit "the consumer of everything" "$all" 143
check_lacks all.out t.bad
