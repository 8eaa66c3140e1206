# The vocabulary of the tests of bus-serve, beside lib.sh. A caller is socat, which speaks the wire by hand.
# shellcheck shell=sh
need_socat

# start_serve NAME ARGUMENT…: bus-serve in the background, its tasks provided when this returns; the process is $pid.
start_serve() {
  name=$1
  shift
  start "$name" bus-serve "$@"
  await "$name.err" '^\[bus\] ready task='
}

# request_frame TASK ARGS [MEMBERS]: MEMBERS begin with a comma.
request_frame() { printf '{"type":"request","id":"q","task":"%s","args":%s%s}\n' "$1" "$2" "${3-}"; }

# call TASK ARGS [MEMBERS]: all frames that answer it, without their type and id.
call() { request_frame "$@" | timeout 30 socat -t 30 - "UNIX-CONNECT:$BUSD_SOCKET" | sed 's/^{"type":"response","id":"q",/{/; s/^{"type":"chunk","id":"q",/{/'; }

# check_call WANTED TASK ARGS [MEMBERS]
check_call() {
  wanted_answer=$1
  shift
  check_equal "the answer to $*" "$wanted_answer" "$(call "$@")"
}

# start_caller NAME TASK ARGS [MEMBERS]: a call in the background. Its frames go to NAME.out; the process is $pid, and gone when the
# answer is there.
start_caller() {
  caller=$1
  shift
  request_frame "$@" >"$caller.frame"
  start_frames "$caller" "$caller.frame"
}

# start_frames NAME FILE: a client that writes the frames of a file, or of a pipe until that ends.
start_frames() {
  # shellcheck disable=SC2016 # its own shell expands it; a background job has no stdin
  start "$1" sh -c 'exec socat -t 30 - "UNIX-CONNECT:$BUSD_SOCKET" <"$1"' sh "$2"
}

# await_gone PID…: until none of them is there, or only as a zombie of whoever has inherited it.
await_gone() {
  for each in "$@"; do
    # shellcheck disable=SC2016 # the inner shell expands it
    timeout 10 sh -c 'while state=$(sed "s/.*) \(.\).*/\1/" "/proc/$1/stat" 2>/dev/null) && [ "$state" != Z ]; do :; done' sh "$each" ||
      fail "process $each is still there: $(tr '\0' ' ' <"/proc/$each/cmdline")"
  done
}

# await_lines FILE N
await_lines() {
  : >>"$1"
  [ "$(timeout 10 tail -n +1 -F "$1" 2>/dev/null | head -n "$2" | wc -l)" -eq "$2" ] || fail "$1 has only $(lines_in "$1") lines of $2"
}
