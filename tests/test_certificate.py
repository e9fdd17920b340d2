"""The values `Fingerprint` and `Certificate`: compared by their bytes, described as far as they can be read."""

from __future__ import annotations

import datetime
import hashlib
import random
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtensionOID, NameOID

from smgwproxy.certificate import Certificate, Description, Fingerprint
from tests.support import Identity

START = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2049, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


def made(key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType, serial: int = 7) -> bytes:
    """Return the DER of a self-signed certificate."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "ETHE0102.sm"),
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A, B + <C>"),
        ]
    )
    builder = x509.CertificateBuilder(name, name, key.public_key(), serial, START, END)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def tagged(tag: int, content: bytes) -> bytes:
    """Wrap in DER."""
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def with_null_parameters(der: bytes) -> bytes:
    """Give both signature algorithms the NULL parameters that RFC 5758 forbids and Theben's gateways have."""
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
    outside, inside = x509.load_der_x509_certificate(der), 2
    assert der.count(algorithm) == inside
    ended = outside.tbs_certificate_bytes.replace(algorithm, tagged(0x30, algorithm[2:] + b"\x05\x00"))
    header = 4 if outside.tbs_certificate_bytes[1] == 0x82 else 3
    signature = tagged(0x03, b"\0" + outside.signature)
    return tagged(0x30, tagged(0x30, ended[header:]) + tagged(0x30, algorithm[2:] + b"\x05\x00") + signature)


# --- fingerprints ---------------------------------------------------------------------------------------


def test_a_fingerprint_is_the_sha_256_of_the_der() -> None:
    assert str(Fingerprint.of(b"x")) == hashlib.sha256(b"x").hexdigest()
    assert Certificate(b"x").fingerprint == Fingerprint.of(b"x")
    assert Fingerprint.of(b"x") == Fingerprint(hashlib.sha256(b"x").hexdigest())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty-which-urllib3-takes-for-anything"),
        pytest.param("a" * 32, id="as-long-as-md5"),
        pytest.param("a" * 40, id="as-long-as-sha1"),
        pytest.param("a" * 63, id="too-short"),
        pytest.param("a" * 65, id="too-long"),
        pytest.param("A" * 64, id="capitals"),
        pytest.param("g" * 64, id="no-hex-digits"),
        pytest.param("sha256:" + "a" * 64, id="prefix"),
        pytest.param(":".join(["aa"] * 32), id="colons"),
        pytest.param("a" * 64 + "\n", id="line-end"),
        pytest.param("\uff11" * 64, id="digits-that-are-not-ascii"),
    ],
)
def test_anything_else_is_no_fingerprint(text: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        Fingerprint(text)


# --- certificates ---------------------------------------------------------------------------------------


def test_certificates_are_compared_by_their_bytes(identity: Identity) -> None:
    der = identity.certificate.der
    assert Certificate(der) == identity.certificate
    assert Certificate(der + b"\0") != identity.certificate
    assert repr(der) not in repr(identity.certificate)


def test_pem_is_written_and_read_back(identity: Identity) -> None:
    assert identity.certificate.pem.startswith("-----BEGIN CERTIFICATE-----\n")
    assert Certificate.from_pem(identity.certificate.pem) == identity.certificate


@pytest.mark.parametrize("pem", ["", "x", "-----BEGIN CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nAA==\n"])
def test_what_is_no_pem_is_refused(pem: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the text is Python's own
        Certificate.from_pem(pem)


def test_a_certificate_is_described(key: ec.EllipticCurvePrivateKey) -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("smgw.local"), x509.DNSName("conexa.local")])
    described = Certificate(made(key, names)).description
    name = "O=A\\, B \\+ \\<C\\>,C=DE,CN=ETHE0102.sm"
    assert described == Description(name, name, START, END, ("smgw.local", "conexa.local"))


def test_a_certificate_without_names_is_described(key: ec.EllipticCurvePrivateKey) -> None:
    described = Certificate(made(key)).description
    assert described.not_after == END
    assert described.dns_names == ()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(bytes.fromhex("3003a30101"), id="a-kind-of-name-that-is-not-supported"),
        pytest.param(b"garbage", id="garbage"),
        pytest.param(b"", id="empty"),
    ],
)
def test_names_that_cannot_be_read_leave_the_rest_readable(key: ec.EllipticCurvePrivateKey, value: bytes) -> None:
    names = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, value)
    described = Certificate(made(key, names)).description
    assert described.not_before == START
    assert described.dns_names == ()


def test_an_algorithm_with_null_parameters_is_used_though_it_cannot_be_described(
    key: ec.EllipticCurvePrivateKey,
) -> None:
    whole = made(key)
    der = with_null_parameters(whole)
    # else this test would show nothing; older versions of the parser only warn
    with pytest.raises((ValueError, CryptographyDeprecationWarning)):
        x509.load_der_x509_certificate(der)
    certificate = Certificate(der)
    assert certificate.description in (Description(), Certificate(whole).description)
    assert Certificate.from_pem(certificate.pem) == certificate
    assert certificate.fingerprint == Fingerprint.of(der)


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"\x30\x80\x00\x00", b"garbage", b"\x30\x82\xff\xff"])
def test_what_is_no_certificate_has_no_description(der: bytes) -> None:
    assert Certificate(der).description == Description()


def test_no_damage_to_a_certificate_is_more_than_it_can_bear(key: ec.EllipticCurvePrivateKey) -> None:
    """The parser raises TypeError, InvalidVersion, … and warns: nothing of that may come out."""
    whole = made(
        key,
        x509.SubjectAlternativeName([x509.DNSName("smgw.local"), x509.OtherName(NameOID.TITLE, b"\x05\x00")]),
        x509.BasicConstraints(ca=True, path_length=0),
    )
    chance = random.Random(2)  # noqa: S311  # the same damage each time
    described = 0
    for _ in range(4_000):
        der = bytearray(whole)
        der[chance.randrange(len(der))] = chance.randrange(256)
        described += Certificate(bytes(der)).description != Description()
    assert 0 < described < 4_000


@pytest.mark.filterwarnings("ignore")
def test_the_damage_would_warn_and_raise_without_care(key: ec.EllipticCurvePrivateKey) -> None:
    of_version_5 = made(key).replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020105"))
    with pytest.raises(x509.InvalidVersion):
        x509.load_der_x509_certificate(of_version_5)
    assert Certificate(of_version_5).description == Description()


def test_a_doubtful_certificate_is_described_without_a_warning(key: ec.EllipticCurvePrivateKey) -> None:
    der = made(key).replace(bytes.fromhex("a003020102020107"), bytes.fromhex("a0030201020201ff"))  # serial -1
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert Certificate(der).description.not_after == END
    assert heard == []


def test_cryptography_is_not_imported_before_a_certificate_is_described(tmp_path: Path) -> None:
    program = "import sys, smgwproxy.certificate; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False).returncode == 0
