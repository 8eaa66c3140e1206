# The vocabulary of the tests of the command-line programs. Sourced by every script here, which gets the build's bin directory
# as its argument:
#
#   . "$(dirname "$0")/lib.sh"
#
# Gives each script a bus of its own in a private temporary directory, its working directory; a hub starts on demand and is
# stopped at the end. Nothing here sleeps: waiting is for a line, a file or an exit. A script that hangs is ended after a
# minute and shows what had arrived.
# shellcheck shell=sh

if [ -z "${BUSD_TEST_BOUNDED:-}" ]; then
  BUSD_TEST_BOUNDED=1 exec timeout -k 5 60 sh "$0" "$@"
fi
unset BUSD_TEST_BOUNDED

bin=$(cd "$1" && pwd) || exit 2
provider_script=$(realpath "$(dirname "$0")/../cli/provider.py") || exit 2
PATH=$bin:$PATH
work=$(mktemp -d "${TMPDIR:-/tmp}/busd-cli.XXXXXX") || exit 2
chmod 700 "$work"
cd "$work" || exit 2
unset BUSD_BUS BUSD_NO_START NO_COLOR XDG_RUNTIME_DIR
TERM=xterm
BUSD_SOCKET=$work/bus.sock
BUSD_PROGRAM=$bin/busd
XDG_STATE_HOME=$work/state
export PATH TERM BUSD_SOCKET BUSD_PROGRAM XDG_STATE_HOME
pids=

finish() {
  code=$?
  trap - EXIT INT TERM
  for pid in $pids; do
    kill -KILL "$pid" 2>/dev/null
    kill -CONT "$pid" 2>/dev/null
  done
  bus-stop --force --timeout 3s -q || code=1
  if [ "$code" -ne 0 ]; then show_files; fi
  cd / && rm -rf "$work"
  exit "$code"
}
trap finish EXIT
trap 'echo "ended from outside, perhaps after a minute" >&2; exit 1' INT TERM

# The programs of the examples that this machine lacks, as programs that do nothing.
stand_in() { # PROGRAM...
  mkdir -p -m 755 stand-ins
  for program; do
    command -v "$program" >/dev/null || ln -s "$(command -v env)" "stand-ins/$program"
  done
  PATH=$PATH:$work/stand-ins
}

show_files() {
  for file in *.out *.err *.log out err; do
    [ -f "$file" ] || continue
    echo "--- $file (last 20 lines)"
    tail -n 20 "$file" | cut -c 1-300
  done >&2
}

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

check_equal() { # WHAT WANTED GOT
  [ "$2" = "$3" ] || fail "$1
wanted: $2
got:    $3"
}

check_has() { # FILE TEXT: a fixed string
  grep -qF -e "$2" "$1" || fail "$1 lacks: $2
it holds: $(head -c 2000 "$1")"
}

check_lacks() { # FILE TEXT
  if grep -qF -e "$2" "$1"; then fail "$1 holds: $2"; fi
}

check_empty() { # FILE
  [ ! -s "$1" ] || fail "$1 should be empty, it holds: $(head -c 2000 "$1")"
}

# run CODE COMMAND…: stdout goes to `out`, stderr to `err`, and the exit status must be CODE.
run() {
  wanted=$1
  shift
  "$@" >out 2>err
  got=$?
  [ "$got" -eq "$wanted" ] || fail "$* ended with $got, not $wanted
stdout: $(head -c 1000 out)
stderr: $(head -c 1000 err)"
}

# await FILE PATTERN: until a line of the file matches; the file is made when it is missing.
await() {
  : >>"$1" # tail looks at a missing file only once a second
  timeout 10 tail -n +1 -F "$1" 2>/dev/null | grep -qm1 -e "$2" || fail "$1 got no line like: $2
it holds: $(head -c 2000 "$1" 2>/dev/null)"
}

# await_status TEXT: until the hub's status holds a fixed text.
await_status() {
  timeout 10 bus-status --json --watch 50ms 2>/dev/null | grep -qFm1 -e "$1" || fail "the status never held: $1
it holds: $(bus-status --json 2>&1 | head -c 2000)"
}

# start NAME PROGRAM ARGUMENT…: in the background; stdout to NAME.out, stderr to NAME.err, the process in $pid. A shell starts a
# background job with SIGINT ignored, and the programs keep it so: env gives them the SIGINT of a job in the foreground.
start() {
  name=$1
  shift
  : >"$name.out"
  : >"$name.err"
  env --default-signal=INT,QUIT "$@" >"$name.out" 2>"$name.err" &
  pid=$!
  pids="$pids $pid"
}

# start_consumer NAME ARGUMENT…: bus-consume in the background, ready when this returns.
start_consumer() {
  name=$1
  shift
  start "$name" bus-consume "$@"
  await "$name.err" '^\[bus\] ready event_key='
}

# expect_exit NAME PID CODE
expect_exit() {
  wait "$2"
  got=$?
  [ "$got" -eq "$3" ] || fail "$1 ended with $got, not $3"
}

# start_provider NAME TASK…: a provider of these tasks in the background (provider.py says what it does for each), ready when this
# returns; what happens to it is in NAME.out.
start_provider() {
  name=$1
  shift
  start "$name" "$provider_script" "$@"
  await "$name.out" '^ready$'
}

# start_hub ARGUMENT…: a hub in the foreground of its own, for options that an on-demand one has not; $hub is its process.
start_hub() {
  mkfifo hub.ready
  # In a shell of its own, because opening the pipe waits for its reader; that shell expands the text.
  # shellcheck disable=SC2016
  start hub sh -c 'exec busd --socket "$BUSD_SOCKET" --ready-fd 3 "$@" 3>hub.ready' sh "$@"
  # shellcheck disable=SC2034 # for the scripts
  hub=$pid
  line=$(timeout 10 head -n 1 hub.ready)
  rm hub.ready
  check_equal "the hub's readiness line" ready "$line"
}

hub_pid() { bus-status --json | sed 's/^{"type":"status_response","pid":\([0-9]*\),.*/\1/'; }

lines_in() { wc -l <"$1" | tr -d ' '; }

# Played hubs: a few lines of shell behind socat, for what a real hub never does.
need_socat() {
  command -v socat >/dev/null && return
  echo "socat is missing: the played hubs are left out"
  exit 0
}
plays=0
# play SCRIPT: serves one connection, whose frames the script gets on stdin.
play() {
  plays=$((plays + 1))
  # All of its own, because the one before may still be ending: its shell reads its script, its socat removes its socket.
  BUSD_SOCKET=$work/play$plays.sock
  printf '%s\n' "$1" >"play$plays.sh"
  start "play$plays" socat -d -d "UNIX-LISTEN:$BUSD_SOCKET,mode=600" "EXEC:sh play$plays.sh"
  await "play$plays.err" 'listening on'
}
# What such scripts are made of.
# shellcheck disable=SC2016,SC2034 # the played hub's shell expands them; for the scripts
{
  ack='read -r hello; echo "{\"type\":\"hello_ack\",\"bus_version\":\"v1\",\"first_for_key\":false}"'
  confirm='echo "{\"type\":\"pre_shutdown_ack\",\"last_for_key\":false}"'
  until_check='while read -r line; do case $line in *pre_shutdown_check*) break ;; esac; done'
}
