"""One hierarchy of errors, each with the HTTP status and the RFC 9209 error type it becomes.

Errors of libraries are translated into these once, at the boundary where they are caught, with ``from``.
The text of each says what failed, for which gateway, and what the person can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from smgwproxy.phrases import Phrase, phrase, sequence

if TYPE_CHECKING:
    from smgwproxy.origin import Origin


class SmgwProxyError(Exception):
    """Base of every error that this package raises on purpose."""

    @property
    def told(self) -> str:
        """The text, a `smgwproxy.phrases.Phrase` still where it is one: ``str`` makes it English."""
        return text_of(self)


class ConfigError(SmgwProxyError):
    """An option is wrong; the text is one line that names the option and the remedy. Exit code 2."""


class ExchangeError(SmgwProxyError):
    """A request that does not get the gateway's answer, and what the client gets instead.

    ``status`` is the HTTP status, ``proxy_error`` the error type of RFC 9209 section 2.3, ``title`` a short
    name of the trouble, ``message`` what happened, ``facts`` what can be compared or looked up (label, value),
    and ``advice`` what the person can do. ``retry_after`` is in seconds.
    """

    status: int = 500
    proxy_error: ClassVar[str] = "proxy_internal_error"
    title: ClassVar[str] = phrase("The proxy failed")
    retry_after: ClassVar[int | None] = None

    def __init__(self, message: str, advice: str, facts: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(sequence([message, *(_sentence(label, value) for label, value in facts), advice]))
        self.message = message
        self.advice = advice
        self.facts = facts


class InternalError(ExchangeError):
    """A fault of this program; the log has the traceback."""


# --- faults of the request, told to the client ---------------------------------------------------------


class BadRequest(ExchangeError):
    """A request that RFC 9112 does not allow, or that this proxy does not take (status 400 unless told)."""

    proxy_error = "http_request_error"
    title = phrase("The request cannot be understood")

    def __init__(
        self, message: str, status: int = 400, advice: str = phrase("Check the program that sent it.")
    ) -> None:
        super().__init__(message, advice)
        self.status = status


class BodyTooLarge(BadRequest):
    """A request body above the limit (413)."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            phrase("The request body is larger than the {limit} bytes this proxy takes.", limit=limit),
            413,
            phrase("Send less at once."),
        )


class ClientGone(ExchangeError):
    """The client went away or fell silent in the middle of its request; nobody is left to be answered."""

    status = 400
    proxy_error = "http_request_error"
    title = phrase("The request broke off")

    def __init__(self, message: str = phrase("The request broke off before its body was complete.")) -> None:
        super().__init__(message, phrase("Send it again."))


class ClientTooSlow(ClientGone):
    """The client did not send its request in time (408)."""

    status = 408
    title = phrase("The request came too slowly")

    def __init__(self, message: str = phrase("The request's body came too slowly, or not at all.")) -> None:
        super().__init__(message)


class TooManyClients(ExchangeError):
    """All places at the proxy are taken by clients whose requests are being worked on (503)."""

    status = 503
    proxy_error = "connection_limit_reached"
    title = phrase("The proxy is busy")
    retry_after = 10

    def __init__(self, clients: int, per_address: int) -> None:
        super().__init__(
            phrase(
                "The proxy has {clients} connections of clients already, or {per_address} of this one.",
                clients=clients,
                per_address=per_address,
            ),
            phrase("Try again later; --max-clients and --max-clients-per-address let in more."),
        )


class StorageFull(ExchangeError):
    """There is no room for an upload that must be gathered before it is sent (503)."""

    status = 503
    title = phrase("The proxy has no room")
    retry_after = 10

    def __init__(self) -> None:
        super().__init__(
            phrase("There is no room on the proxy's disk for this upload, whose length was not told beforehand."),
            phrase("Try again later, or send a Content-Length, which needs no room."),
        )


# --- who may not come in --------------------------------------------------------------------------------


class ClientNotAllowed(ExchangeError):
    """The client's address is in no network that is served.

    ``network`` is what to allow, None when the address is none of IP.
    """

    status = 403
    proxy_error = "http_request_denied"
    title = phrase("This client is not served")

    def __init__(self, client: str, network: str | None) -> None:
        if network is None:
            super().__init__(
                phrase("The client's address {client!r} is no IP address.", client=client),
                phrase("Let it connect by IPv4 or IPv6."),
            )
        else:
            super().__init__(
                phrase("The address {client} is in none of the networks that this proxy serves.", client=client),
                phrase(
                    "If it is yours, start the proxy with --allow {network}; that stands in the place of the "
                    "default networks, so give those that you need as well.",
                    network=network,
                ),
            )


class UnknownHost(ExchangeError):
    """The client calls the proxy ``host``; ``name`` is how to allow that, None where it is no name of DNS."""

    status = 421
    proxy_error = "http_request_denied"
    title = phrase("The proxy is not known by this name")

    def __init__(self, host: str, name: str | None) -> None:
        if name is None:
            advice = phrase("Open it by its IP address, or by its name in the home network.")
        else:
            advice = phrase(
                "Open it by its IP address or, if the name is yours, start the proxy with --server-name {name}.",
                name=name,
            )
        super().__init__(
            phrase(
                "The proxy was called {host!r}, which is none of its names: a stranger could have made "
                "it lead here.",
                host=host,
            ),
            advice,
        )


class CrossSite(ExchangeError):
    """The browser sends this request, which may change something, for a page of another ``origin``.

    That is empty when the browser says no more than that, and ``null`` when it does not say even that.
    """

    status = 403
    proxy_error = "http_request_denied"
    title = phrase("Another site may have sent this request")

    def __init__(self, origin: str) -> None:
        page = phrase("A page of another site")
        if origin:
            page = phrase("A page of another site, {origin!r},", origin=origin)
        advice = phrase("Open the page itself at this address instead, and do it there.")
        if origin == "null":
            page = phrase("A page that hides which site it is of")
            advice = phrase(
                "If it was a page of the gateway, open it over HTTPS, where browsers tell that: see --tls-port."
            )
        super().__init__(
            phrase(
                "{page} made the browser send this request. It could act with the login that the browser "
                "remembers, so it went no further.",
                page=page,
            ),
            advice,
        )


# --- faults on the gateway's side ----------------------------------------------------------------------


class GatewayError(ExchangeError):
    """Base of what goes wrong between the proxy and the gateway ``origin``."""

    status = 502
    title = phrase("The gateway cannot be reached")

    def __init__(self, origin: Origin, message: str, advice: str, facts: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message, advice, facts)
        self.origin = origin


class GatewayRefused(GatewayError):
    """Nothing listens at the gateway's port (TCP reset)."""

    proxy_error = "connection_refused"

    def __init__(self, origin: Origin) -> None:
        super().__init__(
            origin,
            phrase("The gateway {origin} refuses the connection.", origin=origin),
            phrase("Check its address, and whether it is still starting or locked."),
        )


class GatewayUnreachable(GatewayError):
    """No route to the gateway, or nobody answers there."""

    proxy_error = "destination_ip_unroutable"

    def __init__(self, origin: Origin, reason: str) -> None:
        super().__init__(
            origin,
            phrase("The gateway {origin} is unreachable: {reason}.", origin=origin, reason=reason),
            phrase(
                "Check the cable to the HAN port and that this machine has an address in the gateway's subnet."
            ),
        )


class GatewayNameUnknown(GatewayError):
    """The gateway's host name cannot be resolved."""

    proxy_error = "dns_error"

    def __init__(self, origin: Origin, reason: str) -> None:
        super().__init__(
            origin,
            phrase("The name of the gateway {origin} cannot be resolved: {reason}.", origin=origin, reason=reason),
            phrase("Check the name, or give the gateway's address instead."),
        )


class GatewayConnectTimeout(GatewayError):
    """The gateway did not accept a connection, or finish its TLS handshake, in time."""

    status = 504
    proxy_error = "connection_timeout"

    def __init__(self, origin: Origin, seconds: float) -> None:
        super().__init__(
            origin,
            phrase(
                "The gateway {origin} did not take the connection within {seconds:g} s.",
                origin=origin,
                seconds=seconds,
            ),
            phrase("Check its address and cable; --connect-timeout sets how long to wait."),
        )


class GatewayReadTimeout(GatewayError):
    """The gateway took the request and stayed silent for too long."""

    status = 504
    proxy_error = "connection_read_timeout"
    title = phrase("The gateway does not answer")

    def __init__(self, origin: Origin, seconds: float) -> None:
        super().__init__(
            origin,
            phrase("The gateway {origin} sent nothing for {seconds:g} s.", origin=origin, seconds=seconds),
            phrase("It may be busy or locked: wait some minutes; --read-timeout sets how long to wait."),
        )


class GatewayClosed(GatewayError):
    """The gateway reset or closed the connection before it answered."""

    proxy_error = "connection_terminated"
    title = phrase("The gateway hung up")

    def __init__(self, origin: Origin) -> None:
        super().__init__(
            origin,
            phrase("The gateway {origin} closed the connection without an answer.", origin=origin),
            phrase(
                "Some gateways do so when user name or password is wrong, or while they are locked: "
                "check the login and wait some minutes before the next try."
            ),
        )


class GatewayHandshakeCut(GatewayError):
    """The gateway reset or closed the connection before the TLS handshake was over; nothing was sent."""

    proxy_error = "connection_terminated"
    title = phrase("The gateway hung up")

    def __init__(self, origin: Origin) -> None:
        super().__init__(
            origin,
            phrase(
                "The gateway {origin} closed the connection within the TLS handshake, so nothing was sent.",
                origin=origin,
            ),
            phrase(
                "It may be starting, locked, or busy with another program: wait some minutes. If it "
                "stays so, check that address and port are those of the gateway's HTTPS interface."
            ),
        )


class GatewayNotTLS(GatewayError):
    """No TLS connection comes about: the peer speaks something else, or shares no version, suite or group.

    ``offered`` is what it could have taken, in words.
    """

    proxy_error = "tls_protocol_error"
    title = phrase("No secure connection to the gateway")

    def __init__(self, origin: Origin, reason: str, offered: str) -> None:
        super().__init__(
            origin,
            phrase("The TLS handshake with the gateway {origin} failed: {reason}.", origin=origin, reason=reason),
            phrase(
                "Check that address and port are those of the gateway's HTTPS interface, and whether it "
                "wants a client certificate (--client-cert)."
            ),
            ((phrase("It was offered"), offered),),
        )


class GatewayTlsBroken(GatewayError):
    """TLS failed after the request was sent: the peer broke it off with an alert, or bytes came changed."""

    proxy_error = "tls_protocol_error"
    title = phrase("The secure connection to the gateway broke")

    def __init__(self, origin: Origin, reason: str) -> None:
        super().__init__(
            origin,
            phrase(
                "TLS with the gateway {origin} broke before its answer was there: {reason}.",
                origin=origin,
                reason=reason,
            ),
            phrase("It may have done what was asked, or not: look before you try again."),
        )


class GatewayAnswerInvalid(GatewayError):
    """The gateway sent something that is not an HTTP answer."""

    proxy_error = "http_protocol_error"
    title = phrase("The gateway's answer cannot be understood")

    def __init__(self, origin: Origin, reason: str) -> None:
        super().__init__(
            origin,
            phrase("The gateway {origin} sent an invalid HTTP answer: {reason}.", origin=origin, reason=reason),
            phrase("Check that this address is the gateway's; if it is, report the line in the log."),
        )


class GatewayAnswerIncomplete(GatewayError):
    """The gateway's answer broke off; where its head had been sent on, the client's answer is broken off too."""

    proxy_error = "http_response_incomplete"
    title = phrase("The gateway's answer broke off")

    def __init__(self, origin: Origin, reason: str) -> None:
        super().__init__(
            origin,
            phrase("The answer of the gateway {origin} broke off: {reason}.", origin=origin, reason=reason),
            phrase("Try again."),
        )


class GatewayBusy(GatewayError):
    """All connections the gateway may have are in use, and none came free in time."""

    status = 503
    proxy_error = "connection_limit_reached"
    title = phrase("The gateway is busy")
    retry_after = 30

    def __init__(self, origin: Origin, seconds: float) -> None:
        super().__init__(
            origin,
            phrase(
                "The gateway {origin} was busy with other requests for {seconds:g} s.",
                origin=origin,
                seconds=seconds,
            ),
            phrase(
                "Try again later, or let fewer programs ask it; --max-connections lets more of them ask at once."
            ),
        )


# --- trust ----------------------------------------------------------------------------------------------


class CertificateChanged(GatewayError):
    """The peer presented another certificate than the pinned one; nothing of the request was sent.

    ``pinned`` and ``presented`` are SHA-256 fingerprints (64 lower-case hex digits); ``record`` tells where the
    pins are kept. ``pending`` tells whether the store keeps the presented one until a person decides, ``trouble``
    why it could not.
    """

    proxy_error = "tls_certificate_error"
    title = phrase("The gateway's certificate has changed")

    def __init__(
        self,
        origin: Origin,
        pinned: tuple[str, ...],
        presented: str,
        *,
        record: str = "",
        pending: bool = False,
        trouble: str = "",
    ) -> None:
        super().__init__(
            origin,
            phrase(
                "The certificate of the gateway {origin} is not the pinned one, so nothing was sent.",
                origin=origin,
            ),
            phrase(
                "Either the gateway or its certificate was exchanged, or somebody else answers at its "
                "address: ask the metering point operator. If the new certificate is right, {remedy}",
                remedy=_remedy(origin, pending=pending),
            ),
            (
                (phrase("Pinned SHA-256"), ", ".join(pinned)),
                (phrase("Presented SHA-256"), presented),
                *(((phrase("Kept in"), record),) if record else ()),
                *_not_kept(trouble),
            ),
        )
        self.pinned = pinned
        self.presented = presented
        self.pending = pending


class CertificateRevoked(GatewayError):
    """The peer presented a certificate that a person revoked, or another one with its key; nothing was sent."""

    proxy_error = "tls_certificate_error"
    title = phrase("The gateway's certificate is revoked")

    def __init__(self, origin: Origin, presented: str) -> None:
        super().__init__(
            origin,
            phrase(
                "The certificate that the gateway {origin} presents is revoked, so nothing was sent.",
                origin=origin,
            ),
            phrase("Ask the metering point operator; smgwproxy trust show tells what is revoked."),
            ((phrase("Presented SHA-256"), presented),),
        )
        self.presented = presented


class PinWithdrawn(GatewayError):
    """The pin that a connection was made under was removed, replaced or revoked while it was in use."""

    proxy_error = "tls_certificate_error"
    title = phrase("The gateway's certificate is no longer accepted")

    def __init__(self, origin: Origin) -> None:
        super().__init__(
            origin,
            phrase(
                "The pin of the gateway {origin} was taken away while the request ran, so the connection "
                "was ended.",
                origin=origin,
            ),
            phrase("Try again: the request then goes by the pins that are in force."),
        )


class PinRefused(GatewayError):
    """The trust store has no pin for this gateway, and takes none on first use (any more).

    ``pending`` and ``trouble`` as in `CertificateChanged`.
    """

    proxy_error = "tls_certificate_error"
    title = phrase("The gateway's certificate is not known")

    def __init__(self, origin: Origin, presented: str, *, pending: bool = False, trouble: str = "") -> None:
        super().__init__(
            origin,
            phrase(
                "The trust store has no pin for the gateway {origin}, and takes none on first use.", origin=origin
            ),
            phrase(
                "If the presented certificate is the gateway's, {remedy}", remedy=_remedy(origin, pending=pending)
            ),
            ((phrase("Presented SHA-256"), presented), *_not_kept(trouble)),
        )
        self.presented = presented


class TrustEditError(SmgwProxyError):
    """What a person wants of the trust store cannot be done; the text tells why and what can."""


class TrustStoreError(ExchangeError):
    """The trust store cannot be read or written; nothing is trusted and nothing is sent."""

    title = phrase("The trust store failed")


def text_of(error: BaseException) -> str:
    """Return the text of an error, a `smgwproxy.phrases.Phrase` still where it is one."""
    return error.args[0] if len(error.args) == 1 and isinstance(error.args[0], str) else str(error)


def in_one_line(error: BaseException) -> str:
    """Return the text of somebody else's error in one line, whatever it is; its kind where it has none.

    A `smgwproxy.phrases.Phrase` of one line stays one.
    """
    kind = type(error).__name__
    try:
        told = text_of(error)
        text = " ".join(told.split())
    except Exception:  # noqa: BLE001  # of an error that cannot even be told
        return kind
    if isinstance(error, Exception) and text:
        return told if told == text else text
    return f"{kind} {text}".rstrip()  # SystemExit alone is a number


def _sentence(label: str, value: str) -> Phrase:
    if value.endswith("."):
        return phrase("{label}: {value}", label=label, value=value)
    return phrase("{label}: {value}.", label=label, value=value)


def approval(origin: Origin) -> str:
    """Return the command that approves what is pending for ``origin``."""
    return f"smgwproxy trust approve --target {origin}"


def _not_kept(trouble: str) -> tuple[tuple[str, str], ...]:
    return ((phrase("The trust store could not keep it"), trouble),) if trouble else ()


def _remedy(origin: Origin, *, pending: bool) -> Phrase:
    if pending:
        return phrase(
            "approve it on the proxy's machine, with the same --certdir or --truststore as the proxy: "
            "smgwproxy trust approve --target {origin}",
            origin=origin,
        )
    return phrase("add its fingerprint to the trust store.")
