"""Reads what people bring: exports, records, PEM and DER certificates, fingerprints of ``openssl``. Pure.

Whatever is wrong raises `ValueError` with one line that begins with a verb in the third person, to be put behind
the name of the file: "holds no certificate ...".
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from smgwproxy import der
from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import text_of
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase, sequence
from smgwproxy.truststores.codec import from_json, to_json
from smgwproxy.truststores.record import Pin, Record

FORMAT = "smgwproxy-trust"
VERSION = 1

_PEM = re.compile(
    r"-----BEGIN (?P<label>[A-Z0-9 ]*CERTIFICATE)-----(?P<body>.*?)(?:-----END (?P=label)-----|(?=-----BEGIN)|\Z)",
    re.DOTALL,
)
_PLAIN_LABELS = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
_END = re.compile(r"-----END [A-Z0-9 ]*CERTIFICATE-----\Z")
# "SHA256 Fingerprint=" (OpenSSL 1.1), "sha256 Fingerprint=" (3)
_LABELLED = re.compile(r"^[ \t]*sha-?256[ \t]+fingerprint[ \t]*[:=].*$", re.IGNORECASE | re.MULTILINE)
_WEAK = re.compile(r"^[ \t]*(md5|sha1)[ \t]+fingerprint[ \t]*[:=]", re.IGNORECASE | re.MULTILINE)
_LONGEST = 256 * 1024  # bytes of one certificate
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


# --- exports --------------------------------------------------------------------------------------------


def export(records: Sequence[Record], now: datetime) -> dict[str, Any]:
    """Return the export of ``records`` as what `json.dumps` takes; `read_records` reads it."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": now.isoformat(timespec="seconds"),
        "gateways": {str(record.origin): to_json(record) for record in records},
    }


# --- anything -------------------------------------------------------------------------------------------


def read_records(octets: bytes, target: Origin) -> tuple[Record, ...]:
    """Read an export, one record, certificates or fingerprints; ``target`` is whose they are unless they say so.

    Raises `ValueError` when it is none of these, or holds nothing.
    """
    text = None if _is_der(octets) else _text(octets)
    if text is None or not text.lstrip().startswith("{"):
        return (Record(target, read_pins(octets)),)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(phrase("is no JSON: {reason}", reason=text_of(error))) from error
    if document.get("format", "") == FORMAT:
        return _exported(document)
    if "format" not in document and "fingerprint" in document:
        return (_record(target, document, phrase("is no trust record")),)
    raise ValueError(phrase("is JSON, but neither an export of smgwproxy nor a record of one gateway"))


def read_pins(octets: bytes) -> tuple[Pin, ...]:
    """Read certificates in PEM or DER, and fingerprints as ``openssl x509 -fingerprint -sha256`` prints them.

    Whatever stands around them is passed over. Where there are both, the fingerprints must be those of the
    certificates. Raises `ValueError` when nothing is found, or something is damaged.
    """
    if _is_der(octets):
        return (Pin.of(Certificate(octets)),)
    text = _text(octets)
    certificates = {one.fingerprint: one for one in (_certificate(match) for match in _PEM.finditer(text))}
    fingerprints = [_fingerprint(match[0]) for match in _LABELLED.finditer(text)]
    if certificates:
        strange = next((one for one in fingerprints if one not in certificates), None)
        if strange is not None:
            raise ValueError(
                phrase(
                    "holds the fingerprint {fingerprint}, which is none of the certificates beside it",
                    fingerprint=strange,
                )
            )
        return tuple(Pin.of(one) for one in certificates.values())
    return tuple(Pin(one) for one in dict.fromkeys(fingerprints or _bare(text)))


# --- parts ----------------------------------------------------------------------------------------------


def _exported(document: dict[str, Any]) -> tuple[Record, ...]:
    version, gateways = document.get("version"), document.get("gateways")
    if version != VERSION:
        raise ValueError(
            phrase(
                "is an export of version {version!r}; this smgwproxy reads version {known}: update it",
                version=version,
                known=VERSION,
            )
        )
    if not isinstance(gateways, dict):
        raise ValueError(phrase("is an export without gateways"))  # noqa: TRY004  # the one error of this module
    records: dict[Origin, Record] = {}
    for name, table in gateways.items():
        try:
            origin = Origin.parse(name)
        except ValueError as error:
            told = phrase("holds a gateway without an address: {reason}", reason=text_of(error))
            raise ValueError(told) from error
        if origin in records:
            raise ValueError(phrase("holds the gateway {origin} twice", origin=origin))
        complaint = phrase("holds no record of the gateway {origin}", origin=origin)
        records[origin] = _record(origin, table, complaint)
    return tuple(records.values())


def _record(origin: Origin, document: object, complaint: str) -> Record:
    try:
        return from_json(origin, document)
    except KeyError as error:
        missing = phrase("{key} is missing", key=str(error))
        raise ValueError(sequence((complaint, missing), ": ")) from error
    except (ValueError, TypeError) as error:
        raise ValueError(sequence((complaint, text_of(error)), ": ")) from error


def _certificate(match: re.Match[str]) -> Certificate:
    if match["label"] not in _PLAIN_LABELS:
        raise ValueError(
            phrase("holds a {label} in PEM: bring a plain one, as openssl x509 prints it", label=match["label"])
        )
    if not _END.search(match[0]):
        raise ValueError(phrase("holds a PEM certificate that is cut off: its END line is missing"))
    try:
        octets = base64.b64decode("".join(match["body"].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        told = phrase("holds a PEM certificate that is damaged: {reason}", reason=text_of(error))
        raise ValueError(told) from error
    if not _is_der(octets):
        told = phrase("its length is not what it says")
        raise ValueError(phrase("holds a PEM certificate that is damaged: {reason}", reason=told))
    return Certificate(octets)


def _fingerprint(text: str) -> Fingerprint:
    try:
        return Fingerprint.parse(text)
    except ValueError as error:
        told = phrase("holds a fingerprint that is damaged: {reason}", reason=text_of(error))
        raise ValueError(told) from error


def _bare(text: str) -> list[Fingerprint]:
    """Read fingerprints with nothing else around them: a single one over any lines, or one a line.

    Among other text, digits may be anything: openssl x509 -text prints key identifiers that look just the same.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")] or [""]
    for pieces in (["\n".join(lines)], lines):
        try:
            return [Fingerprint.parse(piece) for piece in pieces]
        except ValueError:
            continue
    weak = _WEAK.search(text)
    if weak is not None:
        raise ValueError(
            phrase("holds a fingerprint of {digest} only: run openssl x509 with -sha256", digest=weak[1].upper())
        )
    raise ValueError(phrase("holds no certificate, no SHA-256 fingerprint and no export"))


def _is_der(octets: bytes) -> bool:
    """Tell whether this is one whole DER SEQUENCE as long as certificates are; its contents are not looked at."""
    if octets[:1] != b"\x30" or octets[1:2] < b"\x80" or len(octets) > _LONGEST:
        return False
    try:
        return len(der.elements(octets)) == 1
    except ValueError:
        return False


def _text(octets: bytes) -> str:
    # PowerShell writes UTF-16 into files; what is no UTF-8 is text around what is sought.
    if octets.startswith(_UTF_16):
        return octets.decode("utf-16", errors="replace")
    return octets.decode("utf-8-sig", errors="replace")
