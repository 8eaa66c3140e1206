#!/bin/bash
# What README.md shows is what happens: readme_test.sh README BIN_DIRECTORY
#
# Types the commands of its ```console fences into one shell (console.sh).
# Then runs the four consumers without the SDK against a hub; those whose interpreter is missing are left out, and named.
set -euo pipefail

readme=$(realpath "$1")
bin=$(realpath "$2")
name=readme_test
patience=10
# shellcheck source=tests/checks/console.sh
. "$(dirname "$0")/console.sh"

dir=$(mktemp -d)
export BUSD_SOCKET=$dir/bus.sock BUSD_PROGRAM=$bin/busd PATH=$bin:$PATH NO_COLOR=1 COLUMNS=120
unset BUSD_NO_START BUSD_BUS
cd "$dir"

finish() {
  end_console
  bus-stop --force --timeout 5s >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap finish EXIT

# fence LANGUAGE: the contents of all fences of that language, in order.
fence() {
  awk -v opening='```'"$1" '
    $0 == opening { inside = 1; next }
    /^```/ { inside = 0 }
    inside' "$readme"
}

# joined KEY: waits until the hub has a consumer of KEY.
joined() {
  local until=$((SECONDS + patience))
  until bus-status --json | jq -e --arg key "$1" 'any(.consumers[]; .event_key == $key)' >/dev/null; do
    ((SECONDS < until)) || fail "no consumer of $1 after $patience s: $(cat "$dir/$1.err")"
  done
}

# consumer LANGUAGE TOOL FILE COMMAND...: the program of that fence, in FILE, prints the payloads of its types and no others, and
# ends with the hub.
consumer() {
  local language=$1 tool=$2 file=$3 line
  shift 3
  if ! command -v "$tool" >/dev/null; then
    printf 'readme_test: no %s here, so the %s consumer was not run\n' "$tool" "$language"
    return
  fi
  fence "$language" >"$file"
  [[ -s $file ]] || fail "there is no $language fence"
  if [[ $tool == go ]]; then go build -o consume_go "$file" || fail "go build ended with $?"; fi
  busd --detach 2>/dev/null || fail "busd --detach ended with $?"
  coproc CONSUMER { exec "$@" "$language" demo.one demo.two 2>"$dir/$language.err"; }
  local pid=$CONSUMER_PID from
  exec {from}<&"${CONSUMER[0]}"
  joined "$language"
  bus-publish other '"not for it"'
  bus-publish demo.one '{"text":"grüße\u2028","n":[1,2,3]}'
  bus-publish demo.two null
  local expected
  for expected in '{"text":"grüße\u2028","n":[1,2,3]}' null; do
    line=
    IFS= read -r -t "$patience" -u "$from" line || fail "$language: no payload: $(cat "$dir/$language.err")"
    [[ $(jq -cS . <<<"$line") == "$(jq -cS . <<<"$expected")" ]] || fail "$language: expected $expected, got $line"
  done
  bus-stop --force --timeout 5s 2>/dev/null || fail "$language: bus-stop ended with $?"
  expect_end "the $language consumer"
  wait "$pid" || fail "$language: ended with $?: $(cat "$dir/$language.err")"
  printf 'readme_test: the %s consumer works\n' "$language"
}

run_console < <(fence console)
bus-stop --force --timeout 5s >/dev/null 2>&1 || true
consumer bash socat consume.sh bash consume.sh
consumer python python3 consume.py python3 consume.py
consumer js node consume.js node consume.js
consumer go go consume.go ./consume_go
