"""Certificates of any content, and what `cryptography` says of them."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from smgwproxy.contents import library, ordinary
from smgwproxy.demo.certificate import self_signed
from smgwproxy.der import SEQUENCE, certificate_parts, element

SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, KEY, EXTENSIONS = range(1, 8)
"""The places of what stands in the signed part; at 0 is the version."""

BEGIN = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2049, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)

ORDINARY = self_signed("SMGW", dns_names=["smgw.local"]).der


def issued(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    *extensions: x509.ExtensionType,
    hashed: hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None = None,
) -> bytes:
    """Return the DER of a self-signed certificate."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Zähler, Söhne + <Co>"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, "1"),
            x509.NameAttribute(NameOID.COMMON_NAME, "ETHE0102.sm"),
        ]
    )
    builder = x509.CertificateBuilder(name, name, key.public_key(), 0x1122334455, BEGIN, END)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    return builder.sign(key, hashed or hashes.SHA256()).public_bytes(Encoding.DER)


def with_field(place: int, der: bytes, whole: bytes = ORDINARY) -> bytes:
    """Put ``der`` in the place of what stands in the signed part; the signature is wrong then."""
    parts = certificate_parts(whole)
    fields = [field.whole for field in parts.to_be_signed]
    fields[place] = der
    to_be_signed = element(SEQUENCE, b"".join(fields))
    return element(SEQUENCE, to_be_signed + parts.algorithm.whole + parts.signature.whole)


def is_ordinary(der: bytes) -> bool:
    """Tell whether it is read without `cryptography`, which must then tell the same."""
    try:
        told = ordinary.describe(der)
    except ValueError:
        return False
    assert told == library.describe(der), der.hex()
    return True
