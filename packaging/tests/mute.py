"""A server that acknowledges five messages and no more, and goes on to answer for those: mute.py PORT

What sender.py must not take for one that came back. Says so when it is asked for the sixth.
"""

import http.server
import json
import sys

ANSWERS = {"login": {"access_token": "token"}, "createRoom": {"room_id": "room"}}


class Handler(http.server.BaseHTTPRequestHandler):
    bodies = []

    def do_GET(self):
        self.answer({"content": {"body": self.bodies[int(self.path.rsplit("/", 1)[1])]}})

    def do_POST(self):
        self.read()
        self.answer(ANSWERS[self.path.rsplit("/", 1)[1]])

    def do_PUT(self):
        body = self.read()["body"]
        if len(self.bodies) == 5:
            print("mute", flush=True)
            return self.send_error(500)
        self.bodies.append(body)
        return self.answer({"event_id": str(len(self.bodies) - 1)})

    def read(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, value):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
