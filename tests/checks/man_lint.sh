#!/bin/sh
# Neither groff nor mandoc has anything to say about a manual page, it holds ASCII only, and made again it has the same bytes,
# on whatever day: man_lint.sh PAGES_DIRECTORY SOURCE_DIRECTORY VERSION
set -eu
pages=$1 source=$2 version=$3
again=$(mktemp -d)
trap 'rm -rf "$again"' EXIT
count=0
failed=0

# nothing_from TOOL ARGUMENT...: it prints nothing, and ends well.
nothing_from() {
  if ! said=$("$@" 2>&1) || [ -n "$said" ]; then
    printf '%s\n%s\n' "man_lint: $*" "$said"
    failed=1
  fi
}

for page in "$pages"/man*/*.[1-8]; do
  # A name of a page that has several.
  if [ -L "$page" ]; then continue; fi
  count=$((count + 1))
  nothing_from groff -man -ww -Tutf8 -z "$page"
  nothing_from mandoc -T lint -W warning "$page"
  nothing_from env LC_ALL=C awk '/[^ -~\t]/' "$page"
  date=$(sed -n 's/^\.TH "[^"]*" "[^"]*" "\([^"]*\)".*/\1/p' "$page")
  name=${page##*/}
  SOURCE_DATE_EPOCH=86400 TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 \
    nothing_from "$source/man/make-page" "$source/man/$name.scd" "$again/$name" "$version" "$date"
  nothing_from cmp "$page" "$again/$name"
done
if [ "$count" -eq 0 ]; then
  echo "man_lint: no pages in $pages"
  exit 1
fi
echo "man_lint: $count pages"
exit "$failed"
