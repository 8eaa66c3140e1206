#!/bin/sh
# bus-serve: what a command prints and how it ends, as the answer; its environment; how many run at once; what is refused.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/serve_lib.sh
. "$(dirname "$0")/serve_lib.sh"

# --- what is refused before anything runs

run 64 bus-serve
check_has err "bus-serve: TASK is required; write bus-serve TASK -- COMMAND (see bus-serve --help)"
run 64 bus-serve a.b ./add
check_has err "bus-serve: COMMAND is required; put -- before it: bus-serve TASK -- COMMAND (see bus-serve --help)"
run 64 bus-serve -- true
check_has err "TASK is required"
run 64 bus-serve 'a*' -- true
check_has err "\"a*\" would be asked for by nobody; \"a.*\" is every task below \"a\" (--literal takes it as it is)"
run 64 bus-serve 'a,b' -- true
check_has err "reads as a list of tasks; name them one after the other"
run 64 bus-serve a --slots 0 -- true
check_has err "--slots: \"0\" is not a number from 1 to 1024"
run 64 bus-serve a --slots 1025 -- true
run 64 bus-serve a --priority x -- true
check_has err "--priority: \"x\" is not a whole number"
run 64 bus-serve a --lines --stream -- true
check_has err "--lines excludes --stream"
run 64 bus-serve a --shell -- echo hi
check_has err "with --shell, COMMAND is one word; put quotes around all of it"
run 64 sh -c 'ulimit -n 100; exec bus-serve a --slots 200 -- true'
check_has err "--slots: 200 commands need 832 open files, and the limit is 100; raise it with ulimit -n 832"
# A command that cannot be run is told from one that fails, as in a shell, and no hub is started for it.
run 127 bus-serve a -- no-such-command x
check_has err "bus-serve: cannot run no-such-command: it is not in PATH"
run 127 bus-serve a -- ./no-such-file
check_has err "cannot run ./no-such-file: No such file or directory"
echo >plain
run 126 bus-serve a -- ./plain
check_has err "cannot run ./plain: Permission denied"
run 126 bus-serve a -- ./
check_has err "cannot run ./: Is a directory"
run 127 bus-serve a --json-errors -- no-such-command
check_has err '"code":"command_failed","exit":127,"message":"cannot run no-such-command: it is not in PATH"'
run 69 bus-serve a --no-start -- true
run 69 bus-status

# --- results

cat >answer <<'SCRIPT'
#!/bin/sh
case $BUSD_TASK in
  r.args) cat ;;
  r.json) printf '{"a": 1.10,\n "b": [1, 2]}\n\n' ;;
  r.text) printf 'two\nlines "quoted"\n' ;;
  r.number) echo 12345678901234567890.10 ;;
  r.date) echo 2026-11-30 ;;
  r.leading) echo 0123 ;;
  r.two) printf '1 2\n' ;;
  r.escaped) printf '"\\ud800"\n' ;;
  r.nothing) : ;;
  r.line_end) echo ;;
  r.spaces) printf '  \n' ;;
  r.crlf) printf 'text\r\n' ;;
  r.bytes) printf 'a\377b' ;;
  r.control) printf 'a\001b\033[1m' ;;
  r.deep) awk 'BEGIN { for (i = 0; i < 5000; ++i) printf "["; for (i = 0; i < 5000; ++i) printf "]" }' ;;
  r.fits) awk 'BEGIN { s = "x"; while (length(s) < 1048000) s = s s; print substr(s, 1, 1048000) }' ;;
  r.escapes) awk 'BEGIN { s = "\"\\"; while (length(s) < 600000) s = s s; print s }' ;;
  r.endless) yes ;;
  r.three) echo "  why it failed  " >&2; echo >&2; printf 'not this'; exit 3 ;;
  r.quiet) exit 4 ;;
  r.signal) kill -9 $$ ;;
  r.colour) printf '\033[31mred\033[0m \377\n' >&2; exit 1 ;;
  r.unended) printf 'first\nlast, no line end' >&2; exit 1 ;;
  r.behind) sleep 1000 & echo $! >behind; echo done ;;
  r.cut) exec 0<&-; echo ran ;;
  r.env) env | grep '^BUSD_[CTSR]' | LC_ALL=C sort ;;
esac
SCRIPT
chmod +x answer
export BUSD_CALLER_SOURCE=inherited
start_serve serve 'r.*' -- ./answer
serve=$pid
check_call '{"result":{"n": 1.10,"s":"é\u2028"}}' r.args '{"n": 1.10,"s":"é\u2028"}'
check_call '{"result":null}' r.args null
check_call '{"result":{"a": 1.10,  "b": [1, 2]}}' r.json 1
check_call '{"result":"two\nlines \"quoted\""}' r.text 1
check_call '{"result":12345678901234567890.10}' r.number 1
check_call '{"result":"2026-11-30"}' r.date 1
check_call '{"result":"0123"}' r.leading 1
check_call '{"result":"1 2"}' r.two 1
check_call '{"result":"\ud800"}' r.escaped 1
check_call '{"result":null}' r.nothing 1
check_call '{"result":null}' r.line_end 1
check_call '{"result":"  "}' r.spaces 1
check_call '{"result":"text"}' r.crlf 1
check_call '{"result":"a\u0001b\u001b[1m"}' r.control 1
check_call '{"error":{"code":"bad_result","message":"byte 2 of what the command printed is not UTF-8"}}' r.bytes 1
call r.deep 1 >deep
check_has deep '{"error":{"code":"bad_result","message":"what the command printed: '
check_equal "bytes of a result that fits" 1048014 "$(call r.fits 1 | wc -c)"
too_large='{"error":{"code":"too_large","message":"what the command printed is longer than a frame may be (1048576 bytes)"}}'
check_call "$too_large" r.escapes 1
check_call "$too_large" r.endless 1

# --- failures

check_call '{"error":{"code":"failed","message":"why it failed","data":{"exit":3}}}' r.three 1
check_call '{"error":{"code":"failed","message":"the command ended with status 4","data":{"exit":4}}}' r.quiet 1
check_call '{"error":{"code":"failed","message":"the command was ended by signal 9","data":{"signal":9}}}' r.signal 1
check_call '{"error":{"code":"failed","message":"\\x1b[31mred\\x1b[0m \\xff","data":{"exit":1}}}' r.colour 1
check_call '{"error":{"code":"failed","message":"last, no line end","data":{"exit":1}}}' r.unended 1
check_has serve.err "  why it failed  "
check_equal "the unended line in stderr" "last, no line end" "$(tail -n 1 serve.err)"

# What a command leaves behind in its group is ended; its answer does not wait for it, although it holds stdout.
check_call '{"result":"done"}' r.behind 1
await_gone "$(cat behind)"
# One that does not read its stdin.
awk 'BEGIN { s = "x"; while (length(s) < 900000) s = s s; print "\"" substr(s, 1, 900000) "\"" }' >large
check_call '{"result":"ran"}' r.cut "$(head -c 100000 large)\""
bytes=$({
  printf '{"type":"request","id":"q","task":"r.args","args":'
  tr -d '\n' <large
  echo '}'
} | timeout 30 socat -t 30 - "UNIX-CONNECT:$BUSD_SOCKET" | wc -c)
check_equal "bytes of the large args that came back" 900041 "$bytes"

# --- the environment

call r.env 1 ',"timeout_ms":60000' >env.answer
check_has env.answer "BUSD_CALLER_SOURCE=\\nBUSD_CALLER_UID=$(id -u)\\nBUSD_SOCKET=$BUSD_SOCKET\\nBUSD_STREAM=\\nBUSD_TASK=r.env\\nBUSD_TIMEOUT_MS="
check_has env.answer '"BUSD_CALLER_PID='
grep -Eq 'BUSD_TIMEOUT_MS=(60000|5[0-9]{4})"' env.answer || fail "no time that is left: $(cat env.answer)"
call r.env 1 ',"timeout_ms":0' >env.answer
check_has env.answer 'BUSD_TIMEOUT_MS="'
cat >named.frames <<HELLO
{"type":"hello","role":"source","source":"ci","version":"v1"}
$(request_frame r.env 1)
HELLO
start_frames named named.frames
await named.out BUSD_CALLER_SOURCE=ci

kill -TERM "$serve"
expect_exit "bus-serve that got SIGTERM" "$serve" 143
grep -Eq '^\[bus\] end task=r\.\* requests=[0-9]+ failed=[0-9]+ canceled=0 seconds=[0-9.]+$' serve.err || fail "no end line: $(tail -n 3 serve.err)"

# --- what a command inherits: 0, 1 and 2, no signal that is ignored or blocked, a group of its own

cat >inherits <<'SCRIPT'
#!/bin/sh
ls /proc/self/fd
sed -n 's/^Sig\(Blk\|Ign\):\t//p' /proc/self/status
[ "$(cut -d ' ' -f 5 /proc/$$/stat)" = $$ ] && echo own group
SCRIPT
# shellcheck disable=SC2016 # not the script's own shell
start inherits env --block-signal=TERM --ignore-signal=PIPE sh -c 'exec 9>lock; exec bus-serve i -- sh ./inherits'
await inherits.err '^\[bus\] ready'
inherits=$pid
# The 3 is the folder that ls reads.
check_call '{"result":"0\n1\n2\n3\n0000000000000000\n0000000000000000\nown group"}' i 1
kill -TERM "$inherits"
expect_exit "the one whose command inherits" "$inherits" 143

# --- slots: so many at once, and the rest waits

mkfifo step step.1 step.2 step.3
# shellcheck disable=SC2016
start_serve slots s --slots 2 --shell -- 'read -r n; echo "begin $n" >>slots.log; read -r go <step.$n; echo "end $n" >>slots.log'
slots=$pid
start_caller caller1 s 1
start_caller caller2 s 2
await_lines slots.log 2
start_caller caller3 s 3
await_status '"waiting":1,'
check_equal "how many began" 2 "$(grep -c begin slots.log)"
echo go >step.1
await_lines slots.log 4
check_equal "what happened" "end 1 begin 3" "$(tail -n 2 slots.log | paste -sd ' ')"
echo go >step.2
echo go >step.3
for n in 1 2 3; do await "caller$n.out" '"result":null'; done
kill -TERM "$slots"
expect_exit "the one with two slots" "$slots" 143

# A command that is being ended takes its slot until it has gone, although its request has ended for the hub.
# shellcheck disable=SC2016
start_serve stubborn s --slots 1 --grace 300ms --shell -- 'read -r n; echo "begin $n" >>stubborn.log; [ "$n" = 2 ] || { trap "" TERM; echo $$ >stubborn.pid; while :; do read -r never <step; done; }'
stubborn=$pid
start_caller first s 1
first=$pid
await stubborn.pid '^[0-9]'
kill -KILL "$first"
check_call '{"result":null}' s 2
check_equal "the state of the first when the second was answered" gone "$([ -d "/proc/$(cat stubborn.pid)" ] && ! grep -q '^State:	Z' "/proc/$(cat stubborn.pid)/status" || echo gone)"
kill -TERM "$stubborn"
expect_exit "the one with a stubborn command" "$stubborn" 143
check_has stubborn.err 'requests=2 failed=0 canceled=1 '

# Two providers, one of them preferred; a source by its name.
start_serve low p -- echo '"low"'
low=$pid
start_serve high p --priority 5 --source preferred -- echo '"high"'
high=$pid
check_call '{"result":"high"}' p 1
check_call '{"result":"high"}' p 1 ',"to":"preferred"'
kill -TERM "$high"
expect_exit "the preferred provider" "$high" 143
check_call '{"result":"low"}' p 1
kill -TERM "$low"
expect_exit "the other provider" "$low" 143

# The provider in shell of the examples.
start_serve machine 'machine.*' --stream -- "$(dirname "$0")/../../consumer/examples/machine_provider.sh"
machine=$pid
run 0 bus-call machine.load
grep -Eq '^\{"load1":[0-9.]+,"load5":[0-9.]+,"load15":[0-9.]+\}$' out || fail "no load: $(cat out)"
run 0 bus-call machine.disk -a path=/
grep -Eq '^\{"total_kib":[0-9]+,"used_kib":[0-9]+\}$' out || fail "no disk: $(cat out)"
run 70 bus-call machine.disk -a path=7
check_has err 'failed: args must be {"path":"…"}'
run 0 bus-call machine.watch -a rounds=1 --stream
check_equal "its parts" 1 "$(grep -c '^{"load1":' out)"
run 70 bus-call machine.watch
check_has err 'this task answers in parts'
run 70 bus-call machine.fan
check_has err 'no such task: machine.fan'
kill -TERM "$machine"
expect_exit "the provider of the examples" "$machine" 143

# What is the hub's.
run 64 bus-serve bus.mine -- true
check_has err "bus-serve: \"bus.mine\" is below bus., where the tasks are the hub's; take another name"
