"""Sends messages to a server that may restart meanwhile: sender.py URL USER PASSWORD [SECONDS]

Sends one after another until it gets SIGTERM, and one more after that. Then looks whether each that was acknowledged is
there, says so, and ends with 1 if one is lost or if the server took more than five seconds to answer.
A server that acknowledges nothing for SECONDS (60) after SIGTERM does not come back.
"""

import json
import signal
import sys
import time
import urllib.error
import urllib.request

MOST_SECONDS = 5
# Shorter than the gap that is looked for, so that a request into nothing is not the gap.
ANSWER_SECONDS = 2
LAST_SECONDS = 60


class Client:
    def __init__(self, url, user, password):
        self.url = f"{url}/_matrix/client/v3"
        self.token = None
        identifier = {"type": "m.id.user", "user": user}
        self.token = self.ask("POST", "login", type="m.login.password", identifier=identifier, password=password)["access_token"]
        self.room = self.ask("POST", "createRoom")["room_id"]

    def ask(self, method, path, **body):
        request = urllib.request.Request(f"{self.url}/{path}", method=method)
        request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        data = json.dumps(body).encode() if method != "GET" else None
        with urllib.request.urlopen(request, data, ANSWER_SECONDS) as answer:
            return json.load(answer)

    def send(self, number):
        path = f"rooms/{self.room}/send/m.room.message/number-{number}"
        return self.ask("PUT", path, msgtype="m.text", body=f"number {number}")["event_id"]

    def body_of(self, event):
        try:
            return self.ask("GET", f"rooms/{self.room}/event/{event}")["content"]["body"]
        except urllib.error.HTTPError:
            return None


def main():
    client = Client(*sys.argv[1:4])
    last_seconds = float(sys.argv[4]) if len(sys.argv) > 4 else LAST_SECONDS
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(time.monotonic()))
    acknowledged, longest, failures, last = {}, 0, 0, time.monotonic()
    print("sending", flush=True)
    while not stopped or last < stopped[0]:
        if stopped and time.monotonic() - stopped[0] > last_seconds:
            sys.exit(f"the server does not come back: {time.monotonic() - last:.1f} s without an answer")
        number = len(acknowledged)
        try:
            event = client.send(number)
        except (OSError, ValueError):
            failures += 1
            time.sleep(0.02)
            continue
        acknowledged[event] = f"number {number}"
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    lost = sum(client.body_of(event) != body for event, body in acknowledged.items())
    print(f"{len(acknowledged)} acknowledged, {lost} lost, {failures} attempts failed, {longest:.1f} s without an answer")
    sys.exit(lost > 0 or longest > MOST_SECONDS or len(set(acknowledged.values())) != len(acknowledged))


main()
