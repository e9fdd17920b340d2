"""The reverse proxy as a plain WSGI callable (PEP 3333), for any server that runs one."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Protocol
from urllib.parse import quote

from smgwproxy import headers, problem
from smgwproxy.errors import BadRequest, BodyTooLarge, ClientGone, ExchangeError, StorageFull
from smgwproxy.gateway import Gateway, GatewayAnswer
from smgwproxy.headers import Site
from smgwproxy.http1 import Lines, expectations, values
from smgwproxy.language import Languages
from smgwproxy.phrases import phrase
from smgwproxy.storage import Storage
from smgwproxy.wsgi import LINES, TARGET, TRAILERS, Environ, StartResponse

BODY_LIMIT = 16 * 1024 * 1024
_PIECE = 64 * 1024
_AHEAD = 256 * 1024  # bytes of a body that are read before the gateway is asked for
_IN_MEMORY = 256 * 1024  # bytes of a gathered body; what is above waits in a temporary file
_EXCERPT = 1024  # bytes of each body that are kept for the log


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the client sent it.

    ``length`` is None without a body or when it is ``chunked``; ``body`` is read at most once. ``site`` is the
    proxy as this client named it.
    """

    client: str
    method: str
    target: str
    version: str
    lines: Lines
    length: int | None
    chunked: bool
    body: IO[bytes]
    site: Site

    @property
    def waits_for_continue(self) -> bool:
        """Tell whether the client sends its body only once it is told to."""
        return bool((self.length or self.chunked) and expectations(int(self.version[-1:] == "1"), self.lines))


@dataclass(slots=True)
class Exchange:
    """What is known of one request and its answer when both are over, for logs and metrics.

    ``seconds`` is the time from the request's head to the answer's end, ``ended`` when that was, in seconds since
    the epoch (0 if unknown), ``sent`` the bytes of body that the client got, ``reused`` None when the gateway was
    not reached. The starts are those of each body's first piece.
    """

    request: Request
    status: int = 0
    sent: int = 0
    seconds: float = 0.0
    reused: bool | None = None
    answer_lines: Lines = field(default_factory=list)
    request_start: bytes = b""
    answer_start: bytes = b""
    error: ExchangeError | None = None
    ended: float = 0.0


class Report(Protocol):
    """Is told of each exchange once it is over."""

    def __call__(self, exchange: Exchange, /) -> None:
        """Write a line, count, or do nothing; must not raise."""
        ...


def report_nothing(exchange: Exchange, /) -> None:
    """Do nothing; the default `Report`."""


class ReverseProxy:
    """Forwards each request to ``gateway`` and returns its answer; errors become `smgwproxy.problem` pages.

    A request body of unknown length is gathered before it is sent, since gateways take no chunked request: up
    to ``body_limit`` bytes, and in ``storage`` as far as it is large. Safe between threads or greenlets as far as
    ``gateway`` is. ``host_header`` is the Host (``host[:port]``) that the gateway is sent, its address where None.
    ``languages`` are those of the pages.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        body_limit: int = BODY_LIMIT,
        report: Report = report_nothing,
        storage: Storage | None = None,
        host_header: str | None = None,
        languages: Languages | None = None,
    ) -> None:
        self._gateway = gateway
        self._site = Site("https", host_header or gateway.origin.authority)
        self._body_limit = body_limit
        self._report = report
        self._storage = storage or Storage()
        self._languages = languages or Languages()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; see PEP 3333. The iterable must be closed, as every WSGI server does."""
        started = time.monotonic()
        try:
            exchange = Exchange(_request(environ))
        except BadRequest as error:  # of another server; ours has checked before
            status, lines, body = problem.render(
                error,
                environ.get("HTTP_ACCEPT", ""),
                self._languages.accepted(environ.get("HTTP_ACCEPT_LANGUAGE", "")),
            )
            start_response(problem.status_line(status), lines)
            return [body]
        try:
            answer = self._forward(exchange)
            # What is there already is read now: a fault in it can still become a page.
            first = answer.read(_PIECE) if answer.buffered else b""
        except ExchangeError as error:
            return self._refusal(exchange, error, started, start_response)
        tell_trailers = self._trailers(exchange, answer.head.lines, environ)
        relayed = _Relayed(exchange, answer, first, started, self._report, tell_trailers)
        try:
            exchange.reused = answer.reused
            exchange.status = answer.head.status
            exchange.answer_lines = headers.for_client(
                answer.head.lines, client=exchange.request.site, origin=self._gateway.origin, gateway=self._site
            )
            start_response(f"{answer.head.status} {answer.head.reason}", exchange.answer_lines)
        except BaseException:
            relayed.close()  # the server will not: it never gets it
            raise
        return relayed

    def _trailers(self, exchange: Exchange, head: Lines, environ: Environ) -> Callable[[Lines], None]:
        """Return what brings trailers to the client, where the server can."""
        take: Callable[[Lines], None] = environ.get(TRAILERS, _ignore)
        site, origin = exchange.request.site, self._gateway.origin
        return lambda trailers: take(
            headers.trailers_for_client(trailers, head, client=site, origin=origin, gateway=self._site)
        )

    def _forward(self, exchange: Exchange) -> GatewayAnswer:
        request = exchange.request
        if request.waits_for_continue:
            # What is read of the body now on is what the server asks the client for (RFC 9110 section 10.1.1).
            self._gateway.connect()
        if not request.chunked:
            return self._send(exchange, request.length, request.body)
        with _Gathered(self._storage) as gathered:
            gathered.fill(request.body, self._body_limit)
            return self._send(exchange, gathered.length, gathered.file)

    def _send(self, exchange: Exchange, length: int | None, body: IO[bytes]) -> GatewayAnswer:
        request = exchange.request
        lines = headers.for_gateway(
            request.lines, method=request.method, length=length, client=request.site, gateway=self._site
        )
        pieces = _read_ahead(_pieces(body, length, exchange)) if length else ()
        return self._gateway.send(request.method, request.target, lines, pieces)

    def _refusal(
        self, exchange: Exchange, error: ExchangeError, started: float, start_response: StartResponse
    ) -> Iterable[bytes]:
        accept, languages = (
            ",".join(values(exchange.request.lines, name)) for name in ("accept", "accept-language")
        )
        status, lines, body = problem.render(error, accept, self._languages.accepted(languages))
        start_response(problem.status_line(status), lines)
        exchange.error, exchange.status, exchange.answer_lines = error, status, lines
        if exchange.request.method == "HEAD":
            body = b""
        exchange.sent = len(body)
        exchange.seconds, exchange.ended = time.monotonic() - started, time.time()
        self._report(exchange)
        return [body]


class _Gathered:
    """A request body that had to be read before its length was known."""

    def __init__(self, storage: Storage) -> None:
        self.length = 0
        self.file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # closed in __exit__
        self._storage = storage
        self._taken = 0

    def __enter__(self) -> _Gathered:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._storage.give_back(self._taken)
        with suppress(OSError):  # what cannot be written is of no use any more
            self.file.close()

    def fill(self, body: IO[bytes], limit: int) -> None:
        """Read ``body`` to its end; raises `BodyTooLarge`, `StorageFull`, and what the body raises."""
        read = getattr(body, "read1", body.read)  # not a byte more than is needed to see that it is too long
        while piece := read(_PIECE):
            self.length += len(piece)
            if self.length > limit:
                raise BodyTooLarge(limit)
            if self.length > _IN_MEMORY:
                self._take()
            self._write(piece)
        self._rewind()

    def _take(self) -> None:
        if not self._storage.take(self.length - self._taken):
            raise StorageFull
        self._taken = self.length

    def _write(self, piece: bytes) -> None:
        try:
            self.file.write(piece)
        except OSError as error:
            raise StorageFull from error

    def _rewind(self) -> None:
        try:
            self.file.seek(0)  # which writes what is still in its buffer
        except OSError as error:
            raise StorageFull from error


class _Relayed:
    """The body of an answer on its way to the client.

    A class and not a generator: the ``finally`` of a generator that was never started does not run. When the
    answer breaks off its error goes to the server, which must break off the client's answer as well.
    """

    def __init__(
        self,
        exchange: Exchange,
        answer: GatewayAnswer,
        first: bytes,
        started: float,
        report: Report,
        tell_trailers: Callable[[Lines], None],
    ) -> None:
        self._tell_trailers = tell_trailers
        self._exchange = exchange
        self._answer = answer
        self._first: bytes | None = first
        self._whole = False
        self._started = started
        self._report = report

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._first is not None:
            # An empty first piece lets the server send the head before the gateway sends the body.
            piece, self._first = self._first, None
        else:
            piece = b"" if self._answer.complete else self._read()
            if not piece:
                self._whole = True
                if self._answer.trailers:
                    self._tell_trailers(self._answer.trailers)
                raise StopIteration
        if not self._exchange.sent:
            self._exchange.answer_start = piece[:_EXCERPT]
        self._exchange.sent += len(piece)
        return piece

    def _read(self) -> bytes:
        try:
            return self._answer.read(_PIECE)
        except ExchangeError as error:
            self._exchange.error = error
            raise

    def close(self) -> None:
        """End the exchange and report it."""
        self._answer.close()
        begun, head = self._first is None, self._exchange.request.method == "HEAD"  # who wants no body reads none
        if begun and not self._whole and not head and self._exchange.error is None:
            self._exchange.error = ClientGone(phrase("The answer broke off before the client had all of it."))
        self._exchange.seconds, self._exchange.ended = time.monotonic() - self._started, time.time()
        self._report(self._exchange)


def _ignore(trailers: Lines) -> None:
    """Drop them: PEP 3333 has no place for trailers."""


def _pieces(body: IO[bytes], length: int, exchange: Exchange) -> Iterator[bytes]:
    """Read exactly ``length`` bytes; raises `ClientGone` when the client sends fewer."""
    # What streams must not wait for a full piece; not every server's stream can return what is there.
    read = getattr(body, "read1", body.read)
    left = length
    while left:
        try:
            piece = read(min(_PIECE, left))
        except OSError as error:  # of another server's stream; it must not be taken for the gateway's
            raise ClientGone from error
        if not piece:
            raise ClientGone
        if left == length:
            exchange.request_start = piece[:_EXCERPT]
        left -= len(piece)
        yield piece


def _read_ahead(pieces: Iterator[bytes]) -> Iterable[bytes]:
    """Have a small body whole before the gateway is asked for: a client that drips must not hold a turn there."""
    ahead = bytearray()  # joined, since pieces of a byte or two would take far more memory than they have bytes
    for piece in pieces:
        ahead += piece
        if len(ahead) >= _AHEAD:
            return itertools.chain([bytes(ahead)], pieces)
    return [bytes(ahead)]


# --- from WSGI to HTTP ----------------------------------------------------------------------------------


def _request(environ: Environ) -> Request:
    lines: Lines = environ[LINES] if LINES in environ else _lines(environ)
    length = environ.get("CONTENT_LENGTH") or ""
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if chunked and not environ.get("wsgi.input_terminated"):
        # This server hands over the chunks as they are, and no end.
        raise BadRequest(phrase("This server takes no chunked request."), 411, phrase("Send a Content-Length."))
    hosts = values(lines, "host")
    return Request(
        client=environ.get("REMOTE_ADDR", ""),
        method=environ["REQUEST_METHOD"],
        target=environ.get(TARGET) or _target(environ),
        version=environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
        lines=lines,
        length=_length(length) if length else None,
        chunked=chunked,
        body=environ["wsgi.input"],
        site=Site(environ.get("wsgi.url_scheme", "http"), hosts[0] if hosts else ""),
    )


def _length(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise BadRequest(phrase("The Content-Length is no number."))
    return int(text)


def _target(environ: Environ) -> str:
    """Return the target as other servers hand it over, or put it together again from its decoded parts."""
    raw: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    if raw.startswith("/"):
        return raw
    path = quote(
        environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""), safe="/;=,@:!$&'()*+~", encoding="latin-1"
    )
    query = environ.get("QUERY_STRING", "")
    return (path or "/") + (f"?{query}" if query else "")


def _lines(environ: Environ) -> Lines:
    """Return the header lines as far as CGI variables keep them: without order, case and number."""
    lines: Lines = [
        (key[5:].replace("_", "-").title(), value) for key, value in environ.items() if key.startswith("HTTP_")
    ]
    for key, name in (("CONTENT_TYPE", "Content-Type"), ("CONTENT_LENGTH", "Content-Length")):
        if environ.get(key):
            lines.append((name, environ[key]))
    return lines
