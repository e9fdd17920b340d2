"""The reader of DER: reads what is strict DER, refuses everything else, and never reads another key than TLS."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.demo.certificate import self_signed
from smgwproxy.der import (
    BIT_STRING,
    INTEGER,
    NULL,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    VERSION,
    Element,
    certificate_parts,
    element,
    elements,
    without_null_parameters,
)

ORDINARY = self_signed("SMGW", dns_names=["smgw.local"]).der
THEBEN = self_signed("Theben", curve="secp384r1", null_parameters=True).der
ECDSA_SHA256 = bytes.fromhex("06082a8648ce3d040302")

tags = st.integers(0, 255).filter(lambda tag: tag & 0x1F != 0x1F)
sizes = st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000, 0x10001])
contents = st.binary(max_size=300) | sizes.map(bytes)


# --- elements -------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(tags, contents), max_size=5))
def test_what_is_encoded_is_read_again(parts: list[tuple[int, bytes]]) -> None:
    whole = [element(tag, octets) for tag, octets in parts]
    assert elements(b"".join(whole)) == tuple(
        Element(tag, octets, encoded) for (tag, octets), encoded in zip(parts, whole, strict=True)
    )


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (0, "0400"),
        (127, "047f"),
        (128, "048180"),
        (255, "0481ff"),
        (256, "04820100"),
        (65535, "0482ffff"),
        (65536, "0483010000"),
    ],
)
def test_lengths_are_definite_and_minimal(size: int, header: str) -> None:
    assert element(0x04, bytes(size)) == bytes.fromhex(header) + bytes(size)


@given(st.binary(max_size=12))
def test_what_is_read_is_the_only_way_to_encode_it(octets: bytes) -> None:
    try:
        found = elements(octets)
    except ValueError:
        return
    assert b"".join(one.whole for one in found) == octets
    assert [element(one.tag, one.contents) for one in found] == [one.whole for one in found]


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("04", id="a-tag-alone"),
        pytest.param("0401", id="contents-cut-off"),
        pytest.param("0481", id="a-length-cut-off"),
        pytest.param("048201", id="a-length-of-two-cut-off"),
        pytest.param("0482ff", id="a-length-of-two-cut-off-that-would-be-one-of-one"),
        pytest.param("3080020100" + "0000", id="indefinite"),
        pytest.param("0480", id="indefinite-and-empty"),
        pytest.param("0481" + "05" + "00" * 5, id="a-short-length-in-the-long-form"),
        pytest.param("0481" + "00", id="no-length-in-the-long-form"),
        pytest.param("048200" + "80" + "00" * 128, id="a-length-with-leading-zeros"),
        pytest.param("04840000" + "0080" + "00" * 128, id="a-length-with-more-of-them"),
        pytest.param("04ff" + "01" * 127, id="a-length-longer-than-memory"),
        pytest.param("1f0100", id="a-tag-of-several-octets"),
        pytest.param("bf020500", id="another-tag-of-several-octets"),
        pytest.param("0500" + "05", id="an-octet-behind"),
        pytest.param("0500" + "0501", id="half-an-element-behind"),
    ],
)
def test_what_is_no_der_is_refused(octets: str) -> None:
    with pytest.raises(ValueError, match=r"cut off|minimal|several octets"):
        elements(bytes.fromhex(octets))


@given(contents.filter(bool), st.data())
def test_what_is_cut_off_is_refused(octets: bytes, data: st.DataObject) -> None:
    whole = element(0x04, octets)
    with pytest.raises(ValueError, match="cut off"):
        elements(whole[: data.draw(st.integers(1, len(whole) - 1))])


class Counted(bytes):
    """Octets that count how many of them are copied."""

    copied = 0

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        if isinstance(part, int):
            return part
        Counted.copied += len(part)
        return Counted(part)


def test_many_elements_are_read_in_one_go() -> None:
    """When the rest was copied for each, 4 MB of them, as much as a record may have, took minutes."""
    octets = Counted(b"\x05\x00" * 2000)
    assert len(elements(octets)) == 2000
    assert Counted.copied <= 2 * len(octets)


# --- certificates ---------------------------------------------------------------------------------------


def issued(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """Return the DER of a self-signed certificate of any kind of key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "SMGW")])
    start = datetime(2025, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, start, start.replace(year=2049))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("smgw.local")]), critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


def test_a_certificate_is_taken_apart() -> None:
    parts = certificate_parts(ORDINARY)
    parsed = x509.load_der_x509_certificate(ORDINARY)
    assert element(SEQUENCE, b"".join(one.whole for one in parts.to_be_signed)) == parsed.tbs_certificate_bytes
    assert (parts.start, parts.to_be_signed[0].tag) == (1, VERSION)
    assert parts.signature.contents == b"\0" + parsed.signature
    assert parts.algorithm.whole == element(SEQUENCE, ECDSA_SHA256)


def rebuilt(fields: list[bytes], algorithm: bytes, signature: bytes) -> bytes:
    return element(SEQUENCE, element(SEQUENCE, b"".join(fields)) + algorithm + signature)


def test_a_certificate_of_version_1_is_read_as_well() -> None:
    """It has neither version nor extensions."""
    parts = certificate_parts(ORDINARY)
    fields = [one.whole for one in parts.to_be_signed]
    older = rebuilt(fields[1:7], parts.algorithm.whole, parts.signature.whole)
    assert x509.load_der_x509_certificate(older).version is x509.Version.v1
    assert certificate_parts(older).start == 0
    assert certificate_parts(older).public_key == parts.public_key


@pytest.mark.parametrize("der", [ORDINARY, THEBEN], ids=["ordinary", "null-parameters"])
def test_what_is_not_built_like_a_certificate_is_refused(der: bytes) -> None:
    parts = certificate_parts(der)
    fields = [one.whole for one in parts.to_be_signed]
    algorithm, signature = parts.algorithm.whole, parts.signature.whole
    assert rebuilt(fields, algorithm, signature) == der
    null = element(NULL, b"")
    wrong = [
        b"",
        der + b"\0",
        der + der,
        der[:-1],
        element(0x31, elements(der)[0].contents),
        element(SEQUENCE, b""),
        element(SEQUENCE, elements(der)[0].contents + null),
        element(SEQUENCE, element(SEQUENCE, b"".join(fields)) + algorithm),
        rebuilt([], algorithm, signature),
        rebuilt(fields[:1], algorithm, signature),
        rebuilt(fields[:6], algorithm, signature),
        rebuilt(fields, signature, algorithm),
        rebuilt(fields, algorithm, element(0x04, b"x")),
        *(rebuilt([*fields[:at], *fields[at + 1 :]], algorithm, signature) for at in range(1, 7)),
        *(rebuilt([*fields[:at], null, *fields[at + 1 :]], algorithm, signature) for at in range(7)),
        *(rebuilt([*fields[:at], null, *fields[at:]], algorithm, signature) for at in range(7)),
    ]
    for octets in wrong:
        with pytest.raises(ValueError, match=r"not built like a certificate|cut off"):
            certificate_parts(octets)
        with pytest.raises(ValueError, match=r"not built like a certificate|cut off"):
            without_null_parameters(octets)


@pytest.mark.filterwarnings("ignore")  # the parser warns of some certificates
def test_where_the_parser_reads_a_damaged_certificate_the_key_is_the_same() -> None:
    """Whoever has another key must not be taken for who renewed a certificate."""
    chance = random.Random(3)  # noqa: S311  # the same damage each time
    both = refused = 0
    for whole in (
        issued(ec.generate_private_key(ec.SECP256R1())),
        issued(rsa.generate_private_key(65537, 2048)),
        issued(ed25519.Ed25519PrivateKey.generate()),
    ):
        damaged = [bytearray(whole) for _ in range(3000)]
        for octets in damaged:
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        for der in map(bytes, damaged):
            key = parsed_key(der)
            try:
                ours = certificate_parts(der).public_key
            except ValueError:
                refused += 1
                continue
            if key is not None:
                both += 1
                # Not the bytes themselves: the parser writes a point in hybrid form (X9.62) uncompressed.
                assert encoded(load_der_public_key(ours)) == key, der.hex()
    assert both > 1000
    assert refused > 100


def parsed_key(der: bytes) -> bytes | None:
    """Return the key as the parser has it, None where it can read none."""
    try:
        return encoded(x509.load_der_x509_certificate(der).public_key())
    except Exception:  # noqa: BLE001  # it raises more than it tells
        return None


def encoded(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


# --- NULL parameters ------------------------------------------------------------------------------------


def test_null_parameters_are_left_out_in_both_places() -> None:
    with pytest.raises((ValueError, CryptographyDeprecationWarning)):  # older parsers only warn
        x509.load_der_x509_certificate(THEBEN)
    bare = without_null_parameters(THEBEN)
    parsed = x509.load_der_x509_certificate(bare)
    assert THEBEN.count(ECDSA_SHA256 + b"\x05\x00") == 2
    assert (bare.count(ECDSA_SHA256 + b"\x05\x00"), bare.count(ECDSA_SHA256)) == (0, 2)
    assert parsed.subject.rfc4514_string() == "CN=Theben"
    before, after = certificate_parts(THEBEN), certificate_parts(bare)
    assert (before.public_key, before.signature) == (after.public_key, after.signature)


def test_they_are_left_out_of_a_certificate_of_version_1() -> None:
    parts = certificate_parts(THEBEN)
    older = rebuilt([one.whole for one in parts.to_be_signed[1:7]], parts.algorithm.whole, parts.signature.whole)
    bare = without_null_parameters(older)
    assert (older.count(ECDSA_SHA256 + b"\x05\x00"), bare.count(ECDSA_SHA256 + b"\x05\x00")) == (2, 0)
    assert x509.load_der_x509_certificate(bare).version is x509.Version.v1


def test_a_certificate_without_them_is_left_as_it_is() -> None:
    for der in (ORDINARY, issued(ed25519.Ed25519PrivateKey.generate())):
        assert without_null_parameters(der) == der


def test_other_parameters_are_left_as_they_are() -> None:
    parts = certificate_parts(ORDINARY)
    fields = [one.whole for one in parts.to_be_signed]
    oid, null, integer = element(OBJECT_IDENTIFIER, b"\x2a"), element(NULL, b""), element(INTEGER, b"\x01")
    for contents in (
        b"",
        oid,
        null,
        null + oid,
        oid + integer,
        oid + null + null,
        oid + element(BIT_STRING, b"\0"),
    ):
        algorithm = element(SEQUENCE, contents)
        der = rebuilt([*fields[:2], algorithm, *fields[3:]], algorithm, parts.signature.whole)
        assert without_null_parameters(der) == der


@settings(deadline=None)
@given(st.integers(0, len(THEBEN) - 1), st.integers(0, 255))
def test_damage_is_refused_or_shows_the_same_key(place: int, octet: int) -> None:
    damaged = bytearray(THEBEN)
    damaged[place] = octet
    try:
        key = certificate_parts(bytes(damaged)).public_key
        shown = certificate_parts(without_null_parameters(bytes(damaged))).public_key
    except ValueError:
        return
    assert shown == key
