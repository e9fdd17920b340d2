"""The values `Fingerprint` and `Certificate`: compared by their bytes, described as far as they can be read."""

from __future__ import annotations

import datetime
import hashlib
import random
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtensionOID, NameOID

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.contents import Description
from smgwproxy.demo.certificate import self_signed
from smgwproxy.der import certificate_parts
from tests.support import Identity

START = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2049, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey


@pytest.fixture(scope="module")
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


def made(key: Key, *extensions: x509.ExtensionType, serial: int = 7) -> bytes:
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
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.DER)


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


HEX = hashlib.sha256(b"x").hexdigest()
COLONS = ":".join(HEX[at : at + 2] for at in range(0, 64, 2))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(HEX, id="as-it-is-kept"),
        pytest.param(HEX.upper(), id="capitals"),
        pytest.param(HEX[:32].upper() + HEX[32:], id="capitals-and-small"),
        pytest.param(COLONS, id="colons"),
        pytest.param(COLONS.upper(), id="colons-and-capitals-as-browsers-show-it"),
        pytest.param(COLONS.replace(":", " "), id="blanks"),
        pytest.param(COLONS[:48] + "\n" + COLONS[48:], id="in-two-lines"),
        pytest.param(COLONS.replace(":", "\u00a0"), id="blanks-of-a-web-page"),
        pytest.param(Fingerprint(HEX).groups, id="groups"),
        pytest.param(f" \t{HEX}\r\n", id="blanks-and-line-ends-around"),
        pytest.param(f"sha256:{HEX}", id="sha256-label"),
        pytest.param(f"SHA256:{HEX}", id="label-in-capitals"),
        pytest.param(f"SHA-256: {COLONS}", id="label-with-hyphen"),
        pytest.param(f"\nSHA256 Fingerprint={COLONS.upper()}\n", id="openssl-1"),
        pytest.param(f"sha256 Fingerprint={COLONS.upper()}\n", id="openssl-3"),
        pytest.param(f"SHA-256 fingerprint : {COLONS}", id="written-by-a-person"),
    ],
)
def test_a_fingerprint_is_read_as_people_paste_it(text: str) -> None:
    assert Fingerprint.parse(text) == Fingerprint.of(b"x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("sha256:", "it is empty"),
        (":::", "it is empty"),
        (HEX[:-1], "it has 63 hex digits"),
        (HEX + "0", "it has 65 hex digits"),
        (COLONS + "\n" + COLONS, "it has 128 hex digits"),
        (f"{HEX[:-1]}:", "it has 63 hex digits"),
        ("a" * 32, "one of MD5"),
        (":".join(["AA"] * 20), "one of SHA-1"),
        (f"sha1:{'a' * 40}", "more than hex digits"),
        (f"SHA1 Fingerprint={':'.join(['AA'] * 20)}", "more than hex digits"),
        (f"md5:{'a' * 32}", "more than hex digits"),
        (f"sha512:{'a' * 128}", "more than hex digits"),
        (f"sha256:{HEX}\nsha256:{HEX}", "more than hex digits"),
        (f"sha256:sha256:{HEX}", "more than hex digits"),
        (f"{HEX},{HEX}", "more than hex digits"),
        ("0x" + HEX[2:], "more than hex digits"),
        ("g" + HEX[1:], "more than hex digits"),
        ("-" + HEX[1:], "more than hex digits"),
        ("\uff11" * 64, "more than hex digits"),
        ("\uff41" * 64, "more than hex digits"),
        (HEX[:-1] + "\u0661", "more than hex digits"),
        (HEX + "\0", "more than hex digits"),
    ],
)
def test_what_is_pasted_wrong_is_told_in_one_line(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="is no SHA-256 fingerprint") as caught:
        Fingerprint.parse(text)
    assert told in str(caught.value)
    assert "give " in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_fingerprint_in_groups_can_be_compared_by_eye() -> None:
    groups = Fingerprint(HEX).groups.split(" ")
    assert [len(group) for group in groups] == [4] * 16
    assert "".join(groups) == HEX


# --- certificates ---------------------------------------------------------------------------------------


def test_certificates_are_compared_by_their_bytes(identity: Identity) -> None:
    der = identity.certificate.der
    assert Certificate(der) == identity.certificate
    assert Certificate(der + b"\0") != identity.certificate
    assert repr(der) not in repr(identity.certificate)


def test_pem_is_written_and_read_back(identity: Identity) -> None:
    assert identity.certificate.pem.startswith("-----BEGIN CERTIFICATE-----\n")
    assert Certificate.from_pem(identity.certificate.pem) == identity.certificate


@pytest.mark.parametrize("der", [b"", b"x", b"xx", b"xxx", b"\xff" * 1000])
def test_pem_is_of_any_octets(der: bytes) -> None:
    pem = Certificate(der).pem
    for text in (pem, pem.rstrip(), f"\n {pem}\n\n", pem.replace("\n", "\r\n")):
        assert Certificate.from_pem(text) == Certificate(der)


PEM = Certificate(b"x" * 90).pem


@pytest.mark.parametrize(
    "pem",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="anything"),
        pytest.param("-----BEGIN CERTIFICATE-----\n", id="half"),
        pytest.param(PEM.replace("CERTIFICATE", "PRIVATE KEY"), id="a-key"),
        pytest.param(PEM.replace("-----END", "\n"), id="no-end"),
        pytest.param(PEM + PEM, id="two-of-which-one-would-be-read-or-neither"),
        pytest.param(PEM + "x", id="something-behind"),
        pytest.param("x" + PEM, id="something-before"),
        pytest.param(PEM.replace("eHh4", "e!h4", 1), id="no-base64"),
        pytest.param(PEM.replace("eHh4", "eHh", 1), id="a-digit-less"),
        pytest.param(PEM.replace("eHh4", "eHh=", 1), id="an-end-in-the-middle"),
        pytest.param(PEM.replace("eHh4", "\u00e4Hh4", 1), id="not-ascii"),
    ],
)
def test_what_is_not_one_pem_block_is_refused(pem: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # some texts are Python's own
        Certificate.from_pem(pem)


def test_a_certificate_is_described(key: ec.EllipticCurvePrivateKey) -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("smgw.local"), x509.DNSName("conexa.local")])
    described = Certificate(made(key, names)).description
    name = "O=A\\, B \\+ \\<C\\>,C=DE,CN=ETHE0102.sm"
    assert described == Description(name, name, START, END, ("smgw.local", "conexa.local"), "EC secp384r1")


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


def test_an_algorithm_with_null_parameters_is_described_in_full(key: ec.EllipticCurvePrivateKey) -> None:
    """Strict parsers refuse Theben's gateways' certificates for it."""
    whole = made(key, x509.SubjectAlternativeName([x509.DNSName("smgw.local")]))
    der = with_null_parameters(whole)
    # else this test would show nothing; older versions of the parser only warn
    with pytest.raises((ValueError, CryptographyDeprecationWarning)):
        x509.load_der_x509_certificate(der)
    certificate = Certificate(der)
    assert certificate.description == Certificate(whole).description
    assert certificate.description.dns_names == ("smgw.local",)
    assert certificate.public_key == Certificate(whole).public_key is not None
    # what is compared and kept is what the peer sent all the same
    assert certificate.der == der != whole
    assert Certificate.from_pem(certificate.pem) == certificate
    assert certificate.fingerprint == Fingerprint.of(der)


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "brainpoolP256r1"])
def test_a_simulated_gateways_certificate_is_described_in_full(curve: str) -> None:
    described = Certificate(self_signed("Theben", curve=curve, null_parameters=True).der).description
    assert (described.subject, described.issuer) == ("CN=Theben", "CN=Theben")
    assert described.not_after == datetime.datetime(2044, 1, 1, tzinfo=datetime.UTC)
    assert described.key.startswith("EC ")


KEYS: dict[str, Callable[[], Key]] = {
    "EC secp256r1": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EC secp384r1": lambda: ec.generate_private_key(ec.SECP384R1()),
    "EC secp521r1": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EC brainpoolP256r1": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
    "RSA 2048 bits": lambda: rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
}


@pytest.mark.parametrize("name", KEYS)
def test_the_public_key_is_the_one_that_the_parser_reads(name: str) -> None:
    private = KEYS[name]()
    certificate = Certificate(made(private))
    expected = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert certificate.public_key == expected
    assert certificate.description.key == name
    assert Certificate(made(private, serial=8)).public_key == expected


def test_a_key_that_is_not_known_leaves_the_rest_readable() -> None:
    der = made(ed25519.Ed25519PrivateKey.generate())
    unknown = der.replace(bytes.fromhex("300506032b6570" + "0321"), bytes.fromhex("300506032b657f" + "0321"))
    described = Certificate(unknown).description
    assert (described.key, described.not_after) == ("", END)
    assert Certificate(unknown).public_key != Certificate(der).public_key


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"\x30\x80\x00\x00", b"garbage", b"\x30\x82\xff\xff"])
def test_what_is_no_certificate_has_no_public_key(der: bytes) -> None:
    assert Certificate(der).public_key is None


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


def test_key_whose_point_is_written_in_another_form_is_the_same_key(key: ec.EllipticCurvePrivateKey) -> None:
    whole = made(key)
    public = key.public_key()
    forms = serialization.PublicFormat
    long, short = (
        public.public_bytes(serialization.Encoding.X962, form)
        for form in (forms.UncompressedPoint, forms.CompressedPoint)
    )
    bits = tagged(0x03, b"\0" + long)
    algorithm = public.public_bytes(serialization.Encoding.DER, forms.SubjectPublicKeyInfo)[2:].removesuffix(bits)
    outside, to_be_signed = certificate_parts(whole), b""
    for field in outside.to_be_signed:
        compressed = tagged(0x30, algorithm + tagged(0x03, b"\0" + short))
        to_be_signed += compressed if field.whole == outside.public_key else field.whole
    other = tagged(0x30, tagged(0x30, to_be_signed) + outside.algorithm.whole + outside.signature.whole)
    assert certificate_parts(other).public_key != outside.public_key
    assert Certificate(other).has_key_of(Certificate(whole))


def test_keys_are_the_same_only_when_both_can_be_read(key: ec.EllipticCurvePrivateKey, identity: Identity) -> None:
    old, new, garbage = Certificate(made(key)), Certificate(made(key, serial=8)), Certificate(b"garbage")
    assert new.has_key_of(old)
    assert not new.has_key_of(identity.certificate)
    assert not new.has_key_of(None)
    assert not garbage.has_key_of(garbage)


@pytest.mark.parametrize("year", [1950, 1999, 2000, 2049, 2050, 9999])
def test_dates_are_read_without_cryptography_as_with_it(key: ec.EllipticCurvePrivateKey, year: int) -> None:
    """Until 2049 a year has two digits in a certificate (RFC 5280 section 4.1.2.5)."""
    begin = datetime.datetime(1950, 1, 1, 0, 0, 1, tzinfo=datetime.UTC)
    end = datetime.datetime(year, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SMGW")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, begin, end)
    certificate = Certificate(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))
    assert certificate.validity == (begin, end)
    assert certificate.validity == (certificate.description.not_before, certificate.description.not_after)


@pytest.mark.parametrize(
    ("tag", "time"),
    [
        (0x17, b"491231235959"),
        (0x17, b"4912312359Z"),
        (0x17, b"491231235959+0100"),
        (0x17, b"20491231235959Z"),
        (0x18, b"491231235959Z"),
        (0x18, b"20491231235959.5Z"),
        (0x17, b"491331235959Z"),
        (0x17, b"49123123595 Z"),
        (0x04, b"491231235959Z"),
    ],
)
def test_dates_that_are_written_otherwise_are_left_to_cryptography(
    key: ec.EllipticCurvePrivateKey, tag: int, time: bytes
) -> None:
    parts = certificate_parts(made(key))
    fields = [field.whole for field in parts.to_be_signed]
    fields[4] = tagged(0x30, tagged(0x17, b"250101000000Z") + tagged(tag, time))
    body = tagged(0x30, b"".join(fields)) + parts.algorithm.whole + parts.signature.whole
    certificate = Certificate(tagged(0x30, body))
    with pytest.raises(ValueError, match=r"not a time|must be in"):
        _ = certificate_parts(certificate.der).validity
    assert certificate.validity == (certificate.description.not_before, certificate.description.not_after)


def test_what_is_no_certificate_has_no_dates() -> None:
    assert Certificate(b"no certificate").validity == (None, None)
