#!/bin/sh
# What every program has in common: help, version, usage errors, unreachable hubs.
. "$(dirname "$0")/lib.sh"

for program in bus-call bus-consume bus-gocache bus-publish bus-serve bus-source bus-sources bus-status bus-stop bus-value busd; do
  run 0 "$program" --help
  check_equal "the first line of $program --help" "Examples:" "$(head -n 1 out)"
  check_has out "Usage: $program"
  check_has out "Exit status:"
  check_empty err
  check_equal "the widest line of $program --help, at most 100 columns" 0 "$(awk 'length($0) > 100' out | wc -l)"
  run 0 "$program" --version
  check_has out "$program $(busd --version | grep -o '[0-9.]*$')"
  mv out version
  run 0 "$program" -V
  cmp out version || fail "$program -V differs from --version"
done

# Every option that is promised is there.
promised() { # PROGRAM OPTION…
  program=$1
  shift
  "$program" --help >out
  for option in "$@"; do check_has out " $option"; done
}
promised bus-consume -t -n --timeout --payload --control --first --last --cleanup-task --output-dir --subscription-id --exclusive --observe \
  --until-eof --no-reconnect --no-start -q --socket --bus --json-errors --literal --exclude --timeout-ok --ready-timeout --fail-on-loss \
  --format --timestamps --end-record --batch --exec --jobs --fail-fast --summary
promised bus-call -a --timeout --wait --stream --idempotent --to --raw --lines --no-start -q --socket --bus --json-errors
promised bus-gocache --dir --max-size --max-age --min-free --read-only -v --bus --json -n --no-start --socket --json-errors
promised bus-publish --lines --type --id --time --source --text --null --literal --no-start --socket --bus --json-errors
promised bus-serve --slots --shell --stream --lines --priority --drain --grace --source --literal --no-start -q --socket --bus --json-errors
promised bus-source --json --watch -f -n --since --stream --no-start -q --socket --bus --json-errors
promised bus-sources --dir --state --run --check --no-start -q --socket --bus --json-errors
promised bus-status --json --watch --check --explain --explain-task --list --no-start --socket --bus --json-errors
promised bus-value --text --raw --json --with-version --names --if-version --create --if-changed --ttl --durable --while --replace --wait --kill-on-loss \
  --no-snapshot -n --exec --timeout --literal --no-start -q --socket --bus --json-errors
promised busd --socket --bus --config --check-config --print-config --foreground --detach --json-errors
promised bus-stop --force --timeout --no-start --socket --bus --json-errors

usage_error() { # TEXT COMMAND…
  text=$1
  shift
  run 64 "$@"
  check_empty out
  check_has err "$text"
  check_has err "$1: "
  check_equal "lines that $* says" 1 "$(lines_in err)"
}
# usage_text TEXT COMMAND…: exactly this is said.
usage_text() {
  text=$1
  shift
  run 64 "$@"
  check_empty out
  check_equal "what $* says" "$1: $text" "$(cat err)"
}
usage_text "unknown option --vresion; did you mean --version?" bus-consume --vresion
usage_text "unknown option --tpye; did you mean --type?" bus-consume build --tpye x
usage_text "unknown option --tmeout; did you mean --timeout?" bus-stop --tmeout=3s
usage_text "unknown option --sock; did you mean --socket?" bus-status --sock
usage_text "unknown option -type; did you mean --type?" bus-consume build -type x
usage_text "unknown option -N; did you mean -n?" bus-consume build -N 5
usage_text "unknown option --zebra; see bus-publish --help" bus-publish --zebra
# All of them in the order typed, before anything that is missing.
run 64 bus-consume --zebra --vresion -n
check_equal "unknown options" "bus-consume: unknown option --zebra; see bus-consume --help
bus-consume: unknown option --vresion; did you mean --version?" "$(cat err)"
run 64 busd --zebra --vresion --socket
check_equal "unknown options of busd" "busd: unknown option --zebra; see busd --help
busd: unknown option --vresion; did you mean --version?" "$(cat err)"
usage_text "unknown option --qeue-frames; did you mean --queue-frames?" busd --qeue-frames=5 --detach --foreground
usage_text 'one KEY only; "-n" is a second one; each further type is given with -t' bus-consume k -- -n
usage_text 'one PAYLOAD only; "c" is a second one; put quotes around a PAYLOAD that contains spaces' bus-publish a 1 c
usage_text '-n needs a number' bus-consume build -n
usage_text '-n needs a number' bus-consume build -n --quiet
usage_text '--count needs a number' bus-consume build --count
usage_text '-n: "x" is not a number of events; write a whole number, 1 or more' bus-consume build -qnx
usage_text '--count: "0" is not a number of events; write a whole number, 1 or more' bus-consume build --count=0
usage_text '--count is given twice' bus-consume build -n 1 --count 2
usage_text '-n is given twice' bus-consume build --count 1 -n 2
usage_text '--explain needs an event type, such as build.done' bus-status --explain
usage_text '--buses excludes --list' bus-status --buses --list keys
usage_text '--print-socket excludes --list' bus-status --print-socket --list keys
usage_text 'VERB: there is no "strat"; did you mean start?' bus-source strat clock
usage_text 'start needs a SOURCE' bus-source start
usage_text 'status takes one SOURCE only; "b" is not expected' bus-source status a b
usage_text 'list takes no SOURCE; "a" is not expected' bus-source list a
usage_text '--follow goes with logs only' bus-source list -f
usage_text '--watch goes with list only' bus-source status a --watch
usage_text '--json goes with list, status, logs and events only' bus-source start a --json
usage_text '--stream: "stdin" is neither stdout nor stderr' bus-source logs a --stream stdin
usage_text '--lines: "x" is no whole number' bus-source logs a --lines x
usage_text '--list needs keys or types or tasks or sources' bus-status --list
usage_text '--id needs an ID; one that begins with "-" is written --id=-x' bus-publish t 1 --id -x
usage_text '--timeout: "9000h" is longer than 366 days' bus-consume build --timeout 9000h
usage_text '--control excludes --payload; except with --output-dir or --batch' bus-consume build --control --payload
usage_text '--quiet takes no value' bus-consume build --quiet=yes
usage_text '--socket is given twice' bus-stop --socket a --socket b
# An empty value is a variable that was not set: the default in its place would be another hub.
for program in bus-status bus-stop "bus-publish t 1" "bus-consume k" "bus-call t"; do
  # shellcheck disable=SC2086 # they are meant to be split
  usage_text "--socket: must not be empty" $program --socket ''
done
usage_text "--first: must not be empty" bus-consume key --first ''

# A pattern of another system is refused, with the one that would match; --literal takes it.
for pattern in 'build*' '*.done' 'a.*.c' 'build.>' 'build/#' '+' 'a,b' 'build.'; do
  for command in "bus-consume" "bus-consume k -t build -t" "bus-consume build --exclude" "bus-publish" "bus-publish --lines --type" "bus-status --explain"; do
    # shellcheck disable=SC2086
    run 64 $command "$pattern" --json-errors
    check_has err '{"code":"bad_pattern","exit":64,"message":"'
    check_empty out
  done
  run 69 bus-consume "$pattern" --literal --no-start
  run 69 bus-publish "$pattern" 1 --literal --no-start
  run 69 bus-status --explain "$pattern" --literal
done
usage_text '"build*" would match no event; "build.*" matches the types below "build", "*" every type (--literal takes it as it is)' \
  bus-consume 'build*'
for pattern in 'build.*' '*'; do
  run 69 bus-consume "$pattern" --no-start
  run 64 bus-publish "$pattern" 1
  check_has err "is a pattern, not the type of an event"
done

# With --json-errors, or BUSD_ERRORS=json, each error is an object of its own.
for program in bus-call bus-consume bus-publish bus-serve bus-source bus-sources bus-status bus-stop bus-value; do
  run 64 "$program" --zebra --json-errors --vresion
  check_equal "errors of $program" '{"code":"unknown_option","exit":64,"message":"unknown option --zebra","hint":"see '"$program"' --help"}
{"code":"unknown_option","exit":64,"message":"unknown option --vresion","hint":"did you mean --version?"}' "$(cat err)"
done
BUSD_ERRORS=json run 64 bus-consume
check_equal "the error" '{"code":"missing_argument","exit":64,"message":"KEY is required","hint":"write bus-consume KEY (see bus-consume --help)"}' "$(cat err)"
BUSD_ERRORS=text usage_text "KEY is required; write bus-consume KEY (see bus-consume --help)" bus-consume
# What was typed stays, and nothing that was not is added.
usage_text "KEY is required; write bus-consume KEY -t 'build.*' -n 1 (see bus-consume --help)" bus-consume -t 'build.*' -n 1
usage_text "KEY is required; write bus-consume KEY --exec 'it'\\''s' (see bus-consume --help)" bus-consume --exec "it's"
run 64 bus-consume --exec "$(printf '%300s' '' | tr ' ' x)"
check_has err "KEY is required; write bus-consume KEY --exec … (see bus-consume --help)"
required="TYPE or --lines is required; TYPE is the type of one event, and --lines publishes stdin line by line (see bus-publish --help)"
usage_text "$required" bus-publish
usage_text "$required" bus-publish --null
# An option in the place of an argument, and the other way round.
usage_text "--lines excludes TYPE; with --lines, the type of all events is given by --type" bus-publish --lines temp
usage_text "TYPE excludes --lines; with --lines, the type of all events is given by --type" bus-publish temp --lines
positional="TYPE is written without an option: bus-publish TYPE PAYLOAD"
usage_text "unknown option -t; $positional" bus-publish -t temp 1
usage_text "--type requires --lines; $positional" bus-publish --type temp 1
usage_text "--exec excludes --payload; each command gets the payload on its stdin anyway" bus-consume k --exec cat --payload
usage_text "--timestamps excludes --exec; each command gets the time of arrival in \$BUSD_RECEIVED" bus-consume k --timestamps --exec cat
# shellcheck disable=SC2016 # a variable's name is shown
BUSD_ERRORS=xml usage_text '$BUSD_ERRORS is "xml"; set it to json or text' bus-status
run 64 busd --zebra --json-errors --vresion
check_equal "errors of busd" '{"code":"unknown_option","exit":64,"message":"unknown option --zebra","hint":"see busd --help"}
{"code":"unknown_option","exit":64,"message":"unknown option --vresion","hint":"did you mean --version?"}' "$(cat err)"
# shellcheck disable=SC2016 # a variable's name is shown
BUSD_ERRORS=xml usage_text '$BUSD_ERRORS is "xml"; set it to json or text' busd --check-config
usage_text '--socket excludes --bus; name the hub by only one of them' busd --socket /x/y.sock --bus z
# An empty value is a variable that was not set, and an option behind it is no value.
for option in --socket --bus --config --announce; do
  usage_text "$option: must not be empty" busd $option= --check-config
done
usage_text '--socket needs a path' busd --socket --check-config
# What stands behind "--" is no option.
run 64 bus-consume k -- --json-errors
check_lacks err '"code"'

usage_text "TASK or --lines is required; TASK is the name of a task, and --lines calls what stdin has (see bus-call --help)" bus-call
usage_text "TASK or --lines is required; TASK is the name of a task, and --lines calls what stdin has (see bus-call --help)" bus-call --wait
usage_text "TASK excludes --lines; with --lines, each line of stdin names its task" bus-call t --lines
usage_text "--lines excludes --raw" bus-call --lines --raw
usage_text "--lines excludes --arg" bus-call --lines --arg a=1
usage_text '"{"a":1}" reads as ARGS; TASK comes first: bus-call TASK ARGS' bus-call '{"a":1}' t
usage_text '--arg needs a NAME=VALUE, such as user.name=tony' bus-call t --arg
usage_text '--to needs the name of a source' bus-call t --to
usage_text '--timeout: "5" is not a duration; write a whole number with ms, s, m or h, such as 500ms or 2s, or never' bus-call t --timeout 5
usage_text '--timeout: "25h" is longer than 24h; write never for a call without a limit' bus-call t --timeout 25h
usage_text '--timeout: "0s" is no time; write never for a call without a limit' bus-call t --timeout 0s
usage_error "longer than 255 bytes" bus-call "$(printf '%256s' '' | tr ' ' k)"
usage_error "control characters" bus-call t --to "a$(printf '\001')b"
usage_error "KEY is required" bus-consume
usage_error "must not be empty" bus-consume ''
usage_error "longer than 255 bytes" bus-consume "$(printf '%256s' '' | tr ' ' k)"
usage_error "control characters" bus-consume "a$(printf '\001')b"
usage_error "control characters" bus-consume key -t "$(printf 'a\tb')"
usage_error "not a number of events" bus-consume key -n 0
usage_error "not a number of events" bus-consume key -n x
usage_error "not a duration" bus-consume key --timeout 5
usage_error "not a duration" bus-consume key --timeout 1.5s
usage_error "longer than 366 days" bus-consume key --timeout 99999999h
usage_error "excludes" bus-consume key --socket a --bus b
usage_error "TYPE or --lines is required" bus-publish
usage_error "excludes" bus-publish --lines type
usage_error "excludes" bus-publish --lines --id x
usage_error "requires" bus-publish type 1 --type other
usage_error "needs --type" bus-publish --lines --text
usage_error "not a time" bus-publish type 1 --time yesterday
usage_error "excludes" bus-status --check --json
usage_error "excludes" bus-status --explain a --watch
usage_error "excludes" bus-status --list keys --json
usage_error "excludes" bus-status --list keys --explain a
usage_error "none of keys, types, tasks and sources" bus-status --list consumers
usage_error "none of keys, types, tasks and sources" bus-status --list ''
usage_error "50ms" bus-status --watch 10ms
usage_error "not a duration" bus-stop --timeout soon
usage_error "not expected" bus-stop now

# 257 types are one too many for the wire; 256 are not.
types=$(awk 'BEGIN { for (i = 0; i < 256; ++i) printf "-t t%d ", i }')
# shellcheck disable=SC2086 # they are meant to be split
run 64 bus-consume key $types -t one.more --timeout 1ms
# shellcheck disable=SC2086
run 0 bus-consume key $types --timeout 1ms
run 0 bus-stop

# A bus name that is none, and a socket path that is too long.
(
  unset BUSD_SOCKET
  run 64 bus-status --bus ../x
  check_has err "../x"
)
long=$work/$(printf '%108s' '' | tr ' ' p)
run 64 bus-status --socket "$long"
check_has err 107

# Nobody there, and nobody to be started.
run 69 bus-consume key --no-start
check_has err "$BUSD_SOCKET"
for program in bus-status "bus-publish t 1" "bus-consume k" "bus-call t"; do
  # shellcheck disable=SC2086
  run 69 $program --no-start --json-errors
  check_equal "errors of $program" 1 "$(lines_in err)"
  check_has err '{"code":"no_hub","exit":69,"message":"'
  check_has err ",\"path\":\"$BUSD_SOCKET\"}"
done
run 0 bus-stop --no-start
run 69 bus-publish type 1 --no-start
BUSD_NO_START=1 run 69 bus-publish type 1
run 69 bus-status
run 69 bus-status --json
check_empty out
run 69 bus-status --check
run 69 bus-status --explain type
for what in keys types tasks sources; do
  run 69 bus-status --list $what
  check_empty out
  check_empty err
done
[ ! -e "$BUSD_SOCKET" ] || fail "asking for the status started a hub"
BUSD_PROGRAM=$work/missing run 69 bus-publish type 1
check_has err "$work/missing"

# Who gave no path learns where it is from, whatever is wrong with it.
mkdir -m 700 elsewhere elsewhere/busd
for variables in BUSD_SOCKET XDG_RUNTIME_DIR "XDG_RUNTIME_DIR and \$BUSD_BUS"; do
  set -- env -u BUSD_BUS -u XDG_RUNTIME_DIR "BUSD_SOCKET=$work/elsewhere/busd/bus.sock"
  [ "$variables" = BUSD_SOCKET ] || set -- env -u BUSD_SOCKET -u BUSD_BUS "XDG_RUNTIME_DIR=$work/elsewhere"
  case $variables in *BUSD_BUS) set -- "$@" BUSD_BUS=bus ;; esac
  run 69 "$@" bus-status
  check_has err "(the path is from \$$variables)"
  : >elsewhere/busd/bus.sock
  run 77 "$@" bus-status
  check_has err "(the path is from \$$variables)"
  rm elsewhere/busd/bus.sock
  if [ "$variables" != BUSD_SOCKET ]; then
    chmod 777 elsewhere/busd
    run 77 "$@" bus-consume k --timeout 10ms
    check_has err "(the path is from \$XDG_RUNTIME_DIR)"
    chmod 700 elsewhere/busd
  fi
done

# --bus and --socket choose the bus.
mkdir -m 700 run
(
  unset BUSD_SOCKET
  export XDG_RUNTIME_DIR="$work/run"
  run 0 bus-publish type 1 --bus other
  run 0 bus-status --json --bus other
  check_has out "$work/run/busd/other.sock"
  run 69 bus-status
  BUSD_BUS=other run 0 bus-stop
  check_has err stopped
) || exit 1
run 0 bus-publish type 1 --socket "$work/third.sock"
run 0 bus-stop --socket "$work/third.sock"
check_has err stopped

# A socket that is not ours to use.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  run 0 bus-publish type 1
  chmod 755 "$work"
  run 77 setpriv --reuid 65534 --regid 65534 --clear-groups "$bin/bus-publish" type 1
  run 77 setpriv --reuid 65534 --regid 65534 --clear-groups "$bin/bus-status"
  chmod 700 "$work"
fi

# What was typed in the wrong place: what to type instead.
run 64 bus-publish '{"job":7}' build.started
check_has err '"{"job":7}" reads as a PAYLOAD; TYPE comes first: bus-publish TYPE PAYLOAD'
run 64 bus-consume key --format payload
check_has err "the template has no field; did you mean {payload}?"
run 64 bus-consume key -t "'build.*'"
check_has err '"build.*" matches the types below "build"'
run 0 env XDG_RUNTIME_DIR="$work" bus-status --buses
check_has err "no hub of yours runs"
