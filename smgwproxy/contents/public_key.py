"""Reads the public keys that gateways have, in the one form that `cryptography` writes them in; pure.

What is accepted could not be written in another way: lengths and numbers are minimal, the curve has its name, the
point both coordinates. `cryptography` accepts it as well, so it would give back the same octets.
"""

from __future__ import annotations

from smgwproxy.contents.curves import CURVES, Curve
from smgwproxy.der import (
    BIT_STRING,
    INTEGER,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    element,
    elements,
    expect,
    octets_of,
    positive,
)
from smgwproxy.phrases import phrase

# The contents of AlgorithmIdentifiers (RFC 5480 section 2.1.1, RFC 3279 section 2.3.1).
_EC = bytes.fromhex("06072a8648ce3d0201")
_RSA = bytes.fromhex("06092a864886f70d0101010500")
_UNCOMPRESSED = 4  # SEC 1 section 2.3.3
_EXPONENT = 65537
_SIZES = range(2048, 8192 + 1)


def kind(key: bytes) -> str:
    """Name the kind of a public key, such as ``EC secp384r1``.

    ``key`` is a SubjectPublicKeyInfo in DER (RFC 5280 section 4.1). Raises `ValueError` unless it is good, of a
    kind that gateways have, and in its one form.
    """
    (whole,) = expect(elements(key), (SEQUENCE,))
    algorithm, bits = expect(elements(whole.contents), (SEQUENCE, BIT_STRING))
    for curve in CURVES:
        if algorithm.contents == _EC + element(OBJECT_IDENTIFIER, curve.identifier):
            _check_point(octets_of(bits), curve)
            return f"EC {curve.name}"
    if algorithm.contents == _RSA:
        return phrase("{kind} {size} bits", kind="RSA", size=_rsa_size(octets_of(bits)))
    raise ValueError("a key of another kind")


def _check_point(octets: bytes, curve: Curve) -> None:
    size = curve.octets
    if len(octets) != 1 + 2 * size or octets[0] != _UNCOMPRESSED:
        raise ValueError("a point in another form")
    x, y = (int.from_bytes(octets[start : start + size]) for start in (1, 1 + size))
    if not curve.has(x, y):
        raise ValueError("no point of the curve")


def _rsa_size(der: bytes) -> int:
    """Return the length of the modulus in bits."""
    (whole,) = expect(elements(der), (SEQUENCE,))
    modulus, exponent = (positive(one) for one in expect(elements(whole.contents), (INTEGER, INTEGER)))
    size = modulus.bit_length()
    if exponent != _EXPONENT or modulus % 2 == 0 or size not in _SIZES:
        raise ValueError("an RSA key of an odd form")
    return size
