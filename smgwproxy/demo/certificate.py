"""Certificates of simulated gateways: self-signed, on any curve, with a real vendor's flaw where wanted."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "prime256v1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
}

# AlgorithmIdentifier of ecdsa-with-SHA256 in DER. RFC 5758 section 3.2: the parameters are left out;
# Theben's certificates have NULL there.
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_ECDSA_SHA256_NULL = bytes.fromhex("300c06082a8648ce3d0403020500")
_SEQUENCE, _BIT_STRING = 0x30, 0x03


@dataclass(frozen=True)
class ServerCertificate:
    """A certificate in DER and its private key (PKCS#8 PEM, without a password)."""

    der: bytes = field(repr=False)
    key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the DER, 64 lower-case hex digits."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def pem(self) -> bytes:
        """Certificate and key as PEM blocks, the form OpenSSL loads."""
        return ssl.DER_cert_to_PEM_cert(self.der).encode() + self.key


def self_signed(
    name: str,
    *,
    curve: str = "prime256v1",
    dns_names: Sequence[str] = (),
    organization: str | None = None,
    not_before: datetime = datetime(2024, 1, 1, tzinfo=UTC),
    not_after: datetime = datetime(2044, 1, 1, tzinfo=UTC),
    null_parameters: bool = False,
) -> ServerCertificate:
    """Make a self-signed ECDSA-SHA256 certificate.

    ``name`` is the common name and ``curve`` the curve's OpenSSL name. With ``null_parameters`` its signature
    algorithm carries NULL parameters: OpenSSL takes such a certificate, the parser of `cryptography` refuses it.
    """
    key = ec.generate_private_key(_CURVES[curve]())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization is not None:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    subject = x509.Name(attributes)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    if dns_names:
        names = x509.SubjectAlternativeName([x509.DNSName(dns_name) for dns_name in dns_names])
        builder = builder.add_extension(names, critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    if null_parameters:
        return ServerCertificate(_with_null_parameters(certificate.tbs_certificate_bytes, key), pem)
    return ServerCertificate(certificate.public_bytes(serialization.Encoding.DER), pem)


def _with_null_parameters(to_be_signed: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Name the algorithm with NULL parameters inside and outside of the signed part, and sign it anew."""
    content = _content(to_be_signed).replace(_ECDSA_SHA256, _ECDSA_SHA256_NULL, 1)
    signed = _element(_SEQUENCE, content)
    signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    no_unused_bits = b"\0"
    return _element(_SEQUENCE, signed + _ECDSA_SHA256_NULL + _element(_BIT_STRING, no_unused_bits + signature))


def _content(der: bytes) -> bytes:
    """Strip tag and length off one DER element (X.690 section 8.1)."""
    octets_of_length = der[1] & 0x7F if der[1] & 0x80 else 0
    return der[2 + octets_of_length :]


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content
