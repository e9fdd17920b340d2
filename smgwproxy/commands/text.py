"""What texts for people are made of: times, names, columns, and the facts of one certificate. Pure.

Names in a certificate are whatever its maker wrote, and an attacker may be the maker: `printable` stands between
them and the terminal. Days are in UTC, as certificates have them; times are in the time zone of this machine.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import zip_longest

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.contents import Description
from smgwproxy.phrases import phrase, plural, sequence
from smgwproxy.truststores.record import Known, Pending, Pin, Revocation

Row = tuple[str, str]
"""A label, and a value that may have several lines."""

Say = Callable[[str], str]
"""A `smgwproxy.language.Language`, or `str` for English."""

UNKNOWN = phrase("not known")
INDENT = "  "
LABEL = 13
"""Columns of the labels of facts, the gap behind them included; more where a label is longer."""

_PARAGRAPH = 96  # columns; longer lines are hard to read
_LONGEST_NAME = 240  # characters
_COLUMN = 31  # the narrowest of two columns, and the widest:
_WIDEST_COLUMN = 50


# --- small things ---------------------------------------------------------------------------------------


def printable(text: str, most: int = _LONGEST_NAME) -> str:
    """Return ``text`` with everything escaped that could move the cursor or turn letters; cut at ``most``."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."


def grouped(fingerprint: Fingerprint) -> str:
    """Return the fingerprint in four lines of four groups, to be read out over the telephone."""
    groups = fingerprint.groups.split()
    return "\n".join(" ".join(groups[start : start + 4]) for start in range(0, len(groups), 4))


def day(moment: datetime | None) -> str:
    """Return the day of ``moment`` in UTC."""
    return UNKNOWN if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d}"


def time(moment: datetime) -> str:
    """Return ``moment`` to the second, in this machine's time zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %Z}"


# --- lines ----------------------------------------------------------------------------------------------


def wrapped(text: str, width: int, *, break_words: bool = False) -> list[str]:
    """Break ``text`` at its blanks into lines of ``width`` columns; its own line breaks stay.

    A longer word stays whole, since paths and commands are copied, unless ``break_words`` says otherwise.
    """
    wrap = textwrap.TextWrapper(width, break_on_hyphens=False, break_long_words=break_words).wrap
    return [piece for line in text.split("\n") for piece in wrap(line) or [""]]


def paragraph(text: str, width: int, say: Say = str) -> list[str]:
    """Break ``text`` into lines that are good to read."""
    return wrapped(say(text), min(width, _PARAGRAPH))


def block(rows: Iterable[Row], width: int, label: int = LABEL, say: Say = str) -> list[str]:
    """Set ``rows`` under each other, their values in a column of their own behind ``label`` columns or more."""
    told = [(say(title), say(value)) for title, value in rows]
    label = columns((title for title, _ in told), label)
    lines = []
    for title, value in told:
        for place, piece in enumerate(wrapped(value, width - len(INDENT) - label)):
            lines.append(f"{INDENT}{'' if place else title:{label}}{piece}")
    return lines


def columns(titles: Iterable[str], least: int) -> int:
    """Return how many columns ``titles`` need with a gap behind the longest one, and no less than ``least``."""
    return max([least, *(len(title) + 1 for title in titles)])


def side_by_side(left: Sequence[Row], right: Sequence[Row], width: int, say: Say = str) -> list[str] | None:
    """Set two blocks beside each other, rows of a label in one line; None when ``width`` is too narrow."""
    one, other = ({say(title): say(value) for title, value in rows} for rows in (left, right))
    label = columns((*one, *other), LABEL)
    column = min((width - 2 * len(INDENT) - label) // 2, _WIDEST_COLUMN)
    return list(_columns(one, other, label, column)) if column >= _COLUMN else None


def _columns(left: dict[str, str], right: dict[str, str], label: int, column: int) -> Iterator[str]:
    for title in dict.fromkeys((*left, *right)):
        values = (wrapped(rows.get(title, ""), column, break_words=True) for rows in (left, right))
        for place, (one, other) in enumerate(zip_longest(*values, fillvalue="")):
            yield f"{INDENT}{'' if place else title:{label}}{one:{column}}{INDENT}{other}".rstrip()


# --- one certificate ------------------------------------------------------------------------------------


def described(one: Certificate | Known) -> Description:
    """Return what can be told of a certificate, be it only what was once written down of it."""
    certificate = one if isinstance(one, Certificate) else one.certificate
    told = certificate.description if certificate is not None else Description()
    if isinstance(one, Pin) and not told.subject:
        return Description(one.subject, not_after=one.ends)
    return told


def name(one: Certificate | Known) -> str:
    """Return the subject, fit for a terminal."""
    return printable(described(one).subject) or phrase("subject not known")


def facts(one: Certificate | Known, now: datetime, key_note: str = "") -> list[Row]:
    """Return the rows that tell all of one certificate; ``key_note`` is put behind the kind of its key."""
    told = described(one)
    ended = told.not_after is not None and told.not_after <= now
    ends = day(told.not_after)
    return [
        (phrase("Subject"), printable(told.subject) or UNKNOWN),
        (phrase("Issuer"), printable(told.issuer) or UNKNOWN),
        (phrase("Valid from"), day(told.not_before)),
        (phrase("Valid until"), phrase("{day}, ended", day=ends) if ended else ends),
        (phrase("Key"), sequence([part for part in (told.key or UNKNOWN, key_note) if part], ", ")),
        (phrase("Fingerprint"), grouped(one.fingerprint)),
        *_happened(one),
        *(warning(one, now) if isinstance(one, Pin) else ()),
    ]


def known_facts(one: Certificate | Known, now: datetime, key_note: str = "") -> list[Row]:
    """Return `facts` without the rows of which nothing is known."""
    return [row for row in facts(one, now, key_note) if row[0] == "Subject" or row[1] != UNKNOWN]


def warning(pin: Pin, now: datetime) -> list[Row]:
    """Return the row that says that the certificate ends soon, or has ended; none otherwise."""
    ending = pin.ending(now)
    return [(phrase("Warning"), phrase("It {ending}.", ending=ending))] if ending else []


def _happened(one: Certificate | Known) -> list[Row]:
    match one:
        case Pin() if one.pinned_at is not None:
            return [(phrase("Pinned"), time(one.pinned_at))]
        case Pending():
            return [
                (phrase("First seen"), time(one.first_seen)),
                (phrase("Last seen"), time(one.last_seen)),
                (phrase("Refused"), plural("{count} time", "{count} times", one.times)),
            ]
        case Revocation():
            return [(phrase("Revoked"), time(one.revoked_at))]
        case _:
            return []
