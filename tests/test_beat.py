"""What is done from time to time is done at the same moments."""

from __future__ import annotations

import pytest

from smgwproxy.beat import until_next


@pytest.mark.parametrize(
    ("now", "expected"), [(100.0, 5.0), (100.5, 4.5), (102.5, 2.5), (103.0, 7.0), (104.75, 5.25), (105.25, 4.75)]
)
def test_next_moment_is_a_multiple_and_neither_too_soon_nor_too_late(now: float, expected: float) -> None:
    assert until_next(5.0, lambda: now) == expected


def test_who_begins_at_another_time_comes_to_the_same_moments() -> None:
    moments = set()
    for begun in (1.0, 2.25, 3.5, 4.75):
        now = begun
        for _ in range(4):
            now += until_next(5.0, lambda: now)  # noqa: B023  # it is called at once
        moments.add(now % 5.0)
    assert moments == {0.0}
