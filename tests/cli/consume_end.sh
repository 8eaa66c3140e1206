#!/bin/sh
# bus-consume: every way to end, its reason and its exit status; clean-up belongs to all but the second signal.
. "$(dirname "$0")/lib.sh"

# Time: alone it is a normal end, with -n it is 124.
run 0 bus-consume key --timeout 50ms
check_has err "reason=timeout"
check_has err "events=0"
run 124 bus-consume key -n 1 --timeout 50ms
check_has err "reason=timeout"
check_lacks err "bus-consume: "
# To programs that read errors only, the end is an error.
run 124 bus-consume key -q -n 2 --timeout 50ms --json-errors
check_equal "the error" '{"code":"timed_out","exit":124,"message":"--timeout ran out after 0 of 2 events","hint":"--timeout-ok makes this no failure"}' "$(cat err)"
run 0 bus-consume key -q -n 2 --timeout 50ms --timeout-ok --json-errors
check_empty err

# A KEY with a space is quoted in the lines that scripts read, and pointed out where it is the type as well.
run 0 bus-consume "a b" --timeout 50ms
check_has err 'bus-consume: KEY "a b" has a space and is taken as one type; each of several types is given with -t'
check_has err '[bus] ready event_key="a b"'
check_has err '[bus] end event_key="a b" events=0'
run 0 bus-consume key -t "c d" --timeout 10ms
check_has err 'bus-consume: TYPE "c d" has a space and is taken as one type; each of several types is given with -t'
run 0 bus-consume 'a "b"' -t t --timeout 50ms
check_equal "the ready line" '[bus] ready event_key="a \"b\""' "$(head -n 1 err)"

# Signals: clean-up runs, the exit status says which.
for pair in INT:130 TERM:143 HUP:129; do
  start_consumer "by${pair%:*}" key --last "echo cleaned >cleaned.${pair%:*}"
  kill "-${pair%:*}" "$pid"
  expect_exit "the consumer that got SIG${pair%:*}" "$pid" "${pair#*:}"
  check_has "by${pair%:*}.err" "reason=signal"
  check_equal "what the clean-up of SIG${pair%:*} left" cleaned "$(cat "cleaned.${pair%:*}")"
done

# A second signal skips the clean-up: its command is ended, the program too.
mkfifo hang
start_consumer twice key --last "echo began >began; cat <hang; echo ended >ended"
twice=$pid
kill -INT "$twice"
await began began
kill -TERM "$twice"
expect_exit "the consumer that got two signals" "$twice" 143
[ ! -e ended ] || fail "the clean-up ran to its end"

# One signal while the clean-up runs anyway does not stop it.
mkfifo go
start_consumer once key -n 1 --last "echo began >began2; cat <go; echo ended >ended2"
once=$pid
run 0 bus-publish key --null
await began2 began
kill -INT "$once"
echo on >go
expect_exit "the consumer signalled while it cleaned up" "$once" 0
check_equal "what the clean-up left" ended "$(cat ended2)"

# stdin is read only with --until-eof, and its end is the end.
mkfifo input
# The pipe is opened by a shell of its own, because opening it waits for the other end.
start piped sh -c 'exec bus-consume key --until-eof --last "echo cleaned >cleaned.eof" <input'
piped=$pid
exec 8>input
await piped.err '^\[bus\] ready'
echo ignored >&8
run 0 bus-publish key 1
await piped.out '"seq":1'
exec 8>&-
expect_exit "the consumer whose stdin ended" "$piped" 0
check_has piped.err "reason=eof"
check_has cleaned.eof cleaned
echo untouched >input.txt
{ bus-consume key --timeout 50ms && read -r rest && echo "$rest" >rest; } <input.txt >out 2>err
check_equal "stdin after a consumer without --until-eof" untouched "$(cat rest)"
run 0 bus-consume key --until-eof </dev/null
check_has err "reason=eof"

# A reader that leaves ends it quietly, with clean-up: after a line, and also when nothing more comes.
{
  bus-consume key --last "echo cleaned >cleaned.pipe" 2>head.err
  echo $? >head.code
} | head -n 1 >head.out &
reader=$!
await head.err '^\[bus\] ready'
run 0 bus-publish key 1
wait "$reader"
await head.code '^[0-9]'
check_equal "the exit status before | head -n 1" 0 "$(cat head.code)"
check_has head.err "reason=output-closed"
check_has head.out '"seq":1'
check_equal "lines that head got" 1 "$(lines_in head.out)"
check_has cleaned.pipe cleaned
check_equal "lines on stderr" 2 "$(lines_in head.err)"

# An output that takes nothing is an error, after clean-up.
if [ -e /dev/full ]; then
  start full sh -c 'exec bus-consume key -n 1 --last "echo cleaned >cleaned.full" >/dev/full'
  full=$pid
  await full.err '^\[bus\] ready'
  run 0 bus-publish key 1
  expect_exit "the consumer on /dev/full" "$full" 70
  check_has full.err "cannot write to stdout"
  check_has cleaned.full cleaned
fi
start closed sh -c 'exec bus-consume key -n 1 >&-'
closed=$pid
await closed.err '^\[bus\] ready'
run 0 bus-publish key 1
expect_exit "the consumer without a stdout" "$closed" 70

# A reader that stands still does not keep a signal out.
mkfifo stuck
start stuck sh -c 'exec bus-consume key -t "*" >stuck'
stuck=$pid
exec 7<stuck
await stuck.err '^\[bus\] ready'
awk 'BEGIN { for (i = 0; i < 4000; ++i) print "\"some text to fill the pipe with, line " i "\"" }' |
  bus-publish --lines --type key || fail "publishing ended with $?"
kill -TERM "$stuck"
expect_exit "the consumer with a full pipe" "$stuck" 143
exec 7<&-

# The hub's end is no end of ours, unless --no-reconnect.
start_consumer gone key --no-reconnect --last "echo cleaned >cleaned.gone"
gone=$pid
kill -KILL "$(hub_pid)"
expect_exit "the consumer whose hub was killed" "$gone" 69
check_has gone.err "reason=hub-gone"
check_has cleaned.gone cleaned
