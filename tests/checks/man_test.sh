#!/bin/bash
# That `man` finds what is wrong with the pages: man_test.sh SOURCE_DIRECTORY PAGES_DIRECTORY BIN_DIRECTORY
#
# Each case spoils a copy of the pages, or plays a program, and expects the check to fail with a text.
set -euo pipefail
source=$(realpath "$1")
pages=$(realpath "$2")
bin=$(realpath "$3")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cases=0

# fresh: the pages as they are, and the programs.
fresh() {
  rm -rf "${work:?}"/*
  cp -a "$pages" "$work/pages"
  mkdir "$work/bin"
  ln -s "$bin"/* "$work/bin"
}

# expect CHECK TEXT: the check fails and says so.
expect() {
  local said
  cases=$((cases + 1))
  if said=$("$source/tests/checks/man" "$1" "$work/pages" "$work/bin" "$source"); then
    printf 'man_test: %s did not notice: %s\n' "$1" "$2"
    exit 1
  fi
  if [[ $said != *"$2"* ]]; then
    printf 'man_test: expected of %s: %s\nbut it said:\n%s\n' "$1" "$2" "$said"
    exit 1
  fi
  fresh
}

# spoil PAGE SED_SCRIPT: the page's source, which the checks read, is another one then.
spoil() {
  local page=$work/pages/man${1##*.}/$1.scd
  sed -i -e "$2" "$page"
  if cmp -s "$page" "$pages/man${1##*.}/$1.scd"; then
    printf 'man_test: nothing in %s matches %s\n' "$1" "$2"
    exit 1
  fi
}

# play PROGRAM SED_SCRIPT: what the program says is another text then.
play() {
  rm "$work/bin/$1"
  printf '#!/bin/sh\n"%s" "$@" | sed -e "%s"\n' "$bin/$1" "$2" >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}

fresh
spoil bus-stop.1 's/^\*--force\*$/*--violence*/'
expect options 'option --force stands in --help, not in the page'
play bus-stop '/--force  /d'
expect options 'option --force stands in the page, not in --help'
spoil bus-consume.1 's/\*--count\* _N_/*--count* _M_/'
expect options "--count takes 'N' by --help, 'M' by the page"
spoil bus-publish.1 's/Default: 10s/Default: 5s/'
expect options "--timeout: the default is '10s' by --help, '5s' by the page"
spoil busd.conf.5 's/^\*memory\* = _SIZE_$/*memories* = _SIZE_/'
expect settings 'setting memory stands in --print-config, not in busd.conf.5'
play busd 's/^memory =.*/&\\nfresh = 1/'
expect settings 'setting fresh stands in --print-config, not in busd.conf.5'
play busd 's/^queue-frames = .*/queue-frames = 7/'
expect settings 'setting queue-frames: the default is 7, 1024 by busd.conf.5'
spoil bus-publish.1 's/^\*65\*$/*66*/'
expect statuses 'bus-publish.1: status 65 stands in --help, not in the page'
play bus-publish 's/, 77 permission//'
expect statuses 'bus-publish.1: status 77 stands in the page, not in --help'
spoil bus-stop.1 's/^\*bad_pattern\*$/*bad_patterns*/'
expect errors 'bus-stop.1: error bad_pattern stands in the sources, not in the page'
spoil bus-consume.1 's/^Both commands.*//; s/\*BUSD_SUBSCRIPTION_ID\*/a variable/'
expect variables 'variable BUSD_SUBSCRIPTION_ID stands in the sources, not in the pages'
spoil libbusd.3 's/^\*BUSD_BUS\*$/*BUSD_TRAM*/'
expect variables 'variable BUSD_TRAM stands in the pages, not in the sources'
spoil busd_hub_status.3 '/^void busd_free/d'
expect functions 'function busd_free stands in the headers, not in the pages'
spoil busd_connection_fd.3 's/^int busd_connection_fd(const busd_connection\*/int busd_connection_fd(busd_connection*/'
expect functions "but the headers have 'int busd_connection_fd(const busd_connection* connection)'"
spoil busd_connection_publish.3 's/^busd_result busd_connection_report(/int busd_free(int a);\n&/'
expect functions 'busd_free stands in'
spoil busd_connection_open.3 's/^\*hold_bytes\*$/*held_bytes*/'
expect functions 'hold_bytes of busd_connection_options is described nowhere'
spoil busd_result_name.3 's/^\*BUSD_INTERNAL\*$/*BUSD_OTHER*/'
expect functions 'BUSD_INTERNAL of busd_result is described nowhere'
spoil busd_consumer_open.3 '/^  int64_t background;/d'
expect functions 'int64_t observer; busd_text cleanup_task;} in SYNOPSIS'
rm "$work/pages/man3/busd_free.3"
expect functions 'man 3 busd_free does not find it'
spoil libbusd-cpp.3 's/\*unconfirmed\*()//g'
expect cpp 'Source::unconfirmed is not in libbusd-cpp.3'
spoil busd.8 's/\*bus-stop\*(1)/*bus-halt*(1)/'
expect references 'busd.8 refers to bus-halt(1), which is nowhere'
spoil bus-stop.1 's/^\*bus-call\*(1), \*bus-consume\*(1)/*bus-consume*(1), *bus-call*(1)/'
expect references 'bus-stop.1: SEE ALSO is not in order'
sed -i 's/%s\\\\n"/%sn"/' "$work/pages/man3/busd_connection_next.3"
expect literal 'groff does not print the line fprintf(stderr, "%s\n", error.message);'
sed -i 's/has at most 1 048 576 bytes/has at most 1 048 577 bytes/' "$work/pages/man7/bus-protocol.7"
expect protocol "PROTOCOL.md has '576', the page '577'"
sed -i 's/"seq":18446744073709551615/"seq":18446744073709551614/' "$work/pages/man7/bus-protocol.7"
expect protocol 'the page lacks the example B {"type":"event","event_type":"clock.tick","seq":18446744073709551615'
spoil busd_connection_fd.3 's/-1 : (int)left/-1 : left/'
expect code 'busd_connection_fd.3, EXAMPLES, piece 1'
printf 'man_test: %s faults are noticed\n' "$cases"
