"""TLS sessions that the next connection to the gateway resumes: which, for how long, and when they are forgotten.

A full handshake takes a gateway half a second and more; a resumed one (RFC 5246 section 7.3, RFC 8446 section 2.2)
needs no signature. That the peer can finish it proves that it has the secret that was agreed with the holder of
the pinned key, which nobody else knows; a ticket holds it too, for the gateway alone to read. A stranger has
neither, so all that it can do is to ask for a full handshake, in which it fails as ever. No client certificate
travels in a resumed handshake: the gateway remembers which one it was shown. A session brings along the
certificate of its full handshake, and urllib3 compares its fingerprint with the pin again, before anything is
sent.
"""

from __future__ import annotations

import math
import socket
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

LONGEST = 48 * 3600.0
"""Seconds after its full handshake in which a session may be resumed (BSI TR-03116-3)."""

PAUSE = 3600.0
"""Seconds for which none is offered after a failure that one may be to blame for: a gateway may be bad at it."""

# ssl.SSLSocket.session loses a copy of the session, with its certificate, at each look: 5 KiB. Python 3.12.8 and
# 3.13.1 mended that (https://github.com/python/cpython/issues/116810), 3.11 never will.
_A_LOOK_LEAKS = sys.version_info < (3, 12, 8) or (3, 13) <= sys.version_info < (3, 13, 1)

Begin = Callable[[ssl.SSLSocket], object]
"""Is told of the socket of a handshake that begins, and may raise `OSError` to end it."""

Leave = Callable[[socket.socket], object]
"""Ends our side of a connection so that the next one begins only after the gateway has ended its own."""


class ResumingContext(ssl.SSLContext):
    """A TLS context that offers a session over the one connection that it was given for.

    urllib3 wraps the socket that it has dialled, has no word for a session, and closes what failed at once.
    """

    def __init__(self, *_: Any) -> None:
        self._offers: WeakKeyDictionary[socket.socket, tuple[ssl.SSLSession | None, Begin, Leave]] = (
            WeakKeyDictionary()
        )

    def offer(self, session: ssl.SSLSession | None, connected: socket.socket, begin: Begin, leave: Leave) -> None:
        """Let the handshake over ``connected`` offer ``session``, which must be of this context, if there is one.

        ``begin`` gets its socket first. If it fails, other than by taking too long, ``leave`` gets the connection
        before it is closed.
        """
        self._offers[connected] = session, begin, leave

    def wrap_socket(self, sock: socket.socket, *args: Any, **named: Any) -> ssl.SSLSocket:
        """Wrap ``sock`` as any context does, with the session that is to be offered over it."""
        offer = self._offers.pop(sock, None)
        if offer is None:
            return super().wrap_socket(sock, *args, **named)
        session, begin, leave = offer
        named.update(session=session, do_handshake_on_connect=False)
        secured = super().wrap_socket(sock, *args, **named)
        try:
            begin(secured)
            secured.do_handshake()
        except OSError as error:
            if not isinstance(error, TimeoutError):
                leave(secured)
            secured.close()
            raise
        return secured


@dataclass(frozen=True, slots=True)
class Kept:
    """A session, the context that it belongs to, and the time of the full handshake that it began with."""

    session: ssl.SSLSession
    context: ssl.SSLContext
    since: float


def since_boot() -> float:
    """Return the seconds since the system started, those that it slept among them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Sessions:
    """The session that the next connection of one pool resumes: the newest, and none that is too old.

    It belongs to a pool, so to one pin and one context, and goes with them. ``clock`` tells seconds and only goes
    forward. Safe between threads and greenlets.
    """

    def __init__(self, clock: Callable[[], float] = since_boot) -> None:
        self._clock = clock
        self._newest: Kept | None = None
        self._not_before = -math.inf

    @property
    def are_offered(self) -> bool:
        """Whether there is no pause."""
        return self._clock() >= self._not_before

    def now(self) -> float:
        """Return the time by which sessions grow old."""
        return self._clock()

    def of(self, context: ssl.SSLContext) -> Kept | None:
        """Return what may be offered in ``context``, if there is any."""
        newest = self._newest
        if newest is None or newest.context is not context:
            return None
        now = self._clock()
        if now - newest.since > LONGEST:
            self.forget()
            return None
        return newest if self.are_offered else None

    def keep(self, kept: Kept) -> None:
        """Keep a session, unless there is one of a later full handshake."""
        newest = self._newest
        if newest is None or newest.since <= kept.since:
            self._newest = kept

    def forget(self) -> None:
        """Keep none any more."""
        self._newest = None

    def pause(self) -> None:
        """Forget what is kept, and offer nothing for an hour."""
        self._newest = None
        self._not_before = self._clock() + PAUSE


class Resumption:
    """What one `smgwproxy.connection.ExactConnection` has to do with the sessions of its pool."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._context: ssl.SSLContext | None = None
        self._offered: Kept | None = None
        self._since = 0.0
        self._resumed = False

    def begin(self) -> None:
        """Take note that a connection is about to be made."""
        self._offered = None

    def offer(self, context: ssl.SSLContext | None, connected: socket.socket, begin: Begin, leave: Leave) -> None:
        """Let the handshake over ``connected`` offer the session that is kept; see `ResumingContext.offer`."""
        self._context, self._offered = context, None
        self._since, self._resumed = self._sessions.now(), False
        if isinstance(context, ResumingContext):
            self._offered = self._sessions.of(context)
            session = self._offered.session if self._offered is not None else None
            context.offer(session, connected, begin, leave)

    def refused(self) -> bool:
        """Take note that the handshake failed; tell whether it offered a session: the next offers none."""
        offered, self._offered = self._offered, None
        if offered is not None:
            self._sessions.pause()
        return offered is not None

    def agreed(self, secured: ssl.SSLSocket) -> bool:
        """Take note of the end of the handshake, and tell whether it was a resumed one.

        One that was not began a session of its own; then the offered one is of no use any more.
        """
        self._resumed = bool(secured.session_reused)
        if self._offered is not None:
            if self._resumed:
                self._since = self._offered.since
            else:
                self._sessions.forget()
        return self._resumed

    def keep(self, secured: ssl.SSLSocket) -> None:
        """Keep the session of a connection whose certificate was compared, if it can be resumed by now.

        In TLS 1.3 that takes a ticket, which comes behind the handshake. What comes of a resumed session is as old
        as its full handshake. Where each look at a session costs memory for good, one is kept for as long as it is
        resumed, and none is looked at that would not be offered soon.
        """
        if _A_LOOK_LEAKS and (self._resumed or not self._sessions.are_offered):
            return
        session = secured.session
        if session is not None and self._context is not None and (session.has_ticket or session.id):
            self._sessions.keep(Kept(session, self._context, self._since))

    def unanswered(self) -> None:
        """Take note that the first request got no answer; a session that was resumed may be to blame."""
        if self._resumed:
            self._sessions.pause()
