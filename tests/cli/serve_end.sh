#!/bin/sh
# bus-serve: what becomes of a command, and of all that it has started, when its request ends otherwise, and when bus-serve does.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cli/serve_lib.sh
. "$(dirname "$0")/serve_lib.sh"

# A family: the command, a child, and a grandchild in the background; `mild` ones die of SIGTERM, `stubborn` ones do not. All
# write their numbers, and hold stdout and stderr open.
cat >family <<'SCRIPT'
#!/bin/sh
read -r kind
[ "$kind" = '"mild"' ] || trap '' TERM
(
  sh -c 'echo $$ >>"$1"; while :; do sleep 1000; done' sh "$BUSD_TASK" &
  sh -c 'echo $$ >>"$1"; while :; do sleep 1000; done' sh "$BUSD_TASK"
) &
echo $$ >"$BUSD_TASK.self"
echo $$ >>"$BUSD_TASK"
echo "family of $BUSD_TASK" >&2
while :; do sleep 1000; done
SCRIPT
chmod +x family

# all_gone FILE: everybody who is written there.
all_gone() {
  check_equal "the size of the family $1" 3 "$(lines_in "$1")"
  # shellcheck disable=SC2046
  await_gone $(cat "$1")
}

start_serve serve 'f.*' --slots 4 --grace 200ms -- ./family
serve=$pid

# The caller cancels.
mkfifo canceled.in
start_frames canceled canceled.in
exec 7>canceled.in
request_frame f.canceled '"mild"' >&7
await_lines f.canceled 3
echo '{"type":"cancel","id":"q"}' >&7
await canceled.out '"code":"canceled"'
all_gone f.canceled
exec 7>&-

# The caller is gone; the family is stubborn, and gets SIGKILL.
start_caller left f.left '"stubborn"'
left=$pid
await_lines f.left 3
kill -KILL "$left"
all_gone f.left

# The deadline passes.
call f.late '"mild"' ',"timeout_ms":300' >late
check_has late '{"error":{"code":"timeout",'
all_gone f.late

# A command that is stopped, too.
start_caller stopped f.stopped '"mild"'
await_lines f.stopped 3
kill -STOP "$(tail -n 1 f.stopped)"
kill -KILL "$pid"
all_gone f.stopped
await_status '"calls":{"open":0,'

# A command that cleans up at SIGTERM has the time for it, although its shell is gone at once.
# shellcheck disable=SC2016
start_serve tidy t --grace 10s --shell -- 'sh -c "trap \"read -r go <tidy.go; echo tidied >>tidy.log; exit\" TERM; echo began >>tidy.log; sleep 1000 & wait" & wait'
tidy=$pid
mkfifo tidy.go
start_caller untidy t 1
await tidy.log began
kill -KILL "$pid"
await_status '"calls":{"open":0,'
echo go >tidy.go
await tidy.log tidied
kill -TERM "$tidy"
expect_exit "the one with the tidy command" "$tidy" 143

# --- the first signal: no more requests; what runs may end, and its answer arrives

mkfifo go
# shellcheck disable=SC2016
start_serve drain d --slots 1 --drain 60s --shell -- 'echo began >>drain.log; read -r go <go; echo "$go"'
drain=$pid
start_serve second d --priority -1 -- echo second
second=$pid
start_caller drained d 1
await drain.log began
kill -TERM "$drain"
# It provides nothing any more: a new request goes to the other one.
await_status '"task":"d","providers":1,'
check_call '{"result":"second"}' d 2
echo 7 >go
await drained.out '"result":7'
expect_exit "the one that drained" "$drain" 143
check_has drain.err 'requests=1 failed=0 canceled=0 '
kill -TERM "$second"
expect_exit "the second provider" "$second" 143

# Not for longer than --drain: the request fails, and the family is ended.
kill -TERM "$serve"
expect_exit "the idle one" "$serve" 143
start_serve undone 'f.*' --drain 100ms --grace 200ms -- ./family
serve=$pid
start_caller caller f.undone '"stubborn"'
await_lines f.undone 3
kill -INT "$serve"
expect_exit "the one whose time is over" "$serve" 130
check_has caller.out '"error":{"code":"stopping","message":"the provider is ending"}'
all_gone f.undone
check_has undone.err 'requests=1 failed=1 canceled=0 '

# A request that waits for a slot of ours is passed on, not failed: another provider may serve it.
start_serve passing 'f.*' --slots 1 --drain 60s --grace 60s -- ./family
serve=$pid
start_caller caller f.held '"stubborn"'
held=$pid
await_lines f.held 3
kill -KILL "$held"
await_status '"calls":{"open":0,'
start_caller waits f.waits '"mild"'
await_status '"calls":{"open":1,"waiting":0,'
kill -TERM "$serve"
await waits.out '"code":"declined"'
# A second signal: everything at once.
kill -TERM "$serve"
expect_exit "the one that got two signals" "$serve" 143
all_gone f.held

# --- however it ends, nobody is left: SIGKILL, also with requests of each kind open

start_serve killed 'f.*' --slots 4 -- ./family
serve=$pid
start_caller one f.killed1 '"mild"'
start_caller two f.killed2 '"stubborn"'
await_lines f.killed1 3
await_lines f.killed2 3
keeper=$(pgrep -P "$serve" -f bus-serve | head -n 1)
kill -KILL "$serve"
wait "$serve"
all_gone f.killed1
all_gone f.killed2
await_gone "$keeper"
await one.out '"code":"provider_gone"'
await two.out '"code":"provider_gone"'

# Nobody reads stderr: that holds up neither requests nor the end.
mkfifo unread
exec 9<>unread
start unheard sh -c 'exec bus-serve u --drain 100ms --grace 100ms --shell -- "head -c 300000 /dev/zero | tr \"\\0\" e >&2; echo done" 2>unread'
unheard=$pid
await_status '"task":"u","providers":1,'
start_caller caller u 1
await_status '"task":"u","providers":1,"open":1,'
kill -TERM "$unheard"
expect_exit "the one that nobody hears" "$unheard" 143
exec 9>&-

# Without the keeper, commands run all the same.
start_serve keepless k -- echo hi
serve=$pid
kill -KILL "$(pgrep -P "$serve" | head -n 1)"
check_call '{"result":"hi"}' k 1
kill -TERM "$serve"
expect_exit "the one without a keeper" "$serve" 143

# And the kernel still ends the command itself.
start_serve alone 'f.*' -- ./family
serve=$pid
start_caller caller f.alone '"mild"'
await_lines f.alone 3
kill -KILL "$(pgrep -P "$serve" | sed -n 1p)"
kill -KILL "$serve"
wait "$serve"
await_gone "$(cat f.alone.self)"
# shellcheck disable=SC2046 # what is left
kill -KILL $(cat f.alone) 2>/dev/null

# --- the hub

# It stops: the request ends, the family too, and bus-serve provides its task in the next hub.
start_serve stays 'f.*' --grace 200ms -- ./family
serve=$pid
start_caller caller f.hub '"mild"'
await_lines f.hub 3
run 0 bus-stop --force
all_gone f.hub
await_status '"task":"f.*","providers":1,'
check_has stays.err "bus-serve: the connection to the hub broke: "
start_caller caller f.again '"mild"'
await_lines f.again 3
kill -KILL "$pid"
all_gone f.again

# It hangs: the deadline holds all the same.
start_caller caller f.hangs '"mild"' ',"timeout_ms":1000'
await_lines f.hangs 3
hub=$(hub_pid)
kill -STOP "$hub"
all_gone f.hangs
kill -CONT "$hub"
await caller.out '"code":"timeout"'

# --- ctrl-C in a terminal: it reaches bus-serve and not the command, whose answer arrives

kill -TERM "$serve"
expect_exit "the one that stayed" "$serve" 143
if command -v script >/dev/null; then
  mkfifo keys
  # Without a shell between: one that ctrl-C reaches, too, may end before it has said how bus-serve ended.
  # shellcheck disable=SC2016 # the command's shell expands it
  env --default-signal=INT,QUIT script -qec 'exec bus-serve tty --shell -- "echo began >>tty.log; read -r go <go; echo \$go"' /dev/null <keys >screen 2>&1 &
  terminal=$!
  pids="$pids $terminal"
  exec 8>keys
  await screen '\[bus\] ready task=tty'
  start_caller caller tty 1
  await tty.log began
  printf '\003' >&8
  await screen 'waiting for 1 command; a second signal ends everything'
  echo 8 >go
  await caller.out '"result":8'
  expect_exit "the one in the terminal" "$terminal" 130
  exec 8>&-
else
  echo "script is missing: ctrl-C was not tried"
fi
