#!/bin/sh
# The public headers give no warning in the flags of strict users, who need no -isystem for them: headers.sh CXX INCLUDE-DIR
#
# <busd/consumer.h> is C11, and C++ from C++11 on; <busd/consumer.hpp> is C++20, with and without exceptions and run-time types.
set -eu
cxx=$1
include=$2
here=$(dirname "$0")

common='-fsyntax-only -pedantic -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Werror'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

try() { # STANDARD SOURCE OPTION…
  standard=$1
  source=$2
  shift 2
  # $common is a list of words.
  # shellcheck disable=SC2086
  "$cxx" "-std=$standard" $common "$@" -I "$include" "$source" || {
    echo "$(basename "$source") by $cxx as $standard $*: refused"
    exit 1
  }
}

try c11 "$here/user.c" -x c -Wstrict-prototypes
for standard in c++11 c++14 c++17 c++20; do
  try "$standard" "$here/user.c" -x c++ -Wold-style-cast
done
for options in '' '-fno-rtti -fno-exceptions'; do
  # None, or some.
  # shellcheck disable=SC2086
  try c++20 "$here/user.cpp" -Wold-style-cast -Wnon-virtual-dtor -Wextra-semi $options
done

# Alone, so that each includes what it needs; and an older C++ is told what is missing.
for header in "$include"/busd/*.hpp; do
  printf '#include <busd/%s>\n' "${header##*/}" >"$work/alone.cpp"
  try c++20 "$work/alone.cpp"
done
printf '#include <busd/consumer.hpp>\n' >"$work/old.cpp"
if "$cxx" -std=c++17 -fsyntax-only -I "$include" "$work/old.cpp" 2>"$work/err"; then
  echo "consumer.hpp was taken as C++17"
  exit 1
fi
grep -q 'needs C++20' "$work/err" || {
  cat "$work/err"
  exit 1
}
echo "headers: no warning from $cxx"
