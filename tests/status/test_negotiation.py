"""Which language a person is told something in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smgwproxy.status.negotiation import preferred

BOTH = ("en", "de")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("de-DE,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr,de;q=0.5", "de"),
        ("fr", "en"),
        ("en;q=0.5, de;q=0.7", "de"),
        ("de;q=0.5, en;q=0.5", "de"),
        ("de;q=0", "en"),
        ("en;q=0, *", "de"),
        ("en;q=0", "en"),
        ("*", "en"),
        ("*;q=0.1, de;q=0.2", "de"),
        ("fr, *;q=0.5", "en"),
        ("de ; q=1.000", "de"),
        ("de;q=2, en;q=x", "en"),
        ("de;q=0.1, de-AT", "de"),
        ("de_DE", "en"),
    ],
)
def test_language(accepted: str, language: str) -> None:
    assert preferred(accepted, BOTH) == language


@given(st.text(st.sampled_from("den*;q=0.1, -x\t")) | st.text())
def test_whatever_is_sent_one_of_ours_comes_out(accepted: str) -> None:
    assert preferred(accepted, BOTH) in BOTH
