#!/bin/sh
# packaging/install-deps on machines made of stand-ins, so that no package manager is ever really called:
# install_deps_test.sh INSTALL_DEPS
set -eu
install_deps=$1

machine=$(mktemp -d)
trap 'rm -rf "$machine"' EXIT
mkdir "$machine/bin"
for tool in sh env mktemp rm grep tail install; do ln -s "$(command -v "$tool")" "$machine/bin/$tool"; done

# program NAME BODY: the machine has a program NAME that does BODY, and notes its arguments in calls.
program() {
  printf '#!/bin/sh\nprintf "%%s\\n" "%s $*" >>"%s/calls"\n%s\n' "$1" "$machine" "$2" >"$machine/bin/$1"
  chmod +x "$machine/bin/$1"
}

# expect STATUS TEXT ARGUMENT...: install-deps ends with STATUS, and its one line on stderr (none when TEXT is empty) holds TEXT.
expect() {
  wanted=$1
  text=$2
  shift 2
  : >"$machine/calls"
  status=0
  PATH="$machine/bin" BUSD_POLICY_RC="$machine/policy-rc.d" "$install_deps" "$@" >"$machine/out" 2>"$machine/err" </dev/null || status=$?
  [ "$status" -eq "$wanted" ] || fail "exit $status instead of $wanted"
  [ ! -s "$machine/out" ] || fail 'something on stdout'
  if [ -z "$text" ]; then
    [ ! -s "$machine/err" ] || fail 'it was not silent'
  else
    grep -q -F -e "$text" "$machine/err" || fail "no \"$text\""
  fi
}

one_line() { [ "$(grep -c '' "$machine/err")" -eq 1 ] || fail 'more than one line'; }
called() { grep -q -e "$1" "$machine/calls" || fail "did not call $1"; }
not_called() { ! grep -q -e "$1" "$machine/calls" || fail "called $1"; }

fail() {
  printf 'install_deps_test: %s; stderr and calls were:\n' "$1"
  cat "$machine/err" "$machine/calls"
  exit 1
}

program id 'echo 0'
expect 0 'not a Debian system' build

program dpkg-query 'echo installed'
program apt-get 'exit 0'
expect 0 '' build
expect 0 '' ci
not_called '^apt-get'

# shellcheck disable=SC2016  # the stand-in expands it
program dpkg-query 'case $* in *libevent-dev) exit 1 ;; *catch2) echo config-files ;; *) echo installed ;; esac'
expect 0 'installing libevent-dev' build
one_line
called '^apt-get update'
called '^apt-get install -y --no-install-recommends libevent-dev$'
expect 0 'installing libevent-dev catch2' test
called '^apt-get install .* libevent-dev catch2$'

# No server that is in a package is started while it is installed, and what forbids that does not stay; what the machine has
# of the kind does.
# shellcheck disable=SC2016
program apt-get 'status=0; "$BUSD_POLICY_RC" || status=$?; [ "$1" = update ] || [ "$status" -eq 101 ]'
expect 0 'installing libevent-dev' build
[ ! -e "$machine/policy-rc.d" ] || fail 'it left its policy behind'
printf '#!/bin/sh\nexit 101 # mine\n' >"$machine/policy-rc.d"
chmod +x "$machine/policy-rc.d"
expect 0 'installing libevent-dev' build
grep -q mine "$machine/policy-rc.d" || fail 'it changed a policy of the machine'
rm "$machine/policy-rc.d"

# shellcheck disable=SC2016
program apt-get 'case $1 in install) echo "E: Unable to locate package libevent-dev" && exit 100 ;; *) exit 0 ;; esac'
expect 69 'could not install libevent-dev: E: Unable to locate package libevent-dev' build

program id 'echo 1000'
expect 77 'neither root nor sudo to install them: apt-get install libevent-dev' build
one_line
not_called '^apt-get'

program sudo 'exit 1'
expect 77 'neither root nor sudo' build
not_called '^apt-get'

# shellcheck disable=SC2016
program sudo 'case $1 in -n) exit 0 ;; *) exec "$@" ;; esac'
program apt-get 'exit 0'
expect 0 'installing libevent-dev' build
called '^sudo env DEBIAN_FRONTEND=noninteractive apt-get install'

rm "$machine/bin/apt-get"
expect 77 'no apt-get to install them with: libevent-dev' build
expect 64 'say what for' nothing
echo 'install_deps_test: passed'
