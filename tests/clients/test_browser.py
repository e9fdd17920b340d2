"""A person opens each gateway's pages in Chromium through the proxy, and types user name and password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from smgwproxy.demo import meter
from tests.clients.browser import LAN_NAME, Browser, Page, running_browser
from tests.clients.conftest import find_program
from tests.clients.household import NOW, Household, seen
from tests.clients.libraries import Login

pytestmark = pytest.mark.long

_START = {"theben": "/", "ppc": "/cgi-bin/hanservice.cgi", "emh": "/"}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_program("chromium", "chromium-browser", "google-chrome")
    with running_browser(program, tmp_path_factory.mktemp("chromium")) as running:
        yield running


def in_lan(household: Household) -> str:
    """Return the proxy's URL as people at home type it."""
    return household.proxy.url.replace("127.0.0.1", LAN_NAME)


def go_to_reading(page: Page, base: str, vendor: str) -> None:
    """Go from the address that a person types to the page with the reading."""
    page.open(base + _START[vendor])
    if vendor == "ppc":
        page.click("Zählerprofil")
        page.click("Anzeigen")


def leave(page: Page, vendor: str) -> None:
    """Log out where that is possible."""
    if vendor != "emh":
        page.click("Abmelden")


def shown(page: Page) -> dict[str, Decimal]:
    """Return the kilowatt-hours that the page shows, by OBIS code as people write it."""
    values = {}
    for row in page.rows:
        codes = [cell for cell in row if re.fullmatch(r"\d-\d:\d\.\d\.\d", cell)]
        numbers = [cell for cell in row if re.fullmatch(r"\d+[.,]\d{4}", cell)]
        if codes and numbers:
            values[codes[0]] = Decimal(numbers[0].replace(",", "."))
    return values


def test_chromium_logs_in_through_the_proxy_and_shows_the_reading(
    browser: Browser, household: Household, vendor: str, login: Login, tmp_path: Path
) -> None:
    with browser.page(login) as page:
        go_to_reading(page, in_lan(household), vendor)
        page.look(tmp_path / f"{vendor}.png")

        assert page.evaluate("location.origin") == in_lan(household)
        assert shown(page) == {
            reading.channel.obis: Decimal(reading.kilowatt_hours) for reading in meter.latest(NOW)
        }
        assert household.gateway.vendor.identity in page.text
        assert household.gateway.wrong_logins == 0


def test_the_gateway_sees_what_chromium_sends_when_it_connects_directly(
    browser: Browser, household: Household, vendor: str, login: Login
) -> None:
    gateway = household.gateway
    with browser.page(login) as page:
        go_to_reading(page, gateway.url, vendor)
        leave(page, vendor)
    gateway.close_connections()  # Chromium would keep its own for minutes
    directly = gateway.received.copy()

    # 127.0.0.1 and no name: only to addresses that it trusts Chromium sends the lines it sends over HTTPS.
    with browser.page(login) as page:
        go_to_reading(page, household.proxy.url, vendor)
        leave(page, vendor)
    proxied = gateway.received[len(directly) :]

    assert seen(proxied) == seen(directly)


@pytest.mark.parametrize("vendor", ["ppc"])
def test_chromium_sends_the_session_cookie_of_ppc_over_plain_http_until_it_logs_out(
    browser: Browser, household: Household, login: Login
) -> None:
    with browser.page(login) as page:
        go_to_reading(page, in_lan(household), "ppc")
        assert page.evaluate("document.cookie").startswith("session=")
        leave(page, "ppc")
        assert "Sie sind abgemeldet." in page.text

        go_to_reading(page, in_lan(household), "ppc")  # so nobody is logged in any more
        assert shown(page)

    cookies = {request.value("Cookie") for request in household.gateway.received if request.method == "POST"}
    assert len(cookies) == 2
    assert all(str(cookie).startswith("session=") for cookie in cookies)


@pytest.mark.parametrize("vendor", ["theben"])
def test_chromium_shows_why_a_wrong_password_of_theben_gets_no_answer(
    browser: Browser, household: Household, login: Login
) -> None:
    with browser.page(login._replace(password="wrong")) as page:
        page.open(in_lan(household))

        assert page.status == 502
        assert "The gateway hung up" in page.text
        assert "user name or password is wrong" in page.text
    assert household.gateway.wrong_logins == 1


@pytest.mark.parametrize("vendor", ["theben"])
def test_an_error_page_has_an_icon_so_that_chromium_asks_the_gateway_for_none(
    browser: Browser, household: Household, login: Login
) -> None:
    # Chromium would send the password with it: at a gateway that counts wrong logins, one more of them.
    with browser.page(login._replace(password="wrong")) as page:
        page.open(in_lan(household))

        assert page.status == 502
        assert page.evaluate("document.querySelector('link[rel=icon]')?.href") == "data:,"


@pytest.mark.parametrize("vendor", ["emh"])
def test_chromium_shows_both_fingerprints_of_a_changed_certificate_until_its_record_is_deleted(
    browser: Browser, household: Household, login: Login, tmp_path: Path
) -> None:
    gateway = household.gateway
    with browser.page(login) as page:
        page.open(in_lan(household))
        (record,) = (tmp_path / "certs").glob("*.json")
        pinned, before = gateway.fingerprint, len(gateway.received)
        gateway.restart(certificate=gateway.vendor.make_certificate())

        page.open(in_lan(household))

        assert page.status == 502
        assert page.evaluate("document.querySelector('h1').innerText") == "The gateway's certificate has changed"
        assert all(words in page.text for words in (pinned, gateway.fingerprint, str(record)))
        assert len(gateway.received) == before

        colours = set()
        for scheme in ("light", "dark"):
            page.look(tmp_path / f"changed-{scheme}.png", scheme=scheme)
            colours.add(page.evaluate("getComputedStyle(document.body).color"))
        assert colours == {"rgb(0, 0, 0)", "rgb(255, 255, 255)"}
        page.look(tmp_path / "changed-phone.png", width=360)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360

        record.unlink()
        page.open(in_lan(household))
        assert shown(page)
