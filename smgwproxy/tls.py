"""TLS towards the gateway: the contexts its connections are made with, and what its refusals mean."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from smgwproxy.certificate import Certificate
from smgwproxy.phrases import phrase

if TYPE_CHECKING:
    from smgwproxy.client_certificate import ClientCertificate

# Those of BSI TR-03116-3's HAN profile, then what else is sound, for devices with RSA certificates.
_SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA256:"
    "ECDHE-ECDSA-AES256-SHA384:ECDHE+AESGCM:ECDHE+CHACHA20"
)

GROUPS: tuple[str | None, ...] = (None, "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1")
"""The groups to offer, one context each: OpenSSL's own, secp256r1 and secp384r1 among them, and then brainpool's.

Before Python 3.15 a context takes one group or OpenSSL's own list, which has no brainpool in it.
"""

OFFERED = phrase(
    "TLS 1.2 and 1.3, in 1.2 ECDHE with AES-GCM or ChaCha20, and with ECDSA also AES-CBC with SHA-2; the groups "
    "secp256r1 and secp384r1 with OpenSSL's others, and brainpoolP256r1, P384r1 and P512r1"
)
"""What all contexts together offer, in words."""

# X509_V_FLAG_NO_CHECK_TIME, which the ssl module does not name: an expired certificate that is pinned is used.
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)

# What OpenSSL says of a certificate that is neither an anchor nor signed by one (X509_V_ERR_*).
_STRANGER = frozenset({2, 18, 19, 20, 21})

# How OpenSSL ends its reasons; its versions put SSLV3, TLSV1 or SSL/TLS before those of alerts.
_NOTHING_IN_COMMON = (
    "ALERT_HANDSHAKE_FAILURE",
    "ALERT_INSUFFICIENT_SECURITY",
    "ALERT_ILLEGAL_PARAMETER",
    "WRONG_CURVE",
)
_OTHER_VERSION = ("ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION")
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")


def client_context(
    context_class: type[ssl.SSLContext] = ssl.SSLContext, group: str | None = None
) -> ssl.SSLContext:
    """Make a context for TLS 1.2 and 1.3 (BSI TR-03116-3) that checks no chain and no name.

    Gateways present self-signed certificates, so the chain says nothing: trust comes from the fingerprint
    that urllib3 compares after the handshake, and nothing may be sent without it. ``group`` is one of `GROUPS`.
    """
    context = context_class(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if group is not None:
        context.set_ecdh_curve(group)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # in 1.3 brainpool has other numbers (RFC 8734)
    return context


def anchored_context(
    context_class: type[ssl.SSLContext],
    certificate: Certificate,
    client_certificate: ClientCertificate | None = None,
    group: str | None = None,
) -> ssl.SSLContext | None:
    """Make a context whose only trust anchor is ``certificate``: any other peer fails within the handshake.

    So ``client_certificate`` reaches nobody else: it is sent after the peer was verified. Names, dates and chains
    are not checked. Returns None when OpenSSL does not take ``certificate`` as an anchor. Raises `OSError`
    (`ssl.SSLError` among it) when it does not take the client certificate.
    """
    context = client_context(context_class, group)
    try:
        context.load_verify_locations(cadata=certificate.der)
    except (ssl.SSLError, ValueError):
        return None
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    if client_certificate is not None:
        client_certificate.use_in(context)
    return context


def is_stranger(error: ssl.SSLCertVerificationError) -> bool:
    """Tell whether the peer was refused because its certificate is not the anchor.

    False when OpenSSL found another fault, as it may with the anchor itself: a weak key, an extension that it does
    not know.
    """
    return error.verify_code in _STRANGER


def finds_nothing_in_common(error: ssl.SSLError) -> bool:
    """Tell whether another of `GROUPS` may work: the peer wants something else than it was offered."""
    return _reason(error).endswith(_NOTHING_IN_COMMON)


def described(error: ssl.SSLError) -> str:
    """Say in words why a handshake failed, with what OpenSSL reports, such as ``wrong version number``."""
    reason = _reason(error)
    told = reason.replace("_", " ").lower()
    if reason.endswith(_NO_TLS):
        return phrase("what answers there does not speak TLS ({told})", told=told)
    if reason.endswith(_OTHER_VERSION):
        return phrase("it speaks neither TLS 1.2 nor 1.3 ({told})", told=told)
    if reason.endswith(_NOTHING_IN_COMMON):
        return phrase("it takes nothing of what it is offered, or wants a client certificate ({told})", told=told)
    return told


def _reason(error: ssl.SSLError) -> str:
    return getattr(error, "reason", None) or str(error)  # one that is not OpenSSL's has none
