"""urllib3's connection to the gateway, made exact: heads go out as they are, answers are read strictly.

urllib3 normalises request targets and joins header lines; http.client takes a 1xx answer for the final one,
and passes duplicate lengths. So the finished request travels through urllib3 whole (`ExactRequest`), and the
answer is parsed by `smgwproxy.http1`. Pooling, dialling, TLS and the fingerprint stay urllib3's.
"""

from __future__ import annotations

import errno
import queue
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import RemoteDisconnected
from typing import Any, ClassVar, cast
from weakref import WeakSet

from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError, SSLError
from urllib3.util.ssl_ import is_ipaddress
from urllib3.util.wait import wait_for_socket

from smgwproxy.dialling import PROBES, Address, dial
from smgwproxy.errors import InternalError
from smgwproxy.http1 import (
    MAX_HEAD,
    AnswerHead,
    BodyReader,
    Incomplete,
    Lines,
    MessageError,
    UntilClose,
    answer_framing,
    check_answer_start,
    encoded_head,
    keeps_alive,
    parse_answer_head,
    withholds_content,
)
from smgwproxy.observing import Observer
from smgwproxy.parting import Parting, reset_on_close
from smgwproxy.phrases import phrase
from smgwproxy.proof import Proof, proved_certificate
from smgwproxy.resumption import Resumption, Sessions, since_boot
from smgwproxy.tls import described, finds_nothing_in_common
from smgwproxy.wire import Wire

_RECORD = 16 * 1024  # TLS takes a piece whole or not at all, so none may be larger than a record
_UP_TO_STATUS = len(b"HTTP/1.1 100")
_INTERIM = re.compile(rb"HTTP/1\.. 1(?!01)..")  # what switches protocols is no interim answer to us
_MAX_INTERIM = 8  # 1xx answers before the final one
_NO_FAULT = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_PROBED = 3  # the byte of struct tcp_info that counts probes without an answer
_NOBODY_THERE = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH})  # what comes of them


class NoAnswer(RemoteDisconnected):
    """The connection ended before the first byte of an answer; ``reused`` if it had carried others before."""

    def __init__(self, *, reused: bool) -> None:
        super().__init__("the connection was closed without an answer")
        self.reused = reused


class HandshakeCut(ConnectionAbortedError):
    """The connection ended before or within the TLS handshake."""


class NothingInCommon(Exception):  # no error that anybody is told: `smgwproxy.pools` offers something else
    """The peer refused all that the handshake offered, and nothing was sent; ``error`` is OpenSSL's."""

    def __init__(self, error: ssl.SSLError) -> None:
        super().__init__()
        self.error = error


class TlsBroken(OSError):
    """TLS failed after the handshake: an alert of the peer, or bytes that were changed on the way."""


class Vanished(OSError):
    """The peer answers no probe any more: its connection, cable or power is gone."""


class Dropped(ConnectionAbortedError):
    """The connection was ended on this side, by `ExactConnection.drop`."""


@dataclass(frozen=True, slots=True)
class ExactRequest:
    """A whole request: its head up to and including the empty line, and the pieces of its body.

    These are read as they are sent, the first of them with the head.
    """

    head: bytes
    body: Iterable[bytes] = ()

    @classmethod
    def of(cls, method: str, target: str, lines: Lines, body: Iterable[bytes] = ()) -> ExactRequest:
        """Build an HTTP/1.1 request; raises `MessageError` when its parts would make more than one head."""
        if " " in method or " " in target:
            raise MessageError(phrase("a blank within the method or the target"))
        return cls(encoded_head(f"{method} {target} HTTP/1.1", lines), body)


class Answer:
    """An answer whose body has not been read; made by `ExactConnection`, used by one reader at a time.

    ``head`` is the answer's head as it came, ``reused`` tells whether the connection had carried another
    exchange before. `close` must be called; it gives the connection back to its pool when the body was read to
    its end and both sides keep it alive, and ends it otherwise.
    """

    def __init__(
        self,
        connection: ExactConnection,
        head: AnswerHead,
        body: BodyReader,
        give_back: Callable[[ExactConnection], None],
        *,
        reused: bool,
        withholds_content: bool,
    ) -> None:
        self.head = head
        self.reused = reused
        self._body = body
        # A faulty peer may send it all the same, and later: as the answer to the next client, for all we can see.
        self._withholds_content = withholds_content
        self._exact = connection
        self._give_back = give_back
        self._over = False

    @property
    def complete(self) -> bool:
        """Tell whether the body has been read to its end."""
        return self._body.complete

    @property
    def buffered(self) -> bool:
        """Tell whether bytes of the body have been received already."""
        return self._exact.has_pending_bytes

    def read_piece(self, size: int) -> bytes:
        """Return 1 to ``size`` bytes of the body as they come; empty at its end.

        Raises `Incomplete` and `MessageError` of `smgwproxy.http1`, and `OSError`.
        """
        return self._body.read(size)

    def close(self) -> None:
        """Give the connection back, or end it; may be called again."""
        if self._over:
            return
        self._over = True
        if self._body.complete:
            self._exact.rest()
        if not self._is_clean():
            self._exact.close()
        self._give_back(self._exact)

    @property
    def trailers(self) -> Lines:
        """The trailers of a chunked body that has been read to its end (RFC 9112 section 7.1.2)."""
        return self._body.trailers

    def peer_certificate(self) -> bytes:
        """Return the DER of the peer's certificate."""
        return self._exact.presented()

    def _is_clean(self) -> bool:
        return (
            self._body.complete
            and not self._withholds_content
            and self._exact.sent_whole
            and not isinstance(self._body.framing, UntilClose)
            and keeps_alive(self.head.minor, self.head.lines)
            and not self._exact.has_pending_bytes
        )


class ExactConnection(HTTPSConnection):
    """A TLS connection that writes heads byte for byte and reads answers strictly.

    Made by a pool, which says what has become of those before it, for how many seconds a connection may be idle
    and silent, what is called before one is made, who is told of handshakes, and which TLS session may be resumed.
    It refuses to send anything before urllib3 has compared the fingerprint.
    """

    sockets: ClassVar[Any] = socket
    """The module whose sockets are dialled with; subclasses put another kind of waiting here."""

    parting: Parting
    keepalive: float
    probe: int
    dials: Callable[[], None]
    observer: Observer
    resumption: Resumption

    _wire: Wire | None = None
    _exchanges: int = 0
    _interim: int = 0  # answers before the final one
    _dropped: bool = False
    _local: Address = ()
    _silent: bool = False  # the peer has left us without a word
    _postponed: OSError | None = None  # it came behind bytes that are to be read first
    _ends: bool = False  # the end, or an error, has been read already, behind such bytes
    _resting_since: float | None = None  # on the clock of time.monotonic; None within an exchange or a handshake
    sent_whole: bool = False
    """Whether the last request went out to its end; if not, the connection cannot carry another."""

    @staticmethod
    def ready(sock: socket.socket, timeout: float | None, *, write: bool = True) -> bool:
        """Wait until ``sock`` has something to read, or takes something; False when ``timeout`` seconds passed."""
        return wait_for_socket(sock, read=True, write=write, timeout=timeout)

    def _new_conn(self) -> socket.socket:
        self.dials()
        self.parting.finish()
        timeout = cast(float, self.timeout)
        try:
            connected = dial(
                self.sockets,
                self._dns_host,
                self.port,
                timeout,
                probe=self.probe,
                local=self.parting.unheard(),
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except (ConnectionResetError, ConnectionAbortedError) as error:
            raise HandshakeCut("the connection was closed as soon as it stood") from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no connection to {self.host} within {timeout} s") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection to {self.host}: {error}") from error
        self._local, self._silent = connected.getsockname(), False
        self.resumption.offer(self.ssl_context, connected, self._begin, self.parting.leave)
        return connected

    def connect(self) -> None:
        """Dial, shake hands, and compare the fingerprint (urllib3); a cut TLS stream is never a clean end.

        A gateway that fails over the session that it is offered is asked once more, for a full handshake: nothing
        has been sent.
        """
        self._exchanges = 0
        self._postponed, self._ends = None, False
        self._wire = Wire(self._receive)
        self.resumption.begin()
        try:
            self._shake_hands()
        except (OSError, HTTPError, NothingInCommon) as error:
            if self._dropped:
                raise Dropped from error
            offered = self.resumption.refused()
            if not (offered and _may_work_in_full(error)):
                raise
            self._shake_hands()
        connected = cast(Any, self.sock)
        connected.suppress_ragged_eofs = False
        self._arrivals = select.poll()
        self._arrivals.register(connected, select.POLLIN)
        self.observer.shook_hands(resumed=self.resumption.agreed(connected))
        self.rest()

    def _begin(self, secured: ssl.SSLSocket) -> None:
        """Let `drop` end the handshake; urllib3 knows this socket only behind it."""
        self.sock = secured
        if self._dropped:
            raise Dropped

    def _shake_hands(self) -> None:
        with self._shaking_hands():
            super().connect()

    @contextmanager
    def _shaking_hands(self) -> Iterator[None]:
        """Tell the errors of a handshake from those of an exchange."""
        try:
            yield
        except TimeoutError as error:
            self._silent = True
            raise ConnectTimeoutError(
                self, f"no TLS handshake with {self.host} within {self.timeout} s"
            ) from error
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:
            raise HandshakeCut("the connection was closed within the TLS handshake") from error
        except ssl.SSLError as error:
            if finds_nothing_in_common(error):
                raise NothingInCommon(error) from error
            raise

    def rest(self) -> None:
        """Take note that an exchange, or the handshake, is over: what comes now nobody has asked for."""
        self._resting_since = time.monotonic()
        if self._exchanges == 1:
            self._keep_session()

    def _keep_session(self) -> None:
        if self.is_verified:
            self.resumption.keep(cast(ssl.SSLSocket, self.sock))

    def unanswered(self) -> None:
        """Take note that a request got no answer."""
        if self._exchanges == 1:
            self.resumption.unanswered()

    def close(self) -> None:
        """End the connection: with a farewell between two exchanges, else at once, so that the peer knows too."""
        leaving, resting, self._resting_since = self.sock, self._resting_since, None
        if leaving is not None:
            if resting is None:
                reset_on_close(leaving)
            else:
                if self._exchanges == 0:  # TLS 1.3's tickets may have come since the handshake
                    self._keep_session()
                self.parting.leave(leaving)
            if self._silent:
                self.parting.may_not_know(self._local)
        super().close()

    @property
    def has_pending_bytes(self) -> bool:
        """Tell whether more was received than has been read: in the buffer, or decrypted within TLS."""
        return (self._wire is not None and self._wire.pending) or (
            self.sock is not None and cast(ssl.SSLSocket, self.sock).pending() > 0
        )

    @property
    def is_connected(self) -> bool:
        """Tell, without waiting, whether the connection may be used: it stands, and was not idle for too long.

        Nothing must have come that nobody asked for. urllib3 only looks whether anything can be read, and takes
        TLS 1.3's tickets for the end.
        """
        if self.sock is None or self._resting_since is None or self._ends:
            return False
        if time.monotonic() - self._resting_since > self.keepalive:
            return False
        if not self.has_pending_bytes and not self._arrivals.poll(0):
            return True
        self.sock.settimeout(0.0)
        try:
            cast(Wire, self._wire).begun()
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def prove(self) -> Proof:
        """Shake hands only, and return the peer's certificate, proved. Sends no request; closes itself.

        The peer may demand one of us: see `smgwproxy.proof`.
        """
        deadline = time.monotonic() + cast(float, self.timeout)
        dialled = self._new_conn()

        def in_time() -> socket.socket:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the deadline for connecting has passed")
            dialled.settimeout(left)
            return dialled

        name = None if is_ipaddress(self._dns_host) else self._dns_host.rstrip(".")
        context = cast(ssl.SSLContext, self.ssl_context)
        try:
            with self._shaking_hands():
                proof = proved_certificate(
                    context, name, lambda octets: in_time().sendall(octets), lambda: in_time().recv(_RECORD)
                )
        finally:
            self.parting.leave(dialled)
            dialled.close()
        if proof.whole:
            self.observer.shook_hands(resumed=False)
        return proof

    def presented(self) -> bytes:
        """Return the DER of the peer's certificate; the handshake is over."""
        der = cast(ssl.SSLSocket, self.sock).getpeercert(binary_form=True)
        if not der:
            raise ssl.SSLError("the peer presented no certificate")
        return der

    def drop(self) -> None:
        """End the connection under whoever uses it, in another thread or greenlet: it finds the stream cut off.

        Not the ``shutdown`` of an `ssl.SSLSocket`, after which that one would read and write without TLS.
        """
        self._dropped = True
        # gevent's sockets wrap the one that has the descriptor, or, once that is taken over, what is none.
        connected = getattr(self.sock, "_sock", self.sock)
        if isinstance(connected, socket.SocketType):
            with suppress(OSError):  # it has ended already
                socket.SocketType.shutdown(connected, socket.SHUT_RDWR)

    def request(self, method: str, request: ExactRequest) -> None:  # type: ignore[override]  # it says all itself
        """Send ``request``, whose method is ``method``."""
        if not (self.assert_fingerprint and self.is_verified):
            raise InternalError(
                phrase("The gateway's certificate was not compared with a pin."), phrase("Report this fault.")
            )
        if self._dropped:  # while it was being made
            raise Dropped
        self._method = method
        self._exchanges += 1
        self._interim = 0
        self._resting_since = None
        self.sock.settimeout(self.timeout)
        self.sent_whole = False
        try:
            pieces = iter(request.body)
            first = request.head + next(pieces, b"")  # small requests are one write
            sent = self.sock.send(first)  # sendall would ask the system for the size of its buffer first
            if sent < len(first):
                self.sock.sendall(first[sent:])
            self.sent_whole = not request.body or self._sent_unanswered(pieces)
        except OSError as error:
            if self._dropped:
                raise Dropped from error
            if not isinstance(error, ssl.SSLError | ConnectionError):
                raise
            # The peer may have answered before it closed: a broken pipe lets the pool read that answer.
            raise BrokenPipeError(str(error)) from error

    def _sent_unanswered(self, pieces: Iterable[bytes]) -> bool:
        """Send ``pieces``; return False instead when the peer answers before it has the whole request.

        Then the rest need not be sent, and the peer may not even read it (RFC 9112 section 9.5).
        """
        try:
            return all(map(self._sent_piece, pieces))
        finally:
            self.sock.settimeout(self.timeout)

    def _sent_piece(self, piece: bytes) -> bool:
        left = memoryview(piece)
        waited = True
        while left:
            # What came meanwhile is looked for only as often as somebody could have read a piece.
            if waited and self._answered_early():
                return False
            self.sock.settimeout(0.0)
            try:
                sent = self.sock.send(left[:_RECORD])
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                sent = 0
            waited = not sent
            if waited and not self.ready(self.sock, self.timeout):
                self._silent = True
                raise TimeoutError("the peer takes no more of the request")
            left = left[sent:]
        return True

    def _answered_early(self) -> bool:
        """Tell, without waiting, whether a final answer or the end is there; interim ones are read past."""
        wire = cast(Wire, self._wire)
        self.sock.settimeout(0.0)
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            while _INTERIM.fullmatch(wire.ahead(_UP_TO_STATUS)):
                self._pass_over(parse_answer_head(wire.head(MAX_HEAD)))
            return True
        return False

    def _pass_over(self, head: AnswerHead) -> None:
        """Read past an interim answer; raises `MessageError` for one too many, and for one that is none."""
        self._interim += 1
        if self._interim > _MAX_INTERIM:
            raise MessageError(phrase("it sends interim answers without end"))
        if head.status == 101:
            raise MessageError(phrase("it switches protocols though nobody asked for that"))
        # It might come all the same, and would be taken for the answer.
        if withholds_content(head, self._method):
            raise MessageError(phrase("it announces content of an interim answer"))

    def getresponse(  # type: ignore[override]  # our answers are read by us alone
        self, give_back: Callable[[ExactConnection], None]
    ) -> Answer:
        """Read the head of the final answer; interim ones (1xx) are read past (RFC 9110 section 15.2).

        ``give_back`` takes this connection at the end of the answer.

        Raises `NoAnswer`, `MessageError`, `Incomplete` and `OSError`.
        """
        wire = cast(Wire, self._wire)
        reused = self._exchanges > 1
        try:
            begun = wire.begun()
        except Dropped:
            raise
        except (ConnectionError, ssl.SSLEOFError) as error:
            raise NoAnswer(reused=reused) from error
        if not begun:
            raise NoAnswer(reused=reused)
        while True:
            try:
                head = parse_answer_head(wire.head(MAX_HEAD, check_answer_start))
            except Dropped:
                raise
            except (ConnectionError, ssl.SSLEOFError) as error:
                raise Incomplete(phrase("it was cut within the head")) from error
            if head.status >= 200:
                body = BodyReader(wire, answer_framing(head, self._method))
                withheld = withholds_content(head, self._method)
                return Answer(self, head, body, give_back, reused=reused, withholds_content=withheld)
            self._pass_over(head)

    def _receive(self, size: int) -> bytes:
        try:
            # A peer that waits with its body, say, until its head is acknowledged would wait 40 ms each time.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            received = self._received(size)
        except (BlockingIOError, ssl.SSLWantReadError):
            raise  # nothing has come yet
        except OSError as error:
            if self._dropped:
                raise Dropped from error
            self._silent = isinstance(error, TimeoutError)
            if error.errno in _NOBODY_THERE or self._is_given_up():
                self._silent = True
                raise Vanished(phrase("it does not answer any more, not even its network")) from error
            if isinstance(error, ssl.SSLError) and not isinstance(error, _NO_FAULT):
                raise TlsBroken(described(error)) from error
            raise
        return received

    def _received(self, size: int) -> bytes:
        """Wait for a record; return it with those that are there behind it, since fewer pieces are less work."""
        if self._postponed is not None:
            try:
                raise self._postponed  # no variable has it, or its traceback would keep it and this connection
            finally:
                self._postponed = None
        record: bytes = self.sock.recv(size)
        if len(record) < _RECORD or size == len(record):
            return record  # the peer has no more to say now, in all likelihood
        records, left, timeout = [record], size - len(record), self.sock.gettimeout()
        self.sock.settimeout(0.0)
        try:
            while left and len(record) == _RECORD:
                record = self.sock.recv(left)
                records.append(record)
                left -= len(record)
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError as error:
            self._postponed = error.with_traceback(None)
        finally:
            self.sock.settimeout(timeout)
        self._ends = not record or self._postponed is not None
        return b"".join(records)

    def _is_given_up(self) -> bool:
        """Tell whether the system has probed in vain; before Python 3.13 ssl calls that an end of the stream."""
        with suppress(OSError):
            return bool(self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 4)[_PROBED] >= PROBES)
        return False


def _may_work_in_full(error: Exception) -> bool:
    """Tell whether a handshake that failed with a session is worth another one without."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return False  # it was a full one already
    return isinstance(error, HandshakeCut | NothingInCommon | ssl.SSLError)


class ExactPool(HTTPSConnectionPool):
    """urllib3's pool of `ExactConnection`, which are given the last five arguments."""

    ConnectionCls = ExactConnection  # type: ignore[assignment]  # its answers are none of urllib3's

    def __init__(
        self,
        *args: Any,
        parting: Parting,
        keepalive: float,
        probe: int,
        dials: Callable[[], None],
        observer: Observer,
        **kwargs: Any,
    ) -> None:
        self._parting, self._keepalive, self._probe = parting, keepalive, probe
        self._dials, self._observer = dials, observer
        self._sessions = Sessions(self.clock)
        self._made: WeakSet[ExactConnection] = WeakSet()
        self._making = threading.Lock()
        # Held while idle connections are taken, looked at or put back, never while waiting: who finds none dials.
        self._idle = threading.RLock()
        self._dropped = False
        super().__init__(*args, **kwargs)

    @staticmethod
    def clock() -> float:
        """Tell the time by which TLS sessions grow old, in seconds."""
        return since_boot()

    def _validate_conn(self, conn: Any) -> None:
        """Connect if need be; what follows, sending a long body for one, may take as long as an answer."""
        super()._validate_conn(conn)
        conn.timeout = self.timeout.read_timeout

    def _new_conn(self) -> Any:
        connection = cast(ExactConnection, super()._new_conn())
        connection.parting, connection.keepalive, connection.probe = self._parting, self._keepalive, self._probe
        connection.dials, connection.observer = self._dials, self._observer
        connection.resumption = Resumption(self._sessions)
        with self._making:
            self._made.add(connection)
            dropped = self._dropped
        if dropped:
            connection.drop()
        return connection

    def _get_conn(self, timeout: float | None = None) -> Any:
        with self._idle:
            return super()._get_conn(timeout)

    def _put_conn(self, conn: Any) -> None:
        with self._idle:
            super()._put_conn(conn)

    def close(self) -> None:
        """Close the idle connections, and those in use at the end of their exchange."""
        self._sessions.forget()
        with self._idle:
            super().close()

    def drop(self) -> None:
        """Close the pool, and end its connections that are in use."""
        self.close()
        with self._making:
            self._dropped = True
            made = list(self._made)
        for connection in made:
            connection.drop()

    def exchange(self, method: str, request: ExactRequest) -> Answer:
        """Send ``request`` over a connection that is connected and verified, and return its answer.

        As ``urlopen`` does it, without the work for what an `ExactRequest` never has: retries, redirects, proxies,
        a target and headers to be put in order. Raises `NoAnswer`, `MessageError`, `Incomplete`, urllib3's errors
        of connections, `SSLError` of urllib3 for all of TLS, and `OSError`.
        """
        connection = self._connected()
        try:
            with suppress(BrokenPipeError):  # it may have answered before it closed
                connection.request(method, request)
            self._observer.asked()
            return connection.getresponse(self._put_conn)
        except BaseException as error:
            if isinstance(error, NoAnswer | TlsBroken | TimeoutError):
                connection.unanswered()
            self._end(connection)
            if isinstance(error, ssl.SSLError):
                raise SSLError(error) from error
            raise

    def connect_one(self) -> None:
        """Have a connection in the pool that is connected and verified; raises what `exchange` does."""
        self._put_conn(self._connected())

    def _connected(self) -> ExactConnection:
        """Take a connection that is connected and verified."""
        connection = cast(ExactConnection, self._get_conn())
        if connection.sock is not None:
            return connection
        try:
            connection.timeout = cast(Any, self.timeout.connect_timeout)
            self._validate_conn(connection)
        except BaseException as error:
            self._end(connection)
            if isinstance(error, ssl.SSLError):
                raise SSLError(error) from error
            raise
        return connection

    def _end(self, connection: ExactConnection) -> None:
        """End a connection that failed; another may be made in its place."""
        connection.close()
        self._put_conn(None)

    @property
    def connected(self) -> bool:
        """Tell whether there is a connection, idle or in use, or one that shakes hands."""
        with self._making:
            return any(connection.sock is not None for connection in self._made)

    def tidy(self) -> None:
        """Close the idle connections that cannot be used any more. The caller has a turn."""
        idle: list[Any] = []
        with self._idle:
            with suppress(queue.Empty, AttributeError):  # it is closed
                while True:
                    idle.append(cast(Any, self.pool).get(block=False))
            for connection in reversed(idle):
                if connection is not None and not connection.is_connected:
                    connection.close()
                self._put_conn(connection)

    def new_connection(self) -> ExactConnection:
        """Make a connection that is not connected yet and does not belong to the pool."""
        return cast(ExactConnection, self._new_conn())
