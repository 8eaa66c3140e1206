#!/bin/sh
# The standard places: where a bus is without a hub, and one hub for programs of one user whose environments differ.
. "$(dirname "$0")/lib.sh"

mkdir -m 700 run late
named=$BUSD_SOCKET
# In a subshell, so that the end of the script means the hub of this script and no other.
(
unset BUSD_SOCKET

# Without a hub: the path that would be used, by every way to name it.
for way in "$named --socket $named" "$work/run/busd/bus.sock" "$work/run/busd/work.sock --bus work"; do
  # shellcheck disable=SC2086 # words of a command line
  set -- $way
  expected=$1
  shift
  run 0 env XDG_RUNTIME_DIR="$work/run" bus-status --print-socket "$@"
  check_equal "the path of the socket" "$expected" "$(cat out)"
  check_empty err
done
[ ! -e run/busd ] || fail "asking for the path made a directory"

# A runtime directory that is none is passed over, by its variable's name.
echo >regular
for runtime in "$work/missing" relative "$work/regular"; do
  run 0 env XDG_RUNTIME_DIR="$runtime" bus-status --print-socket
  check_has err "\$XDG_RUNTIME_DIR is \"$runtime\", which "
  check_lacks out "$runtime"
done

# All hubs of the user at the standard places.
(
  export XDG_RUNTIME_DIR="$work/run"
  run 0 bus-publish t 1
  run 0 bus-publish t 1 --bus work
  start_consumer listed key --bus work --no-reconnect
  run 0 bus-status --buses
  check_has out "$work/run/busd/bus.sock"
  check_has out "$work/run/busd/work.sock"
  run 0 bus-status --buses --json
  check_has out "\"socket\":\"$work/run/busd/work.sock\",\"pid\":"
  check_has out "\"consumers\":1"
  run 0 bus-stop
  run 0 bus-stop --force --bus work
  run 0 bus-status --buses
  check_lacks out "$work"
) || exit 1

# A user with nothing but /tmp, and later with a runtime directory: still one hub.
if [ "$(id -u)" -ne 0 ] || ! command -v setpriv >/dev/null; then
  echo "not root, or no setpriv: the two places of one user are left out"
  exit 0
fi
uid=$((200000000 + $$))
tmp=/tmp/busd-$uid
[ ! -e "$tmp" ] || fail "$tmp is there already"
chmod 755 "$work"
chown "$uid" late
as_user() { setpriv --reuid "$uid" --regid "$uid" --clear-groups env -u XDG_RUNTIME_DIR "$@"; }
start early setpriv --reuid "$uid" --regid "$uid" --clear-groups env -u XDG_RUNTIME_DIR bus-consume key -t t -n 1
early=$pid
await early.err '^\[bus\] ready'
check_has early.err "$tmp"
run 0 as_user env XDG_RUNTIME_DIR="$work/late" bus-status --print-socket
check_equal "the path that a later client uses" "$tmp/bus.sock" "$(cat out)"
# bus-stop does not stop a hub at another place than its own.
run 0 as_user env XDG_RUNTIME_DIR="$work/late" bus-stop --force
check_has err "no hub runs at $work/late/busd/bus.sock"
check_has err "bus-stop --socket $tmp/bus.sock"
run 0 as_user env XDG_RUNTIME_DIR="$work/late" bus-publish t 1
expect_exit "the early consumer" "$early" 0
# Two hubs of one name: each is named where the other is shown.
as_user busd --detach --socket "$work/late/busd/bus.sock" 2>busd.err || fail "the second hub did not start"
run 0 as_user env XDG_RUNTIME_DIR="$work/late" bus-status
check_has out "$work/late/busd/bus.sock"
check_has out "another hub of yours"
check_has out "$tmp/bus.sock"
run 1 as_user env XDG_RUNTIME_DIR="$work/late" bus-status --explain t
check_has out "$tmp/bus.sock"
run 0 as_user env XDG_RUNTIME_DIR="$work/late" bus-status --buses
check_equal "the hubs in the list" 2 "$(grep -c "bus.sock" out)"
run 0 as_user bus-stop --socket "$work/late/busd/bus.sock"
run 0 as_user bus-stop
check_has err stopped

# Nobody's word but the user's own: a directory that others may write to, or another user's, is not looked into.
as_user busd --detach 2>busd.err || fail "the hub in $tmp did not start"
chmod 777 "$tmp"
run 69 as_user env XDG_RUNTIME_DIR="$work/late" bus-publish t 1 --no-start
check_lacks err "$tmp"
chmod 700 "$tmp"
run 0 as_user bus-stop
check_has err stopped
rm -rf "$tmp"
) || exit 1
