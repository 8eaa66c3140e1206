#!/bin/sh
# bus-consume: --first and --last, whose they are, and exclusive scopes.
. "$(dirname "$0")/lib.sh"

# They see the key, the scope and the socket; their output goes to stderr; stdin is not theirs.
# shellcheck disable=SC2016 # the command's shell expands it
start_consumer env board --subscription-id board:7 -n 1 --payload \
  --first 'echo "first $BUSD_KEY $BUSD_SUBSCRIPTION_ID $BUSD_SOCKET"; cat; echo read' \
  --last 'echo "last $BUSD_KEY $BUSD_SUBSCRIPTION_ID $BUSD_SOCKET"'
env=$pid
check_equal "stderr until ready" "first board board:7 $BUSD_SOCKET
read
[bus] ready event_key=board" "$(head -n 3 env.err)"
run 0 bus-publish board 1
expect_exit "the consumer with hooks" "$env" 0
check_equal "stdout" 1 "$(cat env.out)"
check_has env.err "last board board:7 $BUSD_SOCKET"

# The first of a scope sets up, whoever is last cleans up; another scope is another matter.
start_consumer one key --first "echo one >>set_up" --last "echo one >>cleaned"
one=$pid
start_consumer two key --first "echo two >>set_up" --last "echo two >>cleaned"
two=$pid
start_consumer three key --subscription-id own --first "echo three >>set_up" --last "echo three >>cleaned"
three=$pid
check_equal "who set up" "one three" "$(tr '\n' ' ' <set_up | sed 's/ $//')"
kill -TERM "$one"
expect_exit "the first" "$one" 143
[ ! -e cleaned ] || fail "cleaned up although another was there: $(cat cleaned)"
kill -TERM "$two"
expect_exit "the second" "$two" 143
check_equal "who cleaned up" two "$(cat cleaned)"
kill -TERM "$three"
expect_exit "the third" "$three" 143
check_equal "who cleaned up at last" "two three" "$(tr '\n' ' ' <cleaned | sed 's/ $//')"

# A set-up that fails ends it with 70, before ready, and with clean-up.
run 70 bus-consume key --first "exit 3" --last "echo undone >undone"
check_has err "--first ended with status 3: exit 3"
check_lacks err "ready"
check_has undone undone
run 70 bus-consume key --first "kill -9 \$\$"
check_has err "--first was ended by signal 9"

# So does a clean-up that fails, at the end.
run 70 bus-consume key --timeout 10ms --last false
check_has err "--last ended with status 1: false"
check_has err "reason=timeout"

# A signal while the set-up runs ends the set-up, and undoes it.
mkfifo hang
start early bus-consume key --first "echo began >began; cat <hang" --last "echo undone >early_undone"
early=$pid
await began began
kill -TERM "$early"
expect_exit "the consumer ended in its set-up" "$early" 143
check_has early_undone undone
check_lacks early.err ready

# So it is in a set-up after a reset; that it was ended is no failure of its own.
mkfifo again_hang
start_consumer again again --first 'test ! -e again_twice || { echo began >again_began; cat <again_hang; }' --last true
again=$pid
: >again_twice
run 0 bus-stop --force
await again_began began
kill -TERM "$again"
expect_exit "the consumer ended in its second set-up" "$again" 143
check_has again.err "reason=signal"
check_lacks again.err "on_first"
check_lacks again.err "--first was ended"

# While one cleans up, the next one for the scope waits, and is then the first.
mkfifo slow
start_consumer leaving key --last "echo began >leaving_began; cat <slow"
leaving=$pid
kill -TERM "$leaving"
await leaving_began began
start waiting bus-consume key --timeout 10ms --first "echo set up >waiting_first"
waiting=$pid
await_status '"waiting":1'
run 0 bus-status
check_has out "CLEAN-UP LOCK"
[ ! -e waiting_first ] || fail "set up during the clean-up"
echo on >slow
expect_exit "the leaving one" "$leaving" 143
expect_exit "the waiting one" "$waiting" 0
check_has waiting_first "set up"

# Several that end together, by one event: exactly one cleans up.
for i in 1 2 3; do
  start_consumer "together$i" key -t together -n 1 --last "echo $i >>together"
  eval "together$i=\$pid"
done
run 0 bus-publish together 1
# shellcheck disable=SC2154 # set by eval
for together in "$together1" "$together2" "$together3"; do
  expect_exit "one of those that end together" "$together" 0
done
check_equal "how many cleaned up" 1 "$(lines_in together)"
run 0 bus-status
check_lacks out "clean-up"

# One that is killed does not clean up, and bus-status says so.
start_consumer killed key --last "echo never >>never"
killed=$pid
kill -KILL "$killed"
expect_exit "the killed one" "$killed" 137
await_status '"uncleaned":1'
run 0 bus-status
check_has out "scopes  1 was left without a clean-up"
[ ! -e never ] || fail "the killed one cleaned up"

# Exclusive: the scope alone.
start_consumer alone key --exclusive
alone=$pid
run 75 bus-consume key
check_has err "held exclusively"
check_has err "pid $alone"
run 75 bus-consume key --exclusive
run 0 bus-consume key --subscription-id elsewhere --timeout 10ms
kill -TERM "$alone"
expect_exit "the exclusive one" "$alone" 143
run 0 bus-consume key --exclusive --timeout 10ms

# An observer belongs to its scope, and status tells it from the others.
start_consumer watching key --observe
watching=$pid
run 0 bus-status --json
check_has out '"observer":true'
kill -TERM "$watching"
expect_exit "the observer" "$watching" 143

# A clean-up by a task is named in the hello; names below "bus." are the hub's.
run 64 bus-consume key --cleanup-task bus.sync
check_has err '--cleanup-task: "bus.sync" is below bus.'
run 64 bus-consume cleans --cleanup-task "sweep.*"
check_has err "is a pattern; name one task"
start_consumer swept key --cleanup-task sweep
kill -KILL "$pid"
expect_exit "the killed one" "$pid" 137
