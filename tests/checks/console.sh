# Types the commands of a page into one shell, and compares what they print with what the page shows. Sourced by the tests of
# pages, which set `name` (their own) and `patience` in seconds, put the programs into PATH, and call as_user.
#
#   $ bus-publish a 1        a command, typed once everything that stands before it has been printed
#   > more of it             the next line of the same command
#   {"type":"event"}         a line of JSON must be as printed byte for byte
#   bus-stop: stopped        in other lines numbers, ms for us, widths and the socket's directory may differ
# shellcheck shell=bash disable=SC2154

fail() {
  printf '%s: %s\n' "$name" "$*"
  exit 1
}

# What may differ between two runs of the same command, made equal.
blur() {
  sed -E 's#[^ "=]*/([a-z]+)\.(sock|log)#/\1.\2#g; s/[0-9]+(\.[0-9]+)?/N/g; s/N[mu]s/Ns/g; s/[ ─-]+/ /g; s/^ //; s/ $//' <<<"$1"
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

# as_user HOME RUNTIME_DIRECTORY: what "${bare[@]}" begins sees these two and PATH, and no other variable, as it does for a user
# who has set nothing. A page must not work only where its test has exported more.
as_user() { bare=(env -i "HOME=$1" "XDG_RUNTIME_DIR=$2" "PATH=$PATH"); }

# Ends what run_console and the other coprocesses left behind.
end_console() {
  local pid
  for pid in $(jobs -p); do
    kill -- "-$pid" 2>/dev/null || kill "$pid" 2>/dev/null || true
  done
}

# The session on stdin. What a command leaves in the background must end by itself or with the session's last command.
run_console() {
  local line command='the start' commands=0
  # Of a session of its own, so that one that fails can be ended with all that it has started (end_console).
  coproc CONSOLE { exec "${bare[@]}" setsid bash --norc 2>&1; }
  local shell=$CONSOLE_PID from to
  # bash forgets the descriptors of a coprocess when it ends; these stay.
  exec {from}<&"${CONSOLE[0]}" {to}>&"${CONSOLE[1]}"
  while IFS= read -r line; do
    if [[ $line == '$ '* ]]; then
      command=${line#'$ '}
      commands=$((commands + 1))
      printf '%s\n' "$command" >&"$to"
    elif [[ $line == '> '* ]]; then
      printf '%s\n' "${line#'> '}" >&"$to"
    else
      expect_line "$line" "$command"
    fi
  done
  ((commands > 0)) || fail 'there are no commands'
  printf 'wait; exit\n' >&"$to"
  expect_end 'the console after all commands'
  wait "$shell" || fail "the shell of the commands ended with $?"
  printf '%s: %s commands did what the page shows\n' "$name" "$commands"
}
