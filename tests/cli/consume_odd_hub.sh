#!/bin/sh
# bus-consume with hubs that lack something, refuse, or fall silent.
. "$(dirname "$0")/lib.sh"
need_socat

# A pattern asked of a hub that knows none would never match: 76. Exact types do with such a hub.
play "$ack
cat >/dev/null"
run 76 bus-consume --no-start key -t 'a.*'
check_has err patterns
play "$ack
echo '{\"type\":\"event\",\"event_type\":\"a\",\"seq\":1,\"payload\":1}'
$until_check
$confirm
cat >/dev/null"
run 0 bus-consume --no-start key -t a -n 1 --last "echo cleaned >cleaned.no"
check_has out '"payload":1'
[ ! -e cleaned.no ] || fail "cleaned up although the hub said that others are there"

# A hub that rejects: its reason, and 75.
play 'read -r hello
echo "{\"type\":\"hello_ack\",\"bus_version\":\"v1\",\"first_for_key\":false,\"rejected\":true,\"reject_reason\":\"too late\"}"'
run 75 bus-consume --no-start key
check_has err "too late"

# A frame over the cap and a line that is not JSON are passed over.
play "$ack
head -c 1100000 /dev/zero | tr '\\0' x
echo
echo '{not json}'
echo '{\"type\":\"news\"}'
echo '{\"type\":\"event\",\"event_type\":\"key\",\"seq\":1,\"payload\":2}'
$until_check
$confirm
cat >/dev/null"
run 0 bus-consume --no-start key -n 1 --payload
check_equal "what is left" 2 "$(cat out)"

# A gap in seq is a loss.
play "$ack
echo '{\"type\":\"event\",\"event_type\":\"key\",\"seq\":4,\"payload\":1}'
echo '{\"type\":\"event\",\"event_type\":\"key\",\"seq\":7,\"payload\":2}'
$until_check
$confirm
cat >/dev/null"
run 0 bus-consume --no-start key -n 2 --control
check_equal "the stream" '{"type":"lost","count":3,"after":0,"before":4}
{"type":"event","event_type":"key","seq":4,"payload":1}
{"type":"lost","count":2,"after":4,"before":7}
{"type":"event","event_type":"key","seq":7,"payload":2}' "$(cat out)"
check_has err "events=2 lost=5"

# A hub that does not say whether others are there: cleaning up twice is better than never.
play "$ack
cat >/dev/null"
run 0 bus-consume --no-start key --timeout 10ms --last "echo cleaned >cleaned.silent"
check_has cleaned.silent cleaned

# A signal between the hello and its answer: the hub counts this consumer by now, so it asks and cleans up as at any other time.
play "read -r hello
pid=\${hello#*'\"pid\":'}
kill -s TERM \"\${pid%%[!0-9]*}\"
echo '{\"type\":\"hello_ack\",\"bus_version\":\"v1\",\"first_for_key\":true}'
$until_check
echo '{\"type\":\"pre_shutdown_ack\",\"last_for_key\":true}'
cat >rest"
run 143 bus-consume --no-start key --first "echo set up >set-up.signalled" --last "echo cleaned >cleaned.signalled"
check_has cleaned.signalled cleaned
[ ! -e set-up.signalled ] || fail "a consumer that was told to end has set up"
await rest '^{"type":"bye"}$'

# No hub at all behind the socket.
play 'read -r hello; echo "SSH-2.0-OpenSSH"; cat >/dev/null'
run 76 bus-consume --no-start key

# A hub that listens and does not answer: the wait is bounded, and shorter than its default if that is asked for.
play 'cat >/dev/null'
run 75 timeout 5 bus-consume --no-start key --ready-timeout 100ms --json-errors
check_has err '{"code":"no_answer","exit":75,'
check_lacks err ready
