"""Serves a folder on the loopback interface: site.py PORT FOLDER [CERTIFICATE]; with a certificate, by HTTPS."""

import functools
import ssl
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Site(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


port, folder, *certificate = sys.argv[1:]
server = ThreadingHTTPServer(("127.0.0.1", int(port)), functools.partial(Site, directory=folder))
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
