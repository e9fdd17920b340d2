"""TLS towards the gateway: the context its connections are made with."""

from __future__ import annotations

import ssl


def client_context(context_class: type[ssl.SSLContext] = ssl.SSLContext) -> ssl.SSLContext:
    """Make a context for TLS 1.2 and 1.3 (BSI TR-03116-3) that checks no chain and no name.

    Gateways present self-signed certificates, so the chain says nothing: trust comes from the fingerprint
    that urllib3 compares after the handshake, and nothing may be sent without it.
    """
    context = context_class(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
