"""A person opens each gateway's pages in Chromium over HTTPS, which checks the proxy's own certificate.

The proxy is the program itself. Chromium was told to take the key of that certificate, and takes no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from smgwproxy.demo import VENDORS, meter
from tests.clients.browser import LAN_NAME, Browser, BrowserError, running_browser
from tests.clients.conftest import find_program
from tests.clients.household import NOW, seen
from tests.clients.libraries import Login
from tests.clients.secure import (
    OwnCertificate,
    SecureHousehold,
    running_secure_household,
    running_secure_proxy,
)
from tests.clients.test_browser import go_to_reading, leave, shown
from tests.support import Peer, RawGateway

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def browser(own_certificate: OwnCertificate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_program("chromium", "chromium-browser", "google-chrome")
    directory = tmp_path_factory.mktemp("chromium")
    with running_browser(program, directory, trusted=own_certificate.key_hash) as running:
        yield running


@pytest.fixture(scope="module", params=VENDORS)
def household(
    request: pytest.FixtureRequest, own_certificate: OwnCertificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecureHousehold]:
    """Run a gateway of each vendor, and the program before it."""
    directory = tmp_path_factory.mktemp(request.param)
    with running_secure_household(request.param, directory, own_certificate) as home:
        yield home


def test_chromium_logs_in_over_https_and_shows_the_reading(
    browser: Browser, household: SecureHousehold, login: Login, tmp_path: Path
) -> None:
    gateway, base = household.gateway, household.proxy.at(LAN_NAME)
    with browser.page(login) as page:
        go_to_reading(page, base, gateway.vendor.name)
        page.look(tmp_path / "reading.png")

        assert page.evaluate("location.origin") == base
        assert page.evaluate("isSecureContext")
        assert shown(page) == {
            reading.channel.obis: Decimal(reading.kilowatt_hours) for reading in meter.latest(NOW)
        }
        assert gateway.wrong_logins == 0
        leave(page, gateway.vendor.name)


@pytest.mark.parametrize("household", ["theben"], indirect=True)
def test_chromium_refuses_every_other_certificate_so_it_did_check_that_of_the_proxy(
    browser: Browser, household: SecureHousehold, login: Login
) -> None:
    with (
        browser.page(login) as page,
        pytest.raises(BrowserError, match="ERR_CERT_AUTHORITY_INVALID"),
    ):
        page.open(household.gateway.url)


def test_the_gateway_sees_over_https_what_chromium_sends_when_it_connects_directly(
    browser: Browser, household: SecureHousehold, login: Login
) -> None:
    gateway = household.gateway
    gateway.close_connections()  # EMH takes one at a time, and the proxy keeps its own
    before = len(gateway.received)
    with browser.page(login) as page:
        page.call("Security.setIgnoreCertificateErrors", ignore=True)
        go_to_reading(page, gateway.url, gateway.vendor.name)
        leave(page, gateway.vendor.name)
    gateway.close_connections()  # Chromium would keep its own for minutes
    between = len(gateway.received)

    with browser.page(login) as page:
        go_to_reading(page, household.proxy.at(LAN_NAME), gateway.vendor.name)
        leave(page, gateway.vendor.name)

    assert seen(gateway.received[between:]) == seen(gateway.received[before:between])


@pytest.mark.parametrize("household", ["ppc"], indirect=True)
def test_the_session_cookie_of_ppc_is_secure_and_chromium_sends_it_over_https_only(
    browser: Browser, household: SecureHousehold, login: Login
) -> None:
    gateway, base = household.gateway, household.proxy.at(LAN_NAME)
    before = len(gateway.received)
    with browser.page(login) as page:
        go_to_reading(page, base, "ppc")
        (cookie,) = page.call("Network.getCookies")["cookies"]
        assert (cookie["name"], cookie["secure"]) == ("session", True)
        sent = {request.value("Cookie") for request in gateway.received[before:] if request.method == "POST"}
        assert sent == {f"session={cookie['value']}"}

        page.open(household.proxy.at(LAN_NAME, "http") + gateway.page)
        assert gateway.received[-1].value("Cookie") is None

        page.open(base + gateway.page)
        assert gateway.received[-1].value("Cookie") == f"session={cookie['value']}"
        leave(page, "ppc")


def test_chromium_stays_at_https_when_the_gateway_redirects_it_to_itself(
    browser: Browser, own_certificate: OwnCertificate, tmp_path: Path, raw_gateway: Callable[..., RawGateway]
) -> None:
    page_there = b'<link rel="icon" href="data:,"><p>arrived</p>'

    def script(peer: Peer) -> None:
        while request := peer.read_request():
            if request.startswith(b"GET /old "):
                peer.send(f"HTTP/1.1 302 Found\r\nLocation: {url}/new\r\nContent-Length: 0\r\n\r\n".encode())
            else:
                peer.send(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b"
                    % (len(page_there), page_there)
                )

    gateway = raw_gateway(script)
    url = f"https://{gateway.origin}"
    with (
        running_secure_proxy(str(gateway.origin), tmp_path, own_certificate.statedir) as proxy,
        browser.page(Login("", "")) as page,
    ):
        page.open(f"{proxy.at(LAN_NAME)}/old")

        assert page.text == "arrived"
        assert page.evaluate("location.href") == f"{proxy.at(LAN_NAME)}/new"
