#!/bin/sh
# A hub whose socket was removed or replaced while it cannot mend that, because it is stopped: every program says so, and what
# to do about it. What a hub that runs does is in rendezvous.sh.
. "$(dirname "$0")/lib.sh"

start_hub
lock=$work/bus.lock
cure="bus-stop --force --socket $BUSD_SOCKET ends it"

# start_second: a second hub, and a client that would start one; both try for 2 s, while other things are looked at.
start_second() {
  start busd busd
  second=$pid
  start publish bus-publish type --null
  publish=$pid
}

# expect_said WHERE WHY REMEDY: by looks at the hub, with 75, and by those that start_second has started. Programs that got the
# path from $BUSD_SOCKET say so.
# shellcheck disable=SC2016 # a variable's name is shown
origin=' (the path is from $BUSD_SOCKET)'
expect_said() {
  for look in ${looks---check}; do
    # shellcheck disable=SC2086 # words
    run 75 bus-status $look
    check_equal "lines on stderr of bus-status $look" 1 "$(lines_in err)"
    check_has err "bus-status: pid $hub holds $lock, but $1 $BUSD_SOCKET$2$origin; $3"
  done
  expect_exit "the second hub" "$second" 75
  check_equal "lines on stderr of busd" 1 "$(lines_in busd.err)"
  check_has busd.err "busd: pid $hub holds \"$lock\", but $1 \"$BUSD_SOCKET\"$2; $3"
  expect_exit "the client" "$publish" 69
  check_has publish.err "pid $hub holds \"$lock\", but $1 \"$BUSD_SOCKET\"$2$origin; $3"
}

kill -STOP "$hub"

# Removed.
mv bus.sock moved.sock
removed="the socket was removed under a running hub"
start_second
looks='--check --json --explain=type'
expect_said "there is no socket at" ": $removed" "$cure"
unset looks
run 75 bus-status
check_has err "there is no socket at $BUSD_SOCKET: $removed$origin; $cure"
run 124 bus-stop --timeout 100ms
check_has err "but nobody listens at \"$BUSD_SOCKET\"$origin; bus-stop --force ends it"
env --default-signal=INT bus-status --watch 50ms >out 2>err &
watch=$!
pids="$pids $watch"
await err "$removed"
kill -INT "$watch"
expect_exit "the live view" "$watch" 130

# Another kind of file in its place: a directory, a symlink that leads nowhere, a regular one.
replaced="the socket was replaced under a running hub"
for make in 'mkdir' 'ln -s nowhere'; do
  $make bus.sock
  run 75 bus-status
  check_has err "but what stands at $BUSD_SOCKET is no socket: $replaced$origin; move that away; $cure"
  rm -r bus.sock
done
echo precious >bus.sock
start_second
expect_said "what stands at" " is no socket: $replaced" "move that away; $cure"
check_equal "the file that stands there" precious "$(cat bus.sock)"
rm bus.sock

# Back where it belongs, all is well again.
mv moved.sock bus.sock
kill -CONT "$hub"
run 0 bus-status
run 0 bus-status --check

# The cure cures: what the messages say ends the hub, stopped or not, and the next one starts.
for signal in CONT STOP; do
  kill -s "$signal" "$hub"
  rm bus.sock
  run 0 bus-stop --force --socket "$BUSD_SOCKET" --timeout 100ms
  wait "$hub"
  run 69 bus-status
  check_has err "no hub runs at $BUSD_SOCKET"
  start_hub
done
run 0 bus-status --check

# A socket that another hub has left behind, and one where somebody listens who never answers.
kill -STOP "$hub"
mv bus.sock moved.sock
start other busd --socket "$work/other.sock"
other=$pid
await other.err 'msg="serving"'
kill -KILL "$other"
wait "$other"
mv other.sock bus.sock
start_second
expect_said "nobody listens at" ": $replaced" "$cure"
rm bus.sock
start other busd --socket "$work/other.sock"
other=$pid
await other.err 'msg="serving"'
kill -STOP "$other"
mv other.sock bus.sock
run 75 bus-status
check_has err "pid $other listens at $BUSD_SOCKET but does not answer within 2 s, and pid $hub holds $lock: $replaced"
kill -KILL "$other"
wait "$other"
rm bus.sock
mv moved.sock bus.sock
kill -CONT "$hub"
run 0 bus-stop
expect_exit "the hub" "$hub" 0
