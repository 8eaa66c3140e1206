#!/bin/sh
# bus-call: one call, what it prints, and how it ends.
. "$(dirname "$0")/lib.sh"

# ---- No hub: none is started, because a new one would have no providers; with --wait one is

for task in math.add bus.status; do
  run 69 bus-call $task
  check_empty out
  check_has err "bus-call: no hub runs at $BUSD_SOCKET"
  check_has err "; --wait starts one, and waits until somebody provides the task"
done
run 69 bus-call math.add --json-errors
check_equal "the error" "{\"code\":\"no_hub\",\"exit\":69,\"message\":\"no hub runs at $BUSD_SOCKET (the path is from \$BUSD_SOCKET)\",\"hint\":\"--wait starts one, and waits until somebody provides the task\",\"path\":\"$BUSD_SOCKET\"}" "$(cat err)"
run 69 bus-call math.add --wait --no-start
check_lacks err "--wait starts one"
[ ! -e "$BUSD_SOCKET" ] || fail "a call started a hub"
start waits bus-call math.add --wait
waits=$pid
await_status '"calls":{"open":1,"waiting":1,'
kill -INT "$waits"
expect_exit "the call that waited for a provider" "$waits" 130
run 0 bus-stop

start_hub
start_provider tasks t.echo t.code t.stream t.total t.hold t.die 't.only' 'bus.source.*'
provider=$pid

# ---- Args

result() { # WANTED ARGUMENT…: what t.echo gets of these
  meant=$1
  shift
  run 0 bus-call t.echo "$@"
  check_equal "the args of bus-call t.echo $*" "$meant" "$(cat out)"
  check_empty err
}
result null
result '{"a":1.10,"b":[ 1e400 ]}' '{"a":1.10,"b":[ 1e400 ]}'
result '"text"' '"text"'
result -5 -5
result '{"user":{"name":"tony","age":-3},"n":5,"ok":true}' -a user.name=tony -a n=5 -a user.age=-3 -a ok=true
result '{"a":null,"b":false,"c":"1.5","d":"007","e":"","f":"True"}' -a a=null -a b=false -a c=1.5 -a d=007 -a e= -a f=True
result '{"list":[1,2],"s":"5","nested":{"x":{"y":1}}}' -a list:='[1,2]' -a s:='"5"' -a nested:='{"x":{"y":1}}'
result '{"k":"a=b","q":"\"\\\""}' -a k=a=b -a 'q="\"'
result '{"a":1.10,"user":{"x":1e400,"y":2},"z":3}' ' {"a": 1.10, "user": {"x":1e400} }' -a user.y=2 -a z=3
result '{"o":{"x":1,"y":2}}' -a 'o:={"x":1}' -a o.y=2
printf '{\n  "a": 1,\n  "b": "two"\n}\n' >in
run 0 bus-call t.echo - <in
check_equal "args from stdin" '{   "a": 1,   "b": "two" }' "$(cat out)"
run 0 bus-call t.echo - -a c=3 <in
check_equal "args from stdin, and one more" '{"a":1,"b":"two","c":3}' "$(cat out)"
# Stdin is read only where that is asked for.
echo '"unread"' >in
run 0 bus-call t.echo <in
check_equal "args without -" null "$(cat out)"

bad_args() { # CODE TEXT ARGUMENT…
  code=$1
  text=$2
  shift 2
  run "$code" bus-call t.echo "$@"
  check_empty out
  check_equal "what bus-call t.echo $* says" "bus-call: $text" "$(cat err)"
}
bad_args 65 'ARGS: not JSON at byte 1: Invalid value; a JSON string is written '\''"hello"'\'', and a member of an object -a NAME=VALUE' hello
bad_args 65 'ARGS: not JSON at byte 2: Missing a name for object member; the names of members need double quotes, and in a shell the whole needs single ones: '\''{"a": …}'\' '{a:1}'
bad_args 65 'ARGS are empty; leave ARGS out for a call without args' ''
bad_args 65 'stdin is empty; leave ARGS out for a call without args' - </dev/null
bad_args 65 'the args on stdin are longer than a frame may be (1048576 bytes)' - </dev/zero
bad_args 64 '-a a.b=2: "a" is 1 already, and no object; give each value once, in ARGS or by -a' -a a=1 -a a.b=2
bad_args 64 '-a a=1: "a" has members already; give each value once, in ARGS or by -a' -a a.b=2 -a a=1
bad_args 64 '-a a.b=2: "a.b" is 1 already; give each value once, in ARGS or by -a' '{"a":{"b":1}}' -a a.b=2
bad_args 64 'ARGS is no object, so that -a a=1 has no place in it; give an object, or leave ARGS out' '[1]' -a a=1
bad_args 64 '-a: "b" has no "="; write -a NAME=VALUE for a string or a number, -a NAME:=JSON for any JSON' -a b
bad_args 64 '-a: "a..b=1" has an empty name before the "="; dots separate names, and a name with a dot is written in ARGS' -a a..b=1
bad_args 64 '-a: "l:=[1,2": the value is not JSON at byte 5: Missing a comma or '\'']'\'' after an array element; a string is given as l=VALUE, without the colon' -a l:='[1,2'
bad_args 64 'one ARGS only; "2" is a second one; put quotes around ARGS that contain spaces; a member is given by -a NAME=VALUE' 1 2
# What only the library sees: too large for a frame.
head -c 1048570 /dev/zero | tr '\0' 1 >in
run 65 bus-call t.echo - <in
check_has err "the frame has "

# ---- Results and errors

run 0 bus-call t.echo '"h\u0065llo\nworld \ud83d\ude00"' --raw
check_equal "a raw string" "$(printf 'hello\nworld 😀')" "$(cat out)"
run 0 bus-call t.echo '{"s":"a"}' --raw
check_equal "a raw object" '{"s":"a"}' "$(cat out)"
run 0 bus-call bus.status
check_has out "{\"pid\":$hub,"
run 0 bus-call bus.tasks
check_has out '"task":"t.echo"'
run 0 bus-call bus.sync
check_equal "the result of bus.sync" null "$(cat out)"

run 69 bus-call t.ecko
check_empty out
check_equal "an unknown task" "bus-call: no_provider: nobody provides t.ecko; t.echo is provided by pid $provider; --wait waits until somebody does" "$(cat err)"
run 69 bus-call t.echo --to nobody
check_has err "no_provider"
run 70 bus-call t.code '"bad_luck"'
check_empty out
check_equal "a failure" "bus-call: bad_luck: it said bad_luck" "$(cat err)"
run 70 bus-call t.code '"bad_luck"' --json-errors
check_equal "a failure as JSON" '{"code":"call_failed","exit":70,"message":"bad_luck: it said bad_luck","hint":"","error":{"code":"bad_luck","message":"it said bad_luck","data":{"of":"t.code"}}}' "$(cat err)"
# What the hub's own codes mean counts only where the hub says them.
for code in no_provider busy timeout lost; do
  run 70 bus-call t.code "\"$code\""
  check_has err "bus-call: $code: it said $code"
done
run 70 bus-call t.code '"declined"'
check_has err "bus-call: declined: "
run 70 bus-call t.code '"esc\u009b\u202e"' --json-errors
check_lacks err "$(printf '\302\233')"
check_has err '"data":{"of":"t.code"}}}'
run 69 bus-call t.ecko --json-errors
check_has err '{"code":"no_provider","exit":69,"message":"no_provider: nobody provides t.ecko'
check_has err '"error":{"code":"no_provider","message":"nobody provides t.ecko; t.echo is provided by pid '"$provider"'","by":"hub"}}'
run 124 bus-call t.none --wait --timeout 500ms
check_has err "bus-call: timeout: nobody provided t.none in time"
run 124 bus-call t.hold --timeout 500ms
check_has err "bus-call: timeout: pid $provider did not answer in time"
await tasks.out '^{"type":"cancel",.*"reason":"timeout"}'
run 124 bus-call t.hold --timeout 500ms --json-errors
check_has err '{"code":"timed_out","exit":124,'
run 70 bus-call t.die
check_has err "bus-call: provider_gone: "
expect_exit "the provider that died" "$provider" 0
start_provider tasks t.echo t.stream t.total t.hold t.flood
provider=$pid

# ---- What goes with a call

run 0 bus-call t.echo --idempotent --timeout never
await tasks.out '"task":"t.echo","from"'
TRACEPARENT=00-4bf9-00 run 0 bus-call t.echo 1
await tasks.out '"traceparent":"00-4bf9-00","args":1}'
# One of several providers, by the name of its source.
start_provider named --source one t.echo
for number in 1 2 3; do run 0 bus-call t.echo $number --to one; done
check_equal "calls to one source" 3 "$(grep -c '"task":"t.echo"' named.out)"
kill -TERM "$pid"
wait "$pid"
# A call with --wait, for a provider that comes later.
start early bus-call later.echo 7 --wait
early=$pid
await_status '"calls":{"open":1,"waiting":1,'
start_provider later later.echo
expect_exit "the call that waited" "$early" 0
check_equal "its result" 7 "$(cat early.out)"

# ---- Streams

run 0 bus-call t.stream 3 --stream
check_equal "parts" '{"n":1}
{"n":2}
{"n":3}' "$(cat out)"
run 0 bus-call t.total 2 --stream
check_equal "parts and a result" '{"n":1}
{"n":2}
2' "$(cat out)"
# They come while the call goes on; who reads slowly makes the hub pause the provider, and loses nothing.
mkfifo parts parts2
start flood sh -c 'exec bus-call t.flood --stream --timeout never >parts'
flood=$pid
exec 7<parts
await tasks.out '"type":"pause"'
# shellcheck disable=SC2034 # it is read away
for _ in 1 2 3; do
  read -r line <&7
  [ "${#line}" -eq 1002 ] || fail "a part was: $line"
done
# A signal ends it although stdout takes nothing.
start full sh -c 'exec bus-call t.flood --stream --timeout never >parts2'
full=$pid
exec 6<parts2
timeout 10 tail -n +1 -F tasks.out 2>/dev/null | grep -m 2 -c '"type":"pause"' >counted
kill -INT "$full"
expect_exit "the reader that reads nothing" "$full" 130
exec 6<&-
# Who closes stdout ends the call, and nothing is lost silently.
exec 7<&-
expect_exit "the reader that left" "$flood" 70
check_equal "what it said" "bus-call: stdout was closed before everything was written to it" "$(cat flood.err)"
await tasks.out '^{"type":"cancel",.*"reason":"canceled"}'
run 70 sh -c 'bus-call t.echo 1 >/dev/full'
check_has err "bus-call: cannot write to stdout: No space left on device"
run 70 sh -c 'bus-call t.echo 1 >&-'
check_has err "bus-call: cannot write to stdout: Bad file descriptor"
# Also while nothing comes.
start gone sh -c 'exec bus-call t.hold >parts'
gone=$pid
exec 7<parts
await tasks.out '"task":"t.hold"'
exec 7<&-
expect_exit "the call whose reader left" "$gone" 70

# ---- Signals: the call is canceled, and its provider is told before the program ends

for signal in INT:130 TERM:143 HUP:129; do
  cancels=$(grep -c '"reason":"canceled"' tasks.out)
  requests=$(grep -c '"task":"t.hold"' tasks.out)
  start held bus-call t.hold
  held=$pid
  timeout 10 tail -n +1 -F tasks.out 2>/dev/null | grep -m $((requests + 1)) -c '"task":"t.hold"' >counted
  kill "-${signal%:*}" "$held"
  expect_exit "the call that got ${signal%:*}" "$held" "${signal#*:}"
  check_empty held.out
  check_empty held.err
  timeout 10 tail -n +1 -F tasks.out 2>/dev/null | grep -m $((cancels + 1)) -c '"reason":"canceled"' >counted
  check_equal "cancels with the reason canceled" $((cancels + 1)) "$(cat counted)"
done

# ---- The hub goes, or is not there for us

# Names are UTF-8, and a file that may not grow is an error like any other.
run 64 bus-call "$(printf '\377')"
check_has err 'is not UTF-8'
(ulimit -f 0 && bus-call bus.tasks >full; echo "ended $?") 2>&1 | cat >limited
check_has limited 'File too large'
check_has limited 'ended 70'

kill -STOP "$hub"
run 124 bus-call t.echo --timeout 100ms
kill -CONT "$hub"
start stopped bus-call t.hold
stopped=$pid
await_status '"calls":{"open":1,'
kill -TERM "$hub"
expect_exit "the call when its hub stopped" "$stopped" 75
check_equal "what it said" "bus-call: stopping: the hub stops" "$(cat stopped.err)"
expect_exit "the hub" "$hub" 0
wait "$provider"
start_hub --waiting-calls 1
start_provider tasks --slots 1 t.hold
start killed bus-call t.hold
killed=$pid
await_status '"calls":{"open":1,"waiting":0,'
# One more waits for the slot, and for a third there is no room.
start waits bus-call t.hold
waits=$pid
await_status '"calls":{"open":2,"waiting":1,'
run 75 bus-call t.hold --json-errors
check_has err '{"code":"busy","exit":75,"message":"busy: '
kill -INT "$waits"
expect_exit "the call that waited for a slot" "$waits" 130
kill -KILL "$hub"
expect_exit "the call when its hub was killed" "$killed" 75
check_has killed.err "bus-call: lost: the connection broke before the answer came; whether the work was done is unknown"
check_equal "lines on stderr" 1 "$(lines_in killed.err)"

# No hub at all, or one that is too old for calls.
need_socat
play "$ack; cat"
run 76 bus-call t.echo --json-errors
check_has err '{"code":"not_a_hub","exit":76,"message":"the hub is too old for calls"'
play 'echo hello; cat'
run 76 bus-call t.echo
