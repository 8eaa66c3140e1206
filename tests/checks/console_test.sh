#!/bin/bash
# What a Markdown page shows is what happens: console_test.sh PAGE BIN_DIRECTORY
#
# Types the commands of its ```console fences into one shell (console.sh), on a bus of its own.
set -euo pipefail

page=$(realpath "$1")
bin=$(realpath "$2")
name="console_test: ${page##*/}"
patience=30 # for all commands of one example together, on a machine that does other things
# shellcheck source=tests/checks/console.sh
. "$(dirname "$0")/console.sh"

dir=$(mktemp -d)
mkdir -m 700 "$dir/home" "$dir/run"
export PATH=$bin:$PATH
as_user "$dir/home" "$dir/run"
cd "$dir/home"

finish() {
  end_console
  "${bare[@]}" bus-stop --force --timeout 5s -q || true
  rm -rf "$dir"
}
trap finish EXIT

run_console < <(awk '$0 == "```console" { inside = 1; next } /^```/ { inside = 0 } inside' "$page")
