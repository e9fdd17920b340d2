"""Makes a self-signed certificate and its key. Pure, but for the chance in key and serial number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smgwproxy.own_certificate.alternatives import Address

LIFE = timedelta(days=3652)
"""Ten years."""

# A machine without a battery for its clock may take the time for 1970 when it first starts, and its certificate
# would have ended before anybody sees it.
_NOT_EARLIER = datetime(2026, 1, 1, tzinfo=UTC)

_PRODUCT = "smgwproxy"
_LONGEST_COMMON_NAME = 64  # RFC 5280, ub-common-name


def make(valid_for: Sequence[str | Address], now: datetime) -> bytes:
    """Return a private key (ECDSA P-256, PKCS#8) and its certificate, as PEM.

    ``valid_for`` is what `alternatives` returns; the first name is the common name. It is valid for ten years from
    the day before ``now``. Raises `ValueError` when ``valid_for`` is empty.

    It is the certificate of a server and of no authority: who steals its key can answer in this machine's name,
    and in no other. It has no key usage extension, which leaves all uses open (RFC 5280 section 4.2.1.3): with one
    that does not let it sign certificates, OpenSSL before 1.1.1h does not take it for its own issuer.
    """
    if not valid_for:
        raise ValueError("a certificate needs a name or an address")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _PRODUCT),
            x509.NameAttribute(NameOID.COMMON_NAME, _common_name(valid_for)),
        ]
    )
    begin = max(now, _NOT_EARLIER).replace(microsecond=0) - timedelta(days=1)
    key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (
        (x509.SubjectAlternativeName([_general_name(one) for one in valid_for]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (key_id, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id), False),
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + LIFE)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def _common_name(valid_for: Sequence[str | Address]) -> str:
    fitting = (one for one in valid_for if isinstance(one, str) and len(one) <= _LONGEST_COMMON_NAME)
    return next(fitting, _PRODUCT)


def _general_name(one: str | Address) -> x509.GeneralName:
    return x509.DNSName(one) if isinstance(one, str) else x509.IPAddress(one)
