#!/bin/sh
# bus-value put --while: a lock from the shell, what COMMAND gets, and what happens when the value is lost.
. "$(dirname "$0")/lib.sh"

# COMMANDs that say when they run. The first one goes on until there is a line in its pipe, or a signal ends it; the other one
# takes signals.
cat >held <<'END'
#!/bin/sh
echo "runs $BUSD_KEY $BUSD_VERSION"
read -r line <"$1"
END
mkfifo first.go second.go third.go again.go robbed.go brief.go lasting.go
cat >obedient <<'END'
#!/bin/sh
trap 'echo got TERM; exit 9' TERM
trap 'echo got HUP; exit 10' HUP
mkfifo "$1"
echo "runs $BUSD_KEY $BUSD_VERSION"
while ! read -r line <"$1"; do :; done
END
chmod +x held obedient

# ---- It holds the value while COMMAND runs

# shellcheck disable=SC2016 # the shell of COMMAND expands it
run 3 bus-value put here '"me"' --while -- sh -c 'bus-value get "$BUSD_KEY"; echo "$BUSD_KEY $BUSD_VERSION $BUSD_SOCKET"; cat; exit 3' <<END
from stdin
END
check_equal "what COMMAND saw" "\"me\"
here 1 $BUSD_SOCKET
from stdin" "$(cat out)"
check_empty err
run 1 bus-value get here
run 0 bus-value put here 1 --while --create -- true
run 5 bus-value put here --while -- -7 -- sh -c 'bus-value get here; exit 5'
check_equal "a VALUE between two --" -7 "$(cat out)"
run 127 bus-value put here 1 --while -- sh -c 'exit 127'
run 139 bus-value put here 1 --while -- sh -c 'kill -SEGV $$'
run 126 bus-value put here 1 --while -- "$work"
check_has err 'cannot run '

# ---- What is there already is not taken, and so not deleted in the end, unless that is asked for

run 0 bus-value put stored '"worth keeping"'
run 75 bus-value put stored 1 --while -- touch must-not-run
check_equal 'what is said of a key that exists' \
  'bus-value: "stored" exists; its value is "worth keeping"; --wait waits until it is gone' "$(cat err)"
[ ! -e must-not-run ] || fail "a command ran with the key of another"
run 75 bus-value put stored 1 --while --if-version 7 -- true
run 0 bus-value get stored
check_equal "the value that was there" '"worth keeping"' "$(cat out)"
run 0 bus-value put stored 2 --while --if-version 1 -- bus-value get stored
check_equal "the value at its version" 2 "$(cat out)"
run 0 bus-value put stored 1
run 0 bus-value put stored 3 --while --replace -- bus-value get stored
check_equal "the value that replaces" 3 "$(cat out)"
run 1 bus-value get stored

# ---- A lock

start first bus-value put lock '{"by":"first"}' --create --while -- ./held first.go
first=$pid
await first.out '^runs lock 1$'
run 75 bus-value put lock '{"by":"other"}' --create --while -- touch must-not-run
check_equal "what is said of a lock that is taken" \
  'bus-value: "lock" exists; its value is {"by":"first"}; --wait waits until it is gone' "$(cat err)"
run 124 bus-value put lock 2 --create --while --wait --timeout 200ms -- touch must-not-run
check_has err '"lock" exists still'
[ ! -e must-not-run ] || fail "a command ran without the lock"
start second bus-value put lock '{"by":"second"}' --while --wait -- ./held second.go
second=$pid
await second.err '"lock" exists, waiting until it does not: {"by":"first"}'
start third bus-value put lock '{"by":"third"}' --create --while --wait -- ./held third.go
third=$pid
await third.err 'waiting until it does not'
check_empty second.out
echo go >first.go
expect_exit "the first holder" "$first" 0
# Either of the others has it now, and not both.
timeout 10 tail -n +1 -F second.out third.out 2>/dev/null | grep -qm1 '^runs lock' || fail "nobody got the lock"
check_equal "holders" 1 "$(cat second.out third.out | grep -c '^runs lock')"
echo go >second.go &
echo go >third.go &
expect_exit "the second holder" "$second" 0
expect_exit "the third holder" "$third" 0
await second.out '^runs lock'
await third.out '^runs lock'
run 1 bus-value get lock

# One that waits for a lock ends by a signal, and holds nothing.
start first bus-value put lock 1 --create --while --kill-on-loss -- ./held again.go
first=$pid
await first.out '^runs lock'
start waits bus-value put lock 2 --create --while --wait -- true
waits=$pid
await waits.err 'waiting until it does not'
kill -TERM "$waits"
expect_exit "the one that waited" "$waits" 143
# Without --while, --wait creates and ends.
start waits bus-value put lock '"stays"' --create --wait --with-version
waits=$pid
await waits.err 'waiting until it does not'
# A holder that is killed leaves nothing behind: the hub deletes the value.
kill -KILL "$first"
expect_exit "the one that waited" "$waits" 0
run 0 bus-value get lock
check_equal "the value after --wait" '"stays"' "$(cat out)"
run 0 bus-value delete lock

# ---- Signals are passed on

start polite bus-value put here 1 --while -- ./obedient polite.fifo
polite=$pid
await polite.out '^runs here'
kill -TERM "$polite"
expect_exit "the holder of an obedient command" "$polite" 9
check_has polite.out 'got TERM'
run 1 bus-value get here
start polite bus-value put here 1 --while -- ./obedient hangup.fifo
polite=$pid
await polite.out '^runs here'
kill -HUP "$polite"
expect_exit "the holder of an obedient command" "$polite" 10

# ---- The value is lost while COMMAND runs

start robbed bus-value put here 1 --while --create -- ./held robbed.go
robbed=$pid
await robbed.out '^runs here'
run 0 bus-value put here '"mine"'
await robbed.err 'bus-value: "here" is not held any more: it was changed by another; ./held goes on'
echo go >robbed.go
expect_exit "the one that was robbed" "$robbed" 0
run 0 bus-value get here
check_equal "the value of another" '"mine"' "$(cat out)"
start robbed bus-value put here 1 --while --replace --kill-on-loss -- ./obedient robbed.fifo
robbed=$pid
await robbed.out '^runs here'
run 0 bus-value delete here
expect_exit "the one that was robbed" "$robbed" 75
check_has robbed.out 'got TERM'
check_has robbed.err '"here" is not held any more: it was deleted; ./obedient gets SIGTERM'
check_has robbed.err 'bus-value: ./obedient was ended, because "here" was lost; without --kill-on-loss it would have gone on'
start brief bus-value put here 1 --while --ttl 50ms -- ./held brief.go
brief=$pid
# On a busy machine it has expired before anybody can look.
await brief.err '"here" is not held any more: it \(has expired\|is gone\); ./held goes on'
echo go >brief.go
expect_exit "the holder of what expired" "$brief" 0

# A new hub knows nothing of it; the library puts it again.
start lasting bus-value put here '"again"' --while --create -- ./held lasting.go
lasting=$pid
await lasting.out '^runs here'
kill -KILL "$(hub_pid)"
await lasting.err '"here" is not held any more: the connection to the hub broke.*; ./held goes on'
await lasting.err '"here" is held again'
run 0 bus-value get here
check_equal "the value after the break" '"again"' "$(cat out)"
echo go >lasting.go
expect_exit "the holder after the break" "$lasting" 0
run 1 bus-value get here

# With --kill-on-loss COMMAND does not outlive a holder that is killed.
start killed bus-value put here 1 --while --kill-on-loss -- ./obedient killed.fifo
killed=$pid
await killed.out '^runs here'
kill -KILL "$killed"
await killed.out 'got TERM'
