#!/bin/sh
# What the hub says before it closes a connection reaches programs that go on writing, such as socat and Node.
. "$(dirname "$0")/lib.sh"

run 0 bus-publish type --null

# The first line is refused, and megabytes follow.
flood() {
  echo '{"type":"bye"}'
  yes '{"type":"event","event_type":"t"}' | head -c 4000000
}

seen=0
if command -v socat >/dev/null; then
  flood | socat -t 5 - "UNIX-CONNECT:$BUSD_SOCKET" >socat.out 2>socat.err || fail "socat ended with $?"
  check_has socat.out '"code":"not_allowed"'
  seen=$((seen + 1))
fi
if command -v node >/dev/null; then
  node -e '
    const socket = require("net").connect({ path: process.env.BUSD_SOCKET, allowHalfOpen: true });
    const line = "{\"type\":\"event\",\"event_type\":\"t\"}\n".repeat(1000);
    let chunks = 0;
    const write = () => { if (++chunks < 100) socket.write(line, write); else socket.end(); };
    socket.on("data", (data) => process.stdout.write(data));
    socket.on("error", (error) => console.error(error.code));
    socket.write("{\"type\":\"bye\"}\n", write);
  ' >node.out 2>node.err
  check_has node.out '"code":"not_allowed"'
  check_equal "errors that Node saw" "" "$(cat node.err)"
  seen=$((seen + 1))
fi
[ "$seen" -gt 0 ] || echo "SKIPPED: neither socat nor node is here"
