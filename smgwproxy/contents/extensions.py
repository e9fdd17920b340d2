"""Reads the DNS names among a certificate's extensions (RFC 5280 section 4.2); pure."""

from __future__ import annotations

import re

from smgwproxy.der import BOOLEAN, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, Element, elements, expect

_TRUE = b"\xff"
_STANDARD = re.compile(rb"\x55\x1d[\x00-\x7f]")  # those of RFC 5280 section 4.2.1
_SUBJECT_ALTERNATIVE_NAME = bytes.fromhex("551d11")
_KEY_USAGE = bytes.fromhex("551d0f")
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87

_PURPOSE = rb"\x06\x08\x2b\x06\x01\x05\x05\x07\x03[\x01\x02]"  # server and client
_READABLE = {
    # subjectKeyIdentifier and authorityKeyIdentifier
    bytes.fromhex("551d0e"): rb"\x04\x14.{20}",
    bytes.fromhex("551d23"): rb"\x30\x16\x80\x14.{20}",
    # basicConstraints and extKeyUsage
    bytes.fromhex("551d13"): rb"\x30\x00|\x30\x03\x01\x01\xff|\x30\x06\x01\x01\xff\x02\x01[\x00-\x7f]",
    bytes.fromhex("551d25"): rb"\x30\x0a%b|\x30\x14%b%b" % (_PURPOSE, _PURPOSE, _PURPOSE),
}


def dns_names(field: Element) -> tuple[str, ...]:
    """Read the DNS names of the subjectAltName, none where there is no such extension.

    ``field`` is that of the certificate with all extensions. Raises `ValueError` unless each is of an ordinary
    form, since `cryptography` tells no names where it cannot read another extension.
    """
    (sequence,) = expect(elements(field.contents), (SEQUENCE,))
    found = [_extension(one) for one in elements(sequence.contents)]
    values = dict(found)
    if not 0 < len(found) == len(values):
        raise ValueError("no extensions, or one of them twice")
    names = values.pop(_SUBJECT_ALTERNATIVE_NAME, None)
    if names is None:
        return ()
    if not all(_is_readable(*one) for one in values.items()):
        raise ValueError("an extension of another form")
    return _names(names)


def _extension(whole: Element) -> tuple[bytes, bytes]:
    """Return the identifier and the value of one extension."""
    identifier, *critical, value = elements(whole.contents)
    if (whole.tag, identifier.tag, value.tag) != (SEQUENCE, OBJECT_IDENTIFIER, OCTET_STRING):
        raise ValueError("not built like an extension")
    if critical and [(one.tag, one.contents) for one in critical] != [(BOOLEAN, _TRUE)]:
        raise ValueError("not built like an extension")
    if not _STANDARD.fullmatch(identifier.contents):
        raise ValueError("an extension of another kind")
    return identifier.contents, value.contents


def _is_readable(identifier: bytes, value: bytes) -> bool:
    if identifier == _KEY_USAGE:
        return _is_key_usage(value)
    form = _READABLE.get(identifier)
    return form is not None and re.fullmatch(form, value, re.DOTALL) is not None


def _is_key_usage(value: bytes) -> bool:
    """Tell whether it is a BIT STRING of one octet and as short as it can be; the last bit is for no server."""
    if len(value) != 4 or not value.startswith(b"\x03\x02"):
        return False
    unused, bits = value[2:]
    return unused > 0 and bits & -bits == 1 << unused


def _names(value: bytes) -> tuple[str, ...]:
    (sequence,) = expect(elements(value), (SEQUENCE,))
    names = elements(sequence.contents)
    if not names or not all(_is_name(one) for one in names):
        raise ValueError("a name of another kind")
    return tuple(one.contents.decode("ascii") for one in names if one.tag == _DNS_NAME)


def _is_name(name: Element) -> bool:
    return name.tag == _DNS_NAME or (name.tag == _IP_ADDRESS and len(name.contents) in (4, 16))
