#!/bin/sh
# Programs are built by pkg-config against an installation that was moved, shared and static, and start its hub:
# pkg_config.sh BIN TREE LIBDIR DOCDIR CC CXX
tree=$2
libdir=$2/$3
docdir=$4
cc=$5
cxx=$6
# shellcheck source-path=SCRIPTDIR source=../cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
unset BUSD_PROGRAM
examples=$tree/$docdir/examples
export PKG_CONFIG_PATH="$libdir/pkgconfig"
mkdir app

# Where the prefix is the system's own, it is named, and whoever moves it says so.
moved=
! grep -q '^prefix=/' "$libdir/pkgconfig/busd.pc" || moved=--define-variable=prefix=$tree
flags() {
  # One word, or none.
  # shellcheck disable=SC2086
  pkg-config $moved "$@" busd
}

# In C; the program stands elsewhere, and PATH has no busd of ours: the library knows where it was installed.
# shellcheck disable=SC2046 # pkg-config's answer is a list of words
run 0 "$cc" -std=c11 -D_POSIX_C_SOURCE=200809L "$examples/minimal.c" $(flags --cflags --libs) -o app/shared
start shared env "PATH=$(getconf PATH)" "LD_LIBRARY_PATH=$libdir" app/shared pkg.config 1
await shared.err ready
check_equal 'the hub that was started' "$tree/bin/busd" "$(readlink "/proc/$(hub_pid)/exe")"
run 0 bus-publish pkg.config '"shared"'
expect_exit 'the program with libbusd.so' "$pid" 0
check_equal 'what it prints' '"shared"' "$(cat shared.out)"

# In C++.
# shellcheck disable=SC2046
run 0 "$cxx" -std=c++20 "$examples/minimal.cpp" $(flags --cflags --libs) -o app/cpp
start cpp env "LD_LIBRARY_PATH=$libdir" app/cpp pkg.config pkg.config 1
await cpp.err ready
run 0 bus-publish pkg.config '"c++"'
expect_exit 'the program in C++' "$pid" 0
check_has cpp.err 'clean-up: last of the key'

# Static, by a C compiler.
# shellcheck disable=SC2046
run 0 "$cc" -std=c11 -D_POSIX_C_SOURCE=200809L "$examples/minimal.c" $(flags --cflags) \
  -Wl,-Bstatic $(flags --libs) -Wl,-Bdynamic $(flags --static --libs-only-l | sed 's/-lbusd//') \
  -o app/static
if readelf -d app/static | grep -q libbusd; then fail 'the static program wants libbusd.so'; fi
start static app/static pkg.config 1
await static.err ready
run 0 bus-publish pkg.config '"static"'
expect_exit 'the program with libbusd.a' "$pid" 0
check_equal 'what it prints' '"static"' "$(cat static.out)"

check_equal 'the version' "$(busd --version | sed 's/^[^0-9]*//')" "$(pkg-config --modversion busd)"

# pkg-config's own way to move a prefix, which knows only one depth of library folder.
if [ "$libdir" = "$tree/lib" ]; then
  where=$(pkg-config --define-prefix --variable=includedir busd)
  [ -f "$where/busd/consumer.h" ] || fail "--define-prefix leads to $where"
fi
