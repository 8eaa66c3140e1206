#!/bin/sh
# The place where programs meet is taken from a hub that runs: it mends what it may mend, and else hands over, so that whoever
# was connected meets the others again.
. "$(dirname "$0")/lib.sh"

unset BUSD_SOCKET
XDG_RUNTIME_DIR=$work/run
export XDG_RUNTIME_DIR
mkdir -m 700 run
place=$XDG_RUNTIME_DIR/busd
publish_until() { # FILE PAYLOAD: consumers that reconnect may miss the first ones
  tries=0
  until grep -qF "\"payload\":$2" "$1"; do
    tries=$((tries + 1))
    [ "$tries" -le 100 ] || fail "no event with $2 came: $(cat "$1")"
    run 0 bus-publish k "$2"
    timeout 0.1 tail -n 0 -f "$1" >/dev/null
  done
}
first_hub() { # the process of a hub whose log may be gone
  bus-status --json | sed 's/^{"type":"status_response","pid":\([0-9]*\),.*/\1/'
}
await_end() { # PID: of a hub that is not our child
  timeout 10 tail --pid="$1" -f /dev/null || fail "the hub $1 did not end"
}

# The directory goes, with everything in it: the consumer meets the publisher at the next hub.
start_consumer gone k --control
old=$(first_hub)
rm -rf "$place"
publish_until gone.out '"after rm -rf"'
await gone.err "the hub hands over"
check_has gone.out '{"type":"reset"'
await_end "$old"
check_equal "hubs that serve the place" 1 "$(pgrep -cf -- "--socket $place/bus.sock")"

# Another directory in its place, as after a logout and a login.
old=$(first_hub)
mv "$place" run/old
mkdir -m 700 "$place"
publish_until gone.out '"after the move"'
await_end "$old"
check_has gone.err "another directory was put in the place of"

# The socket alone: the same hub listens again, and nobody is disconnected.
old=$(first_hub)
resets=$(grep -c '"reset"' gone.out)
rm "$place/bus.sock"
await "$place/bus.log" "bus.sock.* was removed or replaced"
run 0 bus-publish k '"after the socket"'
await gone.out 'after the socket'
check_equal "the hub after its socket was removed" "$old" "$(first_hub)"

# The lock's file alone: it is locked again, and no second hub comes up beside this one.
rm "$place/bus.lock"
await "$place/bus.log" "bus.lock.* was removed or replaced"
check_equal "the pid in the lock's file" "$old" "$(cat "$place/bus.lock")"
run 0 busd
check_has err "pid $old serves $place/bus.sock"
: >another
mv another "$place/bus.lock"
await "$place/bus.lock" "^$old"
run 0 busd
check_has err "pid $old serves $place/bus.sock"
check_equal "resets since the directory was replaced" "$resets" "$(grep -c '"reset"' gone.out)"

# A file of somebody's own in the socket's place is left alone, and nobody stays at a hub that cannot be found.
echo precious >"$place/precious"
mv "$place/precious" "$place/bus.sock"
await_end "$old"
await gone.err 'exists and is not a socket: left untouched'
check_equal "what stands there" precious "$(cat "$place/bus.sock")"
rm "$place/bus.sock"
publish_until gone.out '"after the file"'

# A file system that is mounted over the directory is not announced by inotify.
if [ "$(id -u)" -eq 0 ] && unshare -m mount -t tmpfs none /mnt 2>/dev/null; then
  kill -TERM "$pid"
  expect_exit "the consumer" "$pid" 143
  # A hub outside of the name space would see nothing of the mount.
  run 0 bus-stop --force -q
  cat >mounted.sh <<'END'
bus-consume k --control >mounted.out 2>mounted.err &
consumer=$!
until grep -q ready mounted.err; do timeout 0.1 tail -n 0 -f mounted.err >/dev/null; done
mount -t tmpfs none "$XDG_RUNTIME_DIR"
tries=0
until grep -q payload mounted.out || [ $((tries += 1)) -gt 150 ]; do
  bus-publish k 1
  timeout 0.1 tail -n 0 -f mounted.out >/dev/null
done
kill "$consumer"
wait "$consumer"
bus-stop -q
END
  unshare -m sh mounted.sh
  check_has mounted.out '{"type":"reset"'
  check_has mounted.out '"payload":1'
  check_has mounted.err "the hub hands over"
fi
run 0 bus-stop --force -q
