#!/bin/sh
# Sources as a user has them: a program is dropped into a directory, and the first consumer starts the hub, the hub
# bus-sources, and bus-sources the program.
. "$(dirname "$0")/lib.sh"

mkdir -m 700 run config state
unset BUSD_SOCKET
XDG_RUNTIME_DIR=$work/run
XDG_CONFIG_HOME=$work/config
export XDG_RUNTIME_DIR XDG_CONFIG_HOME
mkdir -p config/busd/sources.d
drop() { # NAME: a program from stdin, whole at once
  cat >"new.$1"
  chmod 755 "new.$1"
  mv "new.$1" "config/busd/sources.d/$1"
}

lock=run/busd/bus.sources.lock
# A bus-sources that has not yet seen the end of its hub would serve the next one.
stop_hub() {
  run 0 bus-stop --force
  timeout 10 flock "$lock" true || fail "bus-sources did not end with its hub"
}

# A hub that has found none when it started says where it looks, and sees the first one.
run 0 busd --detach --log-file "$work/first.log"
run 69 bus-source list
check_has err "no bus-sources runs for this bus; run bus-sources; a hub does so as soon as there is a source in $work/config/busd/sources.d"
drop first.sh <<'END'
#!/bin/sh
echo '"first"'
END
run 0 bus-consume me -t first -n 1 --payload
check_equal "the event of the first source" '"first"' "$(cat out)"
stop_hub
# Its marks are below the home of the user, whether or not $HOME says so.
run 0 env -u HOME -u XDG_STATE_HOME busd --detach --log-file "$work/homeless.log"
run 0 timeout 20 bus-consume me -t first -n 1 --payload
check_equal "the event of a source of a hub without HOME" '"first"' "$(cat out)"
stop_hub
rm config/busd/sources.d/first.sh

# Run alone it prints lines; dropped in, unchanged, it is a source.
drop clock.sh <<'END'
#!/bin/sh
n=0
while :; do
  n=$((n + 1))
  echo "{\"n\":$n}"
  sleep 0.02
done
END
run 0 bus-consume me -t clock -n 2 --payload
check_equal "two events of the program" '{"n":1}
{"n":2}' "$(cat out)"

# Another hub than that of the standard place runs none of the user's sources.
mkdir -m 700 other
start hub busd --socket "$work/other/bus.sock"
other=$pid
await hub.err serving
run 0 bus-status --socket "$work/other/bus.sock"
check_lacks hub.err bus-sources
kill "$other"

# bus-sources that is killed is started again by the hub, and its sources with it.
await run/busd/bus.log 'bus-sources is started'
supervisor=$(sed -n 's/.*bus-sources is started" pid=//p' run/busd/bus.log | tail -n 1)
start_consumer again me -t clock
kill -KILL "$supervisor"
await run/busd/bus.log 'bus-sources has failed'
await again.out 'clock'
# What was heard before may be of the one that was killed; this is of the one that serves now.
run 0 bus-consume after -t clock -n 1 --payload

# When the hub is stopped in order, bus-sources ends, and nothing of the sources is left.
[ -e "$lock" ] || fail "there is no lock of bus-sources beside the socket"
kill "$pid"
run 0 bus-stop --force
timeout 10 flock "$lock" true || fail "bus-sources did not end with its hub"

# A hub that comes while the sources of the one before are still being ended has its sources as soon as they are.
drop slow.sh <<'END'
#!/bin/sh
trap '' TERM
while :; do
  echo 1
  sleep 0.02
done
END
echo 'stop-timeout = 1s' >config/busd/sources.d/slow.source
run 0 bus-consume me -t slow -n 1
run 0 bus-stop --force
flock -n "$lock" true && fail "bus-sources has ended before its slow source"
run 0 timeout 20 bus-consume me -t clock -n 1
check_has run/busd/bus.log 'another one serves'
run 0 bus-stop --force
timeout 10 flock "$lock" true || fail "the second bus-sources did not end with its hub"
rm config/busd/sources.d/slow.*

# A program that has a connection of its own ends with a hub that is killed, and is started for those who listen at the next.
drop own.sh <<END
#!/bin/sh
echo run >>"$work/runs"
echo "{\\"type\\":\\"event\\",\\"event_type\\":\\"own\\",\\"payload\\":\\"run \$(wc -l <"$work/runs")\\"}"
exec cat >/dev/null
END
echo 'connection = socket' >config/busd/sources.d/own.source
start_consumer listens me -t own
await listens.out 'run 1'
kill -KILL "$(sed -n 's/.*msg="serving".* pid=\([0-9]*\).*/\1/p' run/busd/bus.log | tail -n 1)"
await listens.out 'run 2'
kill -TERM "$pid"
expect_exit "the one that listened" "$pid" 143
run 0 bus-stop --force
timeout 10 flock "$lock" true || fail "the third bus-sources did not end with its hub"
rm config/busd/sources.d/own.*

# A program that others can write is not run, wherever it stands, and whenever they may.
mkdir -m 755 tools
printf '#!/bin/sh\necho 1\n' >tools/printer
chmod 755 tools/printer
printf 'command = printer\nenvironment = PATH=%s\nstart = manual\n' "$work/tools:$PATH" >config/busd/sources.d/printer.source
run 0 bus-consume me -t clock -n 1
chmod 777 tools/printer
run 1 bus-source start printer
check_has err 'others can write to'
run 64 bus-sources --check
check_has err 'printer.source:1: is not run: others can write to'
chmod 755 tools/printer
run 0 bus-source start printer
rm config/busd/sources.d/printer.source
run 0 bus-stop --force
timeout 10 flock "$lock" true || fail "the fourth bus-sources did not end with its hub"

# With `sources = off` there is none.
busd --detach --sources off 2>/dev/null || fail "busd --detach --sources off"
flock -n "$lock" true || fail "a hub with sources = off has started bus-sources"
run 0 bus-stop

# Every fault is said at once, with file and line, and what to do.
printf 'linger = soon\nevry = 1s\n' >config/busd/sources.d/clock.source
printf '#!/bin/sh\n' >config/busd/sources.d/plain.sh
run 64 bus-sources --check
check_has err 'clock.source:1: linger: '
check_has err 'clock.source:2: unknown key "evry"'
check_has err "chmod +x $work/config/busd/sources.d/plain.sh"
rm config/busd/sources.d/clock.source config/busd/sources.d/plain.sh
run 0 bus-sources --check
check_has err '1 source is fine: clock'
chmod 777 config/busd/sources.d/clock.sh
run 64 bus-sources --check
check_has err 'others can write to'

# The examples are fine, and the program of the demo is a source unchanged.
examples=$(dirname "$provider_script")/../../consumer/examples
rm -r config/busd/sources.d
cp -rL "$examples/sources.d" config/busd
stand_in journalctl udevadm inotifywait
run 0 bus-source check "$examples/sources.d"
check_has err '6 sources are fine: devices, downloads, journal, load_source, memory, ticks'
run 0 bus-sources --check
check_has err '6 sources are fine: devices, downloads, journal, load_source, memory, ticks'
run 0 bus-consume me -t load.cpu -t disk.root -n 2
check_has out '"event_type":"load.cpu"'
check_has out '"event_type":"disk.root"'

# Where nothing may be written beside the socket, the lock has another place.
mkdir -m 700 elsewhere
start away bus-sources --run elsewhere --dir config/busd/sources.d
await away.err 'serving 6 sources'
[ -e elsewhere/bus.sources.lock ] || fail "the lock is not in the directory of --run"
kill "$pid"
expect_exit "bus-sources --run" "$pid" 0
run 0 bus-stop --force

# A service keeps its marks in its directory for state, where its next start finds them.
mkdir -m 700 service
BUSD_SOCKET=$work/other/bus.sock
STATE_DIRECTORY=$work/service
export BUSD_SOCKET STATE_DIRECTORY
busd --detach 2>/dev/null || fail "busd --detach"
start first bus-sources --dir config/busd/sources.d
await first.err 'serving 6 sources'
run 0 bus-source disable ticks
[ -e service/bus.disabled/ticks ] || fail "the mark is not in \$STATE_DIRECTORY"
[ ! -e state/busd/bus.disabled/ticks ] || fail "the mark is not only in \$STATE_DIRECTORY"
kill "$pid"
expect_exit "bus-sources" "$pid" 0
start second bus-sources --dir config/busd/sources.d
await second.err 'serving 6 sources'
run 0 bus-source status ticks
check_has out 'disabled'
run 0 bus-source enable ticks
[ ! -e service/bus.disabled/ticks ] || fail "the mark is still there after enable"
kill "$pid"
expect_exit "the next bus-sources" "$pid" 0
