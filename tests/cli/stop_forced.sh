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
  check_has err "it is stopped (SIGSTOP): kill -CONT $hub lets it go on, kill -9 $hub ends it, and so does bus-stop --force"
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

# The socket was removed under a frozen hub; the lock names it all the same.
start_hub
kill -STOP "$hub"
rm bus.sock
run 124 bus-stop --timeout 300ms
check_has err "pid $hub holds"
check_has err "bus-stop --force ends it"
run 0 bus-stop --force --timeout 300ms
check_has err "bus-stop: killed pid $hub"
wait "$hub"

# The lock was removed: the hub stops, and that is said.
start_hub
rm bus.lock
run 0 bus-stop
check_has err "bus-stop: stopped"
expect_exit "the hub without a lock" "$hub" 0

# A frozen hub without its lock file: it listens, and has the removed lock open, so it is killed.
start_hub
kill -STOP "$hub"
rm bus.lock
run 75 bus-stop --timeout 300ms
run 0 bus-stop --force --timeout 300ms
check_has err "bus-stop: killed pid $hub, which did not answer"
wait "$hub"
check_equal "how the frozen hub without a lock ended" 137 "$?"

# A path without a directory, and where the path comes from.
for program in bus-status bus-stop; do
  $program --socket "$work/nope/x.sock" >out 2>err
  check_has err "the socket $work/nope/x.sock is in a directory that does not exist; check the path"
  check_lacks err "no hub runs"
done
BUSD_SOCKET=$work/nope/x.sock run 69 bus-status
# shellcheck disable=SC2016 # the variable is named
check_has err 'a directory that does not exist (the path is from $BUSD_SOCKET); check the path'
run 69 bus-publish t 1 --no-start
check_has err " (the path is from \$BUSD_SOCKET); start one with busd --detach --socket $BUSD_SOCKET, or leave out --no-start"
run 69 bus-publish t 1 --no-start --socket "$BUSD_SOCKET"
check_lacks err "path is from"
run 70 sh -c 'ulimit -n 6; exec bus-publish t 1'
check_has err "Too many open files; raise the limit of open files: ulimit -n"

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

# played NAME PID: such a hub for any number of connections, which holds its lock, says that it is PID, and refuses to stop. The
# process is $pid.
played() {
  cat >"$1.sh" <<SCRIPT
read -r query
case \$query in
*status_query*) echo '{"type":"status_response","pid":$2,"uptime_sec":1,"active_conns":1,"consumers":[],"version":"0.0.9"}' ;;
*) echo '{"type":"error","code":"busy","message":"not now"}' ;;
esac
SCRIPT
  BUSD_SOCKET=$work/$1.sock
  start "$1" flock -F "$work/$1.lock" socat -d -d "UNIX-LISTEN:$BUSD_SOCKET,mode=600,fork" "EXEC:sh $1.sh"
  await "$1.err" 'listening on'
}
played old 1
run 0 bus-status --check
check_has out "healthy: pid 1, "
check_has out "; the hub is busd 0.0.9, older than these programs"
check_has out "to renew it, stop it with bus-stop, and the next client starts the new one"
# It refuses: without force that is the end, with force it is ended by SIGTERM.
run 75 bus-stop
check_has err "not now"
run 0 bus-stop --force
check_has err "bus-stop: stopped"
wait "$pid"
check_equal "how the hub that refused ended" 143 "$?"
# One process listens and another one, the hub, holds the lock: a service manager's.
mkfifo held
start holder flock -F "$work/managed.lock" cat held
holder=$pid
printf '%s\n' "read -r query; echo '{\"type\":\"status_response\",\"pid\":$holder,\"uptime_sec\":1,\"active_conns\":1,\"consumers\":[],\"version\":\"0.0.9\"}'" >managed.sh
BUSD_SOCKET=$work/managed.sock
start managed socat -d -d "UNIX-LISTEN:$BUSD_SOCKET,mode=600,fork" 'EXEC:sh managed.sh'
await managed.err 'listening on'
run 0 bus-status
check_has out "to renew it, run systemctl "
check_has out "restart busd.service"

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
