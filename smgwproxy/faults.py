"""From the errors of urllib3, ssl and sockets to ours: which fault of the gateway each stands for; no I/O."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator

from urllib3 import exceptions as urllib3_errors

from smgwproxy.connection import Dropped, HandshakeCut, TlsBroken, Vanished
from smgwproxy.errors import (
    GatewayAnswerIncomplete,
    GatewayAnswerInvalid,
    GatewayClosed,
    GatewayConnectTimeout,
    GatewayError,
    GatewayHandshakeCut,
    GatewayNameUnknown,
    GatewayNotTLS,
    GatewayReadTimeout,
    GatewayRefused,
    GatewayTlsBroken,
    GatewayUnreachable,
    PinWithdrawn,
    text_of,
)
from smgwproxy.http1 import Incomplete, MessageError
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase
from smgwproxy.system import reason
from smgwproxy.tls import OFFERED, described, is_stranger

_OTHER_FINGERPRINT = re.compile(r'Fingerprints did not match\. Expected "[0-9a-f]+", got "[0-9a-f]{64}"')


class Mismatch(Exception):  # no error that anybody is told
    """The peer's certificate is not the one that was expected; ``stranger`` unless it may be all the same."""

    def __init__(self, *, stranger: bool) -> None:
        super().__init__()
        self.stranger = stranger


def mismatch(error: urllib3_errors.SSLError) -> Mismatch | None:
    """Tell whether the peer was refused for its certificate: in the handshake, or by its fingerprint after it."""
    if _OTHER_FINGERPRINT.search(str(error)):
        return Mismatch(stranger=True)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Mismatch(stranger=is_stranger(cause))
    return None


def translated(error: Exception, origin: Origin, limits: Limits) -> GatewayError:
    """Name the fault of the gateway ``origin`` that a library's error stands for."""
    for cause in _causes(error):
        fault = _of_this_side(cause, origin, limits) or _of_the_peer(cause, origin)
        if fault is not None:
            return fault
    return GatewayUnreachable(origin, text_of(error))


def broken_off(error: Exception, origin: Origin, limits: Limits) -> GatewayError:
    """Name the fault that an error within an answer's body stands for: it is incomplete unless more is known."""
    match error:
        case Dropped() | Vanished() | TimeoutError() | MessageError():
            return translated(error, origin, limits)
    return GatewayAnswerIncomplete(origin, text_of(error))


# Each a table, read top down: a later class may be a base of an earlier one.


def _of_this_side(error: BaseException, origin: Origin, limits: Limits) -> GatewayError | None:  # noqa: C901, PLR0911  # a table
    match error:
        case MessageError():
            return GatewayAnswerInvalid(origin, text_of(error))
        case Incomplete():
            return GatewayAnswerIncomplete(origin, text_of(error))
        case Dropped():
            return PinWithdrawn(origin)
        case HandshakeCut():
            return GatewayHandshakeCut(origin)
        case TlsBroken():
            return GatewayTlsBroken(origin, text_of(error))
        case Vanished():
            return GatewayUnreachable(origin, text_of(error))
        case socket.gaierror() if "%" in origin.host:
            return GatewayUnreachable(
                origin,
                phrase("this machine has no interface {interface}", interface=origin.host.partition("%")[2]),
            )
        case socket.gaierror():
            return GatewayNameUnknown(origin, reason(error))
        case urllib3_errors.NewConnectionError():
            return None  # a kind of ConnectTimeoutError to urllib3; its cause tells more
        case urllib3_errors.ConnectTimeoutError():
            return GatewayConnectTimeout(origin, limits.connect_timeout)
        case urllib3_errors.ReadTimeoutError() | TimeoutError():
            return GatewayReadTimeout(origin, limits.read_timeout)
    return None


def _of_the_peer(error: BaseException, origin: Origin) -> GatewayError | None:
    match error:
        case ssl.SSLError():
            return GatewayNotTLS(origin, described(error), OFFERED)
        case ConnectionRefusedError():
            return GatewayRefused(origin)
        case ConnectionError():
            return GatewayClosed(origin)
        case OSError():
            return GatewayUnreachable(origin, reason(error))
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from an error to what it was raised from, or wraps in its arguments."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        wrapped = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        seen = wrapped or seen.__cause__
