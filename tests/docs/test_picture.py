"""The picture of a gateway's page can be made anew: ``python -m tests.docs.picture``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.picture import PICTURE, take

pytestmark = pytest.mark.long


def test_picture_shows_the_gateways_page_through_the_proxy(tmp_path: Path) -> None:
    file = tmp_path / PICTURE.name
    assert "Statusinformationen vom SMGW" in take(file)
    assert size(file) == size(PICTURE)


def size(picture: Path) -> bytes:
    """Return width and height, as PNG's first chunk has them (W3C PNG section 11.2.1)."""
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG\r\n")
    return data[16:24]
