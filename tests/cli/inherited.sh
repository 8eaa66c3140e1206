#!/bin/sh
# What a program and the hub that it starts inherit from whoever starts them: signals, limits, the environment.
. "$(dirname "$0")/lib.sh"

ignored_in() { sed -n 's/^SigIgn:\t//p' "$1"; } # FILE: a process's status

# With SIGCHLD ignored there would be no hook to wait for; SIGPIPE ignored would reach the hook's own pipes.
run 0 env --ignore-signal=CHLD --ignore-signal=PIPE --block-signal=TERM bus-consume key --timeout 10ms \
  --first 'cat /proc/self/status >first' --last 'echo last >last'
check_equal "SIGPIPE and SIGCHLD in what the hooks ignore" 0 "$((0x$(ignored_in first) & 0x11000))"
check_equal "what the hooks block" 0000000000000000 "$(sed -n 's/^SigBlk:\t//p' first)"
check_equal "the second hook's work" last "$(cat last)"

# A script's background job ignores SIGINT, and so do its hooks; SIGTERM ends it as ever.
: >job.err
bus-consume key --first 'cat /proc/self/status >job.first' --last 'echo cleaned >job.last' 2>job.err &
job=$!
pids="$pids $job"
await job.err '^\[bus\] ready event_key='
kill -INT "$job"
for status in job.first "/proc/$job/status"; do
  check_equal "SIGINT and SIGQUIT in what is ignored by $status" 6 "$((0x$(ignored_in "$status") & 0x6))"
done
kill -TERM "$job"
expect_exit "the job that got SIGINT, then SIGTERM" "$job" 143
check_equal "what it did at its end" cleaned "$(cat job.last)"
run 0 bus-stop -q

# The hub that a client starts has nothing of that client's: no ignored signal, no limit, no secret.
API_TOKEN=secret LC_TIME=C.UTF-8 env --ignore-signal=INT --ignore-signal=CHLD nice -n 5 \
  sh -c 'ulimit -Sn 40; umask 0; exec bus-publish key --null' || fail "bus-publish ended with $?"
hub=$(hub_pid)
tr '\0' '\n' <"/proc/$hub/environ" >environ
check_lacks environ API_TOKEN
check_has environ LC_TIME=C.UTF-8
check_equal "the hub's soft limit of open files" "$(sed -n 's/^Max open files *[a-z0-9]* *\([a-z0-9]*\) .*/\1/p' /proc/self/limits)" \
  "$(sed -n 's/^Max open files *\([a-z0-9]*\) .*/\1/p' "/proc/$hub/limits")"
check_equal "the hub's umask" 0077 "$(sed -n 's/^Umask:\t//p' "/proc/$hub/status")"
check_equal "SIGINT and SIGCHLD in the hub's ignored signals" 0 "$((0x$(ignored_in "/proc/$hub/status") & 0x10002))"
[ "$(id -u)" -ne 0 ] || check_equal "the hub's nice value" 0 "$(cut -d' ' -f19 "/proc/$hub/stat")"
run 0 bus-stop -q

# A hard limit so low that the hub could serve its starter alone: there is no hub, and everybody learns why.
run 69 sh -c 'ulimit -n 24; exec bus-publish key --null'
check_has err "the hard limit of open files (ulimit -Hn) is 24, which leaves 0 connections"
check_has bus.log "the hard limit of open files (ulimit -Hn) is 24"
# Where fewer are asked for, fewer will do.
start_hub --max-connections 8
run 0 bus-stop -q

# Other limits that can end a hub stand in its log.
# No profile of its lines, which would be cut, too.
run 0 env LLVM_PROFILE_FILE=/dev/null sh -c 'ulimit -t 3600; ulimit -f 16; exec bus-publish key --null'
check_has bus.log "the limit of processor time (ulimit -t) will end this hub"
check_has bus.log "the limit of a file's size (ulimit -f) cuts the log"
run 0 bus-stop -q
# Not for a build with sanitizers, which takes terabytes of addresses.
if sh -c 'ulimit -v 300000; exec busd --version' >/dev/null 2>&1; then
  run 0 sh -c 'ulimit -v 300000; exec bus-publish key --null'
  check_has bus.log "is below the setting memory"
  run 0 bus-stop -q
fi

# A hub in the background of a script ignores SIGINT, too; one in the foreground ends by it.
: >script.err
busd --socket "$BUSD_SOCKET" 2>script.err &
hub=$!
pids="$pids $hub"
await script.err 'msg="serving"'
kill -INT "$hub"
run 0 bus-status --check
kill -TERM "$hub"
expect_exit "the hub that got SIGINT, then SIGTERM" "$hub" 0
check_lacks script.err 'reason="SIGINT"'
start_hub
kill -INT "$hub"
expect_exit "the hub in the foreground that got SIGINT" "$hub" 0

# A program that is no hub: what ended, how, and who named it.
run 69 env BUSD_PROGRAM=/bin/false bus-publish key --null
check_has err "/bin/false ended with status 1 before it was ready (is \$BUSD_PROGRAM a busd?)"
check_has bus.log "/bin/false ended with status 1 before it was ready"

# A directory named busd beside the program, such as a checkout, is not taken for the hub: the one in PATH is started.
mkdir -m 700 beside beside/busd
cp "$bin/bus-publish" beside
run 0 env -u BUSD_PROGRAM "BUSD_SOCKET=$work/beside/bus.sock" beside/bus-publish key 1
run 0 bus-stop --socket "$work/beside/bus.sock"
