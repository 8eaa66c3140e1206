#!/usr/bin/python3
"""A source in Python: the time, once a second. Each line of JSON is the payload of an event of type "ticks"."""
import json
import time

while True:
    # Without flush, Python keeps lines back when they do not go to a terminal; python3 -u does the same for a whole program.
    print(json.dumps({"now": time.time()}), flush=True)
    time.sleep(1)
