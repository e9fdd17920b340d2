"""Readings and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from smgwproxy.demo import meter
from smgwproxy.demo.times import from_german, german_time, quarter_index

_AT = datetime(2026, 5, 14, 10, 7, tzinfo=UTC)


def test_readings_are_those_of_the_last_quarter() -> None:
    consumption, feed_in = meter.latest(_AT)

    assert (consumption.channel.obis, feed_in.channel.obis) == ("1-0:1.8.0", "1-0:2.8.0")
    assert consumption.at == feed_in.at == datetime(2026, 5, 14, 10, 0, tzinfo=UTC)
    assert meter.latest(_AT + timedelta(minutes=7, seconds=59)) == (consumption, feed_in)


def test_both_registers_grow_with_every_quarter_of_two_days() -> None:
    rows = meter.between(_AT, _AT + timedelta(days=2))

    assert len(rows) == 192
    for before, after in pairwise(rows):
        assert after[0].value > before[0].value
        assert after[1].value > before[1].value


def test_a_range_has_both_its_ends() -> None:
    start = datetime(2026, 5, 14, 10, 0, tzinfo=UTC)

    assert [row[0].at for row in meter.between(start, start + timedelta(minutes=15))] == [
        start,
        start + timedelta(minutes=15),
    ]


def test_power_is_what_the_registers_gained_in_a_quarter() -> None:
    before, now = meter.latest(_AT - timedelta(minutes=15)), meter.latest(_AT)
    gained = (now[0].value - before[0].value) - (now[1].value - before[1].value)

    assert meter.power(_AT) == round(gained / 10 * 4)


def test_kilowatt_hours_have_four_decimals() -> None:
    assert meter.Reading(meter.CONSUMPTION, 33_440_014, _AT).kilowatt_hours == "3344.0014"


@pytest.mark.parametrize(
    ("utc", "local"),
    [
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "2026-03-29T01:59:00+01:00"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "2026-03-29T03:00:00+02:00"),
        (datetime(2026, 10, 25, 0, 59, tzinfo=UTC), "2026-10-25T02:59:00+02:00"),
        (datetime(2026, 10, 25, 1, 0, tzinfo=UTC), "2026-10-25T02:00:00+01:00"),
        (datetime(2024, 3, 31, 1, 0, tzinfo=UTC), "2024-03-31T03:00:00+02:00"),
        (datetime(2025, 12, 31, 23, 30, tzinfo=UTC), "2026-01-01T00:30:00+01:00"),
    ],
)
def test_german_time_knows_summer_time(utc: datetime, local: str) -> None:
    assert german_time(utc).isoformat() == local


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        (datetime(2026, 7, 1, 12, 0), datetime(2026, 7, 1, 10, 0, tzinfo=UTC)),
        (datetime(2026, 1, 1, 12, 0), datetime(2026, 1, 1, 11, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (datetime(2026, 3, 29, 2, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_german_time_is_turned_back_into_utc(local: datetime, utc: datetime) -> None:
    assert from_german(local) == utc


def test_quarters_before_the_epoch_go_on_backwards() -> None:
    assert quarter_index(datetime(2019, 12, 31, 23, 59, tzinfo=UTC)) == -1
