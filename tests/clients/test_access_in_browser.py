"""What a stranger's page, open in somebody's Chromium, can do to the gateway by way of the proxy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from smgwproxy.access import Access
from smgwproxy.truststores.file import FileTrustStore
from tests.clients.browser import LAN_NAME, Browser, Page, running_browser
from tests.clients.conftest import find_program
from tests.clients.household import Household
from tests.clients.libraries import Login
from tests.clients.stranger import StrangersSite, running_strangers_site
from tests.support import Identity, Peer, RawGateway, running_proxy
from tests.test_cli import program

pytestmark = pytest.mark.long

StartGateway = Callable[..., RawGateway]

ATTACKER = "attacker.example"
REBOUND = "rebound.example"
PHONE = 390  # pixels
NOBODY = Login("", "")
OWN_PAGE = '<p>The meter</p><form method="post" action="/restart"><button>Restart</button></form>'


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_program("chromium", "chromium-browser", "google-chrome")
    directory = tmp_path_factory.mktemp("chromium")
    with running_browser(program, directory, names=(LAN_NAME, ATTACKER, REBOUND)) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A person's page, whose answers are noted; one for all tests, since each opens sites that are new to it."""
    with browser.page(NOBODY) as opened:
        opened.call("Network.enable")
        yield opened


@pytest.fixture
def stranger() -> Iterator[StrangersSite]:
    with running_strangers_site() as site:
        yield site


def restarting(peer: Peer) -> None:
    """Be a gateway that a POST restarts, and that tells every page that it may do that."""
    while request := peer.read_request():
        content = "<p>Restarted</p>" if request.startswith(b"POST ") else OWN_PAGE
        body = f'<!DOCTYPE html><link rel="icon" href="data:,">{content}'.encode()
        lines = "Content-Type: text/html\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: *\r\n"
        lines += f"Access-Control-Allow-Methods: *\r\nContent-Length: {len(body)}\r\n"
        peer.send(f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body)


@dataclass(frozen=True)
class Home:
    """A gateway that shows all it got, and the URL of the proxy before it."""

    gateway: RawGateway
    url: str

    @property
    def asked(self) -> list[str]:
        """Method and target of each request that the gateway saw."""
        heads = [part for part in self.gateway.received.decode().split("\r\n") if part.endswith(" HTTP/1.1")]
        return [head.removesuffix(" HTTP/1.1") for head in heads]


# Chromium tells Sec-Fetch-Site to HTTPS and to loopback addresses, and to a name over plain HTTP only Origin.
@pytest.fixture(params=[f"http://{LAN_NAME}", "http://127.0.0.1", f"https://{LAN_NAME}"])
def home(
    request: pytest.FixtureRequest, raw_gateway: StartGateway, store: FileTrustStore, identity: Identity
) -> Iterator[Home]:
    gateway = raw_gateway(restarting)
    secure = request.param.startswith("https:")
    with running_proxy(gateway.origin, store, tls=identity if secure else None) as proxy:
        yield Home(gateway, f"{request.param}:{proxy.port}")


def heading(page: Page) -> str:
    return str(page.evaluate("document.querySelector('h1').innerText"))


def fits_a_phone(page: Page) -> bool:
    """Tell whether nobody has to scroll sideways to read the page."""
    return bool(page.evaluate(f"document.documentElement.scrollWidth <= {PHONE}"))


# --- a page of another site -----------------------------------------------------------------------------


@pytest.mark.parametrize("secretive", [False, True], ids=["open", "hides where it comes from"])
def test_form_of_a_strangers_page_is_refused_and_the_gateway_sees_no_byte(
    page: Page, home: Home, stranger: StrangersSite, secretive: bool, tmp_path: Path
) -> None:
    hidden = '<meta name="referrer" content="no-referrer">' if secretive else ""  # Origin is null then
    stranger.page = f'{hidden}<form method="post" action="{home.url}/restart"><button>Win!</button></form>'

    page.open(f"http://{ATTACKER}:{stranger.port}/")
    page.click("Win!")

    assert page.evaluate("location.href") == f"{home.url}/restart"
    assert page.status == 403
    assert heading(page) == "Another site may have sent this request"
    assert "made the browser send this request" in page.text
    assert secretive or f"http://{ATTACKER}:{stranger.port}" in page.text
    assert home.gateway.connections == 0
    page.look(tmp_path / "403.png")
    page.look(tmp_path / "403-phone.png", width=PHONE)
    assert fits_a_phone(page)


def test_script_of_a_strangers_page_is_refused_even_when_the_gateway_would_take_it(
    page: Page, home: Home, stranger: StrangersSite, caplog: pytest.LogCaptureFixture
) -> None:
    page.open(f"http://{ATTACKER}:{stranger.port}/")
    # Such a request is asked for beforehand, with OPTIONS, and this gateway says yes.
    options = {"method": "POST", "headers": {"X-Mine": "1"}}

    outcome = page.evaluate(f"fetch('{home.url}/restart', {json.dumps(options)}).then(_ => 'read', _ => 'hidden')")

    assert outcome == "hidden"
    assert f"refused a request of 127.0.0.1: A page of another site, 'http://{ATTACKER}" in caplog.text
    assert home.asked == ["OPTIONS /restart"]


def test_script_that_asks_nobody_beforehand_is_refused_and_the_gateway_sees_no_byte(
    page: Page, home: Home, stranger: StrangersSite
) -> None:
    page.open(f"http://{ATTACKER}:{stranger.port}/")
    options = {"method": "POST", "mode": "no-cors", "credentials": "include", "body": "x"}

    page.evaluate(f"fetch('{home.url}/restart', {json.dumps(options)}).then(_ => 'sent')")

    assert page.answers[-1] == (f"{home.url}/restart", 403)
    assert home.gateway.connections == 0


def test_link_on_a_strangers_page_leads_to_the_gateway(page: Page, home: Home, stranger: StrangersSite) -> None:
    stranger.page = f'<a href="{home.url}/meter?last=1">My meter</a>'

    page.open(f"http://{ATTACKER}:{stranger.port}/")
    page.click("My meter")

    assert page.status == 200
    assert "The meter" in page.text
    assert home.asked == ["GET /meter?last=1"]


def test_form_of_the_gateways_own_page_passes_and_names_the_gateway_as_its_origin(page: Page, home: Home) -> None:
    page.open(f"{home.url}/")
    page.click("Restart")

    assert page.status == 200
    assert page.text == "Restarted"
    assert home.asked == ["GET /", "POST /restart"]
    assert f"\r\nOrigin: https://{home.gateway.origin}\r\n".encode() in home.gateway.received


@pytest.mark.parametrize("vendor", ["theben"])
def test_strangers_page_cannot_start_a_self_test_with_the_login_that_the_browser_remembers(
    browser: Browser, household: Household, login: Login, stranger: StrangersSite
) -> None:
    gateway = household.gateway
    base = household.proxy.url.replace("127.0.0.1", LAN_NAME)
    self_test = gateway.page.replace("/start", "/selftest")
    stranger.page = f'<form method="post" action="{base}{self_test}"><button>Win!</button></form>'
    with browser.page(login) as page:
        page.open(base + gateway.page)
        before = len(gateway.received)

        page.open(f"http://{ATTACKER}:{stranger.port}/")
        page.click("Win!")
        assert page.status == 403
        assert len(gateway.received) == before

        page.open(base + self_test)
        page.click("Selbsttest starten")
        assert "Der Selbsttest läuft." in page.text


# --- a name that was made to lead to the proxy -----------------------------------------------------------


def rebound(home: Home) -> str:
    return f"{home.url.replace(LAN_NAME, REBOUND)}/"


@pytest.mark.parametrize("home", [f"http://{LAN_NAME}", f"https://{LAN_NAME}"], indirect=True)
def test_strangers_name_that_leads_to_the_proxy_gets_a_page_that_says_how_to_allow_it(
    page: Page, home: Home, tmp_path: Path
) -> None:
    page.open(rebound(home))

    assert page.status == 421
    assert heading(page) == "The proxy is not known by this name"
    assert f"start the proxy with --server-name {REBOUND}." in page.text
    assert home.gateway.connections == 0
    page.look(tmp_path / "421.png")
    page.look(tmp_path / "421-phone.png", width=PHONE)
    assert fits_a_phone(page)


def test_name_that_was_allowed_shows_the_gateway_and_its_forms_pass(
    page: Page, raw_gateway: StartGateway, store: FileTrustStore
) -> None:
    gateway = raw_gateway(restarting)
    with running_proxy(gateway.origin, store, access=Access(server_names=(REBOUND,))) as proxy:
        home = Home(gateway, f"http://{REBOUND}:{proxy.port}")
        page.open(f"{home.url}/")
        page.click("Restart")

        assert page.text == "Restarted"
        assert home.asked == ["GET /", "POST /restart"]


def test_script_whose_own_name_leads_to_the_proxy_afterwards_reads_nothing(
    page: Page, stranger: StrangersSite, raw_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = raw_gateway(restarting)
    page.open(f"http://{REBOUND}:{stranger.port}/")
    stranger.stop()
    # The stranger's DNS server would now answer with the proxy's address. Here the proxy takes the stranger's.
    options = ["--target", str(gateway.origin), "--listen", "127.0.0.1", "--port", str(stranger.port)]
    with program(*options, cwd=tmp_path) as proxy:
        proxy.wait_for("reachable at")
        for method in ("GET", "POST"):
            script = f"fetch('/meter', {{method: '{method}'}}).then(async it => [it.status, await it.text()])"
            status, text = page.evaluate(script)
            assert status == 421
            assert "The meter" not in text
    assert gateway.received == b""
