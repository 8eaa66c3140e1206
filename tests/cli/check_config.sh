#!/bin/sh
# busd --check-config finds what would keep a hub from starting, in the words of the start, and creates nothing.
. "$(dirname "$0")/lib.sh"

mkdir -m 700 place
place=$work/place

# fails_alike CODE TEXT COMMAND…: the check of the command fails as the command itself does, and TEXT is part of the reason.
fails_alike() {
  code=$1
  text=$2
  shift 2
  ls -lR place >before
  run "$code" "$@" --check-config
  check_has err "$text"
  check_empty out
  mv err checked
  check_equal "what is there after the check of $*" "$(cat before)" "$(ls -lR place)"
  run "$code" "$@"
  check_equal "what $* --check-config says" "$(cat err)" "$(cat checked)"
}

# The directory of the socket.
mkdir -m 777 place/open
chmod 777 place/open
fails_alike 77 "others may write to directory \"$place/open\"" busd --socket "$place/open/bus.sock"
mkdir -m 700 place/real
ln -s real place/link
fails_alike 77 "is a symlink; name the directory that it leads to: \"$place/real\"" busd --socket "$place/link/bus.sock"
echo text >place/file
fails_alike 77 "\"$place/file\" is not a directory" busd --socket "$place/file/bus.sock"
fails_alike 69 "create directory \"$place/file/deeper\": Not a directory" busd --socket "$place/file/deeper/bus.sock"

# What stands at the path of the socket, and at that of its lock.
fails_alike 77 "\"$place/file\" exists and is not a socket" busd --socket "$place/file"
rm -f place/file.lock
mkdir place/taken.lock
fails_alike 77 "\"$place/taken.lock\" is not a regular file" busd --socket "$place/taken.sock"

# The log.
fails_alike 73 "--log-file: open \"$place/missing/log\": No such file or directory" \
  busd --socket "$place/bus.sock" --log-file "$place/missing/log"
fails_alike 77 "--log-file: \"$place/real\" is not a regular file" busd --socket "$place/bus.sock" --log-file "$place/real"
fails_alike 77 "--log-file: \"$place/link\" is a symlink" busd --socket "$place/bus.sock" --log-file "$place/link"

# The limit of open files.
# shellcheck disable=SC2016 # the inner shell expands it
fails_alike 69 "the hard limit of open files (ulimit -Hn) is 40" sh -c 'ulimit -n 40; exec busd --socket "$0" "$@"' "$place/bus.sock"

# What another user may not do: write to the directory, and give the socket to a group that it does not belong to.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
  as_nobody() { LLVM_PROFILE_FILE=/dev/null setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
  chmod 755 . place
  mkdir -m 755 place/nobody
  chown 65534:65534 place/nobody
  if as_nobody "$bin/busd" --version >out 2>err; then
    fails_alike 77 'cannot be given to gid 4711 of --allow-gid' \
      as_nobody "$bin/busd" --socket "$place/nobody/bus.sock" --allow-gid 4711
    fails_alike 77 "create directory \"$place/real/new\": Permission denied" as_nobody "$bin/busd" --socket "$place/real/new/bus.sock"
    chmod 555 place/nobody
    fails_alike 77 "bind \"$place/nobody/bus.sock\": Permission denied" as_nobody "$bin/busd" --socket "$place/nobody/bus.sock"
    rm place/nobody/bus.lock
    fails_alike 77 "open \"$place/nobody/bus.lock\": Permission denied" as_nobody "$bin/busd" --socket "$place/nobody/bus.sock"
  fi
fi

# Where a hub could start, that is said and nothing is made; a log in the directory of the socket is none that is missing.
run 0 busd --socket "$place/new/er/bus.sock" --log-file "$place/new/er/bus.log" --check-config
check_has err "the settings are fine; the socket would be $place/new/er/bus.sock"
[ ! -e place/new ] || fail "--check-config has created a directory"

# A store of values that cannot be had keeps no hub from starting; that is said, and nothing is made.
ls -lR place >before
run 0 busd --socket "$place/bus.sock" --values "$place/open/v.values" --check-config
check_has err "values will not be stored: others may write to directory \"$place/open\""
run 0 busd --socket "$place/bus.sock" --values "$place/file/v.values" --check-config
check_has err "values will not be stored: \"$place/file\" is not a directory"
run 0 busd --socket "$place/bus.sock" --values /proc/new/v.values --check-config
check_has err 'values will not be stored: no file can be kept in "/proc", which belongs to the kernel'
echo 'my notes' >notes
chmod 600 notes
run 0 busd --socket "$place/bus.sock" --values ./notes --check-config
check_has err "notes\" is no database, and no hub has kept values in it: left untouched"
run 0 busd --socket "$place/bus.sock" --values "$place/real/new/v.values" --check-config
check_lacks err "values"
run 0 busd --socket "$place/bus.sock" --values off --check-config
check_lacks err "values"
# The same is said by one that starts a hub in the background.
run 0 busd --detach --socket "$work/away.sock" --values /proc/new/v.values
check_has err 'values will not be stored: no file can be kept in "/proc", which belongs to the kernel'
run 0 bus-stop --socket "$work/away.sock"
check_equal "what is there after the checks of values" "$(cat before)" "$(ls -lR place)"

# Control characters of a path do nothing to a terminal.
escape=$(printf '\033')
run 0 busd --socket "$place/red${escape}[31m.sock" --check-config
check_has err "$place/red"
check_lacks err "$escape"

# Where a hub serves, the settings of another one are as good as before.
BUSD_SOCKET=$place/own/bus.sock
start_hub --allow-uid "$(id -u)" --allow-uid root
run 0 busd --check-config
# Our own user and root are admitted anyway: to name them opens nothing to others.
check_equal "the modes of directory and socket" "700 600" "$(stat -c %a place/own place/own/bus.sock | xargs)"
run 0 busd --allow-uid "$(id -u)" --allow-uid root --check-config
check_lacks err "admitted beside"
run 0 busd --socket "$place/two/bus.sock" --allow-uid root --allow-uid 4711 --check-config
check_has err "admitted beside our own user and root: uid 4711; the socket has mode 0666, a new directory 0711"
run 0 bus-stop
