#!/bin/sh
# What a terminal sees: colour, width, the live view, the rate of a long stream. script(1) plays the terminal.
. "$(dirname "$0")/lib.sh"

if ! command -v script >/dev/null; then
  echo "script is missing: nothing of this can be tested"
  exit 0
fi
escape=$(printf '\033')
# on_terminal COMMAND: runs it on a terminal of 60 columns; what it showed is in `screen`, and its exit status is ours.
on_terminal() {
  script -qec "stty cols 60 rows 20; $1" /dev/null </dev/null >screen 2>&1
}

start_hub
start_consumer long "a.key.that.is.much.longer.than.a.quarter.of.the.terminal" -t a.type.that.is.long.as.well -t another.type
long=$pid

# Colour on a terminal, not with NO_COLOR, not on a dumb one; never wider than the terminal.
on_terminal bus-status || fail "bus-status ended with $?: $(cat screen)"
check_has screen "${escape}[1mhub     pid"
check_has screen "…"
check_equal "lines wider than 60 columns" 0 "$(sed "s/${escape}\[[0-9]*m//g" screen | tr -d '\r' | LC_ALL=C.UTF-8 grep -cE '^.{61}')"
NO_COLOR=1 on_terminal bus-status || fail "bus-status ended with $?"
check_lacks screen "$escape"
check_has screen "hub     pid"
TERM=dumb on_terminal bus-status || fail "bus-status ended with $?"
check_lacks screen "$escape"
on_terminal "bus-status --bogus"
check_has screen "${escape}[31mbus-status:${escape}[0m "
NO_COLOR=1 on_terminal "bus-status --bogus"
check_lacks screen "$escape"

# Digits are grouped for people alone.
seq 1500 | bus-publish --lines --type a.type || fail "bus-publish ended with $?"
NO_COLOR=1 on_terminal bus-status || fail "bus-status ended with $?"
check_has screen "events  1 500 published"
run 0 bus-status
check_has out "events  1500 published"

# The live view has a screen of its own, and gives the old one back.
mkfifo started
# shellcheck disable=SC2016 # the terminal's shell expands it
on_terminal 'bus-status --watch 50ms & live=$!; echo >started; read -r go <go; kill -TERM $live; wait $live; echo ended $?' &
screen_pid=$!
mkfifo go
read -r _ <started
await screen "hub     pid"
echo >go
wait "$screen_pid"
check_has screen "${escape}[?1049h"
check_has screen "ended 143"
check_equal "what comes last" "${escape}[?1049l" "$(grep -o "${escape}\[?1049[hl]" screen | tail -n 1)"

# A long stream shows its rate, in place, and clears it; a pipe and -q do not.
mkfifo input
on_terminal 'bus-publish --lines --type t <input' &
stream=$!
exec 8>input
echo 1 >&8
# The line has no end; its rewriting begins with a CR.
timeout 10 tail -n +1 -F screen 2>/dev/null | stdbuf -oL tr '\r' '\n' | grep -qm1 '1 line, ' ||
  fail "no rate line: $(cat screen)"
exec 8>&-
wait "$stream" || fail "the stream ended with $?"
check_has screen "bus-publish: 1 line, "
# The summary comes where the rate line was cleared.
tr '\r' '\n' <screen >lines
check_has lines "${escape}[K[bus] published 1 event, 0 refused, in "

# Ctrl-C on a terminal says what is still waited for, and that a second one ends it; what a stream did is said in any case.
mkfifo keys hold
# begin_on_terminal COMMAND: in the background, as the job in the foreground of a terminal; $job is its process. What is written to
# descriptor 7 is typed.
begin_on_terminal() {
  : >screen
  env --default-signal=INT,QUIT script -qec "stty cols 60 rows 20; $1" /dev/null <keys >screen 2>&1 &
  job=$!
  pids="$pids $job"
  exec 7>keys
}
press_ctrl_c() { printf '\003' >&7; }
# ends_on_terminal CODE
ends_on_terminal() {
  expect_exit "the program on the terminal" "$job" "$1"
  exec 7>&-
}
begin_on_terminal "bus-consume cleans --last 'read -r _ <hold'"
await screen '^\[bus\] ready'
press_ctrl_c
await screen "running --last; a second signal ends it"
echo >hold
ends_on_terminal 130
await screen "reason=signal"
begin_on_terminal "bus-consume cleans --last 'read -r _ <hold'"
await screen '^\[bus\] ready'
press_ctrl_c
await screen "running --last; a second signal ends it"
press_ctrl_c
ends_on_terminal 130
check_lacks screen "reason=signal"
begin_on_terminal "bus-consume runs --exec 'echo begun; read -r _ <hold'"
await screen '^\[bus\] ready'
bus-publish runs 1 || fail "bus-publish ended with $?"
await screen begun
press_ctrl_c
await screen "waiting for 1 command of --exec; a second signal ends it"
echo >hold
ends_on_terminal 130
begin_on_terminal "bus-publish --lines --type t <input"
exec 8>input
echo 1 >&8
timeout 10 tail -n +1 -F screen 2>/dev/null | stdbuf -oL tr '\r' '\n' | grep -qm1 '1 line, ' || fail "no rate line: $(cat screen)"
press_ctrl_c
ends_on_terminal 130
exec 8>&-
tr '\r' '\n' <screen >lines
check_has lines "${escape}[K[bus] published 1 event, 0 refused, in "

# How far a call has come is shown on stderr where that is a terminal, in place, and cleared before the result.
start_provider tasks t.progress t.hold t.echo
provider=$pid
begin_on_terminal "bus-call t.progress"
timeout 10 tail -n +1 -F screen 2>/dev/null | stdbuf -oL tr '\r' '\n' | grep -qm1 'bus-call: 3 of 9 (33 %): linking' ||
  fail "no progress: $(cat screen)"
kill -USR1 "$provider"
ends_on_terminal 0
tr '\r' '\n' <screen >lines
check_has lines "${escape}[Knull"
begin_on_terminal "bus-call t.progress -q"
await tasks.out '"id":"[^"]*\.2","task":"t.progress"'
kill -USR1 "$provider"
ends_on_terminal 0
check_lacks screen linking

# Ctrl-C cancels a call, and its provider is told; a second one ends bus-call at once.
begin_on_terminal "bus-call t.hold"
await tasks.out '"task":"t.hold"'
press_ctrl_c
ends_on_terminal 130
await tasks.out '^{"type":"cancel",.*"reason":"canceled"}'
begin_on_terminal "bus-call t.hold --timeout never"
await tasks.out '"id":"[^"]*\.4","task":"t.hold"'
kill -STOP "$hub"
press_ctrl_c
press_ctrl_c
ends_on_terminal 130
kill -CONT "$hub"

# Ctrl-C reaches a COMMAND that bus-value holds a value for once, from the terminal; other signals are passed on, in order.
cat >counts <<'END'
#!/bin/sh
trap 'echo INT >>caught' INT
trap 'echo HUP >>caught; exit 3' HUP
mkfifo nothing
echo $PPID >holder
while :; do read -r line <nothing; done
END
chmod +x counts
# Without a shell between, which would end by the signal, too.
begin_on_terminal "exec bus-value put held 1 --while -- ./counts"
await holder '^[0-9]'
press_ctrl_c
await caught INT
kill -HUP "$(cat holder)"
ends_on_terminal 3
check_equal "the signals that COMMAND got" "INT HUP" "$(xargs <caught)"

# Of --raw, a terminal gets no control characters but line ends and tabs.
run 0 bus-call t.echo '"a\u001b[31m\tb\nc"' --raw
check_equal "raw text in a file" "$(printf 'a\033[31m\tb\nc')" "$(cat out)"
NO_COLOR=1 on_terminal "bus-call t.echo '\"a\u001b[31m\tb\nc\"' --raw" || fail "bus-call ended with $?"
check_equal "raw text on a terminal" "$(printf 'a\\x1b[31m\tb\nc')" "$(tr -d '\r' <screen)"
kill -TERM "$provider"
wait "$provider"

kill -TERM "$long"
expect_exit "the consumer" "$long" 143
