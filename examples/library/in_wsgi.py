"""Put the proxy beside the pages of your own WSGI program.

Usage: python in_wsgi.py ADDRESS [PORT]

The gateway's pages name each other from the root (/cgi-bin/..., /smgw/...), and its redirects and Digest logins do
so too. So the proxy must be at the root, and your own pages below a name that no gateway has: here /house.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server

from smgwproxy import Gateway, ReverseProxy, open_truststore

Application = Callable[..., Iterable[bytes]]


class ThreadingServer(ThreadingMixIn, WSGIServer):
    """The standard library's WSGI server, one thread a request."""

    daemon_threads = True


def house(_: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer as your own program does."""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [b'<h1>My house</h1><p><a href="/">The gateway</a></p>']


def beside(own: Application, below: str, proxy: Application) -> Application:
    """Return the application that hands what is at ``below`` or under it to ``own``, and all else to ``proxy``."""

    def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        chosen = own if path == below or path.startswith(f"{below}/") else proxy
        return chosen(environ, start_response)

    return application


def main(target: str, port: int = 8080) -> None:
    """Serve until Ctrl-C, on loopback: who may come in from the LAN is for smgwproxy.server to say, or for you."""
    with Gateway(target, open_truststore("file:./certs")) as gateway:
        application = beside(house, "/house", ReverseProxy(gateway))
        server = make_server("127.0.0.1", port, application, server_class=ThreadingServer)
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
