#!/bin/sh
# bus-stop: when it refuses, when it succeeds, and what it kills.
. "$(dirname "$0")/lib.sh"

run 0 bus-stop
check_has err "no hub runs at $BUSD_SOCKET"
run 0 bus-stop -q
check_empty err

# Without consumers it stops; the hub ends well, and its socket is gone.
start_hub
run 0 bus-stop
check_has err "bus-stop: stopped"
expect_exit "the hub" "$hub" 0
[ ! -e "$BUSD_SOCKET" ] || fail "the socket is still there"

# With consumers it refuses, and names them.
start_hub
start_consumer one board --no-reconnect
one=$pid
start_consumer two build --no-reconnect
two=$pid
run 75 bus-stop
check_has err "2 consumers are connected: board (pid $one), build (pid $two); stop them first, or use --force"
bus-status --check >/dev/null || fail "the hub is not well after a refusal"
run 0 bus-stop --force
expect_exit "the hub" "$hub" 0
expect_exit "a consumer" "$one" 69
expect_exit "the other consumer" "$two" 69

# So it does when values are watched or held: their programs would lose them.
start_hub
mkfifo held.go
start held bus-value put lock 1 --while -- sh -c 'echo runs; read -r line <held.go'
held=$pid
await held.out '^runs$'
start watch bus-value watch 'a.*'
watch=$pid
await watch.out '"type":"synced"'
await_status '"watches":2,' # the holder watches its own, too
run 75 bus-stop
check_equal "what is said of values in use" \
  'bus-stop: 1 value is held; 1 other watch of values is open; stop the programs that do this first, or use --force' "$(cat err)"
echo go >held.go
expect_exit "the holder" "$held" 0
await_status '"watches":1,'
start_consumer one board --no-reconnect
one=$pid
run 75 bus-stop
check_has err "1 consumer is connected: board (pid $one); 1 watch of values is open; stop the programs that do this first"
run 75 bus-stop --json-errors
check_has err '{"code":"consumers_connected","exit":75,'
# The watch goes on, and so starts the next hub.
run 0 bus-stop --force
check_has err "bus-stop: stopped"
check_has err "a new hub, pid "
expect_exit "the hub" "$hub" 0
expect_exit "a consumer" "$one" 69
kill "$watch"
expect_exit "the watch" "$watch" 143
run 0 bus-stop

# Where only a holder watches, nothing is said of watches.
start_hub
start held bus-value put lock 1 --while -- sh -c 'echo runs; read -r line <held.go'
held=$pid
await held.out '^runs$'
await_status '"watches":1,'
run 75 bus-stop
check_equal "what is said of a holder" 'bus-stop: 1 value is held; stop the programs that do this first, or use --force' "$(cat err)"
# Values that are in memory only do not keep it from being stopped, but are not lost in silence; those held are not among them.
run 0 bus-value put a 1
run 0 bus-value put b 1
echo go >held.go
expect_exit "the holder" "$held" 0
run 0 bus-stop
check_equal "what is said of lost values" 'bus-stop: stopped; 2 values that it kept in memory only are lost' "$(cat err)"
start_hub
run 0 bus-value put a 1
run 0 bus-stop -q
check_empty err
start_hub
run 0 bus-value put a 1
kill -STOP "$hub"
run 0 bus-stop --force --timeout 100ms # it has not answered how many there are
check_has err ', which did not answer'
wait "$hub"
start_hub
run 0 bus-value put a 1
run 0 bus-stop
check_equal "what is said of one lost value" 'bus-stop: stopped; 1 value that it kept in memory only is lost' "$(cat err)"
start_hub --values "$work/stored.values"
run 0 bus-value put a 1
run 0 bus-stop
check_equal "what is said of stored values" 'bus-stop: stopped' "$(cat err)"

# A hub that does not answer: refused, then out of time, then killed.
start_hub
kill -STOP "$hub"
run 75 bus-stop
check_has err "--force"
run 0 bus-stop --force --timeout 100ms
wait "$hub"
check_equal "how the killed hub ended" 137 "$?"
run 0 bus-stop
check_has err "no hub runs"

# The next one heals what the killed one left.
run 0 bus-publish type --null
run 0 bus-stop
check_has err stopped
