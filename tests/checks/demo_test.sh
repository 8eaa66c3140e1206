#!/bin/sh
# Runs packaging/demo with programs that are built: demo_test.sh DEMO DIR-OF-PROGRAMS
#
# The events of the program must come out of the consumers of their keys, and nothing may be left running.
set -eu

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

fail() {
  printf 'demo_test: %s\n--- stdout\n' "$*" >&2
  cat "$out/stdout" >&2
  printf '%s\n' '--- stderr' >&2
  cat "$out/stderr" >&2
  exit 1
}

# count PATTERN WANTED: so many lines of stdout match.
count() {
  found=$(grep -c "$1" "$out/stdout" || true)
  [ "$found" -eq "$2" ] || fail "$found lines match $1; wanted $2"
}

"$1" "$2" >"$out/stdout" 2>"$out/stderr" </dev/null || fail "exit status $?"

# 24 rounds of three events.
count '^load | {"type":"event","event_type":"load.cpu",.*"seq":' 24
count '^load | {"type":"event","event_type":"load.memory",.*"seq":' 24
count '^disk | {"type":"event","event_type":"disk.root",.*"seq":' 24
count '^load_source  running ' 2  # of bus-source list, and of bus-status
grep -q '^\[bus\] ready event_key=load$' "$out/stderr" || fail 'no ready line'
grep -q '^bus-stop: stopped$' "$out/stderr" || fail 'the hub was not stopped'
