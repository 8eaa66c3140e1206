#!/bin/sh
# bus-stop when the hub does not answer, refuses or cannot be seen: what it kills, what it says, and that "no hub runs" is proved.
. "$(dirname "$0")/lib.sh"

# A frozen hub: what is wrong, by its pid, and what to do.
start_hub
kill -STOP "$hub"
for program in 'bus-publish t 1 --timeout 700ms' 'bus-stop --timeout 700ms' bus-status; do
  # shellcheck disable=SC2086 # a program and its arguments
  $program >out 2>err && fail "$program succeeded with a frozen hub"
  check_has err "pid $hub listens at"
  check_lacks err clean-up
done
check_has err "does not answer"
run 0 bus-stop --force --timeout 300ms
check_has err "bus-stop: killed pid $hub, which did not answer"
wait "$hub"
check_equal "how the frozen hub ended" 137 "$?"

# A full hub: it can still be looked at and stopped, and refuses others with what to do.
start_hub --max-connections 2
start_consumer one one --no-reconnect
one=$pid
start_consumer two two --no-reconnect
two=$pid
run 75 bus-publish t 1
run 0 bus-status
run 75 bus-stop
run 0 bus-stop --force
check_has err "bus-stop: stopped"
expect_exit "the full hub" "$hub" 0
expect_exit "its first consumer" "$one" 69
expect_exit "its second consumer" "$two" 69

# The socket was removed under the hub; the lock names it all the same.
start_hub
rm bus.sock
run 124 bus-stop --timeout 300ms
check_has err "pid $hub holds"
check_has err "bus-stop --force ends it"
run 0 bus-stop --force --timeout 300ms
check_has err "bus-stop: "
check_lacks err "no hub runs"
wait "$hub"

# The lock was removed: the hub stops, and that is said.
start_hub
rm bus.lock
run 0 bus-stop
check_has err "bus-stop: stopped"
expect_exit "the hub without a lock" "$hub" 0

# A consumer that reconnects starts the next hub.
start_hub
start_consumer next next
consumer=$pid
run 0 bus-stop --force
check_has err "bus-stop: stopped"
check_has err "a new hub, pid "
check_has err "was started by "
kill "$consumer"
expect_exit "the consumer" "$consumer" 143
run 0 bus-stop --force

# Paths that are no socket, and a symlink to one: said so, and not taken for a bus without a hub.
mkdir -m 700 directory
echo precious >regular
ln -s regular link
for path in directory regular link; do
  for program in 'bus-consume key' 'bus-publish t --null' bus-status 'bus-stop --force'; do
    # shellcheck disable=SC2086
    run 77 $program --socket "$work/$path"
    check_has err "not a socket"
  done
done
check_has err "is a symlink to"
check_equal "the regular file" precious "$(cat regular)"

# Whoever listens and is no hub is not killed, and not called "no hub".
need_socat
printf '%s\n' 'read -r line; cat >/dev/null' >mute.sh
start mute socat -d -d "UNIX-LISTEN:$work/mute.sock,mode=600,fork" 'EXEC:sh mute.sh'
mute=$pid
await mute.err 'listening on'
run 124 bus-stop --force --timeout 300ms --socket "$work/mute.sock"
check_has err "pid $mute listens at"
check_has err "not killed"
check_lacks err "no hub runs"
kill -0 "$mute" || fail "bus-stop killed a process that is no hub"

# A hub older than the programs: how it is renewed.
# shellcheck disable=SC2016 # the played hub's shell expands it
play 'read -r query; echo "{\"type\":\"status_response\",\"pid\":$PPID,\"uptime_sec\":1,\"active_conns\":1,\"consumers\":[],\"version\":\"0.0.9\"}"'
run 0 bus-status
check_has out "busd 0.0.9, older than these programs"
check_has out bus-stop

# A socket that may not be opened.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  BUSD_SOCKET=$work/bus.sock
  start_hub
  chmod 755 "$work"
  run 77 setpriv --reuid 65534 --regid 65534 --clear-groups "$bin/bus-stop" --force
  check_lacks err "no hub runs"
  check_has err "another user"
  chmod 700 "$work"
  run 77 setpriv --reuid 65534 --regid 65534 --clear-groups "$bin/bus-stop" --force
  check_lacks err "no hub runs"
  run 0 bus-stop
fi
