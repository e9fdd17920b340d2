"""A strict reader of DER, for what must be read of certificates that parsers refuse; no I/O.

X.690 sections 8 and 10: lengths are definite and minimal, nothing follows the end. What breaks a rule is
refused, so that nothing is read here in another way than the TLS library read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31
VERSION = 0xA0
"""The ``[0]`` before a certificate's version."""
EXTENSIONS = 0xA3
"""The ``[3]`` before its extensions."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag (the identifier octet), its contents, and ``whole``, both with the length."""

    tag: int
    contents: bytes
    whole: bytes


@dataclass(frozen=True, slots=True)
class CertificateParts:
    """The parts of an X.509 certificate (RFC 5280 section 4.1) as they stand there, unread.

    ``to_be_signed`` has the elements of the TBSCertificate in order; ``start`` is the place of the serial number
    among them, since the version before it may be missing.
    """

    to_be_signed: tuple[Element, ...]
    algorithm: Element
    signature: Element
    start: int

    @property
    def validity(self) -> tuple[datetime, datetime]:
        """From when to when; raises `ValueError` unless written as RFC 5280 wants it (section 4.1.2.5)."""
        begin, end = elements(self.to_be_signed[self.start + 3].contents)
        return _moment(begin), _moment(end)

    @property
    def public_key(self) -> bytes:
        """The SubjectPublicKeyInfo in DER."""
        return self.to_be_signed[self.start + 5].whole


def elements(der: bytes) -> tuple[Element, ...]:
    """Split ``der`` into its elements; raises `ValueError` unless they fill it exactly."""
    found = []
    place = 0
    while place < len(der):
        found.append(_element_at(der, place))
        place += len(found[-1].whole)
    return tuple(found)


def element(tag: int, contents: bytes) -> bytes:
    """Encode one element."""
    size = len(contents)
    if size < 0x80:
        return bytes([tag, size]) + contents
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + contents


def expect(found: tuple[Element, ...], tags: tuple[int, ...]) -> tuple[Element, ...]:
    """Return ``found``; raises `ValueError` unless they have exactly these tags."""
    if tuple(one.tag for one in found) != tags:
        raise ValueError("not built like a certificate")
    return found


def positive(integer: Element) -> int:
    """Read an INTEGER; raises `ValueError` unless it is above 0 and as short as it can be (X.690 section 8.3)."""
    value = int.from_bytes(integer.contents, signed=True)
    if value <= 0 or len(integer.contents) != value.bit_length() // 8 + 1:
        raise ValueError("not a positive number, or not a minimal one")
    return value


def octets_of(bits: Element) -> bytes:
    """Return what a BIT STRING holds; raises `ValueError` unless that is whole octets (X.690 section 8.6)."""
    if bits.contents[:1] != b"\0":
        raise ValueError("bits that are no whole octets")
    return bits.contents[1:]


def certificate_parts(der: bytes) -> CertificateParts:
    """Take a certificate apart; raises `ValueError` when it is not built like one."""
    (outer,) = expect(elements(der), (SEQUENCE,))
    to_be_signed, algorithm, signature = expect(elements(outer.contents), (SEQUENCE, SEQUENCE, BIT_STRING))
    fields = elements(to_be_signed.contents)
    start = 1 if fields and fields[0].tag == VERSION else 0
    # serial number, algorithm, issuer, validity, subject, public key
    expect(fields[start : start + 6], (INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE))
    return CertificateParts(fields, algorithm, signature, start)


def without_null_parameters(der: bytes) -> bytes:
    """Return the certificate with the NULL parameters of its signature algorithm left out.

    Theben's gateways write them with ECDSA, against RFC 5758 section 3.2, and strict parsers refuse that. What is
    returned is for showing only: it is not what was signed. Raises `ValueError` as `certificate_parts` does.
    """
    parts = certificate_parts(der)
    place = parts.start + 1
    fields = [field.whole for field in parts.to_be_signed]
    fields[place] = _bare(parts.to_be_signed[place])
    to_be_signed = element(SEQUENCE, b"".join(fields))
    return element(SEQUENCE, to_be_signed + _bare(parts.algorithm) + parts.signature.whole)


def _moment(time: Element) -> datetime:
    """Read a time in UTC to the second; two digits of a year are of 1950 to 2049."""
    digits = time.contents[:-1]
    if len(digits) != {UTC_TIME: 12, GENERALIZED_TIME: 14}.get(time.tag) or not digits.isdigit():
        raise ValueError("not a time as certificates have it")
    if time.contents[-1:] != b"Z":
        raise ValueError("not a time in UTC")
    if time.tag == UTC_TIME:
        digits = (b"19" if digits >= b"50" else b"20") + digits
    month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(4, 14, 2))
    return datetime(int(digits[:4]), month, day, hour, minute, second, tzinfo=UTC)


def _bare(algorithm: Element) -> bytes:
    fields = elements(algorithm.contents)
    if [field.tag for field in fields] == [OBJECT_IDENTIFIER, NULL]:
        return element(SEQUENCE, fields[0].whole)
    return algorithm.whole


def _element_at(der: bytes, place: int) -> Element:
    if len(der) < place + 2:
        raise ValueError("an element is cut off")
    tag, size, start = der[place], der[place + 1], place + 2
    if tag & 0x1F == 0x1F:
        raise ValueError("a tag of several octets")
    if size >= 0x80:
        octets = der[start : start + (size & 0x7F)]
        start += size & 0x7F
        size = int.from_bytes(octets)
        if octets != size.to_bytes((size.bit_length() + 7) // 8) or size < 0x80:
            raise ValueError("a length that is indefinite, cut off or not minimal")
    end = start + size
    if len(der) < end:
        raise ValueError("an element is cut off")
    return Element(tag, der[start:end], der[place:end])
