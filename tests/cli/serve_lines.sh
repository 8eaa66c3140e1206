#!/bin/sh
# bus-serve --lines: one command for all requests, a line in, a line out; what becomes of them when it dies.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/serve_lib.sh
. "$(dirname "$0")/serve_lib.sh"

# One process for all requests, in order; each line is a result like the output of a command.
cat >co <<'SCRIPT'
#!/bin/sh
echo "$$" >>started
echo "up" >&2
while IFS= read -r line; do
  case $line in
    '"json"') echo '{"a": 1.10}' ;;
    '"text"') echo 'some text' ;;
    '"empty"') echo ;;
    '"bytes"') printf 'a\377\n' ;;
    '"long"') awk 'BEGIN { s = "x"; while (length(s) < 1100000) s = s s; print s }' ;;
    '"two"') printf 'one\ntwo\n' ;;
    '"env"') echo "$BUSD_SOCKET|$BUSD_TASK" ;;
    '"exit"') echo "why" >&2; exit 3 ;;
    '"end"') exit 0 ;;
    '"kill"') kill -9 $$ ;;
    '"close"') exec >&-; while :; do sleep 1000; done ;;
    '"hold"') echo held >>held.log; read -r go <go; echo "$go" ;;
    *) printf '%s\n' "$line" ;;
  esac
done
echo "input ended" >>ended.log
SCRIPT
chmod +x co
start_serve serve 'l.*' --lines -- ./co
serve=$pid
check_call '{"result":{"n": 1.10,"s":"é\u2028"}}' l.a '{"n": 1.10,"s":"é\u2028"}'
check_call '{"result":{"a": 1.10}}' l.a '"json"'
check_call '{"result":"some text"}' l.b '"text"'
check_call '{"result":null}' l.a '"empty"'
check_call '{"error":{"code":"bad_result","message":"byte 2 of what the command printed is not UTF-8"}}' l.a '"bytes"'
check_call '{"error":{"code":"too_large","message":"the line that the command printed is longer than a frame may be (1048576 bytes)"}}' l.a '"long"'
check_call "{\"result\":\"$BUSD_SOCKET|\"}" l.a '"env"'
check_equal "how often it was started" 1 "$(lines_in started)"
check_has serve.err up

# A line without an end is too long at some time; another process takes its place.
# shellcheck disable=SC2016 # its shell expands it
start_serve endless e --lines --shell -- 'while read -r line; do [ "$line" = 1 ] || exec tr "\0" a </dev/zero; echo "$line"; done'
check_call '{"error":{"code":"too_large","message":"the line that the command printed is longer than a frame may be (1048576 bytes)"}}' e 0
check_call '{"result":1}' e 1
kill -TERM "$pid"
expect_exit "the one of the endless line" "$pid" 143

# Requests that come together are served one after the other.
mkfifo go
start_caller one l.a '"hold"'
await held.log held
start_caller two l.a '"json"'
await_status '"calls":{"open":2,"waiting":1,'
check_empty two.out
echo 7 >go
await one.out '"result":7'
await two.out '"result":{"a": 1.10}'

# A line too many is no answer to the next request, if it is there before that; people are told.
check_call '{"result":"one"}' l.a '"two"'
await serve.err 'COMMAND printed a line that no request asked for'
check_call '{"result":2}' l.a 2

# It dies: the open request fails, the next one gets a new process.
check_call '{"error":{"code":"failed","message":"why","data":{"exit":3}}}' l.a '"exit"'
check_call '{"result":2}' l.a 2
check_call '{"error":{"code":"failed","message":"the command was ended by signal 9 before it answered","data":{"signal":9}}}' l.a '"kill"'
check_call '{"result":2}' l.a 2
check_call '{"error":{"code":"failed","message":"the command ended with status 0 before it answered","data":{"exit":0}}}' l.a '"end"'
check_call '{"result":2}' l.a 2
check_call '{"error":{"code":"failed","message":"the command closed its stdout before it answered"}}' l.a '"close"'
check_call '{"result":2}' l.a 2
check_equal "how often it was started" 5 "$(lines_in started)"
# While nobody asks for anything, too.
kill -KILL "$(tail -n 1 started)"
await_gone "$(tail -n 1 started)"
check_call '{"result":2}' l.a 2

# A request that ends otherwise ends the process, lest its line answers the next one.
start_caller gone l.a '"hold"'
await_lines held.log 2
kill -KILL "$pid"
check_call '{"result":3}' l.a 3
call l.a '"hold"' ',"timeout_ms":300' >late
check_has late '"code":"timeout"'
check_call '{"result":4}' l.a 4
check_equal "how often it was started" 8 "$(lines_in started)"

# The first signal: the line that is being worked on is answered; then its input ends, so that it can end by itself.
rm held.log
start_caller last l.a '"hold"'
await held.log held
kill -TERM "$serve"
await_status '"task":"l.*","providers":0,'
echo '"done"' >go
await last.out '"result":"done"'
expect_exit "bus-serve" "$serve" 143
check_has ended.log "input ended"
check_equal "how often a line that nobody asked for was told" 1 "$(grep -c 'no request asked for' serve.err)"

# Several at once.
rm started held.log
start_serve several l --lines --slots 2 -- ./co
several=$pid
start_caller one l '"hold"'
await held.log held
check_call '{"result":1}' l 1
check_equal "how many were started" 2 "$(lines_in started)"
echo 1 >go
await one.out '"result":1'
kill -TERM "$several"
expect_exit "the one with two" "$several" 143

# One that cannot live is not started again and again: at once after the first death, then after 100 ms, 200 ms, 400 ms, …
start_serve storm l --lines --shell -- 'echo started >>storm.log; echo no luck >&2; exit 1'
storm=$pid
before=$(date +%s%N)
for n in 1 2 3 4 5; do check_call '{"error":{"code":"failed","message":"no luck","data":{"exit":1}}}' l "$n"; done
after=$(date +%s%N)
check_equal "how often it was started" 5 "$(lines_in storm.log)"
[ $(((after - before) / 1000000)) -ge 700 ] || fail "five starts took only $(((after - before) / 1000000)) ms"
# A request whose time runs out while it waits for that starts nothing.
call l 6 ',"timeout_ms":1' >late
check_has late '"code":"timeout"'
check_equal "how often it was started" 5 "$(lines_in storm.log)"
kill -TERM "$storm"
expect_exit "the one that cannot live" "$storm" 143

# jq as it is in --help.
start_serve jq math.square --lines -- jq -c --unbuffered '. * .'
check_call '{"result":49}' math.square 7
check_call '{"result":64}' math.square 8
kill -TERM "$pid"
expect_exit "the one with jq" "$pid" 143
