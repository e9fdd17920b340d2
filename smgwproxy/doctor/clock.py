"""Judges this machine's clock by the gateway's, which keeps legal time, and by its certificate. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from smgwproxy.certificate import Certificate
from smgwproxy.doctor.finding import Check, Finding, ok, skipped, warning, wrong
from smgwproxy.phrases import Phrase, phrase

TOLERANCE = timedelta(minutes=1)
"""How far the clocks may differ; an answer takes seconds, and Date tells whole ones."""

_ADVICE = phrase(
    "The gateway keeps legal time, so this machine's clock is the wrong one; times in the log and the ends of "
    "certificates are then wrong, too. Let the system set it; timedatectl shows whether it does:"
)
_COMMAND = "sudo timedatectl set-ntp true"


def judge(now: datetime, told: str | None, presented: Certificate | None) -> Finding:
    """Judge ``now``, an aware time, by the Date of the gateway's answer, or else by its certificate."""
    theirs = _date(told)
    if theirs is not None:
        ahead = now - theirs
        facts = {"seconds_ahead": round(ahead.total_seconds()), "gateway": theirs.isoformat()}
        if abs(ahead) > TOLERANCE:
            seen = (
                phrase("this machine is {span} ahead of the gateway", span=_span(ahead))
                if ahead > timedelta(0)
                else phrase("this machine is {span} behind the gateway", span=_span(ahead))
            )
            return wrong(Check.CLOCK, seen, _ADVICE, _COMMAND, **facts)
        apart = phrase("as the gateway's, {seconds} s apart", seconds=abs(ahead).seconds)
        return ok(Check.CLOCK, apart, **facts)
    start = presented.description.not_before if presented is not None else None
    end = presented.description.not_after if presented is not None else None
    if start is not None and now < start:
        return wrong(
            Check.CLOCK,
            phrase(
                "this machine's clock says {now:%Y-%m-%d}, and the gateway's certificate is of {start:%Y-%m-%d}",
                now=now,
                start=start,
            ),
            phrase("It is likely to be wrong. Let the system set it:"),
            _COMMAND,
        )
    if end is not None and now > end:
        return warning(
            Check.CLOCK,
            phrase(
                "this machine's clock says {now:%Y-%m-%d}, and the gateway's certificate ended on {end:%Y-%m-%d}",
                now=now,
                end=end,
            ),
            phrase("Either the clock is wrong, or the operator is late; the certificate is used all the same."),
            _COMMAND,
        )
    return skipped(Check.CLOCK, phrase("the gateway told no time"))


def _date(told: str | None) -> datetime | None:
    """Read a Date (RFC 9110 section 5.6.7)."""
    if told is None:
        return None
    try:
        read = parsedate_to_datetime(told)
    except ValueError:
        return None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def _span(apart: timedelta) -> Phrase:
    seconds = abs(round(apart.total_seconds()))
    if seconds >= 2 * 86400:
        return phrase("{count} days", count=seconds // 86400)
    if seconds >= 2 * 3600:
        return phrase("{count} hours", count=seconds // 3600)
    if seconds >= 2 * 60:
        return phrase("{count} minutes", count=seconds // 60)
    return phrase("{count} seconds", count=seconds)
