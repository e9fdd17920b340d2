"""The values `Fingerprint` and `Certificate`: what is pinned, and what can be told of it."""

from __future__ import annotations

import hashlib
import re
import warnings
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from ssl import DER_cert_to_PEM_cert, PEM_cert_to_DER_cert
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The SHA-256 of a certificate's DER: exactly 64 lower-case hex digits, never empty.

    Raises `ValueError` for anything else, since urllib3 takes an empty fingerprint as "accept everything"
    and lengths of MD5 and SHA-1 as good.
    """

    hex: str

    def __post_init__(self) -> None:
        if not _SHA256.fullmatch(self.hex):
            raise ValueError(f"not a SHA-256 fingerprint of 64 lower-case hex digits: {self.hex!r}")

    def __str__(self) -> str:
        return self.hex

    @classmethod
    def of(cls, der: bytes) -> Fingerprint:
        """Fingerprint of a certificate in DER."""
        return cls(hashlib.sha256(der).hexdigest())


@dataclass(frozen=True, slots=True)
class Description:
    """What a person can be told of a certificate; empty where it cannot be read."""

    subject: str = ""
    issuer: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    dns_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Certificate:
    """A certificate as the peer sent it.

    Compared, pinned and stored by its raw DER; ``description`` is for people only, and is as full as the DER
    can be parsed: some gateways' certificates are refused by strict parsers, and are used all the same.
    """

    der: bytes = field(repr=False)

    @classmethod
    def from_pem(cls, pem: str) -> Certificate:
        """Read one PEM block; raises `ValueError` when there is none."""
        return cls(PEM_cert_to_DER_cert(pem))

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """The SHA-256 of ``der``."""
        return Fingerprint.of(self.der)

    @property
    def pem(self) -> str:
        """The certificate as a PEM block."""
        return DER_cert_to_PEM_cert(self.der)

    @cached_property
    def description(self) -> Description:
        """Subject, issuer, dates and names, as far as they can be read."""
        return _describe(self.der)


def _describe(der: bytes) -> Description:
    # cryptography is slow to import and needed only to tell a person about a certificate.
    from cryptography import x509  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # A doubtful serial number or name is the gateway's affair; it must not end up on stderr.
            warnings.simplefilter("ignore")
            parsed = x509.load_der_x509_certificate(der)
            subject, issuer = parsed.subject.rfc4514_string(), parsed.issuer.rfc4514_string()
            not_before, not_after = parsed.not_valid_before_utc, parsed.not_valid_after_utc
            return Description(subject, issuer, not_before, not_after, _dns_names(parsed))
    except Exception:  # noqa: BLE001  # the parser raises more than it tells: TypeError, InvalidVersion and others
        return Description()


def _dns_names(parsed: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509  # noqa: PLC0415  # as above

    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return tuple(names.value.get_values_for_type(x509.DNSName))
    except Exception:  # noqa: BLE001  # as above; subject and dates are worth telling without the names
        return ()
