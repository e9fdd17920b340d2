"""The vendors that can be simulated, and the way to start one of their gateways."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from smgwproxy.demo.certificate import ServerCertificate
from smgwproxy.demo.emh import Emh
from smgwproxy.demo.guard import Limits
from smgwproxy.demo.ppc import Ppc
from smgwproxy.demo.server import Delays, Gateway
from smgwproxy.demo.theben import Theben
from smgwproxy.demo.times import Clock, utc_now
from smgwproxy.demo.vendor import LOGIN, Setup, TlsProfile, Vendor

VENDORS: Mapping[str, type[Vendor]] = MappingProxyType({vendor.name: vendor for vendor in (Theben, Ppc, Emh)})
"""Vendor by name."""

_DEFAULT_DELAYS = Delays()
_DEFAULT_LIMITS = Limits()


def start_gateway(  # noqa: PLR0913 - each option is one property of the device, all have defaults
    vendor: str,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    user: str = LOGIN,
    password: str = LOGIN,
    clock: Clock = utc_now,
    delays: Delays = _DEFAULT_DELAYS,
    limits: Limits = _DEFAULT_LIMITS,
    certificate: ServerCertificate | None = None,
    tls: TlsProfile | None = None,
) -> Gateway:
    """Start a simulated gateway in the gevent hub of this thread.

    ``vendor`` is one of `VENDORS`, else `ValueError` is raised; port 0 takes a free one. ``certificate`` and
    ``tls`` are the vendor's unless given. Stop it with `Gateway.stop`, or use it as a context manager.
    """
    if vendor not in VENDORS:
        raise ValueError(f"unknown vendor {vendor!r}: known are {', '.join(VENDORS)}")
    simulated = VENDORS[vendor](Setup(user, password, clock, limits))
    gateway = Gateway(
        simulated,
        host=host,
        port=port,
        certificate=certificate or simulated.make_certificate(),
        tls=tls or simulated.tls,
        delays=delays,
    )
    gateway.start()
    return gateway
