"""The gevent server on the LAN side: reads requests strictly, runs the WSGI callable, writes its answers."""

from __future__ import annotations

import errno
import io
import logging
import re
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes

import gevent
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

from smgwproxy import problem
from smgwproxy.errors import BadRequest, ClientGone, ExchangeError, InternalError
from smgwproxy.http1 import (
    MAX_HEAD,
    BodyReader,
    Incomplete,
    Lines,
    MessageError,
    RequestHead,
    encoded_head,
    keeps_alive,
    parse_request_head,
    request_framing,
    tokens,
    values,
)
from smgwproxy.wire import Wire
from smgwproxy.wsgi import LINES, TARGET, Environ

_BACKLOG = 128
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 1024 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close() sends RST
# A user name within a URL is an error where it comes from strangers (RFC 9110 section 4.2.4).
_ABSOLUTE_FORM = re.compile(r"https?://([^/?@]+)(/[^?]*)?(\?.*)?", re.IGNORECASE)
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)

Application = Callable[[Environ, Any], Any]


def open_listener(address: str | None, port: int) -> socket.socket:
    """Listen on ``address``, or on all interfaces with IPv4 and IPv6 when it is None; port 0 is any free one.

    Raises `OSError`.
    """
    listener = _listen_everywhere(port) if address is None else _listen_at(address, port)
    listener.setblocking(False)
    return listener


def _listen_at(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.create_server((address, port), family=family, backlog=_BACKLOG)


def _listen_everywhere(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True
            )
        except OSError as error:
            if error.errno not in _NO_IPV6:
                raise
    return _listen_at("0.0.0.0", port)  # noqa: S104  # all interfaces is the default


class ProxyServer(WSGIServer):
    """Serves ``application`` on ``listener``; each connection is a greenlet of its own."""

    def __init__(self, listener: socket.socket, application: Application, logger: logging.Logger) -> None:
        host, port = listener.getsockname()[:2]
        self._greenlets = Pool()
        super().__init__(
            listener,
            application,
            log=None,
            error_log=None,
            spawn=self._greenlets,
            handler_class=Handler,
            # Known beforehand, so that pywsgi asks no name server.
            environ={"SERVER_NAME": host, "SERVER_PORT": str(port)},
        )
        self.logger = logger
        self.stopping = False
        self.handlers: set[Handler] = set()

    def stop(self, timeout: float | None = None) -> None:
        """Take no new connection, close idle ones, wait for running requests ``timeout`` seconds at most."""
        self.stopping = True
        self.close()
        for handler in list(self.handlers):
            if handler.idle:
                handler.hang_up()
        super().stop(timeout)

    def break_off(self) -> None:
        """End running requests at once; their clients see that the answers are not whole."""
        self._greenlets.kill(block=False)


class Handler(WSGIHandler):
    """One connection of a client: request after request, each read by `smgwproxy.http1`.

    Of pywsgi's handler only the place in the server is used: its parser and its writer are replaced.
    """

    server: ProxyServer

    def __init__(self, sock: socket.socket, address: Any, server: ProxyServer) -> None:
        # The base class would make a file of the socket, whose buffer nobody but its parser may read.
        self.socket = sock
        self.client_address = address
        self.server = server
        self.idle = True
        self._wire = Wire(sock.recv)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle(self) -> None:
        """Serve requests until either side closes the connection."""
        self.server.handlers.add(self)
        try:
            while self._serve_one():
                pass
        except (_ClientLeftError, OSError) as error:
            self.server.logger.debug("the connection of %s ended: %s", self._client, error)
        finally:
            self.server.handlers.discard(self)
            self.socket.close()

    def hang_up(self) -> None:
        """Wake a handler that waits for a request, as if the client had closed the connection."""
        with suppress(OSError):  # the client has closed it first
            self.socket.shutdown(socket.SHUT_RD)

    def _serve_one(self) -> bool:
        """Serve one request; False when it was the last one of this connection."""
        self.idle = True
        if self.server.stopping or not self._wire.begun():
            return False
        try:
            head = _origin_form(parse_request_head(self._wire.head(MAX_HEAD)))
            _check_host(head)
            body = RequestBody(BodyReader(self._wire, request_framing(head)), self._continuation(head))
            self.idle = False  # only a whole head is a request that a stop must wait for
        except Incomplete:
            return False
        except MessageError as error:
            self._refuse(BadRequest(f"The request was refused: {error}.", error.status))
            return False
        answer = _AnswerWriter(self._send, head, must_close=lambda: self.server.stopping or not body.complete)
        self._respond(answer, self._environ(head, body))
        if not body.complete:
            self._linger()
        return not answer.closes

    def _refuse(self, error: ExchangeError) -> None:
        """Answer what cannot be understood as a request."""
        self.server.logger.warning("refused a request of %s: %s", self._client, error.message)
        status, lines, body = problem.render(error, "")
        answer = _AnswerWriter(self._send, RequestHead("", "", 1, []), must_close=lambda: True)
        answer.start(problem.status_line(status), lines)
        answer.write(body)
        self._linger()

    def _respond(self, answer: _AnswerWriter, environ: Environ) -> None:
        """Run the application; a fault before its answer begins becomes a page, a later one breaks it off."""
        result: Any = None
        try:
            result = self.server.application(environ, answer.start)
            for piece in result:
                answer.write(piece)
            answer.finish()
        except _ClientLeftError:
            raise
        except Exception as error:
            if not isinstance(error, ExchangeError):
                self.server.logger.exception("fault while answering %s", self._client)
            if answer.begun:
                self._break_off(answer)
                raise _ClientLeftError(f"its answer broke off: {error}") from error
            status, lines, body = problem.render(
                InternalError("The proxy failed at this request.", "The log of the proxy has the details."),
                environ.get("HTTP_ACCEPT", ""),
            )
            answer.start(problem.status_line(status), lines)
            answer.write(body)
        except BaseException:  # the greenlet is killed, at the end of the grace time
            self._break_off(answer)
            raise
        finally:
            if hasattr(result, "close"):
                result.close()

    def _continuation(self, head: RequestHead) -> Callable[[], None] | None:
        """Return what lets the client send its body, if it waits for that (RFC 9110 section 10.1.1)."""
        if head.minor == 1 and "100-continue" in tokens(head.lines, "expect"):
            return lambda: self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    @property
    def _client(self) -> str:
        """The client's address; IPv4 as such even when the listener is IPv6."""
        address: str = self.client_address[0]
        return address.removeprefix("::ffff:")

    def _environ(self, head: RequestHead, body: RequestBody) -> Environ:
        """Build the environ of PEP 3333, with the target and the lines as they came beside it."""
        path, _, query = head.target.partition("?")
        environ: Environ = self.server.get_environ()
        environ.update(
            {
                "REQUEST_METHOD": head.method,
                "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
                "QUERY_STRING": query,
                "SERVER_PROTOCOL": f"HTTP/1.{head.minor}",
                "REMOTE_ADDR": self._client,
                "REMOTE_PORT": str(self.client_address[1]),
                "wsgi.input": body,
                "wsgi.input_terminated": True,
                TARGET: head.target,
                LINES: head.lines,
            }
        )
        for name, value in head.lines:
            if "_" in name:
                continue  # X_Y would be taken for X-Y
            key = name.upper().replace("-", "_")
            key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
            joint = "; " if key == "HTTP_COOKIE" else ","
            environ[key] = environ[key] + joint + value if key in environ else value
        return environ

    def _send(self, data: bytes) -> None:
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise _ClientLeftError(str(error)) from error

    def _break_off(self, answer: _AnswerWriter) -> None:
        """See to it that a body cut short cannot be taken for a whole one (RFC 9112 section 8)."""
        if answer.ends_with_connection:
            # Only the end of the connection ends this body, so it must not be a clean one.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def _linger(self) -> None:
        """Let the client read the answer before unread bytes of its own make TCP reset (RFC 9112 9.6)."""
        self.socket.shutdown(socket.SHUT_WR)
        left = _LINGER_BYTES
        try:
            with gevent.Timeout(_LINGER_SECONDS):
                while left > 0 and (data := self.socket.recv(65536)):
                    left -= len(data)
        except gevent.Timeout:
            return


class _ClientLeftError(Exception):
    """The connection to the client has ended, or must end, in the middle of an answer."""


class _AnswerWriter:
    """Writes one answer: its head as given, with the framing that the client's connection needs."""

    def __init__(
        self, send: Callable[[bytes], None], request: RequestHead, must_close: Callable[[], bool]
    ) -> None:
        self.begun = False
        self.closes = not keeps_alive(request.minor, request.lines)
        self.ends_with_connection = False
        self._send = send
        self._request = request
        self._must_close = must_close
        self._status = ""
        self._lines: Lines = []
        self._has_content = True
        self._chunked = False

    def start(self, status: str, lines: Lines, exc_info: Any = None) -> Callable[[bytes], None]:
        """Take status and header lines: ``start_response`` of PEP 3333."""
        if exc_info and self.begun:
            raise exc_info[1].with_traceback(exc_info[2])
        self._status, self._lines = status, lines
        self._has_content = self._request.method != "HEAD" and status[:3] not in {"204", "304"}
        return self.write

    def write(self, data: bytes) -> None:
        """Write the head, if it is still to be written, and ``data``, in one piece."""
        head = b"" if self.begun else self._head()
        self.begun = True
        if not self._has_content:
            data = b""
        elif data and self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if head or data:
            self._send(head + data)

    def finish(self) -> None:
        """Write what ends the answer."""
        if not self.begun:
            self.write(b"")
        if self._chunked:
            self._send(b"0\r\n\r\n")

    def _head(self) -> bytes:
        """Build the head: the lines as they are, and what RFC 9112 sections 6 and 9 want of this connection."""
        lines = list(self._lines)
        self.closes = self.closes or self._must_close()
        if self._has_content and not values(lines, "content-length"):
            self._chunked = self._request.minor == 1
            self.ends_with_connection = not self._chunked
            if self._chunked:
                lines.append(("Transfer-Encoding", "chunked"))
        if self.closes or self.ends_with_connection:
            self.closes = True
            lines.append(("Connection", "close"))
        elif self._request.minor == 0:
            lines.append(("Connection", "keep-alive"))
        return encoded_head(f"HTTP/1.1 {self._status}", lines)


class RequestBody(io.RawIOBase):
    """``wsgi.input``: a request's body, read as it comes; errors become `ExchangeError`."""

    def __init__(self, reader: BodyReader, allow: Callable[[], None] | None) -> None:
        super().__init__()
        self._reader = reader
        self._allow = allow

    @property
    def complete(self) -> bool:
        """Tell whether the body has been read to its end."""
        return self._reader.complete

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return ``size`` bytes, fewer at the end; all that is left when ``size`` is negative or None.

        Raises `BadRequest` for malformed chunks and `ClientGone` when the connection ends or fails.
        """
        left = -1 if size is None else size
        pieces = []
        while left and (piece := self._piece(left if left > 0 else 65536)):
            pieces.append(piece)
            left -= len(piece) if left > 0 else 0
        return b"".join(pieces)

    def read1(self, size: int = 65536) -> bytes:
        """Return 1 to ``size`` bytes as soon as any are there; empty at the end. Raises as `read` does."""
        return self._piece(size)

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` as `read` does; for the line methods of the base class."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _piece(self, size: int) -> bytes:
        if self._allow is not None and not self.complete:
            allow, self._allow = self._allow, None
            allow()
        try:
            return self._reader.read(size)
        except MessageError as error:
            raise BadRequest(f"The request body was refused: {error}.", error.status) from error
        except (Incomplete, OSError) as error:
            raise ClientGone from error


def _origin_form(head: RequestHead) -> RequestHead:
    """Turn an absolute-form target into origin-form, its authority into Host (RFC 9112 section 3.2.2)."""
    if head.method in {"CONNECT", "TRACE"}:
        raise MessageError(f"the method {head.method} is not taken", 501)
    if head.target.startswith("/") or (head.target == "*" and head.method == "OPTIONS"):
        return head
    match = _ABSOLUTE_FORM.fullmatch(head.target)
    if match is None:
        raise MessageError("the request target is malformed")
    authority, path, query = match.groups(default="")
    lines = [(name, authority if name.lower() == "host" else value) for name, value in head.lines]
    asterisk = head.method == "OPTIONS" and not path and not query
    return RequestHead(head.method, "*" if asterisk else (path or "/") + query, head.minor, lines)


def _check_host(head: RequestHead) -> None:
    """Refuse a request that names no host, or more than one (RFC 9112 section 3.2)."""
    hosts = len(values(head.lines, "host"))
    if hosts > 1 or (hosts == 0 and head.minor == 1):
        raise MessageError("there must be exactly one Host line")
