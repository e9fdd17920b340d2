"""What stores are tried with: gateways' addresses, certificates, and records of every shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.origin import Origin
from smgwproxy.truststores.record import Event, Happening, Pending, Pin, Record, Revocation

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
"""A time as records have it: to the second."""

ORIGIN = Origin("10.11.120.2")

# Pairs that a store might take for one and the same, in the order of their names.
ORIGINS: Sequence[Origin] = sorted(
    map(
        Origin.parse,
        [
            "10.11.120.2",
            "10.11.120.2:8443",
            "10.11.120.20",
            "10.11.120.2.example",
            "[fe80::1]",
            "[fe80::1]:8443",
            "[fe80::1%eth0]",
            "[fe80::1%eth0]:8443",
            "[fe80::1%ETH0]",
            "[fe80::1%a.b_c~d-e]",
            "smgw",
            "smgw-2",
            "smgw_2",
            "smgw.local",
            "smgw.local.",
            f"{'a' * 63}.{'b' * 63}.{'c' * 63}.local:65535",
        ],
    ),
    key=str,
)


def proposal(contest: int, by: int) -> Certificate:
    """Make the certificate that the process or thread ``by`` proposes in a contest: no other has it."""
    return Certificate(b"the certificate that %d proposes in %d" % (by, contest))


def contested(contest: int) -> Origin:
    """Return the gateway that a contest is about: each has its own."""
    return Origin(f"gateway-{contest}.example")


def _made(*, dns_names: Sequence[str] = (), null_parameters: bool = False) -> Certificate:
    from smgwproxy.demo import self_signed  # noqa: PLC0415  # slow to import, and few need it

    made = self_signed("SMGW", curve="secp384r1", dns_names=dns_names, null_parameters=null_parameters)
    return Certificate(made.der)


CERTIFICATES: dict[str, Callable[[], Certificate]] = {
    "ordinary": _made,
    # as Theben's gateways have them; strict parsers refuse them
    "null-parameters": lambda: _made(null_parameters=True),
    # in a name anybody may write what many a database does not take for a text
    "nul-in-a-name": lambda: _made(dns_names=["smgw\0.local"]),
    "garbage": lambda: Certificate(b"\x00\xff garbage\r\n"),
    "header-only": lambda: Certificate(b"\x30\x82\xff\xff"),
    "long": lambda: Certificate(bytes(range(256)) * 64),
}
"""Makers of certificates that a store must keep byte for byte."""


def with_the_same_key(certificate: Certificate) -> Certificate:
    """Make another certificate with the same public key: the last octet of its signature differs."""
    der = certificate.der
    return Certificate(der[:-1] + bytes([der[-1] ^ 1]))


# --- records of every shape -----------------------------------------------------------------------------


def plain(record: Record) -> Record:
    """Leave out where the pins are kept, which each store tells in its own words."""
    return replace(record, pins=tuple(replace(pin, record="") for pin in record.pins))


def _garbage(name: str) -> Certificate:
    return Certificate(name.encode())


def _event(happening: Happening, seconds: int = 0, subject: str = "CN=SMGW") -> Event:
    return Event(NOW + timedelta(seconds=seconds), happening, Fingerprint.of(b"event"), subject)


_PIN = Pin.of(_garbage("pin"), NOW)
_OF_FINGERPRINT = Fingerprint.of(b"known by its fingerprint")
_SUBJECT = "CN=Zähler \\\"'%s;--\N{ELECTRIC LIGHT BULB}\0\n"
_TABLE: dict[str, Record] = {
    "pin": Record(ORIGIN, (_PIN,)),
    "pin-without-time": Record(ORIGIN, (Pin.of(_garbage("pin")),)),
    "pin-of-the-original": Record(
        ORIGIN, (Pin(_OF_FINGERPRINT, subject=_SUBJECT, not_after="2035-01-01 00:00:00 +0000 UTC"),)
    ),
    "pin-in-another-time-zone": Record(
        ORIGIN, (Pin.of(_garbage("pin"), NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))),)
    ),
    "backups": Record(ORIGIN, (_PIN, Pin(_OF_FINGERPRINT), Pin.of(_garbage("backup"), NOW))),
    "pending-only": Record(ORIGIN, pending=(Pending(_garbage("pending"), NOW, NOW),)),
    "pending-most": Record(
        ORIGIN,
        (_PIN,),
        tuple(
            Pending(_garbage(f"pending {number}"), NOW, NOW + timedelta(days=number), 1 + 1_000_000 * number)
            for number in range(8)
        ),
    ),
    "revoked-and-no-first-use": Record(
        ORIGIN,
        revoked=(Revocation(_OF_FINGERPRINT, NOW), Revocation(Fingerprint.of(b"key"), NOW, _garbage("key"))),
        first_use=False,
    ),
    "no-first-use-only": Record(ORIGIN, first_use=False),
    "history-only": Record(ORIGIN, history=tuple(_event(happening) for happening in Happening)),
    "everything": Record(
        ORIGIN,
        (_PIN, Pin.of(_garbage("backup"), NOW)),
        (Pending(_garbage("pending"), NOW, NOW + timedelta(days=1), 7),),
        (Revocation(_OF_FINGERPRINT, NOW),),
        tuple(_event(Happening.PINNED, number, _SUBJECT) for number in range(100)),
        first_use=False,
    ),
}
SHAPES: Sequence[str] = tuple(_TABLE)
"""The names of the records that `shape` returns."""


def shape(name: str, origin: Origin = ORIGIN) -> Record:
    """Return the record of the shape ``name`` for ``origin``."""
    return replace(_TABLE[name], origin=origin)


# --- records that tell whether they are whole -----------------------------------------------------------


class NotWhole(Exception):
    """A record that nobody has put: a mixture of two, half of one, or another gateway's."""


@lru_cache(maxsize=100)  # each is made to be put, and made again to be compared
def numbered(origin: Origin, number: int) -> Record:
    """Return the record ``number`` of a row of them, each part of which differs from the others'.

    Number 0 is the empty record. Some are short, some are longer than the pages and buffers they pass through.
    """
    if not number:
        return Record(origin)
    at = NOW + timedelta(seconds=number)

    def certificate(part: bytes) -> Certificate:
        return Certificate(b"%d %b " % (number, part) + b"%d" % number * (number % 4 * 1000))

    return Record(
        origin,
        (Pin.of(certificate(b"pin"), at), Pin.of(certificate(b"backup"), at)),
        (Pending(certificate(b"pending"), at, at, number),),
        (Revocation(certificate(b"revoked").fingerprint, at, certificate(b"revoked")),),
        tuple(Event(at, Happening.REPLACED, Fingerprint.of(b"%d" % number)) for _ in range(number % 5)),
        first_use=bool(number % 2),
    )


def number_of(record: Record) -> int:
    """Return the number of a record; raises `NotWhole` when it is none of the row."""
    number = _number(record.pins)
    if plain(record) != numbered(record.origin, number):
        raise NotWhole(f"this is not the record {number} as it was put: {record}")
    return number


def number_of_pins(origin: Origin, pins: Sequence[Pin]) -> int:
    """Return the number of the record whose pins these are; raises `NotWhole` when they are none of the row's."""
    number = _number(pins)
    if plain(Record(origin, tuple(pins))).pins != numbered(origin, number).pins:
        raise NotWhole(f"these are not the pins of the record {number} as it was put: {pins}")
    return number


def next_number(record: Record) -> Record:
    """Return the next record of the row: an edit for `EditableTrustStore.change`."""
    return numbered(record.origin, number_of(record) + 1)


def _number(pins: Sequence[Pin]) -> int:
    if not pins:
        return 0
    certificate = pins[0].certificate
    number = certificate.der.partition(b" ")[0] if certificate is not None else b""
    if not number.isdigit():
        raise NotWhole(f"nobody has put this pin: {pins[0]}")
    return int(number)
