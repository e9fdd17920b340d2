"""How long a client is waited for."""

from __future__ import annotations

import pytest

from smgwproxy.server.pace import Pace


def test_silence_uses_up_the_patience() -> None:
    pace = Pace(30, 500)
    pace.waited(29, 0)
    assert pace.left == 1


def test_one_byte_a_second_gains_next_to_nothing() -> None:
    pace = Pace(30, 500)
    seconds = 0
    while pace.left > 0:
        pace.waited(1, 1)
        seconds += 1
    assert seconds == 31


def test_who_keeps_up_is_borne_for_ever() -> None:
    pace = Pace(30, 500)
    for _ in range(1000):
        pace.waited(10, 5000)
    assert pace.left == 30


def test_a_fast_start_buys_no_more_than_the_patience() -> None:
    pace = Pace(30, 500)
    pace.waited(0, 10**9)
    assert pace.left == 30


def test_without_a_speed_any_byte_will_do() -> None:
    pace = Pace(30, 0)
    for _ in range(1000):
        pace.waited(29.9, 1)
    assert pace.left == 30
    pace.waited(10, 0)
    assert pace.left == 20


@pytest.mark.parametrize("octets", [0, 1, 10**9])
def test_patience_for_the_whole_is_not_renewed(octets: int) -> None:
    pace = Pace(10)
    pace.waited(9, octets)
    assert pace.left == 1
