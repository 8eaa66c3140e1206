#!/bin/bash
# What README.md shows is what happens: readme_test.sh README BIN_DIRECTORY
#
# Types the commands of its ```console fences into one shell, each once everything that the page shows before it has been printed.
# A line of JSON must be as printed byte for byte; in other lines numbers, widths and the socket's directory may differ.
# Then runs the four consumers without the SDK against a hub; those whose interpreter is missing are left out, and named.
set -euo pipefail

readme=$(realpath "$1")
bin=$(realpath "$2")
patience=10

dir=$(mktemp -d)
export BUSD_SOCKET=$dir/bus.sock BUSD_PROGRAM=$bin/busd PATH=$bin:$PATH NO_COLOR=1 COLUMNS=120
unset BUSD_NO_START BUSD_BUS
cd "$dir"

finish() {
  local pid
  for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
  bus-stop --force --timeout 5s >/dev/null 2>&1 || true
  rm -rf "$dir"
}
trap finish EXIT

fail() {
  printf 'readme_test: %s\n' "$*"
  exit 1
}

# fence LANGUAGE: the contents of all fences of that language, in order.
fence() {
  awk -v opening='```'"$1" '
    $0 == opening { inside = 1; next }
    /^```/ { inside = 0 }
    inside' "$readme"
}

# What may differ between two runs of the same command, made equal.
blur() {
  sed -E 's#[^ "=]*/bus\.(sock|log)#/bus.\1#g; s/[0-9]+(\.[0-9]+)?/N/g; s/[ ─-]+/ /g; s/^ //; s/ $//' <<<"$1"
}

alike() {
  [[ $1 == "$2" ]] && return 0
  [[ $1 != '{'* && $(blur "$1") == "$(blur "$2")" ]]
}

# expect_line EXPECTED COMMAND: the next line on descriptor $from.
expect_line() {
  local line=
  IFS= read -r -t "$patience" -u "$from" line || fail "after '$2': expected '$1', which did not come; instead: '$line'"
  alike "$1" "$line" || fail "after '$2': expected '$1', got '$line'"
}

# expect_end WHAT: nothing more comes on descriptor $from, and its other end closes.
expect_end() {
  local line='' status=0
  IFS= read -r -t "$patience" -u "$from" line || status=$?
  ((status != 0)) || fail "$1: unexpected '$line'"
  ((status <= 128)) || fail "$1 goes on after $patience s"
  exec {from}<&-
}

run_console() {
  local line command='the start' commands=0
  coproc CONSOLE { exec bash --norc 2>&1; }
  local shell=$CONSOLE_PID from to
  # bash forgets the descriptors of a coprocess when it ends; these stay.
  exec {from}<&"${CONSOLE[0]}" {to}>&"${CONSOLE[1]}"
  while IFS= read -r line; do
    if [[ $line == '$ '* ]]; then
      command=${line#'$ '}
      commands=$((commands + 1))
      printf '%s\n' "$command" >&"$to"
    else
      expect_line "$line" "$command"
    fi
  done < <(fence console)
  ((commands > 0)) || fail 'there is no console fence'
  printf 'wait; exit\n' >&"$to"
  expect_end 'the console after all commands'
  wait "$shell" || fail "the shell of the commands ended with $?"
  printf 'readme_test: %s commands did what the page shows\n' "$commands"
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

run_console
bus-stop --force --timeout 5s >/dev/null 2>&1 || true
consumer bash socat consume.sh bash consume.sh
consumer python python3 consume.py python3 consume.py
consumer js node consume.js node consume.js
consumer go go consume.go ./consume_go
