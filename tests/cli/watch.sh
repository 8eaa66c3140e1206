#!/bin/sh
# bus-status --watch: keys, sizes, every way of ending, hubs that come and go. script(1) plays the terminal.
. "$(dirname "$0")/lib.sh"

start_hub
start_consumer one key.of.one
one=$pid
start_consumer two key.of.two
two=$pid
start_consumer three key.of.three
three=$pid

# Into a pipe: snapshots with the time of each, rates from the second one on, digits as programs read them.
seq 1500 | bus-publish --lines --type key.of.one
start pipe bus-status --watch 50ms
pipe=$pid
await pipe.out '^out     [0-9]'
kill -INT "$pipe"
expect_exit "the live view into a pipe" "$pipe" 130
check_equal "what comes first" 1 "$(head -n 1 pipe.out | grep -cE '^time    [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[+-][0-9]{4}$')"
check_equal "the line before the second time" "" "$(awk '/^time /&& ++n == 2 { print before } { before = $0 }' pipe.out)"
check_equal "rates in the first snapshot" "in      -" "$(grep -m1 '^in ' pipe.out)"
check_has pipe.out "PROGRAM      LOSS  EVENTS/S  BYTES/S  LAG  DROPS/S  DROPPED  QUEUE  TYPES"
run 0 bus-status
check_has out "events  1500 published"
check_lacks pipe.out "$(printf '\033')"

# A hub that ends while it is watched is missed once, not at every look; another one is told from it.
start gone bus-status --watch 50ms
gone=$pid
await gone.out '^hub     pid'
old=$hub
kill -TERM "$one" "$two" "$three"
expect_exit "one" "$one" 143
expect_exit "two" "$two" 143
expect_exit "three" "$three" 143
kill -TERM "$hub"
expect_exit "the hub" "$hub" 0
await gone.err "no hub runs at"
start_hub
await gone.out "^notice  the hub with pid $old was replaced by one with pid $hub"
check_equal "lines about the hub that ended" 1 "$(grep -c 'no hub runs at' gone.err)"
if grep -E '(^(in|out) +|  )-[0-9]' gone.out; then fail "a rate is negative"; fi
kill -INT "$gone"
expect_exit "the live view" "$gone" 130

if ! command -v script >/dev/null; then
  echo "script is missing: the live view on a terminal is not tested"
  exit 0
fi
for n in one two three; do start_consumer "again_$n" "key.of.$n"; done

# A shell on a terminal: what is written to descriptor 7 is typed there. What it shows is in `screen`, one word to a line.
mkfifo keys shown
stdbuf -oL tr '\033\r ' '\n\n\n' <shown >screen &
pids="$pids $!"
env --default-signal=INT,QUIT script -qec "ulimit -c 0; stty cols 100 rows 10; tty >tty; PS1= exec bash --norc --noediting -i" /dev/null <keys >shown 2>&1 &
pids="$pids $!"
exec 7>keys
type_keys() { printf '%b' "$1" >&7; }
# await_entered: the live view has its screen, once more than before.
entered=0
await_entered() {
  entered=$((entered + 1))
  got=$(timeout 10 tail -n +1 -F screen 2>/dev/null | grep -m "$entered" -cF '[?1049h')
  check_equal "how often there was a screen of its own" "$entered" "$got"
}
# await_given_back MARK: the shell has the terminal again, with its settings and its screen.
await_given_back() {
  type_keys "stty -a | grep -q ' icanon .* echo ' && echo $1-\$((1))\n"
  await screen "^$1-1\$"
  check_equal "the last switch of screens ($1)" '[?1049l' "$(grep -ao '\[?1049[hl]' screen | tail -n 1)"
  check_equal "the cursor ($1)" '[?25h' "$(grep -ao '\[?25[hl]' screen | tail -n 1)"
}
# watch_as NAME LOCALE: the live view; its process is in $live.
mkfifo started
watch_as() {
  type_keys "LC_ALL=$2 sh -c 'echo \$\$ >started; exec bus-status --watch 50ms'; echo $1-ended-\$?\n"
  read -r live <started
  await_entered
}

# The locale decides how the bars look, and the height how many rows there are.
watch_as ascii C
await screen '^\[2K\.\.\.$'
await screen '^more$'
type_keys q
await screen 'ascii-ended-0$'
check_equal "block characters of an ASCII locale" 0 "$(grep -c '▁' screen)"

# Keys.
watch_as keys C.UTF-8
await screen '▁'
await screen '^\[2K…$'
await screen '^pause$'
type_keys s
await screen '^busiest$'
type_keys p
await screen 'PAUSED$'
# The picture follows the size even while nothing else happens.
check_equal "footers in row 12" 0 "$(grep -c '^\[12;1H' screen)"
stty -F "$(cat tty)" cols 40 rows 12
await screen '^\[12;1H'
type_keys q
await screen 'keys-ended-0$'
await_given_back keys
stty -F "$(cat tty)" cols 100 rows 10

# Stopped and continued: the shell has its terminal in between.
watch_as stopped C
type_keys '\032'
await screen '^Stopped$'
await_given_back while-stopped
type_keys 'fg; echo fg-ended-$?\n'
await_entered
type_keys q
await screen 'fg-ended-0$'
await_given_back continued

# Signals, also those that nobody sends.
for signal in INT TERM HUP QUIT ABRT USR1 ALRM; do
  watch_as "by-$signal" C
  kill -s "$signal" "$live"
  await screen "by-$signal-ended-[1-9]"
  await_given_back "after-$signal"
done

# stdout that takes nothing.
run 70 sh -c 'exec bus-status --watch 50ms >/dev/full'
check_has err "cannot write to stdout: No space left on device"
run 70 sh -c 'exec bus-status --watch 50ms >&-'
check_has err "cannot write to stdout"

# Two in a row, while it waits for a hub that does not answer.
watch_as impatient C
kill -STOP "$hub"
# Its connection waits in the hub's backlog (proc(5), /proc/net/unix: one without an inode).
await_stuck() {
  # shellcheck disable=SC2016 # the other shell expands it
  timeout 10 sh -c 'until grep -q " 0 $1\$" /proc/net/unix; do :; done' sh "$BUSD_SOCKET" || fail "the hub is not asked"
}
await_stuck
kill -s INT "$live"
kill -s INT "$live"
await screen 'impatient-ended-130$'
await_given_back impatient
kill -CONT "$hub"
