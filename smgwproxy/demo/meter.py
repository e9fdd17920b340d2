"""The meter behind a simulated gateway: its readings are a pure function of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from smgwproxy.demo.times import QUARTER, quarter_index, quarter_start

SCALER = -1
"""Power of ten of every value: they are tenths of a watt-hour."""

WATT_HOUR = 30
"""DLMS unit code of the watt-hour (IEC 62056-6-2, table of units)."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One register: ``obis`` as people write it (1-0:1.8.0), ``code`` as COSEM does (0100010800ff)."""

    obis: str
    code: str
    title: str


CONSUMPTION = Channel("1-0:1.8.0", "0100010800ff", "Bezug")
FEED_IN = Channel("1-0:2.8.0", "0100020800ff", "Einspeisung")
CHANNELS = (CONSUMPTION, FEED_IN)


@dataclass(frozen=True, slots=True)
class Reading:
    """One register value: ``value`` in tenths of a watt-hour, taken at ``at`` (UTC)."""

    channel: Channel
    value: int
    at: datetime

    @property
    def kilowatt_hours(self) -> str:
        """The value in kWh with four decimals and a point, as the PPC pages show it."""
        return f"{self.value // 10_000}.{self.value % 10_000:04d}"


def latest(at: datetime) -> tuple[Reading, Reading]:
    """Consumption and feed-in as taken at the last quarter of an hour before ``at``."""
    index = quarter_index(at)
    start = quarter_start(index)
    return (
        Reading(CONSUMPTION, _register(23_456_789, _CONSUMED, index), start),
        Reading(FEED_IN, _register(3_456_789, _FED_IN, index), start),
    )


def between(start: datetime, end: datetime) -> list[tuple[Reading, Reading]]:
    """All readings taken from ``start`` to ``end``, both included, the oldest first."""
    first = quarter_index(start - timedelta(microseconds=1)) + 1
    return [latest(quarter_start(index)) for index in range(first, quarter_index(end) + 1)]


def power(at: datetime) -> int:
    """Mean power of the last whole quarter in watts; negative when more was fed in than consumed."""
    (now_in, now_out), (before_in, before_out) = latest(at), latest(at - QUARTER)
    tenths_of_watt_hours = (now_in.value - before_in.value) - (now_out.value - before_out.value)
    return round(tenths_of_watt_hours * 4 / 10)


def _register(base: int, day: tuple[int, ...], index: int) -> int:
    days, quarters = divmod(index, len(day))
    return base + days * sum(day) + sum(day[:quarters])


# Tenths of watt-hours for each quarter of a UTC day. No quarter is zero, so that every step is seen: a house
# uses some 10 kWh a day with peaks in the morning and evening, its roof gives some 7 kWh around noon.
_CONSUMED = tuple(
    650 + 900 * (24 <= quarter < 32) + 1300 * (68 <= quarter < 84) + 7 * (quarter % 5) for quarter in range(96)
)
_FED_IN = tuple(1 + max(0, 26 * 26 - (quarter - 46) ** 2) * 3 for quarter in range(96))
