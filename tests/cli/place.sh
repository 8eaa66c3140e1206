#!/bin/sh
# shellcheck disable=SC2088 # a tilde that no shell replaces is what is tried here
# Which hub a program means: options before the environment, and what is refused by name.
. "$(dirname "$0")/lib.sh"

mkdir -m 700 run elsewhere
unset BUSD_SOCKET
export XDG_RUNTIME_DIR="$work/run"
other=$work/elsewhere/other.sock

# Two hubs: that of the environment, and that of the bus "work".
run 0 bus-publish type --null --socket "$other"
run 0 bus-publish type --null --bus work
hub_at() { bus-status --json "$@" | sed 's/.*"socket":"\([^"]*\)".*/\1/'; }

# An explicit --bus wins over $BUSD_SOCKET in every program.
export BUSD_SOCKET="$other"
check_equal "bus-status --bus" "$work/run/busd/work.sock" "$(hub_at --bus work)"
check_equal "bus-status" "$other" "$(hub_at)"
start consumer bus-consume key -t t -n 1 --bus work
consumer=$pid
await consumer.err '^\[bus\] ready'
run 0 bus-publish t 1 --bus work
expect_exit "the consumer on the bus \"work\"" "$consumer" 0
run 0 busd --check-config --bus work
check_has err "$work/run/busd/work.sock"
run 0 bus-stop --bus work
check_has err stopped
check_equal "the hub of \$BUSD_SOCKET, after another one was stopped" "$other" "$(hub_at)"
run 69 bus-status --bus work
# A client that may not start a hub says how one is started there.
run 69 bus-publish type --null --bus work --no-start
check_has err "start one with busd --detach --bus work, or"
(
  unset BUSD_SOCKET
  run 69 bus-publish type --null --no-start
  check_has err "start one with busd --detach, or"
) || exit 1
# So does --bus over $BUSD_BUS, and $BUSD_SOCKET over $BUSD_BUS.
check_equal "\$BUSD_SOCKET and \$BUSD_BUS" "$other" "$(BUSD_BUS=work hub_at)"

# The environment comes before busd's file, and an option before both.
printf 'socket = %s\n' "$work/run/file.sock" >busd.conf
run 0 busd --config busd.conf --check-config
check_has err "$other"
run 0 busd --config busd.conf --bus work --check-config
check_has err "$work/run/busd/work.sock"
(
  unset BUSD_SOCKET
  run 0 busd --config busd.conf --check-config
  check_has err "$work/run/file.sock"
) || exit 1

# --socket and --bus exclude each other everywhere.
for program in 'bus-consume key' 'bus-publish type --null' bus-status bus-stop 'busd --check-config'; do
  # shellcheck disable=SC2086 # a program and its arguments
  run 64 $program --socket "$other" --bus work
  check_has err excludes
done
printf 'socket = /x/y.sock\nbus = work\n' >both.conf
run 78 busd --config both.conf --check-config
check_has err excludes

# A hub that is started in the background gets one of them only.
run 0 busd --detach --bus work
check_equal "busd --detach --bus" "$work/run/busd/work.sock" "$(hub_at --bus work)"
run 0 bus-stop --bus work

# What is no absolute path is refused by the variable's name; a relative option is taken from here.
for path in '~/x.sock' x.sock 'unix:/x.sock'; do
  for program in 'bus-consume key' 'bus-publish type --null' bus-status bus-stop busd; do
    # shellcheck disable=SC2086
    BUSD_SOCKET=$path run 64 $program
    check_has err "\$BUSD_SOCKET is \"$path\", which is not an absolute path"
  done
done
BUSD_SOCKET='~/x.sock' run 0 bus-publish type --null --socket relative.sock
run 0 bus-stop --socket "$work/relative.sock"
check_has err stopped
for program in 'bus-consume key' 'bus-publish type --null' bus-status bus-stop; do
  # shellcheck disable=SC2086
  run 64 $program --socket '~/x.sock'
  check_has err --socket
  # shellcheck disable=SC2086
  run 64 $program --socket ''
  check_has err --socket
  # shellcheck disable=SC2086
  run 64 $program --bus ''
  check_has err --bus
done
BUSD_BUS=a/b BUSD_SOCKET='' run 64 bus-status
check_has err "\$BUSD_BUS"
