#!/bin/bash
# What the manual pages show is what happens: man_examples_test.sh PAGES_DIRECTORY BIN_DIRECTORY
#
# Types the commands of each page's EXAMPLES, as groff prints them, into one shell (console.sh), with a bus of its own for each
# page; ./NAME there is the program example-NAME of consumer/examples. Runs the commands of bus-protocol(7), too. A page of a
# program, or one that shows a whole program, without examples fails.
set -euo pipefail

pages=$(realpath "$1")
bin=$(realpath "$2")
name=man_examples_test
patience=30 # for all commands of one example together, on a machine that does other things
# shellcheck source=tests/checks/console.sh
. "$(dirname "$0")/console.sh"

all=$(mktemp -d)
export PATH=$bin:$PATH
unset BUSD_PROGRAM BUSD_NO_START BUSD_BUS BUSD_SOCKET

stop_hubs() {
  local socket
  for socket in "$all"/*/run/busd/*.sock; do
    if [[ -S $socket ]]; then bus-stop --socket "$socket" --force --timeout 5s -q || true; fi
  done
}

finish() {
  end_console
  stop_hubs
  rm -rf "$all"
}
trap finish EXIT

# literal PAGE HEADING: the literal text below that heading as groff prints it, which is what a reader copies: what scdoc or roff
# has eaten, such as a single backslash, is missing here too.
literal() {
  groff -man -k -Tutf8 -P-cbou -rLL=1000n "$1" | awk -v heading="$2" '
    /^ ? ? ? ?[^ ]/ { here = $0 ~ "^ *" heading "$"; inside = 0; next }
    !here { next }
    substr($0, 1, 11) == "           " {
      if (!inside) print "\f"
      else for (; blanks > 0; --blanks) print ""
      inside = 1
      blanks = 0
      print substr($0, 12)
      next
    }
    /^ *$/ { ++blanks; next }
    { inside = 0; blanks = 0 }'
}

# session PAGE: the literal blocks of EXAMPLES that begin with a command.
session() {
  literal "$1" EXAMPLES | awk '/^\f$/ { first = 1; next } first { shown = /^\$ /; first = 0 } shown'
}

# begin PAGE: a directory and a bus for it.
begin() {
  local program
  name="man_examples_test: $1"
  mkdir -m 700 "$all/$1" "$all/$1/run"
  export XDG_RUNTIME_DIR=$all/$1/run XDG_STATE_HOME=$all/$1/.local/state
  as_user "$all/$1" "$XDG_RUNTIME_DIR"
  cd "$all/$1"
  for program in "$bin"/example-*; do ln -s "$program" "${program##*/example-}"; done
}

run_sessions() {
  local page base commands
  for page in "$pages"/man*/*.scd; do
    base=$(basename "$page" .scd)
    commands=$(session "${page%.scd}")
    if [[ -z $commands ]]; then
      case $base in
        *.[158]) fail "$base has no examples" ;;
      esac
      if grep -q 'main(' "$page"; then fail "$base shows a program, but not how it is used"; fi
      continue
    fi
    begin "$base"
    # Not in a pipeline, where a failure would end a subshell only.
    run_console <<<"$commands"
    stop_hubs
  done
}

# The three paragraphs of commands at the end of bus-protocol(7): one event, a consumer, status and the end.
run_protocol() {
  begin bus-protocol.7
  literal "$pages/man7/bus-protocol.7" 'Speaking it by hand' | sed '/^\f$/d' | awk -v RS= '{ print > ("part" NR) }'
  [[ -s part4 && ! -e part5 ]] || fail 'expected one line that sets the path, and three paragraphs of commands'
  busd --detach 2>/dev/null
  output=$("${bare[@]}" sh -c '. ./part1; . ./part2')
  [[ -z $output ]] || fail "publishing printed '$output'"
  coproc CONSUMER { exec "${bare[@]}" sh -c '. ./part1; . ./part3'; }
  local from
  exec {from}<&"${CONSUMER[0]}"
  expect_line '{"type":"hello_ack","bus_version":"v1","first_for_key":true,"capabilities":["patterns","calls","interest","values"]}' part3
  "${bare[@]}" sh -c '. ./part1; . ./part2'
  expect_line '{"type":"event","event_type":"lamp.on","seq":1,"payload":{"room":"kitchen"}}' part2
  output=$("${bare[@]}" sh -c '. ./part1; . ./part4')
  [[ $output == '{"type":"status_response",'*'"published":2,"delivered":1,'* ]] || fail "the status was '$output'"
  expect_end 'the consumer'
  if bus-status --check >/dev/null 2>&1; then fail 'the hub still serves'; fi
  printf '%s: the commands work\n' "$name"
}

# The counter of bus-value(1), in each shell that it is said to work in.
run_counter() {
  local shell output
  begin counter
  literal "$pages/man1/bus-value.1" EXAMPLES | awk -v RS='\f' '/count\(\)/' | sed -n 's/^[$>] //p' >counter
  for shell in sh bash zsh; do
    if ! command -v "$shell" >/dev/null; then
      printf '%s: %s is not installed\n' "$name" "$shell"
      continue
    fi
    output=$("${bare[@]}" "$shell" ./counter 2>&1)
    [[ $output == $'2\nbus-value: there is no key "builds"; '*$'\n1' ]] || fail "in $shell, the counter printed '$output'"
  done
  printf '%s: the counter works\n' "$name"
}

run_sessions
run_protocol
run_counter
