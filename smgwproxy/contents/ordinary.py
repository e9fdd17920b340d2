"""Reads certificates that are built as gateways have them, and refuses all others; pure.

What is read is what `cryptography` would tell, to the letter. Whatever it might refuse, or read in another way in
one of its versions, is refused here. No signature is checked.
"""

from __future__ import annotations

from smgwproxy.contents import extensions, names, public_key
from smgwproxy.contents.description import Description
from smgwproxy.der import (
    EXTENSIONS,
    INTEGER,
    VERSION,
    certificate_parts,
    element,
    expect,
    octets_of,
    positive,
)

_VERSION_3 = element(VERSION, element(INTEGER, b"\x02"))
_SERIAL_NUMBER = 20  # octets at most (RFC 5280 section 4.1.2.2)

# The contents of AlgorithmIdentifiers (RFC 5758 section 3.2, RFC 4055 section 5), and of those that Theben writes.
_ECDSA = tuple(bytes.fromhex(f"06082a8648ce3d0403{number}") for number in ("02", "03", "04"))
_RSA = tuple(bytes.fromhex(f"06092a864886f70d0101{number}0500") for number in ("0b", "0c", "0d"))
_NULL = b"\x05\x00"
_SIGNATURES = frozenset((*_ECDSA, *(one + _NULL for one in _ECDSA), *_RSA))


def describe(der: bytes) -> Description:
    """Tell what stands in a certificate in DER; raises `ValueError` unless it is an ordinary one."""
    parts = certificate_parts(der)
    version, serial, algorithm, issuer, _, subject, key, *rest = parts.to_be_signed
    if version.whole != _VERSION_3:
        raise ValueError("not of version 3")
    positive(serial)
    if len(serial.contents) > _SERIAL_NUMBER:
        raise ValueError("a serial number that is too long")
    if algorithm.whole != parts.algorithm.whole or algorithm.contents not in _SIGNATURES:
        raise ValueError("a signature of another kind")
    octets_of(parts.signature)
    if rest:
        expect(tuple(rest), (EXTENSIONS,))
    begin, end = parts.validity
    return Description(
        names.written(subject),
        names.written(issuer),
        begin,
        end,
        extensions.dns_names(rest[0]) if rest else (),
        public_key.kind(key.whole),
    )
