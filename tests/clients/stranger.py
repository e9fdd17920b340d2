"""A stranger's web site, open in the same browser: a plain HTTP server on loopback with one page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StrangersSite:
    """Shows ``page`` to everybody who asks for anything; made by `running_strangers_site`."""

    def __init__(self) -> None:
        self.page = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        # It looks so often whether it shall stop, and nobody wants to wait for that.
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self._runs = True

    @property
    def port(self) -> int:
        return int(self._server.server_port)

    def stop(self) -> None:
        """Give the port away; harmless when that was done."""
        if self._runs:
            self._runs = False
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def _handler(site) -> type[BaseHTTPRequestHandler]:  # noqa: N805  # the methods below have a self of their own
        class Handler(BaseHTTPRequestHandler):  # HTTP/1.0: no connection is kept
            def do_GET(self) -> None:
                page = f'<!DOCTYPE html><link rel="icon" href="data:,">{site.page}'.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name is http.server's
                """Say nothing."""

        return Handler


@contextmanager
def running_strangers_site() -> Iterator[StrangersSite]:
    site = StrangersSite()
    try:
        yield site
    finally:
        site.stop()
