"""The page for people in a real browser: two languages, two colour schemes, a telephone, no script."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from smgwproxy.demo import HubThread
from smgwproxy.language import Languages
from smgwproxy.server import ProxyServer, open_listener
from smgwproxy.status.metrics import Metrics
from smgwproxy.status.site import StatusSite
from tests.clients.browser import Browser, Page, running_browser
from tests.clients.conftest import find_program
from tests.clients.libraries import Login
from tests.status.support import CLOCK, LANGUAGES, NOW, changed, fresh, well
from tests.support import Identity

pytestmark = pytest.mark.long

TELEPHONE = 320  # pixels, of the narrowest that there are
DESK = 1024
BACKGROUND = {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"}
SAID = {"en": "The gateway answers.", "de": "Das Gateway antwortet."}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_program("chromium", "chromium-browser", "google-chrome")
    with running_browser(program, tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture(scope="module")
def url(identity: Identity, impostor: Identity) -> Iterator[str]:
    """Serve a page with a gateway in each of the states that people see most."""
    watched = [well(identity), changed(identity, impostor), fresh("a-name-of-thirty-two-letters-000")]

    def start() -> ProxyServer:
        site = StatusSite(
            lambda: watched,
            Metrics(lambda: watched, lambda: NOW),
            Languages(),
            now=lambda: NOW,
            clock=lambda: CLOCK,
        )
        server = ProxyServer(open_listener("127.0.0.1", 0), site, logging.getLogger("smgwproxy"))
        server.start()
        return server

    with HubThread() as hub:
        server = hub.call(start)
        yield f"http://127.0.0.1:{server.server_port}/"
        hub.call(lambda: server.stop(5))


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def page(browser: Browser, url: str, language: str) -> Iterator[Page]:
    """The page, open in the browser of a person of that language."""
    with browser.page(Login("", "")) as opened:
        opened.call("Network.enable")
        opened.call("Log.enable")
        opened.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": f"{language};q=0.9"})
        opened.call("Emulation.setScriptExecutionDisabled", value=True)
        opened.open(url)
        yield opened


def photograph(page: Page, file: Path, scheme: str, width: int) -> None:
    """Take a picture of all of it, as wide as that, with its tables open."""
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    size: Mapping[str, int] = {"width": width, "height": 800, "deviceScaleFactor": 1}
    page.call("Emulation.setDeviceMetricsOverride", **size, mobile=width == TELEPHONE)
    height = page.evaluate("document.documentElement.scrollHeight")
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    shot = page.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
    file.write_bytes(base64.b64decode(shot["data"]))


@pytest.mark.parametrize("width", [TELEPHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_read_in_each_language_scheme_and_width_without_scrolling_sideways(
    page: Page, language: str, scheme: str, width: int, tmp_path: Path
) -> None:
    photograph(page, tmp_path / f"{language}-{scheme}-{width}.png", scheme, width)

    assert page.evaluate("document.documentElement.lang") == language
    assert SAID[language] in page.text
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == BACKGROUND[scheme]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wider = (
        "[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth)"
    )
    assert page.evaluate(f"{wider}.map(one => one.outerHTML)") == []
    bars = (
        "[...document.querySelectorAll('figure > svg rect')].filter(one => one.getBoundingClientRect().width > 0)"
    )
    assert page.evaluate(f"{bars}.length") >= 12


def test_option_of_the_command_is_not_broken_in_two_on_a_telephone(page: Page, tmp_path: Path) -> None:
    photograph(page, tmp_path / "telephone.png", "light", TELEPHONE)
    lines = "[...document.querySelectorAll('pre .option')].map(one => one.getClientRects().length)"
    assert page.evaluate(lines) == [1]


def test_the_policy_lets_the_page_have_all_that_is_in_it(page: Page, url: str) -> None:
    assert page.evaluate("document.styleSheets.length") == 1
    assert [asked for asked, _ in page.answers if not asked.startswith("data:")] == [url] or not page.answers
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0


def test_screen_readers_find_their_way(page: Page, language: str) -> None:
    """The tree is what Chromium tells to screen readers."""
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    told = [
        (node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]
    ]
    roles = [role for role, _ in told]
    for landmark in ("banner", "main", "contentinfo", "navigation"):
        assert roles.count(landmark) == 1
    assert [name for role, name in told if role == "region"][:2] == ["home", "cellar"]
    pictures = [node for node in nodes if node["role"]["value"] in {"image", "img"} and not node["ignored"]]
    hours = {"en": "The last 6 hours", "de": "Die letzten 6 Stunden"}[language]
    assert {node["name"]["value"] for node in pictures} == {hours}
    assert all(node["description"]["value"] for node in pictures)
