"""A forward proxy for one site: proxy.py PORT SITE_PORT TLS_PORT

Whatever host is asked for is the site on the loopback interface: plain requests go to SITE_PORT, tunnels to TLS_PORT.
Prints a line for each.
"""

import http.client
import select
import socket
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, SITE_PORT, TLS_PORT = map(int, sys.argv[1:])
CHUNK_BYTES = 1 << 16


class Proxy(BaseHTTPRequestHandler):
    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        site = http.client.HTTPConnection("127.0.0.1", SITE_PORT)
        site.request(self.command, address.path)
        answer = site.getresponse()
        self.send_response(answer.status)
        for name in ("Content-Type", "Content-Length", "Last-Modified"):
            if value := answer.getheader(name):
                self.send_header(name, value)
        self.end_headers()
        while chunk := answer.read(CHUNK_BYTES):
            self.wfile.write(chunk)

    do_HEAD = do_GET

    def do_CONNECT(self):
        with socket.create_connection(("127.0.0.1", TLS_PORT)) as site:
            self.send_response(200)
            self.end_headers()
            other = {self.connection: site, site: self.connection}
            while True:
                for ready in select.select(list(other), [], [])[0]:
                    chunk = ready.recv(CHUNK_BYTES)
                    if not chunk:
                        self.close_connection = True
                        return
                    other[ready].sendall(chunk)

    def log_request(self, code="-", size="-"):
        print(self.command, self.path, int(code), flush=True)


ThreadingHTTPServer(("127.0.0.1", PORT), Proxy).serve_forever()
