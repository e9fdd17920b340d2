"""The values `Fingerprint` and `Certificate`: what is pinned, and what can be told of it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from ssl import DER_cert_to_PEM_cert

from smgwproxy.contents import Description, describe, in_one_form
from smgwproxy.der import certificate_parts
from smgwproxy.phrases import phrase

_SHA256 = re.compile(r"[0-9a-f]{64}")
_LABEL = re.compile(r"\s*(?:sha-?256(?:\s+fingerprint)?\s*[:=])?", re.IGNORECASE)
_SHORT = {32: "MD5", 40: "SHA-1"}
_PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----\s*")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The SHA-256 of a certificate's DER: exactly 64 lower-case hex digits, never empty.

    Raises `ValueError` for anything else, since urllib3 takes an empty fingerprint as "accept everything"
    and lengths of MD5 and SHA-1 as good.
    """

    hex: str

    def __post_init__(self) -> None:
        if not _SHA256.fullmatch(self.hex):
            raise ValueError(
                phrase("not a SHA-256 fingerprint of 64 lower-case hex digits: {text!r}", text=self.hex)
            )

    def __str__(self) -> str:
        return self.hex

    @classmethod
    def of(cls, der: bytes) -> Fingerprint:
        """Fingerprint of a certificate in DER."""
        return cls(hashlib.sha256(der).hexdigest())

    @classmethod
    def parse(cls, text: str) -> Fingerprint:
        """Read a fingerprint as people paste it.

        Digits of either case, with colons or blanks between them, after ``sha256:`` or the ``SHA256
        Fingerprint=`` of ``openssl x509``. Raises `ValueError` with one line for anything else, MD5 and SHA-1
        among it.
        """
        digits = re.sub(r"[\s:]+", "", _LABEL.sub("", text, count=1)).lower()
        if not _SHA256.fullmatch(digits):
            raise ValueError(
                phrase("{text!r} is no SHA-256 fingerprint: {reason}", text=text, reason=_what_is_wrong(digits))
            )
        return cls(digits)

    @property
    def groups(self) -> str:
        """Sixteen groups of four digits, to be compared by eye or read out over the telephone."""
        return " ".join(self.hex[start : start + 4] for start in range(0, 64, 4))


@dataclass(frozen=True)
class Certificate:
    """A certificate as the peer sent it.

    Compared, pinned and stored by its raw DER; ``description`` is for people only, and is as full as the DER
    can be parsed: some gateways' certificates are refused by strict parsers, and are used all the same.
    """

    der: bytes = field(repr=False)

    @classmethod
    def from_pem(cls, pem: str) -> Certificate:
        """Read one PEM block; raises `ValueError` for anything else, such as two of them."""
        # ssl.PEM_cert_to_DER_cert passes over what is not Base64, and so over the end of the first of two blocks.
        match = _PEM.fullmatch(pem)
        if match is None:
            raise ValueError(phrase("not one certificate in PEM"))
        return cls(base64.b64decode("".join(match[1].split()), validate=True))

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """The SHA-256 of ``der``."""
        return Fingerprint.of(self.der)

    @property
    def pem(self) -> str:
        """The certificate as a PEM block."""
        return DER_cert_to_PEM_cert(self.der)

    @cached_property
    def public_key(self) -> bytes | None:
        """The public key (SubjectPublicKeyInfo in DER), None when it cannot be read.

        In one form for one key, where its kind is known: a point may be written in several.
        """
        try:
            key = certificate_parts(self.der).public_key
        except ValueError:
            return None
        return in_one_form(key)

    def has_key_of(self, other: Certificate | None) -> bool:
        """Tell whether both certificates are there, readable, and of the same public key."""
        return other is not None and self.public_key is not None and self.public_key == other.public_key

    @cached_property
    def validity(self) -> tuple[datetime | None, datetime | None]:
        """From when to when, None where that cannot be read; even an odd certificate rarely needs a library."""
        try:
            return certificate_parts(self.der).validity
        except ValueError:
            return self.description.not_before, self.description.not_after

    @cached_property
    def description(self) -> Description:
        """Subject, issuer, dates and names, as far as they can be read."""
        return describe(self.der)


def _what_is_wrong(digits: str) -> str:
    if not digits:
        return phrase("it is empty; give 64 hex digits")
    if not re.fullmatch(r"[0-9a-f]+", digits):
        return phrase("it holds more than hex digits; give 64 hex digits")
    if len(digits) in _SHORT:
        return phrase(
            "it is as long as one of {digest}, which is not safe; give SHA-256 with 64 hex digits",
            digest=_SHORT[len(digits)],
        )
    return phrase("it has {count} hex digits; give 64", count=len(digits))
