#!/bin/sh
# find_package(busd) in an installation that was moved: find_package.sh BIN TREE CMAKE GENERATOR CC CXX DOCDIR
tree=$2
cmake=$3
generator=$4
cc=$5
cxx=$6
docdir=$7
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"

# A project without C++, linking both libraries, of a version that it asks for.
run 0 "$cmake" -S "$here/c_project" -B c -G "$generator" -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$tree" \
  -DEXAMPLE="$tree/$docdir/examples/minimal.c"
run 0 "$cmake" --build c
for kind in shared static; do
  start "$kind" "c/$kind" find.package 1
  await "$kind.err" ready
  run 0 bus-publish find.package "\"$kind\""
  expect_exit "the $kind program" "$pid" 0
  check_equal 'what it prints' "\"$kind\"" "$(cat "$kind.out")"
done
readelf -d c/shared | grep -q 'libbusd.so.0' || fail 'the shared program does not want libbusd.so.0'
if readelf -d c/static | grep -q libbusd; then fail 'the static program wants libbusd.so'; fi

# The installed examples build themselves.
run 0 "$cmake" -S "$tree/$docdir/examples" -B examples -G "$generator" -DCMAKE_C_COMPILER="$cc" \
  -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_PREFIX_PATH="$tree"
run 0 "$cmake" --build examples --target example-minimal-cpp
start cpp examples/example-minimal-cpp find.package find.package 1
await cpp.err ready
run 0 bus-publish find.package 1
expect_exit 'the example in C++' "$pid" 0
