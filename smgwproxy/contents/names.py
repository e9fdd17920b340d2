"""Writes the name of a certificate's subject or issuer as a line of text (RFC 4514); pure."""

from __future__ import annotations

import re

from smgwproxy.der import (
    OBJECT_IDENTIFIER,
    PRINTABLE_STRING,
    SEQUENCE,
    SET,
    UTF8_STRING,
    Element,
    elements,
    expect,
)

# Types of attributes (RFC 4519 section 2), by the octets of their object identifiers. What has no short name in
# RFC 4514 section 3 is written in numbers.
_TYPES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550405"): "2.5.4.5",  # serialNumber, which names of the smart metering PKI have
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("550409"): "STREET",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
}
_PRINTABLE = re.compile(rb"[A-Za-z0-9 '()+,./:=?-]*")  # X.680 section 41.4
_ESCAPED = re.compile(r'[\\"+,;<>]')  # RFC 4514 section 2.4


def written(name: Element) -> str:
    """Write a Name (RFC 5280 section 4.1.2.4), the last part first.

    Raises `ValueError` unless each part is one attribute of a usual type, of ordinary text.
    """
    parts = []
    for part in elements(name.contents):
        (attribute,) = expect(elements(part.contents), (SEQUENCE,))
        kind, value = elements(attribute.contents)
        if (part.tag, kind.tag) != (SET, OBJECT_IDENTIFIER) or kind.contents not in _TYPES:
            raise ValueError("a part of another kind")
        parts.append(f"{_TYPES[kind.contents]}={_escaped(_text(value))}")
    return ",".join(reversed(parts))


def _text(value: Element) -> str:
    if value.tag not in (UTF8_STRING, PRINTABLE_STRING):
        raise ValueError("a text of another kind")
    if value.tag == PRINTABLE_STRING and not _PRINTABLE.fullmatch(value.contents):
        raise ValueError("a text with characters that it may not have")
    return value.contents.decode()


def _escaped(text: str) -> str:
    # These need more care, and no gateway has them.
    if not text or text[0] in " #" or text[-1] == " " or "\0" in text:
        raise ValueError("a text of an odd form")
    return _ESCAPED.sub(r"\\\g<0>", text)
