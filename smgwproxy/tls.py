"""TLS towards the gateway: the context its connections are made with."""

from __future__ import annotations

import ssl
from pathlib import Path

from smgwproxy.certificate import Certificate

# X509_V_FLAG_NO_CHECK_TIME, which the ssl module does not name: an expired certificate that is pinned is used.
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)

# What OpenSSL says of a certificate that is neither an anchor nor signed by one (X509_V_ERR_*).
_STRANGER = frozenset({2, 18, 19, 20, 21})


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


def anchored_context(
    context_class: type[ssl.SSLContext], certificate: Certificate, client_certificate: Path | None = None
) -> ssl.SSLContext | None:
    """Make a context whose only trust anchor is ``certificate``: any other peer fails within the handshake.

    So the client certificate (PEM file with key and chain) reaches nobody else: it is sent after the peer was
    verified. Names, dates and chains are not checked. Returns None when OpenSSL does not take ``certificate`` as
    an anchor. Raises `OSError` (`ssl.SSLError` among it) when the client certificate cannot be loaded.
    """
    context = client_context(context_class)
    try:
        context.load_verify_locations(cadata=certificate.der)
    except (ssl.SSLError, ValueError):
        return None
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    if client_certificate is not None:
        load_client_certificate(context, client_certificate)
    return context


def load_client_certificate(context: ssl.SSLContext, file: Path) -> None:
    """Let ``context`` present the certificate in the PEM file; raises `OSError` (`ssl.SSLError` among it)."""
    context.load_cert_chain(file, password="")  # or OpenSSL asks for it at the terminal


def is_stranger(error: ssl.SSLCertVerificationError) -> bool:
    """Tell whether the peer was refused because its certificate is not the anchor.

    False when OpenSSL found another fault, as it may with the anchor itself: a weak key, an extension that it does
    not know.
    """
    return error.verify_code in _STRANGER
