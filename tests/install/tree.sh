#!/bin/sh
# `cmake --install` puts everything in its place, knows nothing of where that is, and can be taken back:
# tree.sh BIN CMAKE BUILD-DIR SOURCE-DIR TREE LIBDIR DOCDIR
#
# Leaves an installation that was moved as TREE, for the tests that build against it.
cmake=$2
build=$3
source=$4
tree=$5
libdir=$6
docdir=$7
# shellcheck source-path=SCRIPTDIR source=../cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"

# The manifest in the build directory may be of an installation that somebody wants to remove.
keep() {
  [ ! -f "$build/install_manifest.txt" ] || cp -p "$build/install_manifest.txt" kept_manifest
}
give_back() {
  ended=$?
  if [ -f "$work/kept_manifest" ]; then
    mv "$work/kept_manifest" "$build/install_manifest.txt"
  else
    rm -f "$build/install_manifest.txt"
  fi
  return "$ended" # which finish goes by
}
keep
trap 'give_back; finish' EXIT

rm -rf "$tree"
run 0 env "DESTDIR=$work/staged" "$cmake" --install "$build" --prefix /opt/first --strip
mkdir -p "$(dirname "$tree")"
mv staged/opt/first "$tree"
check_equal 'what stands outside of the prefix' '' "$(find staged -type f)"

for file in bin/busd bin/bus-call bin/bus-consume bin/bus-publish bin/bus-serve bin/bus-source bin/bus-sources bin/bus-status bin/bus-stop bin/bus-value \
  libexec/busd/source-trampoline \
  "$libdir/libbusd.so" "$libdir/libbusd.so.0" "$libdir/libbusd.so.0.1.0" "$libdir/libbusd.a" "$libdir/pkgconfig/busd.pc" \
  "$libdir/cmake/busd/busd-config.cmake" "$libdir/cmake/busd/busd-config-version.cmake" \
  "$docdir/examples/CMakeLists.txt" "$docdir/examples/SKILL.md" "$docdir/examples/minimal.c" "$docdir/examples/loops/turn.hpp"; do
  [ -f "$tree/$file" ] || fail "not installed: $file"
done
check_equal 'the installed headers' "$(cd "$source/consumer/include" && find . -type f | sort)" \
  "$(cd "$tree/include" && find . -type f | sort)"
for script in load_source.sh machine_provider.sh sources.d/load_source.sh sources.d/memory.js sources.d/ticks.py; do
  [ -x "$tree/$docdir/examples/$script" ] || fail "$script cannot be run where it is installed"
done

stand_in journalctl udevadm inotifywait
run 0 "$tree/bin/bus-source" check "$tree/$docdir/examples/sources.d"
check_has err '6 sources are fine: devices, downloads, journal, load_source, memory, ticks'

# Nothing of where it was built or installed. (A unit names its program, as it must.)
if grep -rlF -e /opt/first -e "$build" -e "$source/" "$tree" | grep -v /systemd/ >found; then
  fail "a path of the build or of the prefix stands in: $(cat found)"
fi

# Nor where packages may put the examples, which is not in the prefix.
if grep -rn '/share/doc/' "$tree/$docdir" >found; then
  fail "the examples name a directory that this installation does not have: $(cat found)"
fi

# Components are disjoint, and all of it.
for part in programs library dev systemd; do
  run 0 "$cmake" --install "$build" --prefix "$work/parts/$part" --component "$part"
  (cd "parts/$part" && find . ! -type d) >"$part.list"
  [ -s "$part.list" ] || fail "the component $part is empty"
  rm -f "$build/install_manifest_$part.txt"
done
sort programs.list library.list dev.list systemd.list >parts.list
(cd "$tree" && find . ! -type d | sort) >tree.list
check_equal 'the components together' "$(cat tree.list)" "$(cat parts.list)"
check_equal 'the component library' "./$libdir/libbusd.so.0
./$libdir/libbusd.so.0.1.0" "$(sort library.list)"

# The programs find the hub beside themselves.
unset BUSD_PROGRAM
run 0 "$tree/bin/bus-publish" moved.tree 1
check_equal 'the hub that was started' "$tree/bin/busd" "$(readlink "/proc/$(hub_pid)/exe")"
run 0 bus-stop -q

# README.md says so.
run 0 "$cmake" --install "$build" --prefix "$work/removed"
[ -x removed/bin/busd ] || fail 'nothing was installed to be removed'
xargs rm <"$build/install_manifest.txt" || fail 'what the manifest names cannot be removed'
check_equal 'what is left when the manifest is removed' '' "$(find removed ! -type d)"
