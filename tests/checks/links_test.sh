#!/bin/bash
# Links of the pages lead somewhere, in the tree and where the packages install them; and `links` finds one that does not:
# links_test.sh SOURCE_DIRECTORY
set -euo pipefail
source=$(realpath "$1")
links=$source/tests/checks/links
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  printf 'links_test: %s\n' "$*"
  exit 1
}

# expect TEXT: the page, which is on stdin, has that dead link.
expect() {
  local said
  cat >page.md
  if said=$("$links" page.md); then fail "did not notice: $1"; fi
  [[ $said == *"page.md: $1 leads nowhere"* ]] || fail "expected $1, but it said: $said"
}

expect nowhere.md <<<'See [this](nowhere.md).'
expect '#second' <<<$'# First\n[a](#first) and [b](#second)'
expect other.md#gone <<<"$(touch other.md)[c](other.md#gone)"
expect /etc/passwd <<<'[an absolute one](/etc/passwd) is of one machine'
# shellcheck disable=SC2016  # what is between the quotes is Markdown
printf '%s\n' '# A page' '[d](#a-page) [e](page.md) [f](https://example.org/)' '```' '[g](nowhere.md)' '```' '`[h](nowhere.md)`' >page.md
"$links" page.md >said || fail "$(cat said)"

# The tree.
mapfile -t pages < <(find "$source" -maxdepth 1 -name '*.md'; find "$source"/{protocol,consumer,tests} -name '*.md')
"$links" "${pages[@]}" || fail 'the tree has dead links'

# The package: beside the pages that it takes stand only its own.
mkdir doc
for page in $(<"$source/packaging/debian/busd.docs"); do
  case $page in
    # What debian/rules makes there, of the page of the same name.
    debian/doc/*) sed -E -f "$source/packaging/debian/installed-page.sed" "$source/${page##*/}" >"doc/${page##*/}" ;;
    *) cp "$source/$page" doc ;;
  esac
done
[[ -s doc/README.md ]] || fail 'the package has no README.md'
touch doc/copyright
"$links" doc/*.md || fail 'the installed pages have dead links'
