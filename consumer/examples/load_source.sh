#!/bin/sh
# load_source.sh - a source in POSIX shell. It publishes this machine's load, memory and disk as events.
#
#   load_source.sh                         event frames on stdout, four times a second, until it is interrupted
#   load_source.sh 10 0.5                  ten rounds, one every half second
#   load_source.sh 40 0.25 | bus-publish --lines --source machine
#
# Each round writes three event frames, one JSON object per line:
#   {"type":"event","event_type":"load.cpu","source_time":"…","payload":{"load1":0.52,"load5":0.40,"load15":0.31,"running":2,"threads":311}}
#   {"type":"event","event_type":"load.memory",…,"payload":{"total_kib":…,"available_kib":…,"used_percent":…}}
#   {"type":"event","event_type":"disk.root",…,"payload":{"total_kib":…,"used_kib":…,"used_percent":…}}
#
# bus-publish does the rest: it connects, starts the hub, and waits when the hub is busy.
set -eu

rounds=${1:--1}
interval=${2:-0.25}

# emit TYPE PAYLOAD
emit() {
  printf '{"type":"event","event_type":"%s","source_time":"%s","payload":%s}\n' "$1" "$now_ms" "$2"
}

cpu() {
  # 0.52 0.40 0.31 2/311 12345
  read -r load1 load5 load15 tasks _ < /proc/loadavg
  printf '{"load1":%s,"load5":%s,"load15":%s,"running":%s,"threads":%s}' \
    "$load1" "$load5" "$load15" "${tasks%/*}" "${tasks#*/}"
}

memory() {
  awk '$1 == "MemTotal:"     { total = $2 }
       $1 == "MemAvailable:" { available = $2 }
       END { printf "{\"total_kib\":%d,\"available_kib\":%d,\"used_percent\":%.1f}",
                    total, available, total ? 100 * (total - available) / total : 0 }' /proc/meminfo
}

disk() {
  # -P: one line per file system, whatever the length of its name
  df -Pk / | awk 'NR == 2 { printf "{\"total_kib\":%d,\"used_kib\":%d,\"used_percent\":%.1f}",
                                   $2, $3, $2 ? 100 * $3 / $2 : 0 }'
}

while [ "$rounds" -ne 0 ]; do
  now_ms=$(date +%s)000
  emit load.cpu "$(cpu)"
  emit load.memory "$(memory)"
  emit disk.root "$(disk)"
  rounds=$((rounds - 1))
  if [ "$rounds" -ne 0 ]; then sleep "$interval"; fi
done
