#!/bin/sh
# The examples of every --help are typed as they are, on a bus of their own. Each must be accepted and do something that is
# seen: a consumer gets events, a publisher's event arrives, a call has its result, a status is printed, a hub runs or is
# gone. Where the comment promises more, that is looked at, too.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || fail "jq is missing"
mkdir -m 700 run
XDG_RUNTIME_DIR=$work/run
export XDG_RUNTIME_DIR

# What the examples take for granted.
for script in subscribe unsubscribe; do printf '#!/bin/sh\necho %s >>ran\n' "$script" >"$script"; done
printf '#!/bin/sh\necho 20.5\necho 21\n' >sensor
# jq keeps what it has for a file until its input ends.
mkdir shims
printf '#!/bin/sh\nexec "%s" --unbuffered "$@"\n' "$(command -v jq)" >shims/jq
# shellcheck disable=SC2016 # the script's own shell expands it
printf '#!/bin/sh\necho "$BUSD_TASK of $(cat)"\n' >deploy
echo 'a line of the log' >app.log
printf '#!/bin/sh\necho begins >&2\nwhile :; do echo "{\\"n\\":1}"; sleep 0.1; done\n' >clock.sh
chmod +x subscribe unsubscribe sensor deploy clock.sh shims/jq
mkdir -p config/busd/sources.d sources.d
XDG_CONFIG_HOME=$work/config
export XDG_CONFIG_HOME
cp clock.sh config/busd/sources.d
cp clock.sh sources.d
PATH=$work/shims:$PATH
echo '{"type":"event","event_type":"whole","payload":1}' >events.ndjson

# The commands of the examples: what comes before the first two spaces, which begin the comment.
examples_of() { "$1" --help | sed -n '/^Examples:$/,/^$/s/^  \([^ ].*\)/\1/p' | sed 's/   *.*//'; }

# try COMMAND: types one, for 3 s at most. One that goes on until then is ended, which is 124.
try() {
  timeout 3 sh -c "$1" >out 2>err </dev/null
  status=$?
  case $status in 0 | 124) ;; *) fail "$1 ended with $status: $(cat err)" ;; esac
}

try_consume() {
  start example timeout 20 sh -c "$1"
  await_status '"event_key":"'
  # Any of the types that the examples ask for; only what the consumer asked for arrives.
  printf '{"type":"event","event_type":"%s","payload":{"of":"%s"}}\n' build build build.done build.done deploy deploy |
    bus-publish -q --lines || fail "publishing ended with $?"
  wanted=build
  case $1 in *build.\**) wanted=build.done ;; esac
  case $1 in
    *--output-dir* | *--exec* | *--format*) ;;
    *) await example.out "\"of\": *\"$wanted\"" ;;
  esac
  case $1 in *-n\ 1\ *) expect_exit "$1" "$pid" 0 ;; esac
  kill -TERM "$pid" 2>/dev/null
  wait "$pid"
  case $1 in
    *"--first ./subscribe --last ./unsubscribe"*) await ran unsubscribe && check_equal "hooks that ran" "subscribe unsubscribe" "$(xargs <ran)" ;;
    *--payload*) check_lacks example.out '"event_type"' ;;
  esac
  timeout 10 bus-status --json --watch 50ms | grep -qm1 '"consumers":\[\]' || fail "the consumer of $1 has not gone"
}

try_value() {
  try "$1"
  case $1 in
    *" put "*) [ "$status" -eq 0 ] || fail "$1 did not end" ;;
    *" get "*) check_equal "what $1 printed" main "$(cat out)" ;;
    *--exec*) check_equal "what --exec wrote" '"main"' "$(cat branch)" ;;
    *" watch "*) check_has out '"key":"branch"' ;;
  esac
}

try_publish() {
  before=$(lines_in all.out)
  try "$1"
  [ "$status" -eq 0 ] || fail "$1 did not end"
  run 0 bus-publish "marker.$before" 1
  await all.out "\"event_type\":\"marker.$before\""
  tail -n "+$((before + 1))" all.out >arrived
  grep -v '"event_type":"marker' arrived >events
  [ -s events ] || fail "$1 published nothing"
  case $1 in
    *--null*) check_has events '"payload":null' ;;
    *--id\ b-17*)
      run 0 sh -c "$1"
      run 0 bus-status --json
      check_has out '"duplicates":1'
      ;;
    date*) check_has events '"payload":"' ;;
    ./sensor*) check_equal "readings of the sensor" 2 "$(lines_in events)" ;;
    *events.ndjson*) check_has events '"event_type":"whole"' ;;
  esac
}

try_status() {
  try "$1"
  [ -s out ] || fail "$1 printed nothing: $(cat err)"
  case $1 in
    *--check*) check_lacks out sick && check_has out healthy ;;
    *--explain-task*) check_has out job.x ;;
    *--explain*) check_has out all ;;
    *--watch*) check_equal "how $1 ended" 124 "$status" ;;
  esac
}

# What the commands of the examples answer to 4.
try_serve() {
  task=$(printf '%s\n' "$1" | sed "s/^bus-serve '\{0,1\}\([a-z.]*\).*/\1/; s/\.$/.now/")
  start example timeout 20 sh -c "exec $1" # so that it has ended when its pid has
  example=$pid
  case $1 in
    # It goes on until it is ended.
    *tail*)
      start answered bus-call "$task" 4 --wait --stream
      await answered.out '^"a line of the log"$'
      kill -TERM "$pid"
      wait "$pid" && fail "the stream of $1 has ended"
      ;;
    *) timeout 10 bus-call "$task" 4 --wait >answered || fail "the call to $1 ended with $?" ;;
  esac
  case $1 in
    *double*) check_equal "the answer of $1" 8 "$(cat answered)" ;;
    *square*) check_equal "the answer of $1" 16 "$(cat answered)" ;;
    *deploy*) check_equal "the answer of $1" '"deploy.now of 4"' "$(cat answered)" ;;
  esac
  kill -TERM "$example"
  wait "$example"
}

try_sources() {
  case $1 in
    *--check*)
      run 0 sh -c "$1"
      check_has err '1 source is fine: clock'
      return
      ;;
  esac
  start example timeout 20 sh -c "$1"
  await example.err 'serving 1 source'
  kill -TERM "$pid"
  wait "$pid"
  timeout 10 flock bus.sources.lock true || fail "$1 has not ended"
}

try_source() {
  try "$1"
  case $1 in
    *run*) check_has out 'event    clock {"n":1}' ;;
    *list* | *status*) check_has out clock ;;
    *logs*) check_has out 'stderr| begins' ;;
    *events*) check_has err '[bus] ready' ;;
    *restart*) check_has out 'clock is running' ;;
    *disable*) check_equal "what $1 says" 'clock is disabled' "$(cat out)" ;;
    *check*) check_has err '1 source is fine: clock' ;;
  esac
  case $1 in
    *run* | *-f* | *events*) check_equal "how $1 ended" 124 "$status" ;;
    *) check_equal "how $1 ended" 0 "$status" ;;
  esac
}

try_stop() {
  run 0 bus-publish before 1
  case $1 in *--force*) start_consumer held key --no-reconnect ;; esac
  try "$1"
  check_has err "bus-stop: stopped"
  run 69 bus-status
}

try_call() {
  case $1 in
    *calls.ndjson*) printf '{"id":1,"task":"math.add","args":{"a":1,"b":2}}\n{"id":2,"task":"bus.sync"}\n' >calls.ndjson ;;
  esac
  run 0 sh -c "$1"
  check_empty err
  case $1 in
    *calls.ndjson*) check_equal "answers to $1" '{"id":1,"result":3} {"id":2,"result":null}' "$(sort out | xargs -d '\n')" ;;
    *math.add*) check_equal "the result of $1" 3 "$(cat out)" ;;
    *log.read*) check_equal "the parts of $1" "one two" "$(xargs <out)" ;;
    *bus.tasks*) check_has out '"task":"math.add"' ;;
  esac
}

try_busd() {
  bus=bus
  case $1 in *--bus\ work*) bus=work ;; esac
  case $1 in
    *--check-config* | *--print-config*)
      try "$1"
      check_equal "how $1 ended" 0 "$status"
      run 69 bus-status --bus "$bus"
      return
      ;;
    *--detach*) try "$1" ;;
    *) start example timeout 20 sh -c "$1" ;;
  esac
  timeout 10 sh -c "until bus-status --check --bus $bus; do :; done" >out 2>/dev/null || fail "no hub after $1"
  run 0 bus-stop --bus "$bus"
}

tried=0
# each PROGRAM FUNCTION: the examples of a program, one after the other.
each() {
  examples_of "$1" >"$1.examples"
  [ -s "$1.examples" ] || fail "$1 --help has no examples"
  while IFS= read -r command <&9; do
    "$2" "$command"
    tried=$((tried + 1))
  done 9<"$1.examples"
}

# The bus of the environment is the scratch one for all but busd, whose examples are for the user's own.
(
  unset BUSD_SOCKET
  each busd try_busd
) || exit 1
each bus-stop try_stop
each bus-consume try_consume
start_consumer all all -t '*'
all=$pid
each bus-publish try_publish
start_provider tasks math.add log.read job.x
each bus-call try_call
each bus-serve try_serve
each bus-value try_value
each bus-sources try_sources
start supervisor bus-sources
supervisor=$pid
await supervisor.err 'serving 1 source'
run 0 bus-source start clock
each bus-source try_source
kill -TERM "$supervisor"
expect_exit "bus-sources" "$supervisor" 0
each bus-status try_status
kill -TERM "$all"
expect_exit "the consumer of everything" "$all" 143
echo "$tried examples work, those of busd apart"
