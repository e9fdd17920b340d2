"""Serve the proxy from a program of your own, with threads instead of gevent.

Run it with the gateway's address: ``python wsgi_in_threads.py 10.11.120.2``. The pin is kept in ./certs.
"""

from __future__ import annotations

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from smgwproxy import Gateway, ReverseProxy
from smgwproxy.truststores import open_truststore


class ThreadingServer(ThreadingMixIn, WSGIServer):
    """The standard library's WSGI server, one thread a request."""

    daemon_threads = True


def main(target: str, port: int = 8080) -> None:
    """Serve until Ctrl-C."""
    with Gateway(target, open_truststore("file:./certs")) as gateway:
        server = make_server("127.0.0.1", port, ReverseProxy(gateway), server_class=ThreadingServer)
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
