#!/bin/sh
# bus-status --metrics: what it prints is what Prometheus reads, whatever names the clients have, as promtool judges it.
. "$(dirname "$0")/lib.sh"

# A hub with hostile names, a lock, losses, and a source that has gone.
start_hub
odd='q"uo\te{a="b",} #é'
start_consumer one "$odd" -t "$odd.*" --literal --subscription-id 'back\slash'
start_consumer two "$odd" -t '*'
run 0 bus-publish --literal "$odd.x" 1 --source "$odd"
run 0 bus-publish --literal "$odd.x" 1 --source clock
run 0 bus-publish --literal "$odd.x" 1
run 0 bus-status --metrics
check_empty err
mv out metrics.out
check_has metrics.out '# TYPE busd_events_published_total counter'
check_has metrics.out 'busd_events_published_total 3'
check_has metrics.out 'busd_source_events_published_total{source="q\"uo\\te{a=\"b\",} #é"} 1'
check_has metrics.out 'subscription_id="back\\slash"} 3'
check_equal "series of consumers" 2 "$(grep -c '^busd_consumer_queued_bytes{' metrics.out)"
check_equal "lines that are no series and no comment" 0 "$(grep -cvE '^(# (HELP|TYPE) )?busd_[a-z_]+[ {]' metrics.out)"

# The buckets of the histogram never fall, and the last one is all.
awk -F '[ "]' '/^busd_callback_duration_seconds_bucket/ { if ($NF < last) exit 1; last = $NF; bound = $2 }
  /^busd_callback_duration_seconds_count/ { exit !(bound == "+Inf" && $NF == last) }' metrics.out ||
  fail "the histogram: $(grep busd_callback_duration metrics.out)"

# What goes with nothing else.
run 64 bus-status --metrics --json
run 64 bus-status --metrics --watch

# An older hub does not know the format, and answers as ever.
if command -v socat >/dev/null; then
  hubs_socket=$BUSD_SOCKET
  play 'read -r query; echo "{\"type\":\"status_response\",\"pid\":12,\"uptime_sec\":1,\"active_conns\":0,\"consumers\":[],\"version\":\"0.0.9\"}"'
  run 76 bus-status --metrics
  check_empty out
  check_has err '(pid 12, version "0.0.9") is too old to report metrics'
  check_has err '; end it with bus-stop, and start a newer one'
  BUSD_SOCKET=$hubs_socket
fi
run 69 bus-status --metrics --socket "$work/nobody.sock"
check_has err "no hub runs at $work/nobody.sock"

if ! command -v promtool >/dev/null; then
  echo "promtool is missing (Debian: apt-get install prometheus): the metrics were not judged by it"
  exit 77
fi
promtool check metrics <metrics.out >out 2>&1 || fail "promtool: $(cat out)"
check_empty out
# It does judge: a counter without _total is a complaint.
run 3 promtool check metrics <<'EOF'
# HELP busd_x X.
# TYPE busd_x counter
busd_x 1
EOF
