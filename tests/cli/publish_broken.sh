#!/bin/sh
# bus-publish when the hub dies, does not answer, refuses, or is none: a hub of a few lines plays the part.
. "$(dirname "$0")/lib.sh"

# The hub is killed in between: 75 at once, and how much is in doubt.
mkfifo input
start broken sh -c 'exec bus-publish --lines --type t <input'
broken=$pid
exec 8>input
echo 1 >&8
await_status '"published":1'
kill -KILL "$(hub_pid)"
expect_exit "the publisher whose hub was killed" "$broken" 75
exec 8>&-
check_has broken.err "connection to the hub lost, nothing unconfirmed"
run 0 bus-stop -q

# A hub that stands still confirms nothing; the second signal gets out of the wait for it.
start_hub
start silent sh -c 'exec bus-publish --lines --type t <input'
silent=$pid
exec 8>input
echo 1 >&8
await_status '"published":1'
kill -STOP "$hub"
echo 2 >&8
kill -TERM "$silent"
kill -INT "$silent"
wait "$silent"
got=$?
case $got in 130 | 143) ;; *) fail "the publisher that got two signals ended with $got" ;; esac
exec 8>&-
# --timeout bounds the whole, from connecting on.
run 124 timeout 8 bus-publish --timeout 300ms t 1
check_equal "lines on stderr" 1 "$(lines_in err)"
run 124 timeout 8 bus-publish --timeout 300ms t 1 --json-errors
check_has err '{"code":"timed_out","exit":124,"message":"'
head -c 900000 /dev/zero | tr '\0' x >large
run 124 timeout 8 bus-publish --timeout 300ms t --text <large
kill -CONT "$hub"
kill -TERM "$hub"
expect_exit "the hub" "$hub" 0

need_socat
# --timeout bounds the wait for a hub that reads nothing, also where lines grow by escapes.
mkfifo forever
yes "$(printf '%1000s' '' | tr ' ' '\001')" | head -n 8000 >escapes
play "$ack
cat forever"
run 124 timeout -s KILL 20 bus-publish --no-start --lines --type t --text --timeout 300ms <escapes
check_has err "the hub did not confirm"
exec 8<>forever
exec 8>&-

# Refusals carry the number of the frame; people want the number of the line.
play "$ack
n=1
while read -r line; do
  n=\$((n + 1))
  case \$line in
    *pre_shutdown_check*) $confirm ;;
    *BAD*) echo \"{\\\"type\\\":\\\"error\\\",\\\"code\\\":\\\"bad_frame\\\",\\\"message\\\":\\\"I do not like it\\\",\\\"frame\\\":\$n}\" ;;
    *bye*) exit ;;
  esac
done"
printf '1\n\n{\n2\n"BAD"\n\n3\n"BAD too"\n' >in
run 65 bus-publish --no-start --lines --type t <in
check_has err "line 5: refused by the hub: I do not like it (bad_frame)"
check_has err "line 8: refused by the hub: I do not like it (bad_frame)"
check_has err "3 lines of 8 not published"
check_equal "lines on stderr" 5 "$(lines_in err)"

# Refused for now, and refused for good.
for pair in busy:75 denied:77 frame_too_large:65; do
  play "$ack
read -r event
echo '{\"type\":\"error\",\"code\":\"${pair%:*}\",\"message\":\"no\",\"frame\":2}'
$until_check
$confirm
read -r bye"
  run "${pair#*:}" bus-publish --no-start t 1
  check_has err "refused by the hub: no (${pair%:*})"
done

# A hub that takes everything and dies: all lines are in doubt.
play "$ack
$until_check"
printf '1\n2\n3\n' >in
run 75 bus-publish --no-start --lines --type t <in
check_has err "connection to the hub lost, 3 lines unconfirmed"

# A hub that never confirms.
play "$ack
cat >/dev/null"
run 124 bus-publish --no-start --timeout 100ms t 1
check_has err "did not confirm 1 event in time"

# No hub at all behind the socket.
play 'read -r hello; echo "SSH-2.0-OpenSSH"; cat >/dev/null'
run 76 bus-publish --no-start t 1
