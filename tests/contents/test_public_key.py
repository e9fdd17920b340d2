"""An ordinary key is what `cryptography` would make of it, octet by octet: renewal and revocation compare keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from smgwproxy.contents import in_one_form, library, public_key
from smgwproxy.contents.curves import CURVES, Curve
from smgwproxy.der import BIT_STRING, INTEGER, NULL, OBJECT_IDENTIFIER, SEQUENCE, element, elements
from tests.contents.building import KEY, is_ordinary, with_field

BY_NAME: dict[str, ec.EllipticCurve] = {
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(),
    "brainpoolP512r1": ec.BrainpoolP512R1(),
}
every_curve = pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)


def encoded(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def is_read(key: bytes) -> bool:
    """Tell whether it is read without `cryptography`, which must then have the same name and octets for it."""
    try:
        kind = public_key.kind(key)
    except ValueError:
        assert in_one_form(key) == library.in_one_form(key)
        return False
    assert encoded(load_der_public_key(key)) == key == in_one_form(key)
    assert kind == library.describe(with_field(KEY, key)).key != ""
    assert is_ordinary(with_field(KEY, key))
    return True


# --- elliptic curves ------------------------------------------------------------------------------------


def test_curves_are_those_of_gateways() -> None:
    assert [curve.name for curve in CURVES] == list(BY_NAME)


@every_curve
@settings(deadline=None, max_examples=20)
@given(st.integers(1, 2**256))
def test_key_on_a_curve_is_ordinary(curve: Curve, secret: int) -> None:
    key = ec.derive_private_key(secret % 2**250 + 1, BY_NAME[curve.name]).public_key()
    assert is_read(encoded(key))
    numbers = key.public_numbers()
    assert curve.has(numbers.x, numbers.y)


@cache
def point_of(curve: Curve) -> tuple[int, int]:
    numbers = ec.derive_private_key(7, BY_NAME[curve.name]).public_key().public_numbers()
    return numbers.x, numbers.y


def of_point(curve: Curve, octets: bytes, unused: int = 0) -> bytes:
    algorithm = bytes.fromhex("06072a8648ce3d0201") + element(OBJECT_IDENTIFIER, curve.identifier)
    return element(SEQUENCE, element(SEQUENCE, algorithm) + element(BIT_STRING, bytes([unused]) + octets))


@every_curve
def test_point_of_another_place_is_left_to_cryptography(curve: Curve) -> None:
    x, y = point_of(curve)
    size = curve.octets
    assert is_read(of_point(curve, b"\x04" + x.to_bytes(size) + y.to_bytes(size)))
    assert is_read(of_point(curve, b"\x04" + x.to_bytes(size) + (curve.p - y).to_bytes(size)))
    others = [(x, y + 1), (x + 1, y), (y, x), (0, 0), (x, 0), (0, y), (curve.p, y), (x, 2 ** (8 * size) - 1)]
    for other in others:
        assert not curve.has(*other)
        assert not is_read(of_point(curve, b"\x04" + b"".join(number.to_bytes(size) for number in other)))


@every_curve
def test_coordinate_as_large_as_the_prime_is_not_taken_for_a_smaller_one(curve: Curve) -> None:
    """Else one key had two forms."""
    x = next(x for x in range(1, 100) if pow(x**3 + curve.a * x + curve.b, (curve.p - 1) // 2, curve.p) == 1)
    y = pow(x**3 + curve.a * x + curve.b, (curve.p + 1) // 4, curve.p)
    assert curve.has(x, y)
    assert not curve.has(x + curve.p, y)
    assert not curve.has(x, y + curve.p)
    assert not curve.has(x, y - curve.p)


@every_curve
def test_point_in_another_form_is_the_same_key(curve: Curve) -> None:
    x, y = point_of(curve)
    size = curve.octets
    plain = of_point(curve, b"\x04" + x.to_bytes(size) + y.to_bytes(size))
    for other in (
        of_point(curve, bytes([2 + y % 2]) + x.to_bytes(size)),
        of_point(curve, bytes([6 + y % 2]) + x.to_bytes(size) + y.to_bytes(size)),
    ):
        assert not is_read(other)
        assert in_one_form(other) == in_one_form(plain) == plain


@every_curve
def test_key_of_an_odd_form_is_left_to_cryptography(curve: Curve) -> None:
    x, y = point_of(curve)
    size = curve.octets
    octets = b"\x04" + x.to_bytes(size) + y.to_bytes(size)
    plain = of_point(curve, octets)
    algorithm, bits = elements(elements(plain)[0].contents)
    for other in (
        b"",
        plain + b"\0",
        element(0x31, elements(plain)[0].contents),
        element(SEQUENCE, algorithm.whole),
        element(SEQUENCE, algorithm.whole + bits.whole + element(NULL, b"")),
        element(SEQUENCE, element(SEQUENCE, algorithm.contents + element(NULL, b"")) + bits.whole),
        element(SEQUENCE, element(SEQUENCE, bytes.fromhex("06072a8648ce3d0201")) + bits.whole),
        element(SEQUENCE, algorithm.whole + element(0x04, bits.contents)),
        element(SEQUENCE, algorithm.whole + element(BIT_STRING, b"")),
        of_point(curve, b""),
        of_point(curve, b"\0"),
        of_point(curve, octets, unused=1),
        of_point(curve, octets[:-1]),
        of_point(curve, octets + b"\0"),
        of_point(curve, b"\x05" + octets[1:]),
    ):
        assert not is_read(other)


# --- RSA ------------------------------------------------------------------------------------------------


def integer(number: int) -> bytes:
    return element(INTEGER, number.to_bytes(number.bit_length() // 8 + 1))


def of_rsa(*numbers: bytes, algorithm: str = "06092a864886f70d0101010500") -> bytes:
    key = element(SEQUENCE, b"".join(numbers))
    return element(SEQUENCE, element(SEQUENCE, bytes.fromhex(algorithm)) + element(BIT_STRING, b"\0" + key))


MODULUS = 2**2047 + 2**1024 + 12345


@pytest.mark.parametrize("bits", [2048, 2049, 3072, 4095, 4096, 8192])
def test_rsa_key_of_any_usual_size_is_ordinary(bits: int) -> None:
    key = of_rsa(integer(2 ** (bits - 1) + 1), integer(65537))
    assert is_read(key)
    assert public_key.kind(key) == f"RSA {bits} bits"


def test_rsa_key_that_was_made_is_ordinary() -> None:
    assert is_read(encoded(rsa.generate_private_key(65537, 2048).public_key()))


@settings(deadline=None, max_examples=50)
@given(st.integers(2**2047, 2**2050))
def test_any_odd_modulus_is_read_as_cryptography_reads_it(modulus: int) -> None:
    assert is_read(of_rsa(integer(modulus), integer(65537))) == bool(modulus % 2)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(of_rsa(integer(2**1023 + 1), integer(65537)), id="short"),
        pytest.param(of_rsa(integer(2**2046 + 1), integer(65537)), id="a-bit-less"),
        pytest.param(of_rsa(integer(2**8192 + 1), integer(65537)), id="long"),
        pytest.param(of_rsa(integer(MODULUS + 1), integer(65537)), id="even"),
        pytest.param(of_rsa(integer(MODULUS), integer(3)), id="a-small-exponent"),
        pytest.param(of_rsa(integer(MODULUS), integer(65539)), id="another-exponent"),
        pytest.param(of_rsa(integer(MODULUS), integer(0)), id="no-exponent"),
        pytest.param(of_rsa(element(INTEGER, MODULUS.to_bytes(256)), integer(65537)), id="negative"),
        pytest.param(of_rsa(element(INTEGER, MODULUS.to_bytes(258)), integer(65537)), id="not-minimal"),
        pytest.param(of_rsa(element(INTEGER, b""), integer(65537)), id="empty"),
        pytest.param(of_rsa(integer(MODULUS)), id="half"),
        pytest.param(of_rsa(integer(MODULUS), integer(65537), integer(1)), id="more"),
        pytest.param(
            of_rsa(integer(MODULUS), integer(65537), algorithm="06092a864886f70d010101"), id="without-null"
        ),
        pytest.param(of_rsa(integer(MODULUS), integer(65537), algorithm="06092a864886f70d01010a"), id="pss"),
    ],
)
def test_rsa_key_of_an_odd_form_is_left_to_cryptography(key: bytes) -> None:
    assert not is_read(key)


OTHERS: dict[str, Callable[[], PublicKeyTypes]] = {
    "secp521r1": lambda: ec.generate_private_key(ec.SECP521R1()).public_key(),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()).public_key(),
    "ed25519": lambda: ed25519.Ed25519PrivateKey.generate().public_key(),
}


@pytest.mark.parametrize("name", OTHERS)
def test_key_of_another_kind_is_left_to_cryptography(name: str) -> None:
    key = encoded(OTHERS[name]())
    assert not is_read(key)
    assert library.in_one_form(key) == key
