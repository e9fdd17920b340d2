"""One connection of a client, from its first byte to its last: request after request."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, cast

import gevent
from gevent import Greenlet
from gevent.pywsgi import WSGIHandler

from smgwproxy import problem
from smgwproxy.errors import BadRequest, ClientGone, ClientTooSlow, ExchangeError, InternalError, TooManyClients
from smgwproxy.http1 import (
    MAX_HEAD,
    BodyReader,
    Incomplete,
    Length,
    MessageError,
    RequestHead,
    check_request_start,
    expectations,
    keeps_alive,
    request_framing,
    values,
)
from smgwproxy.phrases import phrase
from smgwproxy.server.answer import AnswerWriter
from smgwproxy.server.asking import Asked, variables
from smgwproxy.server.backlog import Backlog
from smgwproxy.server.channel import Channel
from smgwproxy.server.reading import RequestBody, parse_head
from smgwproxy.wire import Wire
from smgwproxy.wsgi import LINES, TRAILERS, Environ

if TYPE_CHECKING:
    from smgwproxy.access import Access
    from smgwproxy.server import ProxyServer, ServerTls

_NOTHING = Length(0)
_AT_ONCE = 16 * 1024  # bytes, since the smallest chunks make much work of them
# Of a head that is kept: there may be thousands of connections that wait for their next request.
_REMEMBERED = 4 * 1024  # bytes
_MOST_LINES = 32  # each takes some hundred bytes more
_TLS_HANDSHAKE = b"\x16"  # the first byte of every TLS connection (RFC 8446 section 5.1)


class Handler(WSGIHandler):
    """A `Visitor`: one connection, its requests read by `smgwproxy.http1`, each answered by the application.

    Of pywsgi's handler only the place in the server is used: its parser and its writer are replaced.
    """

    server: ProxyServer

    def __init__(self, sock: socket.socket, address: Any, server: ProxyServer) -> None:
        # The base class would make a file of the socket, whose buffer nobody but its parser may read.
        self.client_address = address
        self.address: str = address[0].removeprefix("::ffff:")
        """The client's address; IPv4 as such even when the listener is IPv6."""
        self.server = server
        self._terms = server.terms
        limits = self._terms.limits
        backlog = Backlog(limits.buffer, server.storage)
        self._channel = Channel(sock, backlog, patience=limits.body_timeout, speed=limits.min_speed)
        self._wire = Wire(self._channel.receive, _AT_ONCE)
        self._variables: Environ = {
            **server.get_environ(),
            "REMOTE_ADDR": self.address,
            "REMOTE_PORT": str(address[1]),
            "wsgi.input_terminated": True,
        }
        self._let_in_by: Access | None = None
        self._asked: Asked | None = None  # the last time
        self._no_body = RequestBody(BodyReader(self._wire, _NOTHING))
        self._greenlet = cast("Greenlet[..., None]", gevent.getcurrent())
        self._in_exchange = False
        self._abandoned = False

    @property
    def waiting_since(self) -> float | None:
        """Since when the client keeps this handler waiting, on the clock of `time.monotonic`."""
        return self._channel.waiting_since

    def hang_up(self) -> None:
        """End the connection as if the client had done so."""
        self._channel.hang_up()

    def handle(self) -> None:
        """Serve requests until either side closes the connection."""
        server = self.server
        entered = server.places.enter(self)
        server.handlers.add(self)
        try:
            if entered:
                if self._terms.tls is not None:
                    self._begin_tls(self._terms.tls)
                while self._serve_one():
                    pass
            else:
                limits = self._terms.limits
                self._turn_away(TooManyClients(limits.clients, limits.clients_per_address))
        except (_EndOfConnection, ClientGone, OSError) as error:
            server.logger.debug("the connection of %s ended: %s", self.address, error)
        finally:
            server.handlers.discard(self)
            server.places.leave(self)
            self._channel.close()

    def stop_waiting(self) -> None:
        """Hang up, unless a request is being worked on."""
        if not self._in_exchange:
            self.hang_up()

    def look_after(self) -> bool:
        """End the exchange when the client has left, be it the gateway or the client that is waited for.

        Tells whether there is an exchange.
        """
        if self._in_exchange and not self._abandoned and self._channel.has_left():
            self._abandoned = True
            gone = ClientGone(phrase("The client went away before it had its answer."))
            self._greenlet.kill(gone, block=False)
        return self._in_exchange

    def break_off(self) -> None:
        """End everything at once; the client sees that its answer is not whole."""
        self._greenlet.kill(block=False)

    # --- one request ------------------------------------------------------------------------------------

    def _begin_tls(self, tls: ServerTls) -> None:
        limits = self._terms.limits
        self._channel.expect(limits.handshake_timeout)
        if self._channel.peek() not in {b"", _TLS_HANDSHAKE}:
            self._refuse(
                BadRequest(phrase("This port takes only HTTPS."), 400, phrase("Put https:// before the address."))
            )
            raise _EndOfConnection("it does not speak TLS")
        self._channel.shake_hands(tls.context(), limits.handshake_timeout)

    def _serve_one(self) -> bool:
        """Serve one request; False when it was the last one of this connection."""
        self._in_exchange = False
        if self.server.stopping:  # what has come already is a request all the same
            self.hang_up()
        asked = self._next_request()
        if asked is None:
            return False
        self._in_exchange = True  # only a whole head is a request that a stop must wait for
        self.server.exchange_begins()
        head = asked.head
        body = self._no_body
        if asked.framing != _NOTHING:
            body = RequestBody(BodyReader(self._wire, asked.framing), lambda: self._begin_body(head))
        answer = AnswerWriter(
            self._send,
            head,
            # A client that left may have sent more requests before it did.
            must_close=lambda: (
                not asked.keeps_alive or self._abandoned or self.server.stopping or not body.complete
            ),
        )
        environ = {
            **asked.environ,
            "wsgi.input": body,
            LINES: list(head.lines),
            TRAILERS: answer.take_trailers,
        }
        self._respond(answer, environ)
        if answer.closes:
            self._channel.linger()
        return not answer.closes

    def _next_request(self) -> Asked | None:
        """Wait for a request, and let it in or refuse it; None when there is none to answer any more."""
        self._channel.expect(self._terms.limits.idle_timeout)
        if not self._wire.begun():
            return None
        self._terms = self.server.terms
        limits = self._terms.limits
        self._channel.bear(limits.body_timeout, limits.min_speed)
        self._channel.expect(limits.head_timeout, rest=True)
        head = None
        try:
            octets, access = self._wire.head(MAX_HEAD, check_request_start), self._terms.access
            if self._asked is not None and self._asked.octets == octets and self._asked.access is access:
                return self._asked
            head = parse_head(octets, self.server.scheme)
            framing = request_framing(head)
            self._let_in(access, head)
        except Incomplete:
            return None
        except MessageError as error:
            self._refuse(
                BadRequest(phrase("The request was refused: {error}.", error=error.told), error.status), head
            )
        except TimeoutError:
            self._refuse(
                ClientTooSlow(
                    phrase("No whole request head came within {seconds:g} s.", seconds=limits.head_timeout)
                )
            )
        except ExchangeError as error:
            self._refuse(error, head)
        else:
            environ = {**self._variables, **variables(head)}
            asked = Asked(octets, access, head, framing, keeps_alive(head.minor, head.lines), environ)
            self._asked = asked if len(octets) <= _REMEMBERED and len(head.lines) <= _MOST_LINES else None
            return asked
        return None

    def _let_in(self, access: Access, head: RequestHead) -> None:
        """Check whether the request may come in; for a client's address, which stays the same, once is enough."""
        if access is not self._let_in_by:
            access.check_client(self.address)
            self._let_in_by = access
        access.check_request(head)

    def _begin_body(self, head: RequestHead) -> None:
        if "100-continue" in expectations(head.minor, head.lines) and not self._wire.pending:
            self._channel.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._channel.expect(self._terms.limits.body_timeout, self._terms.limits.min_speed, rest=True)

    def _turn_away(self, error: ExchangeError) -> None:
        """Refuse the connection, without a word where that would cost a handshake, or too many wait for one."""
        if self._terms.tls is None and len(self.server.handlers) <= 2 * self._terms.limits.clients:
            self._refuse(error)
        else:
            self._terms.refused(error)

    def _refuse(self, error: ExchangeError, head: RequestHead | None = None) -> None:
        """Answer what gets no further than the door, and end the connection."""
        self.server.logger.warning("refused a request of %s: %s", self.address, error.message)
        self._terms.refused(error)
        head = head or RequestHead("", "", 1, [])
        accept, languages = (",".join(values(head.lines, name)) for name in ("accept", "accept-language"))
        status, lines, body = problem.render(error, accept, self._terms.languages.accepted(languages))
        answer = AnswerWriter(self._send, head, must_close=lambda: True)
        answer.start(problem.status_line(status), lines)
        answer.write(body)
        self._channel.linger()

    def _respond(self, answer: AnswerWriter, environ: Environ) -> None:
        """Run the application; a fault before its answer begins becomes a page, a later one breaks it off."""
        result: Any = None
        try:
            result = self._terms.application(environ, answer.start)
            for piece in result:
                answer.write(piece)
            answer.finish()
            self._flush()
        except _EndOfConnection:
            raise
        except Exception as error:
            fault = InternalError(
                phrase("The proxy failed at this request."), phrase("The log of the proxy has the details.")
            )
            if not isinstance(error, ExchangeError):
                self.server.logger.exception("fault while answering %s", self.address)
                self._terms.refused(fault)
            _close(result)  # or the client could hold what it asked for
            result = None
            if answer.begun:
                if not self._abandoned:
                    self._flush()
                self._break_off(answer)
                raise _EndOfConnection(f"its answer broke off: {error}") from error
            status, lines, body = problem.render(
                fault,
                environ.get("HTTP_ACCEPT", ""),
                self._terms.languages.accepted(environ.get("HTTP_ACCEPT_LANGUAGE", "")),
            )
            answer.start(problem.status_line(status), lines)
            answer.write(body)
        except BaseException:  # the greenlet is killed, at the end of the grace time
            self._break_off(answer)
            raise
        finally:
            _close(result)

    def _send(self, data: bytes) -> None:
        try:
            self._channel.send(data)
        except OSError as error:
            raise _EndOfConnection(str(error)) from error

    def _flush(self) -> None:
        try:
            self._channel.flush()
        except OSError as error:
            raise _EndOfConnection(str(error)) from error

    def _break_off(self, answer: AnswerWriter) -> None:
        """See to it that a body cut short cannot be taken for a whole one (RFC 9112 section 8)."""
        # Where only the end of the connection ends the body, it must not be a clean one.
        self._channel.break_off(reset=answer.ends_with_connection)


def _close(result: Any) -> None:
    """End the iterable of an application, as PEP 3333 wants it."""
    if hasattr(result, "close"):
        result.close()


class _EndOfConnection(Exception):  # no error that anybody is told: `handle` ends with it
    """The connection to the client has ended, or must end, in the middle of an answer."""
