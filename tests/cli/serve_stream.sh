#!/bin/sh
# bus-serve --stream: each line is a part of the answer; a reader that stops stops the command, and nobody else.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/serve_lib.sh
. "$(dirname "$0")/serve_lib.sh"
stream=',"stream":true'

# await_paused: until the hub holds so much of a stream that it has asked its provider to pause, 256 KiB.
await_paused() {
  timeout 10 bus-status --json --watch 50ms 2>/dev/null | grep -Eqm1 '"pool":"calls","used_bytes":([0-9]{7,}|(2[6-9]|[3-9][0-9])[0-9]{4}),' ||
    fail "the stream never filled the hub: $(bus-status --json | head -c 3000)"
}

cat >parts <<'SCRIPT'
#!/bin/sh
case $BUSD_TASK in
  s.lines) printf '{"n": 1.10}\ntext\n\n"x"\nlast, no line end' ;;
  s.none) : ;;
  s.fails) echo one; echo why >&2; exit 3 ;;
  s.bytes) printf 'good\n\377\nnever\n' ;;
  s.long) awk 'BEGIN { s = "x"; while (length(s) < 1100000) s = s s; print s }' ;;
  s.asked) echo "$BUSD_STREAM" ;;
  s.behind) echo one; sleep 1000 & echo $! >behind; printf two ;;
  s.slow) echo first; read -r go <go; echo second ;;
  s.many) echo $$ >many.pid; echo began >many.log; read -r go <go; seq 300000; echo done >>many.log ;;
  s.ends) echo began; read -r go <go; seq 20000; echo done >>ends.log ;;
esac
SCRIPT
chmod +x parts
start_serve serve 's.*' --stream --slots 4 -- ./parts
serve=$pid
check_call '{"seq":1,"data":{"n": 1.10}}
{"seq":2,"data":"text"}
{"seq":3,"data":""}
{"seq":4,"data":"x"}
{"seq":5,"data":"last, no line end"}
{"result":null}' s.lines 1 "$stream"
check_call '{"result":null}' s.none 1 "$stream"
check_call '{"seq":1,"data":"one"}
{"error":{"code":"failed","message":"why","data":{"exit":3}}}' s.fails 1 "$stream"
check_call '{"seq":1,"data":"good"}
{"error":{"code":"bad_result","message":"byte 1 of what the command printed is not UTF-8"}}' s.bytes 1 "$stream"
check_call '{"error":{"code":"too_large","message":"a line that the command printed is longer than a frame may be (1048576 bytes)"}}' s.long 1 "$stream"
check_call '{"seq":1,"data":1}
{"result":null}' s.asked 1 "$stream"
check_call '{"seq":1,"data":"one"}
{"seq":2,"data":"two"}
{"result":null}' s.behind 1 "$stream"
await_gone "$(cat behind)"
# Who does not ask for parts gets the whole as one result.
check_call '{"result":"{\"n\": 1.10}\ntext\n\n\"x\"\nlast, no line end"}' s.lines 1
check_call '{"result":null}' s.asked 1

# Parts come as they are printed.
mkfifo go
start_caller slow s.slow 1 "$stream"
await slow.out '"data":"first"'
check_lacks slow.out second
echo go >go
await slow.out '"result":null'

# A reader that has stopped: the command is held up, with 300 000 lines, 13 MB of frames, which are more than the hub would hold; others are
# served meanwhile. When the reader goes on, all of them arrive, in order.
start_caller many s.many 1 "$stream"
many=$pid
await many.log began
kill -STOP "$many"
echo go >go
await_paused
check_call '{"result":null}' s.none 1 "$stream"
check_equal "the command, while nobody reads" "began" "$(paste -sd ' ' many.log)"
kill -CONT "$many"
await many.log "done"
expect_exit "the reader" "$many" 0
seq 300000 >wanted
grep data many.out | cut -d : -f 5 | tr -d '}' | cmp - wanted || fail "the stream is not what was printed"
check_equal "the end of the stream" '{"type":"response","id":"q","result":null}' "$(tail -n 1 many.out)"
rm many.out wanted

# A command that has ended before its reader goes on: nothing of what it printed is lost.
start_caller ends s.ends 1 "$stream"
ends=$pid
await ends.out began
kill -STOP "$ends"
echo go >go
await ends.log "done"
kill -CONT "$ends"
expect_exit "the reader of what has ended" "$ends" 0
check_equal "its lines" 20002 "$(lines_in ends.out)"

# A reader that is gone ends a command that is held up.
rm many.log
start_caller many s.many 1 "$stream"
many=$pid
await many.log began
kill -STOP "$many"
echo go >go
await_paused
kill -KILL "$many"
await_status '"calls":{"open":0,'
await_gone "$(cat many.pid)"
kill -TERM "$serve"
expect_exit "the provider" "$serve" 143

# A hub that does not read holds up the command, and nothing else: bus-serve ends in its time.
cat >endless <<'SCRIPT'
#!/bin/sh
echo began
read -r _ <go
n=0
while :; do
  head -c 1000000 /dev/zero | tr '\0' x | fold -w 1000
  n=$((n + 1))
  echo "$n MB" >>endless.log
done
SCRIPT
start_serve endless e --stream --drain 4s --grace 200ms -- sh ./endless
endless=$pid
start_caller stuck e 1 "$stream"
await stuck.out began
hub=$(hub_pid)
kill -STOP "$hub"
echo go >go
await endless.log '^5 MB'
kill -TERM "$endless"
expect_exit "the one whose hub does not read" "$endless" 143
kill -CONT "$hub"
check_lacks endless.log "15 MB"
await stuck.out '"code":"'
rm stuck.out

# Without --stream a request for parts gets one result.
start_serve plain s.lines -- ./parts
check_call '{"result":"{\"n\": 1.10}\ntext\n\n\"x\"\nlast, no line end"}' s.lines 1 "$stream"
kill -TERM "$pid"
expect_exit "the one without parts" "$pid" 143

# The stderr of commands: a reader that has stopped holds up those who write to it, and no answer of others.
mkfifo errors
(
  exec 9<errors
  echo >opened
  read -r _ <finish
  cat <&9 >errors.read
) &
collector=$!
mkfifo opened finish
sh -c 'exec bus-serve loud quiet --slots 2 --shell -- "[ \$BUSD_TASK = quiet ] || seq 200000 >&2; echo 1"' 2>errors &
loud=$!
pids="$pids $loud $collector"
read -r _ <opened
await_status '"task":"quiet","providers":1,'
start_caller loud loud 1
await_status '"task":"loud","providers":1,"open":1,'
check_call '{"result":1}' quiet 1
check_empty loud.out
echo go >finish
await loud.out '"result":1'
kill -TERM "$loud"
wait "$loud"
wait "$collector"
seq 200000 >wanted
grep -v '^\[bus\]' errors.read | cmp - wanted || fail "stderr did not pass as it was written"
