#!/bin/sh
# bus-source: each of its verbs, with a bus-sources that runs real programs.
. "$(dirname "$0")/lib.sh"

mkdir -m 700 sources.d
drop() { # FILE: a program from stdin, whole at once
  { echo '#!/bin/sh' && cat; } >new
  chmod 755 new
  mv new "sources.d/$1"
}
drop clock <<'END'
echo 'clock begins' >&2
while :; do echo '{"tick":1}'; sleep 0.02; done
END
drop broken.sh <<'END'
echo 'no such device' >&2
exit 3
END
echo 'command = /nonexistent/program' >sources.d/absent.source

# --- no hub, and no bus-sources ---

run 69 bus-source list
check_has err "bus-source: no hub runs at $BUSD_SOCKET"
check_has err '; it is started when somebody listens, as bus-consume does, or by busd --detach'
start_hub
run 69 bus-source list
check_has err 'bus-source: no bus-sources runs for this bus; run bus-sources --dir DIR'

start supervisor bus-sources --dir sources.d --state state
supervisor=$pid
await supervisor.err '^bus-sources: serving 3 sources'

# --- what there is ---

run 0 bus-status
check_has out 'tasks   9 of bus-sources'
check_equal "tasks of bus-sources in rows of their own" "" "$(grep '^bus.source' out || :)"
run 0 bus-status --json
check_has out '"task":"bus.source.list"'

run 0 bus-source list
check_equal "the columns" "NAME STATE PID UP RESTARTS RSS PUBLISHED WANTED LAST" "$(head -n 1 out | xargs)"
check_equal "the sources" "absent idle - - 0 - 0 - - broken idle - - 0 - 0 - - clock idle - - 0 - 0 - -" "$(tail -n +2 out | xargs)"
run 0 bus-source list --json
check_has out '{"sources":[{"name":"absent","state":"idle","run":0,'
timeout 10 bus-source list --watch 50ms >watched &
watcher=$!
pids="$pids $watcher"
await watched '^time    [0-9:.]*$'
await watched '^clock'
kill -TERM "$watcher"
wait "$watcher"

# On a terminal it has the whole screen, until q.
if command -v script >/dev/null; then
  mkfifo keys
  { script -qec "stty cols 90 rows 20; bus-source list --watch 50ms" /dev/null <keys >screen 2>&1; printf '\nended %s\n' "$?" >>screen; } &
  watcher=$!
  pids="$pids $watcher"
  exec 8>keys
  await screen 'q quit'
  printf q >&8
  wait "$watcher"
  exec 8>&-
  check_has screen 'clock'
  check_equal "the end of the screen" "ended 0" "$(tail -n 1 screen)"
fi

# --- start, stop, restart; one that fails does not keep the others from it ---

start changes bus-source events clock
changes=$pid
await changes.err '^\[bus\] ready'
start all_changes bus-source events --json
await all_changes.err '^\[bus\] ready'

run 70 bus-source start absent broken clock clok
check_has out 'broken is running, pid '
check_has out 'clock is running, pid '
check_has err 'bus-source: absent: /nonexistent/program: No such file or directory'
check_has err 'bus-source: there is no source "clok"; did you mean clock?'
run 0 bus-source stop broken absent
run 0 bus-source status clock
check_has out 'state       running, pid '
check_has out "file        $work/sources.d/clock"
check_has out 'stderr| clock begins'
run 0 bus-source status clock --json
check_has out '"name":"clock","state":"running"'
run 64 bus-source start "$(printf '\377')" clock
check_equal "the error" 'bus-source: SOURCE "\xff" is not UTF-8' "$(cat err)"
for verb in start stop restart enable disable; do
  run 70 bus-source "$verb" clok
done
run 1 bus-source --json-errors start absent clock
check_has err '"exit":1,"message":"absent: /nonexistent/program'
run 70 bus-source status clok
check_equal "the error" 'bus-source: there is no source "clok"; did you mean clock?' "$(cat err)"
run 0 bus-source restart clock
check_has out 'clock is running, pid '
{ timeout 10 bus-source logs clock -f 2>/dev/null || :; } | grep -qm1 ' 2 stderr| clock begins' || fail "run 2 has printed nothing"
run 0 bus-source stop clock
check_equal "the end" "clock is idle" "$(cat out)"

# --- events: a line for each change; only of what was asked for ---

await changes.out 'clock idle run=2: stopped'
check_equal "the first changes" "clock starting run=1 clock running run=1 pid=N" \
  "$(head -n 2 changes.out | sed 's/^[0-9:.]* //; s/pid=.*/pid=N/' | xargs)"
check_lacks changes.out broken
await all_changes.out '^{"source":"broken","state":"backoff",.*"stderr":"no such device"'
kill -TERM "$changes"
expect_exit "events" "$changes" 143

# --- logs ---

run 0 bus-source logs clock
check_equal "the log" "1 stderr| clock begins
2 stderr| clock begins" "$(sed 's/^[0-9:.]* //' out)"
run 0 bus-source logs clock -n 1
check_equal "the last line" "2 stderr| clock begins" "$(sed 's/^[0-9:.]* //' out)"
run 0 bus-source logs clock --stream stdout
check_empty out
run 0 bus-source logs clock --since 1h --json
check_has out '"stream":"stderr","run":2,"line":"clock begins"}'
run 0 bus-source logs clock --since 0s
check_empty out
start follower bus-source logs clock -f -n 0
follower=$pid
start_consumer listener listener -t broken -t clock
run 0 bus-source start clock
await follower.out '3 stderr| clock begins'
kill -INT "$follower"
expect_exit "logs -f" "$follower" 130
# A flood drops lines all the time, and says so once a second.
printf '#!/bin/sh\nexec seq 100000000 >&2\n' >new
chmod 755 new
echo 'log-bytes = 4KiB' >sources.d/flood.source
mv new sources.d/flood
run 0 bus-source reload
run 0 bus-source start flood
begun=$(date +%s)
start flooded bus-source logs flood -f
await flooded.err 'lines of the log were dropped before they could be read'
timeout 10 tail -n +5000 -F flooded.out 2>/dev/null | grep -qm1 . || fail "it follows the log no further"
kill -INT "$pid"
expect_exit "logs -f" "$pid" 130
notes=$(wc -l <flooded.err)
[ "$notes" -le $(($(date +%s) - begun + 3)) ] || fail "$notes notes of dropped lines"
run 0 bus-source stop flood
rm sources.d/flood*
run 0 bus-source reload
run 70 bus-source logs clok
check_has err 'did you mean clock?'

# --- disable holds over bus-sources, enable starts what is wanted ---

run 0 bus-source disable clock
check_equal "what is said" "clock is disabled" "$(cat out)"
run 1 bus-source start clock
check_equal "why not" "bus-source: clock: it is disabled: enable it first" "$(cat err)"
run 0 bus-source enable clock

# --- reload and check ---

# What links lead to it does not watch, so it sees the change when it is asked to look.
cp sources.d/broken.sh linked.sh
ln -s "$work/linked.sh" new
mv new sources.d/broken.sh
ln -s "$work/fresh.sh" "$work/bad.source" sources.d
await supervisor.err 'sources.d/fresh.sh: is a link that leads nowhere'
await supervisor.err 'sources.d/bad.source: is a link that leads nowhere'
printf '#!/bin/sh\necho 1\n' >fresh.new
chmod 755 fresh.new
mv fresh.new fresh.sh
printf 'command = true\nlinger = soon\n' >bad.source
rm linked.sh
run 64 bus-source reload
mv out reload.out
mv err reload.err
check_equal "what has changed" "added fresh
removed broken" "$(cat reload.out)"
check_has reload.err "bus-source: $work/sources.d/bad.source:2: linger: "
rm sources.d/broken.sh
run 64 bus-source reload
run 0 bus-source list
check_equal "the fault" "bus-source: fault: $work/sources.d/bad.source:2: linger: " "$(sed 's/\(linger: \).*/\1/' err)"
run 70 bus-source logs bad
check_has err "bus-source: there is no source \"bad\": $work/sources.d/bad.source:2: linger: "
timeout 10 bus-source list --watch 50ms >watched &
watcher=$!
pids="$pids $watcher"
await watched "^fault: $work/sources.d/bad.source:2: linger: "
kill -TERM "$watcher"
wait "$watcher"
run 64 bus-source check sources.d
check_has err "bus-source: $work/sources.d/bad.source:2: linger: "
check_has err "bus-source: $work/sources.d/absent.source:1: command: \"/nonexistent/program\": No such file or directory"
check_has err "bus-source: 2 sources are fine: clock, fresh"
run 64 bus-source check sources.d/absent.source
check_has err "absent.source:1: command: "
run 64 bus-source check sources.d/bad.source sources.d/clock
check_has err "bad.source:2: linger: "
check_has err "sources.d/clock is fine: the source clock"
run 64 bus-source check nothing
check_equal "the error" 'bus-source: "nothing" does not exist' "$(cat err)"
mkdir -m 700 odd
run 0 bus-source check odd
check_equal "what is said" "bus-source: there are no sources in $work/odd" "$(cat err)"
XDG_CONFIG_HOME=$work/none run 0 bus-source check --bus bus
check_has err "there are no sources: the directory $work/none/busd/sources.d does not exist"
ln -s "$(command -v date)" odd/today
run 0 bus-source check odd/today
check_equal "a link has its own name" "bus-source: $work/odd/today is fine: the source today" "$(cat err)"
run 0 bus-source run --bus bus odd/today
check_has err '0 events, 1 log line'
printf '#!/bin/sh\n' >odd/twice.sh
printf '#!/bin/sh\n' >odd/twice.py
printf 'echo 1\n' >odd/bare
chmod +x odd/twice.* odd/bare
for file in odd/twice.sh odd/twice.py; do
  run 64 bus-source check "$file"
  check_equal "both of a name" "bus-source: $work/odd/twice.sh: there is more than one source twice, and none of them is run: $work/odd/twice.py, $work/odd/twice.sh" "$(cat err)"
done
run 64 bus-source check odd/bare
check_has err "odd/bare\" does not begin with a line such as #!/bin/sh, so nothing can run it"
printf 'linger = soon\n' >odd/bare.source
run 64 bus-source check odd/bare
check_has err 'odd/bare.source:1: linger: '

# --- while bus-sources ends it does nothing more ---

drop slow.sh <<'END'
trap '' TERM
echo 1
while :; do sleep 0.05; done
END
printf 'stop-timeout = 1h\n' >sources.d/slow.source
run 64 bus-source reload
drop quick.sh <<'END'
exit 0
END
printf 'restart = always\n' >sources.d/quick.source
run 64 bus-source reload
start_consumer listener_of_slow listener -t slow -t quick
await listener_of_slow.err 'source quick is reconnecting (backoff: ended in order)'
await listener_of_slow.out slow
slow=$(bus-source status slow --json | sed -n 's/.*"pid":\([0-9]*\).*/\1/p')
kill -TERM "$supervisor"
await supervisor.err 'ending: SIGTERM'
for verb in start stop restart enable disable; do
  run 75 bus-source "$verb" clock slow
  check_has err 'bus-source: bus-sources is about to end'
done
kill -KILL "$slow"
expect_exit "bus-sources" "$supervisor" 0
run 69 bus-source start clock
check_has err 'bus-source: no bus-sources runs for this bus'

# --- run: no hub is needed ---

# --- the hub ends: one text for all that follow something ---

printf '#!/bin/sh\nwhile :; do echo 1 >&2; sleep 0.05; done\n' >sources.d/clock
rm sources.d/slow.sh sources.d/*.source
start second bus-sources --dir sources.d --state state
await second.err '^bus-sources: serving '
start follower_of_list bus-source list --watch 50ms
list=$pid
await follower_of_list.out '^clock'
start follower_of_log bus-source logs clock -f
log=$pid
start follower_of_events bus-source events
events=$pid
await follower_of_events.err ready
run 0 bus-source start clock
await follower_of_log.out 'stderr| 1'
run 0 bus-stop --force
for pid in $list $log $events; do expect_exit "a follower" "$pid" 75; done
for file in follower_of_list follower_of_log follower_of_events; do
  check_equal "its last words" "bus-source: the hub has ended, or broken the connection; once it runs again, repeat this; it is started when somebody listens, as bus-consume does, or by busd --detach" \
    "$(tail -n 1 "$file.err")"
done

cat >try.sh <<'END'
#!/bin/sh
echo '{"n":1}'
echo '{"type":"event","event_type":"try.x","payload":[2]}'
echo '{"type":"event","event_type":"other","payload":3}'
echo 'a word'
echo 'to people' >&2
printf 'no end'
exit "${1:-0}"
END
chmod +x try.sh
run 0 bus-source run ./try.sh
# shellcheck disable=SC2016 # the words are quoted as people do it
check_equal "lines of stdout" 'event    try {"n":1}
event    try.x [2]
refused  its type "other" is none of those that `types` declares: {"type":"event","event_type":"other","payload":3}
log      stdout| a word
log      stdout| no end' "$(grep -v stderr out)"
check_has out 'log      stderr| to people'
check_equal "the summary" "bus-source: 2 events, 3 log lines, 1 refused, 0 skipped" "$(cat err)"
run 70 bus-source run ./try.sh 4
check_has err 'bus-source: try has ended: exit status 4'
# shellcheck disable=SC2016 # the program's own shell expands it
printf 'command = sh -c "echo $0 $1" x\nformat = text\nevent_type = words\n' >words.source
run 0 bus-source run words.source -- -v
check_equal "the arguments" 'event    words "x -v"' "$(cat out)"
printf '#!/bin/sh\nprintf "%%s" 17\n' >cut.sh
chmod +x cut.sh
run 0 bus-source run ./cut.sh
check_equal "a line without an end" 'refused  the line has no end: 17' "$(cat out)"
check_has err 'bus-source: 0 events, 0 log lines, 1 refused, 0 skipped'
printf 'lingre = 1s\nformat = xml\n' >try.source
run 64 bus-source run ./try.sh
check_has err "$work/try.source:1: unknown key"
check_has err "$work/try.source:2: format: "
rm try.source
chmod 777 try.sh
run 0 bus-source run ./try.sh
check_has err 'bus-source: bus-sources would not run it: others can write to'
chmod 755 try.sh
printf 'command = true\n' >open.source
chmod 666 open.source
run 0 bus-source run open.source
check_has err 'open.source": chmod o-w'
run 64 bus-source run ./nothing
check_has err 'does not exist'
run 64 bus-source run .
check_has err '"." is a directory; name a program, or a file NAME.source in it'
run 64 bus-source run
check_equal "the error" 'bus-source: run needs a FILE' "$(cat err)"
run 64 bus-source run seq -s , 2
check_equal "the error" "bus-source: unknown option -s; if it is the program's, put -- before it" "$(cat err)"
run 64 bus-source run seq -n 2
check_equal "the error" "bus-source: --lines goes with logs only; if it is the program's, put -- before it" "$(cat err)"
printf 'start = manual\ncommand = /nonexistent/program\n' >open.source
run 64 bus-source run open.source
check_has err "$work/open.source:2: command: \"/nonexistent/program\": No such file"
printf 'command = true\nconnection = socket\n' >open.source
run 64 bus-source run open.source
check_has err "$work/open.source:2: with connection = socket it speaks to a hub"
run 70 bus-source run nonexistent-program
check_has err 'there is no program "nonexistent-program" in PATH'
printf '#!/bin/sh\necho 1\ntrap "" TERM\nwhile :; do sleep 0.1; done\n' >stubborn.sh
printf 'stop-timeout = 100ms\n' >stubborn.source
chmod +x stubborn.sh
start stubborn bus-source run ./stubborn.sh
await stubborn.out 'event    stubborn 1'
kill -INT "$pid"
expect_exit "run" "$pid" 130

# What is typed goes to a program that reads frames: requests can be tried.
cat >adder.sh <<'END'
#!/bin/sh
while read -r line; do
  case $line in
  *'"request"'*) echo '{"type":"response","id":"1","result":3}' ;;
  *) echo "$line" >&2 ;;
  esac
done
END
printf 'stdin = frames\ntypes = sums.*\ntasks = add\n' >adder.source
chmod +x adder.sh
echo '{"type":"request","id":"1","task":"add","args":[1,2]}' >typed
for way in file pipe; do
  if [ "$way" = file ]; then run 0 bus-source run ./adder.sh <typed; else run 0 sh -c 'cat typed | bus-source run ./adder.sh'; fi
  check_has out 'log      stderr| {"type":"interest","event_type":"sums.*","consumers":1}'
  check_has out 'frame    {"type":"response","id":"1","result":3}'
  check_equal "the summary" "bus-source: 0 events, 1 log line, 0 refused, 0 skipped" "$(cat err)"
done
# Where nothing is typed, the program's stdin does not end; and a program that prints nothing is suspicious.
printf '#!/bin/sh\ncat >/dev/null\necho ended\n' >quiet.sh
printf 'stdin = frames\ntypes = quiet\n' >quiet.source
chmod +x quiet.sh
start quiet bus-source run ./quiet.sh
await quiet.err 'no line yet; if it holds its output back, see NOTES in bus-sources(5)'
check_empty quiet.out
kill -TERM "$pid"
expect_exit "run" "$pid" 143
