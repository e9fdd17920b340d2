"""What a person should know of the certificate that the proxy shows: whom it is valid for, and how long. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from smgwproxy.certificate import Certificate
from smgwproxy.own_certificate.alternatives import Address, alternatives
from smgwproxy.phrases import phrase, plural

_SOON = timedelta(days=60)


def valid_for(certificate: Certificate) -> Sequence[str | Address]:
    """Return the names and addresses that ``certificate`` is valid for, as far as they can be read."""
    from cryptography import x509  # noqa: PLC0415  # slow to import, and needed only to tell a person

    try:
        extensions = x509.load_der_x509_certificate(certificate.der).extensions
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return ()
    addresses = [one for one in found.get_values_for_type(x509.IPAddress) if isinstance(one, Address)]
    return (*found.get_values_for_type(x509.DNSName), *addresses)


def missing(
    certificate: Certificate, names: Sequence[str], addresses: Sequence[Address]
) -> Sequence[str | Address]:
    """Return those of ``names`` and ``addresses`` that ``certificate`` is not valid for."""
    there = frozenset(valid_for(certificate))
    return tuple(one for one in alternatives(names, addresses) if one not in there)


def ending(certificate: Certificate, now: datetime) -> str:
    """Say that ``certificate`` has ended or will soon; empty otherwise, and when its dates cannot be read.

    Soon is the last tenth of its life, and no more than 60 days: one of 90 days is renewed 30 days before its end.
    """
    begin, end = certificate.validity
    if begin is None or end is None:
        return ""
    left = end - now
    if left > min(_SOON, (end - begin) / 10):
        return ""
    day = f"{end.astimezone(UTC):%Y-%m-%d}"
    if left <= timedelta():
        return phrase("ended on {day}", day=day)
    return plural("ends on {day}, in {count} day", "ends on {day}, in {count} days", left.days, day=day)
