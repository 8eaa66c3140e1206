#!/bin/sh
# The functions of <busd/consumer.h>, <busd/calls.h>, <busd/streams.h>, <busd/values.h> and <busd/cache.h>, the list in consumer/libbusd.map, and what libbusd.so and libbusd.a define for others are the
# same: symbols.sh SHARED STATIC MAP INCLUDE-DIR CC
set -eu
export LC_ALL=C
shared=$1
static=$2
map=$3
include=$4
cc=$5

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Declared, whether they are marked for export or not. What a pointer to a function returns is no function.
"$cc" -E -P -I "$include" -include busd/calls.h -include busd/cache.h "$include/busd/streams.h" | grep -o 'busd_[a-z_]* *([^*]' | sed 's/ *(.$//' | sort -u >"$work/header"
sed -n 's/^ *\(busd_[a-z_]*\);$/\1/p' "$map" | sort >"$work/map"
# Of both everything, so that a C++ symbol, a type's name or a function with no version would show.
nm -D --defined-only --with-symbol-versions "$shared" | sed 's/^[0-9a-f]* //' | sort >"$work/shared"
{
  echo 'A BUSD_0'
  sed 's/.*/T &@@BUSD_0/' "$work/map"
} | sort >"$work/shared.wanted"
nm -g --defined-only "$static" | sed -n 's/^[0-9a-f][0-9a-f]* //p' | sort >"$work/static"
sed 's/.*/T &/' "$work/map" >"$work/static.wanted"

failed=0
same() { # WANTED GOT WHAT
  diff -u "$work/$1" "$work/$2" >"$work/diff" && return
  echo "$3:"
  cat "$work/diff"
  failed=1
}
[ -s "$work/header" ] || {
  echo "no function found in $include"
  exit 1
}
same header map 'consumer/libbusd.map differs from the functions of the headers'
same shared.wanted shared 'libbusd.so differs from the map'
same static.wanted static 'libbusd.a differs from the map'

soname=$(readelf -dW "$shared" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
[ "$soname" = libbusd.so.0 ] || {
  echo "libbusd.so calls itself $soname"
  failed=1
}
[ "$failed" -ne 0 ] || echo "symbols: $(wc -l <"$work/map") functions in the header, the map and both libraries, and nothing else"
exit "$failed"
