"""Ordinary certificates are read as `cryptography` reads them, to the letter; all others are left to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from smgwproxy.certificate import Certificate
from smgwproxy.contents import Description, describe, library, ordinary
from smgwproxy.demo.certificate import self_signed
from smgwproxy.der import (
    BIT_STRING,
    GENERALIZED_TIME,
    INTEGER,
    SEQUENCE,
    UTC_TIME,
    VERSION,
    certificate_parts,
    element,
)
from tests.contents.building import (
    ALGORITHM,
    BEGIN,
    END,
    EXTENSIONS,
    ORDINARY,
    SERIAL,
    VALIDITY,
    is_ordinary,
    issued,
    with_field,
)

CURVES = ["prime256v1", "secp384r1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"]


@cache
def full() -> bytes:
    """Return a certificate with all that is read without a library."""
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    public = key.public_key()
    names = [x509.DNSName("smgw.local"), x509.IPAddress(ip_address("192.168.1.200")), x509.DNSName("conexa.local")]
    return issued(
        key,
        x509.SubjectAlternativeName([*names, x509.IPAddress(ip_address("fe80::1"))]),
        x509.BasicConstraints(ca=True, path_length=0),
        x509.SubjectKeyIdentifier.from_public_key(public),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(public),
        x509.KeyUsage(True, False, False, False, True, True, False, False, False),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
    )


def test_certificate_with_everything_is_read_without_cryptography() -> None:
    name = "CN=ETHE0102.sm,2.5.4.5=1,O=Zähler\\, Söhne \\+ \\<Co\\>,C=DE"
    told = ordinary.describe(full())
    assert told == Description(name, name, BEGIN, END, ("smgw.local", "conexa.local"), "EC brainpoolP256r1")
    assert told == library.describe(full())


@pytest.mark.parametrize("null_parameters", [False, True])
@pytest.mark.parametrize("curve", CURVES)
def test_simulated_gateways_certificates_are_ordinary(curve: str, *, null_parameters: bool) -> None:
    assert is_ordinary(self_signed("Theben", curve=curve, null_parameters=null_parameters).der)


@pytest.mark.parametrize("hashed", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()], ids=lambda one: one.name)
def test_certificates_of_all_hashes_are_ordinary(hashed: hashes.SHA256 | hashes.SHA384 | hashes.SHA512) -> None:
    assert is_ordinary(issued(ec.generate_private_key(ec.SECP384R1()), hashed=hashed))
    assert is_ordinary(issued(rsa.generate_private_key(65537, 2048), hashed=hashed))


def damaged(whole: bytes) -> Iterator[bytes]:
    """Yield the certificate with each octet changed in several ways: a bit, all bits, one more or less, none."""
    chance = random.Random(4)  # noqa: S311  # the same damage each time
    for place, octet in enumerate(whole):
        for other in {
            octet ^ 1,
            octet ^ 0x80,
            octet ^ 0xFF,
            octet + 1 & 0xFF,
            octet - 1 & 0xFF,
            0,
            chance.randrange(256),
        }:
            yield whole[:place] + bytes([other]) + whole[place + 1 :]


MADE: dict[str, Callable[[], bytes]] = {
    "ordinary": lambda: ORDINARY,
    "full": full,
    "theben": lambda: self_signed("Theben", null_parameters=True).der,
    "rsa": lambda: issued(rsa.generate_private_key(65537, 2048)),
}
each_made = pytest.mark.parametrize("make", MADE.values(), ids=MADE)


@each_made
def test_damaged_certificate_is_told_as_cryptography_tells_it(make: Callable[[], bytes]) -> None:
    read = [is_ordinary(der) for der in damaged(make())]
    assert read.count(True) > 100
    assert read.count(False) > 500


@each_made
def test_damaged_certificate_has_the_key_that_cryptography_reads(make: Callable[[], bytes]) -> None:
    """Whoever has another key must not be taken for who renewed a certificate."""
    for der in damaged(make()):
        key = Certificate(der).public_key
        try:
            stands = certificate_parts(der).public_key
        except ValueError:
            assert key is None
            continue
        assert key == library.in_one_form(stands)


@pytest.mark.parametrize("cut", [1, 10, 100])
def test_what_is_cut_off_or_followed_is_not_ordinary(cut: int) -> None:
    assert not is_ordinary(ORDINARY[:-cut])
    assert not is_ordinary(ORDINARY + bytes(cut))


# --- the frame ------------------------------------------------------------------------------------------


def test_older_version_is_left_to_cryptography() -> None:
    """It has neither version nor extensions."""
    parts = certificate_parts(ORDINARY)
    older = element(SEQUENCE, b"".join(one.whole for one in parts.to_be_signed[1:7]))
    der = element(SEQUENCE, older + parts.algorithm.whole + parts.signature.whole)
    assert not is_ordinary(der)
    assert describe(der).subject == "CN=SMGW"


@pytest.mark.parametrize("number", [0, 1, 3, 4, 255])
def test_other_versions_are_left_to_cryptography(number: int) -> None:
    whole = with_field(0, element(VERSION, element(INTEGER, bytes([number]))))
    assert not is_ordinary(whole)
    assert describe(whole) == library.describe(whole)


@pytest.mark.parametrize(
    ("octets", "taken"),
    [
        (b"\x01", True),
        (b"\x7f" * 20, True),
        (b"\x00\x80", True),
        (b"\x00" + b"\x80" * 19, True),
        (b"", False),
        (b"\x00", False),
        (b"\xff", False),
        (b"\x00\x01", False),
        (b"\x00\x7f", False),
        (b"\xff\x80", False),
        (b"\x01" * 21, False),
        (b"\x00" + b"\x80" * 20, False),
    ],
)
def test_serial_number_is_positive_minimal_and_short(octets: bytes, *, taken: bool) -> None:
    assert is_ordinary(with_field(SERIAL, element(INTEGER, octets))) == taken


def test_signature_of_another_kind_is_left_to_cryptography() -> None:
    sha256, sha224 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d040301")
    assert ORDINARY.count(sha256) == 2
    other = ORDINARY.replace(sha256, sha224)
    assert not is_ordinary(other)
    assert describe(other) == describe(ORDINARY)


def test_signature_that_is_named_in_two_ways_is_left_to_cryptography() -> None:
    of_another_key = certificate_parts(issued(rsa.generate_private_key(65537, 2048))).algorithm.whole
    assert not is_ordinary(with_field(ALGORITHM, of_another_key))


@pytest.mark.parametrize("contents", [b"", b"\x01\x02", b"\x07\x80", b"\x08\x00"])
def test_signature_of_odd_bits_is_left_to_cryptography(contents: bytes) -> None:
    parts = certificate_parts(ORDINARY)
    to_be_signed = element(SEQUENCE, b"".join(one.whole for one in parts.to_be_signed))
    signature = element(BIT_STRING, contents)
    assert not is_ordinary(element(SEQUENCE, to_be_signed + parts.algorithm.whole + signature))


@pytest.mark.parametrize("tag", [0x81, 0x82, 0xA2, 0xA4])
def test_other_fields_than_extensions_are_left_to_cryptography(tag: int) -> None:
    assert not is_ordinary(with_field(EXTENSIONS, element(tag, b"\x00\x01")))
    extensions = certificate_parts(ORDINARY).to_be_signed[EXTENSIONS].whole
    assert not is_ordinary(with_field(EXTENSIONS, element(tag, b"\x00\x01") + extensions))
    assert not is_ordinary(with_field(EXTENSIONS, extensions + extensions))


# --- dates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tag", "time"),
    [
        (UTC_TIME, "500101000000Z"),
        (UTC_TIME, "991231235959Z"),
        (UTC_TIME, "000229000000Z"),
        (UTC_TIME, "491231235959Z"),
        (GENERALIZED_TIME, "00010101000000Z"),
        (GENERALIZED_TIME, "19491231235959Z"),
        (GENERALIZED_TIME, "20491231235959Z"),
        (GENERALIZED_TIME, "20500101000000Z"),
        (GENERALIZED_TIME, "99991231235959Z"),
    ],
)
def test_dates_are_read_as_cryptography_reads_them(tag: int, time: str) -> None:
    begin, end = element(UTC_TIME, b"250101000000Z"), element(tag, time.encode())
    assert is_ordinary(with_field(VALIDITY, element(SEQUENCE, begin + end)))
    assert is_ordinary(with_field(VALIDITY, element(SEQUENCE, end + begin)))


@pytest.mark.parametrize(
    ("tag", "time"),
    [
        (UTC_TIME, "010229000000Z"),
        (UTC_TIME, "491231235960Z"),
        (UTC_TIME, "491231240000Z"),
        (UTC_TIME, "4912312359Z"),
        (UTC_TIME, "491231235959+0100"),
        (GENERALIZED_TIME, "00000101000000Z"),
        (GENERALIZED_TIME, "20491231235959.5Z"),
        (GENERALIZED_TIME, "20491231235959"),
    ],
)
def test_odd_dates_are_left_to_cryptography(tag: int, time: str) -> None:
    begin = element(UTC_TIME, b"250101000000Z")
    assert not is_ordinary(with_field(VALIDITY, element(SEQUENCE, begin + element(tag, time.encode()))))
