#!/bin/sh
# bus-stop where files of the hub were removed, where others hold its lock, and where its socket is full: a hub is asked before
# it is killed, "no hub runs" is proved, and no process is named that the kernel does not name.
. "$(dirname "$0")/lib.sh"

# The socket was removed: the hub puts it up again, and bus-stop waits for that; with force it is told to end, not killed.
for force in '' --force; do
  start_hub
  rm bus.sock
  # shellcheck disable=SC2086 # perhaps no argument
  run 0 bus-stop $force
  check_equal "stderr of bus-stop $force" "bus-stop: stopped" "$(cat err)"
  expect_exit "the hub without a socket" "$hub" 0
done

# It refuses for the sake of consumers as ever.
start_hub
start_consumer stays key
stays=$pid
rm bus.sock
run 75 bus-stop
check_has err "1 consumer is connected: key (pid $stays)"
kill "$stays"
expect_exit "the consumer" "$stays" 143
run 0 bus-stop

# Both files removed, or the directory: that no hub runs is not said while one does.
for gone in 'bus/bus.sock bus/bus.lock' bus; do
  BUSD_SOCKET=$work/bus/bus.sock
  mkdir -m 700 -p bus
  start_hub
  # shellcheck disable=SC2086 # several files
  rm -r $gone
  run 0 bus-stop --force
  check_lacks err "no hub runs"
  expect_exit "the hub that lost $gone" "$hub" 0
  mkdir -m 700 -p bus
  start_hub
  kill -STOP "$hub"
  # shellcheck disable=SC2086
  rm -r $gone
  run 124 bus-stop --timeout 200ms
  check_has err "pid $hub holds \"$work/bus/bus.lock\", which was removed, but "
  check_lacks err "no hub runs"
  run 0 bus-stop --force --timeout 200ms
  check_has err "killed pid $hub"
  wait "$hub"
  run 0 bus-stop
  check_lacks err "killed"
done
BUSD_SOCKET=$work/bus.sock

# A lock that a process holds whose parent took it, and a file that names an innocent one: only the holder is named, and ended.
mkfifo forever
cat forever &
innocent=$!
pids="$pids $innocent"
echo "$innocent" >bus.lock
# shellcheck disable=SC2016 # the command's shell expands it
start taker flock bus.lock sh -c 'echo $$ >heir; exec cat forever'
taker=$pid
await heir .
heir=$(cat heir)
pids="$pids $heir"
kill -KILL "$taker"
wait "$taker"
run 75 bus-status --check
check_has err "pid $heir holds"
run 75 busd
check_has err "pid $heir holds"
check_lacks err "$innocent"
began=$(date +%s)
run 0 bus-stop --force --timeout 1s
[ $(($(date +%s) - began)) -le 3 ] || fail "--timeout 1s took longer than 3 s"
kill -0 "$innocent" || fail "bus-stop ended an innocent process"
run 0 bus-stop
check_has err "no hub runs"

# A frozen hub that nobody more can connect to: its pid and the remedy are given, within the time. A few lines of perl play it.
cat >full.pl <<'SCRIPT'
use Socket; use Fcntl ':flock';
my ($lock, $hub, $one, $at) = (undef, undef, undef, pack_sockaddr_un("$ARGV[0].sock"));
open($lock, '>>', "$ARGV[0].lock") && flock($lock, LOCK_EX) or die;
socket($hub, PF_UNIX, SOCK_STREAM, 0) && bind($hub, $at) && listen($hub, 0) or die;
socket($one, PF_UNIX, SOCK_STREAM, 0) && connect($one, $at) or die;
$| = 1; print "full\n"; kill STOP => $$; sleep 60;
SCRIPT
start full perl full.pl "$work/full"
full=$pid
await full.out full
BUSD_SOCKET=$work/full.sock
for program in 'bus-publish t 1 --timeout 300ms' 'bus-stop --timeout 300ms' 'bus-consume t --ready-timeout 300ms'; do
  # shellcheck disable=SC2086 # a program and its arguments
  $program >out 2>err && fail "$program succeeded with a full hub"
  check_has err "pid $full listens at \"$BUSD_SOCKET\" and does not answer: it accepts no connections"
  check_has err "kill -CONT $full lets it go on, kill -9 $full ends it, and so does bus-stop --force"
done
run 0 bus-stop --force --timeout 300ms
check_has err "killed pid $full"
