"""Times of the simulated gateways: the clock they are given, German local time, quarters of an hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

Clock = Callable[[], datetime]
"""Tells the simulated time as an aware `datetime`."""

QUARTER = timedelta(minutes=15)
"""How often a meter's reading is taken."""

_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
_WINTER = timezone(timedelta(hours=1), "CET")
_SUMMER = timezone(timedelta(hours=2), "CEST")


def utc_now() -> datetime:
    """Tell the real time in UTC."""
    return datetime.now(UTC)


def quarter_index(at: datetime) -> int:
    """Count the quarters of an hour from 2020-01-01 00:00 UTC to the last one begun at ``at``."""
    return (at - _EPOCH) // QUARTER


def quarter_start(index: int) -> datetime:
    """Tell when the quarter of that index began, in UTC."""
    return _EPOCH + index * QUARTER


def german_time(at: datetime) -> datetime:
    """Turn an aware time into German local time.

    Summer time lasts from the last Sunday of March to the last one of October, 01:00 UTC (directive
    2000/84/EC). Reckoned here, since a small system may come without a time zone database.
    """
    utc = at.astimezone(UTC)
    summer = _last_sunday(utc.year, 3) <= utc < _last_sunday(utc.year, 10)
    return utc.astimezone(_SUMMER if summer else _WINTER)


def from_german(local: datetime) -> datetime:
    """Turn a naive German local time into UTC; of the doubled hour in October the first is meant."""
    for zone in (_SUMMER, _WINTER):
        at = local.replace(tzinfo=zone).astimezone(UTC)
        if german_time(at).replace(tzinfo=None) == local:
            return at
    return local.replace(tzinfo=_WINTER).astimezone(UTC)  # the hour that is left out in March


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=last.isoweekday() % 7)
