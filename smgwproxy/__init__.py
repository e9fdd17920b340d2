"""A transparent reverse proxy for a Smart Meter Gateway's HAN port, with certificates pinned on first use.

The names below are the library's. They are imported when they are first used, so that the command line's
``--help`` need not wait for urllib3.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smgwproxy.certificate import Certificate, Fingerprint
    from smgwproxy.client_certificate import ClientCertificate, load_client_certificate
    from smgwproxy.errors import SmgwProxyError
    from smgwproxy.gateway import Gateway, GatewayAnswer
    from smgwproxy.limits import Limits
    from smgwproxy.origin import Origin
    from smgwproxy.proxy import ReverseProxy
    from smgwproxy.renewal import Renewal
    from smgwproxy.truststores import EditableTrustStore, Pin, Record, StandingPins, TrustStore, open_truststore

__version__ = "0.1.0"
__all__ = [
    "Certificate",
    "ClientCertificate",
    "EditableTrustStore",
    "Fingerprint",
    "Gateway",
    "GatewayAnswer",
    "Limits",
    "Origin",
    "Pin",
    "Record",
    "Renewal",
    "ReverseProxy",
    "SmgwProxyError",
    "StandingPins",
    "TrustStore",
    "load_client_certificate",
    "open_truststore",
]


def __getattr__(name: str) -> object:
    """Import a public name from the module it lives in (PEP 562)."""
    homes = {
        "Certificate": "certificate",
        "ClientCertificate": "client_certificate",
        "EditableTrustStore": "truststores",
        "Fingerprint": "certificate",
        "Gateway": "gateway",
        "GatewayAnswer": "gateway",
        "Limits": "limits",
        "Origin": "origin",
        "Pin": "truststores",
        "Record": "truststores",
        "Renewal": "renewal",
        "ReverseProxy": "proxy",
        "SmgwProxyError": "errors",
        "StandingPins": "truststores",
        "TrustStore": "truststores",
        "load_client_certificate": "client_certificate",
        "open_truststore": "truststores",
    }
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"smgwproxy.{homes[name]}"), name)
