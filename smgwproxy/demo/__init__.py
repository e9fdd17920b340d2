"""Simulated gateways of three vendors, as strict as the real ones, to try a client or a proxy on.

They know nothing of the proxy: here stands the stranger's side.
"""

from __future__ import annotations

from smgwproxy.demo.certificate import ServerCertificate, self_signed
from smgwproxy.demo.guard import Limits
from smgwproxy.demo.http import Received
from smgwproxy.demo.server import Counters, Delays, Gateway
from smgwproxy.demo.thread import HubThread, run_in_thread
from smgwproxy.demo.vendor import LOGIN, ReadingRequest, TlsProfile
from smgwproxy.demo.vendors import VENDORS, start_gateway

__all__ = [
    "LOGIN",
    "VENDORS",
    "Counters",
    "Delays",
    "Gateway",
    "HubThread",
    "Limits",
    "ReadingRequest",
    "Received",
    "ServerCertificate",
    "TlsProfile",
    "run_in_thread",
    "self_signed",
    "start_gateway",
]
