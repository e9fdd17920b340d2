"""The HTTP libraries of users log in to each gateway through the proxy, over plain HTTP, and read the meter."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from smgwproxy.demo import ReadingRequest
from tests.clients.conftest import find_program
from tests.clients.household import Household, meter_readings, readings_of, seen
from tests.clients.libraries import Library, Login


def test_a_library_logs_in_through_the_proxy_and_reads_the_meter(
    household: Household, vendor: str, library: Library, login: Login
) -> None:
    gateway = household.gateway

    answers = library(household.proxy.url, login, gateway.reading_requests)

    reading = answers[1] if len(answers) == 3 else answers[0]
    assert [answer.status for answer in answers] == [200] * len(answers)
    assert readings_of(vendor, reading.text) == meter_readings()
    challenged, logged_in, *_ = gateway.received
    assert challenged.value("Authorization") is None
    assert str(logged_in.value("Authorization")).startswith("Digest ")


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_the_gateway_sees_what_the_library_sends_when_it_connects_directly(
    household: Household, library: Library, login: Login
) -> None:
    gateway = household.gateway
    library(gateway.url, login, gateway.reading_requests)
    assert gateway.wait_closed()
    directly = gateway.received.copy()

    library(household.proxy.url, login, gateway.reading_requests)
    proxied = gateway.received[len(directly) :]

    assert seen(proxied) == seen(directly)
    assert {request.value("Host") for request in proxied} == {gateway.authority}


def test_a_wrong_password_counts_once(household: Household, vendor: str, library: Library, login: Login) -> None:
    gateway = household.gateway

    (answer,) = library(household.proxy.url, login._replace(password="wrong"), gateway.reading_requests[:1])

    # Theben's gateway closes the connection without an answer.
    assert answer.status == (502 if vendor == "theben" else 401)
    assert gateway.wrong_logins == 1


@pytest.mark.parametrize("vendor", ["ppc"])
def test_the_session_cookie_of_ppc_comes_back_over_plain_http(
    household: Household, library: Library, login: Login
) -> None:
    gateway = household.gateway

    library(household.proxy.url, login, gateway.reading_requests)

    (cookie,) = {request.value("Cookie") for request in gateway.received if request.method == "POST"}
    assert str(cookie).startswith("session=")


@pytest.mark.parametrize("vendor", ["theben"])
@pytest.mark.parametrize("entry", ["/smgw/m2m", "/smgw/m2m/"])
def test_the_relative_redirect_of_theben_leads_through_the_proxy_to_the_reading(
    household: Household, library: Library, login: Login, entry: str
) -> None:
    gateway = household.gateway
    (wanted,) = gateway.reading_requests

    (answer,) = library(
        household.proxy.url, login, [ReadingRequest(wanted.method, entry, wanted.headers, wanted.body)]
    )

    assert answer.status == 200
    assert readings_of("theben", answer.text) == meter_readings()
    assert gateway.received[0].target == entry
    assert gateway.received[-1].target == wanted.path


def test_the_line_for_curl_that_the_gateway_gives_reads_the_meter_through_the_proxy(
    household: Household, vendor: str
) -> None:
    find_program("curl")

    line = household.gateway.curl(household.proxy.url)
    done = subprocess.run(shlex.split(line), capture_output=True, text=True, check=True)

    assert readings_of(vendor, done.stdout) == meter_readings()
