"""What the pages tell people to type is typed, in its order, in a household whose gateway is a simulated one."""

from __future__ import annotations

import pytest

from tests.docs.accounts import WALKS, account
from tests.docs.blocks import blocks
from tests.docs.walker import Walker
from tests.household.conftest import home, no_other_proxy
from tests.household.home import Home

__all__ = ["home", "no_other_proxy"]  # pytest finds them here

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("in_namespaces")]


@pytest.mark.parametrize(
    ("page", "home"),
    [(page, vendor) for page, walk in WALKS.items() for vendor in walk.vendors],
    indirect=["home"],
)
def test_page_can_be_typed(page: str, home: Home) -> None:
    walker = Walker(home, page, WALKS[page])
    for one in blocks(page):
        if account(one) is WALKS[page]:
            for line in one.commands:
                walker.type(line)
