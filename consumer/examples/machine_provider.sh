#!/bin/sh
# machine_provider.sh - a provider in POSIX shell. bus-serve runs it for each call, and it answers with figures of this machine.
#
#   bus-serve 'machine.*' --stream -- ./machine_provider.sh
#
#   bus-call machine.load                                  {"load1":0.52,"load5":0.40,"load15":0.31}
#   bus-call machine.disk -a path=/home                    {"total_kib":…,"used_kib":…}
#   bus-call machine.watch -a rounds=3 --stream            a line each second, three times
#
# The args come as one line of JSON on stdin, and the task in $BUSD_TASK. What is printed is the result; when it fails, the last
# line of stderr is the message of the error. The args are another program's: they are read by jq, and never run.
set -eu

fail() {
  echo "$*" >&2
  exit 1
}

load() {
  # 0.52 0.40 0.31 2/311 12345
  read -r load1 load5 load15 _ < /proc/loadavg
  printf '{"load1":%s,"load5":%s,"load15":%s}\n' "$load1" "$load5" "$load15"
}

disk() {
  path=$(printf '%s\n' "$args" | jq -er '.path | strings') || fail 'args must be {"path":"…"}'
  # -P: one line per file system, whatever the length of its name
  df -Pk -- "$path" | awk 'NR == 2 { printf "{\"total_kib\":%d,\"used_kib\":%d}\n", $2, $3; found = 1 } END { exit !found }'
}

watch() {
  [ -n "$BUSD_STREAM" ] || fail 'this task answers in parts: call it with --stream'
  rounds=$(printf '%s\n' "$args" | jq -er '.rounds // 3 | numbers | floor') || fail 'args must be {"rounds":N}'
  while [ "$rounds" -gt 0 ]; do
    load
    rounds=$((rounds - 1))
    [ "$rounds" -eq 0 ] || sleep 1
  done
}

read -r args
case $BUSD_TASK in
  *.load) load ;;
  *.disk) disk ;;
  *.watch) watch ;;
  *) fail "no such task: $BUSD_TASK" ;;
esac
