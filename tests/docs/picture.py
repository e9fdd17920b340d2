"""The picture of a gateway's page through the proxy, in docs/; run as a program it is made anew."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from smgwproxy.demo import LOGIN
from smgwproxy.truststores.file import FileTrustStore
from tests.clients.browser import LAN_NAME, running_browser
from tests.clients.conftest import find_program
from tests.clients.household import running_household
from tests.clients.libraries import Login

PICTURE = Path(__file__).parents[2] / "docs/through-the-proxy.png"

_WIDTH = 760


def take(file: Path) -> str:
    """Open a simulated gateway through the proxy, write a picture to ``file``, return the page's text."""
    with TemporaryDirectory() as directory:
        store = FileTrustStore(Path(directory))
        with (
            running_household("theben", store) as home,
            running_browser(find_program("chromium", "chromium-browser"), Path(directory)) as browser,
            browser.page(Login(LOGIN, LOGIN)) as page,
        ):
            page.open(f"http://{LAN_NAME}:{home.proxy.port}/")
            page.look(file, width=_WIDTH)
            return page.text


if __name__ == "__main__":
    take(PICTURE)
