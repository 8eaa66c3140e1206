#!/usr/bin/env python3
"""A provider for the tests of the programs, on the raw wire: provider.py [--slots N] [--source NAME] TASK…

Prints what happens to it, one line each: "ready", the frames that come, and "end". What it does for a task is told by the
last part of the task's name, and by the args:

add       the sum of a and b in the args
read      two chunks, "one" and "two"
echo      the args are the result, byte for byte
code      fails with the code that is the args, a string
stream    args N: N chunks {"n":1} …, then the result null
total     the same, and N is the result
progress  progress that stands still: 3 of 9, "linking"; no answer, until the process gets SIGUSR1: then null
hold      no answer, until the process gets SIGUSR1: then null
flood     chunks without an end, as fast as the hub takes them, while it does not ask for a pause
die       the process ends
(others)  null
"""
import json
import os
import select
import signal
import socket
import sys

held, floods, paused = [], set(), set()


class Provider:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.buffer = b""

    def send(self, frame):
        text = frame if isinstance(frame, str) else json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
        self.socket.sendall(text.encode() + b"\n")

    def lines(self):
        """What has come, and None at the end."""
        data = self.socket.recv(65536)
        if not data:
            yield None
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        yield from (line.decode() for line in lines)


def raw_args(line):
    """As the caller wrote them: the hub puts them last."""
    return line.partition(',"args":')[2][:-1]


def respond(provider, request_id, result=None):
    provider.send({"type": "response", "id": request_id, "result": result})


def serve(provider, frame, args_text):
    request_id, task, args = frame["id"], frame["task"], frame["args"]
    how = task.rsplit(".", 1)[-1]
    if how == "echo":
        provider.send('{"type":"response","id":"%s","result":%s}' % (request_id, args_text))
    elif how == "code":
        error = {"code": args, "message": "it said " + args, "data": {"of": task}}
        provider.send({"type": "response", "id": request_id, "error": error})
    elif how in ("stream", "total"):
        for n in range(1, args + 1):
            provider.send({"type": "chunk", "id": request_id, "data": {"n": n}})
        respond(provider, request_id, args if how == "total" else None)
    elif how == "progress":
        provider.send({"type": "progress", "id": request_id, "done": 3, "total": 9, "text": "linking"})
        held.append(request_id)
    elif how == "add":
        respond(provider, request_id, args["a"] + args["b"])
    elif how == "read":
        for data in ("one", "two"):
            provider.send({"type": "chunk", "id": request_id, "data": data})
        respond(provider, request_id)
    elif how == "hold":
        held.append(request_id)
    elif how == "flood":
        floods.add(request_id)
    elif how == "die":
        os._exit(0)
    else:
        respond(provider, request_id)


def take(provider, line):
    print(line, flush=True)
    frame = json.loads(line)
    kind, request_id = frame["type"], frame.get("id")
    if kind == "response":
        print("ready", flush=True)
    elif kind == "request":
        serve(provider, frame, raw_args(line))
    elif kind == "pause":
        paused.add(request_id)
    elif kind == "resume":
        paused.discard(request_id)
    elif kind == "cancel":
        floods.discard(request_id)
        if request_id in held:
            held.remove(request_id)


def run(provider, wake):
    while True:
        flowing = floods - paused
        readable, _, _ = select.select([provider.socket, wake], [], [], 0 if flowing else None)
        if wake in readable:
            wake.recv(1)
            while held:
                respond(provider, held.pop(0))
        for line in provider.lines() if provider.socket in readable else []:
            if line is None:
                return
            take(provider, line)
        for request_id in sorted(flowing & floods - paused):
            provider.send({"type": "chunk", "id": request_id, "data": "x" * 1000})


def main(arguments):
    slots = 16
    hello = {"type": "hello", "role": "client", "pid": os.getpid(), "version": "0"}
    while arguments[0].startswith("--"):
        if arguments[0] == "--slots":
            slots = int(arguments[1])
        else:
            hello["role"], hello["source"] = "source", arguments[1]
        arguments = arguments[2:]
    wake, waker = socket.socketpair()
    waker.setblocking(False)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    provider = Provider(os.environ["BUSD_SOCKET"])
    provider.send(hello)
    provider.send({"type": "provide", "id": "p", "tasks": arguments, "slots": slots})
    run(provider, wake)
    print("end", flush=True)


main(sys.argv[1:])
