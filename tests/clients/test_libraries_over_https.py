"""The HTTP libraries of users log in to each gateway over HTTPS, and check the proxy's own certificate.

The proxy is the program itself, with the certificate that it made at its first start; the clients have the copy
that ``smgwproxy certificate show --pem`` writes.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from smgwproxy.demo import VENDORS, ReadingRequest
from tests.clients.browser import LAN_NAME
from tests.clients.conftest import find_program
from tests.clients.household import meter_readings, readings_of, seen
from tests.clients.libraries import Library, Login, with_urllib
from tests.clients.secure import (
    ADDRESS,
    OwnCertificate,
    SecureHousehold,
    running_secure_household,
    running_secure_proxy,
)
from tests.support import OK, PATIENCE, Identity, Peer, RawGateway

pytestmark = pytest.mark.long

PEER_FAILED_VERIFICATION = 60  # curl's exit code


@pytest.fixture(scope="module", params=VENDORS)
def household(
    request: pytest.FixtureRequest, own_certificate: OwnCertificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecureHousehold]:
    """Run a gateway of each vendor, and the program before it."""
    directory = tmp_path_factory.mktemp(request.param)
    with running_secure_household(request.param, directory, own_certificate) as home:
        yield home


def reads_the_meter(household: SecureHousehold, library: Library, login: Login, trusted: Path) -> bool:
    """Tell whether ``library`` reads what the meter shows, once it was asked for a Digest login."""
    gateway = household.gateway
    before = len(gateway.received)
    answers = library(household.proxy.url, login, gateway.reading_requests, trusted)
    reading = answers[1] if len(answers) == 3 else answers[0]
    challenged, logged_in, *_ = gateway.received[before:]
    assert [answer.status for answer in answers] == [200] * len(answers)
    assert challenged.value("Authorization") is None
    assert str(logged_in.value("Authorization")).startswith("Digest ")
    return readings_of(gateway.vendor.name, reading.text) == meter_readings()


# --- the certificate ------------------------------------------------------------------------------------


def test_a_library_that_checks_the_certificate_logs_in_over_https_and_reads_the_meter(
    household: SecureHousehold, library: Library, login: Login, own_certificate: OwnCertificate
) -> None:
    assert reads_the_meter(household, library, login, own_certificate.copy)


@pytest.mark.parametrize("household", ["ppc", "emh"], indirect=True)
def test_urllib_checks_the_certificate_logs_in_over_https_and_reads_the_meter(
    household: SecureHousehold, login: Login, own_certificate: OwnCertificate
) -> None:
    assert reads_the_meter(household, with_urllib, login, own_certificate.copy)


@pytest.mark.parametrize("household", ["emh"], indirect=True)
def test_a_library_that_was_given_another_certificate_refuses_that_of_the_proxy(
    household: SecureHousehold, library: Library, login: Login, impostor: Identity
) -> None:
    refuses_what_is_not_trusted(household, library, login, impostor)


@pytest.mark.parametrize("household", ["emh"], indirect=True)
def test_urllib_that_was_given_another_certificate_refuses_that_of_the_proxy(
    household: SecureHousehold, login: Login, impostor: Identity
) -> None:
    refuses_what_is_not_trusted(household, with_urllib, login, impostor)


def refuses_what_is_not_trusted(
    household: SecureHousehold, library: Library, login: Login, other: Identity
) -> None:
    before = len(household.gateway.received)
    # Each library has an error of its own, and all name the check; curl's comes from what it says.
    with pytest.raises(Exception, match=r"(?i)certificate.verify.failed|\(60\) SSL certificate problem"):
        library(household.proxy.url, login, household.gateway.reading_requests, other.pem_file)
    assert household.gateway.received[before:] == []


def curl(url: str, name: str, *options: str) -> int:
    """Open ``url`` with curl, to which ``name`` means this machine, and return its exit code."""
    port = url.rpartition(":")[2]
    command = [find_program("curl"), "--silent", "--output", "/dev/null", "--max-time", f"{PATIENCE}"]
    command += ["--resolve", f"{name}:{port}:{ADDRESS}", *options, url]
    return subprocess.run(command, check=False).returncode


@pytest.mark.parametrize("household", ["emh"], indirect=True)
def test_curl_that_knows_only_public_authorities_refuses_the_certificate(household: SecureHousehold) -> None:
    assert curl(household.proxy.url, ADDRESS) == PEER_FAILED_VERIFICATION


@pytest.mark.parametrize("household", ["emh"], indirect=True)
def test_the_certificate_is_good_for_each_name_of_this_machine_and_for_no_other(
    household: SecureHousehold, own_certificate: OwnCertificate
) -> None:
    trusting = ("--cacert", str(own_certificate.copy))
    for name in (ADDRESS, "localhost", socket.gethostname(), LAN_NAME):
        assert curl(household.proxy.at(name), name, *trusting) == 0, name
    for name in ("127.0.0.2", "other"):
        assert curl(household.proxy.at(name), name, *trusting) == PEER_FAILED_VERIFICATION, name


# --- what passes ----------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_the_gateway_sees_over_https_what_the_library_sends_when_it_connects_directly(
    household: SecureHousehold, library: Library, login: Login, own_certificate: OwnCertificate
) -> None:
    gateway = household.gateway
    gateway.close_connections()  # EMH takes one at a time, and the proxy keeps its own
    before = len(gateway.received)
    library(gateway.url, login, gateway.reading_requests)
    assert gateway.wait_closed()
    between = len(gateway.received)

    library(household.proxy.url, login, gateway.reading_requests, own_certificate.copy)

    assert seen(gateway.received[between:]) == seen(gateway.received[before:between])


@pytest.mark.parametrize("household", ["ppc"], indirect=True)
def test_the_session_cookie_of_ppc_comes_back_over_https(
    household: SecureHousehold, library: Library, login: Login, own_certificate: OwnCertificate
) -> None:
    gateway = household.gateway
    before = len(gateway.received)

    library(household.proxy.url, login, gateway.reading_requests, own_certificate.copy)

    (cookie,) = {request.value("Cookie") for request in gateway.received[before:] if request.method == "POST"}
    assert str(cookie).startswith("session=")


@pytest.mark.parametrize("household", ["ppc"], indirect=True)
def test_a_cookie_of_https_is_secure_and_goes_over_no_plain_http(
    household: SecureHousehold, login: Login, own_certificate: OwnCertificate
) -> None:
    gateway, proxy = household.gateway, household.proxy
    first, _, last = gateway.reading_requests
    trusting = ssl.create_default_context(cafile=own_certificate.copy)
    with httpx.Client(auth=httpx.DigestAuth(*login), verify=trusting, timeout=PATIENCE) as client:
        client.get(proxy.url + first.path)
        (cookie,) = client.cookies.jar
        assert (cookie.name, cookie.secure) == ("session", True)

        client.get(proxy.at(ADDRESS, "http") + first.path)
        assert gateway.received[-1].value("Cookie") is None

        client.post(proxy.url + last.path, content=last.body, headers=last.headers)
        assert gateway.received[-1].value("Cookie") == f"session={cookie.value}"


# --- redirects ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("household", ["theben"], indirect=True)
@pytest.mark.parametrize("entry", ["/smgw/m2m", "/smgw/m2m/"])
def test_the_relative_redirect_of_theben_leads_to_the_reading_over_https(
    household: SecureHousehold, library: Library, login: Login, own_certificate: OwnCertificate, entry: str
) -> None:
    gateway = household.gateway
    (wanted,) = gateway.reading_requests
    asked = ReadingRequest(wanted.method, entry, wanted.headers, wanted.body)

    (answer,) = library(household.proxy.url, login, [asked], own_certificate.copy)

    assert answer.status == 200
    assert readings_of("theben", answer.text) == meter_readings()
    assert gateway.received[-1].target == wanted.path


@pytest.fixture(scope="module")
def moved(
    identity: Identity, own_certificate: OwnCertificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RawGateway, str]]:
    """Run the program before a gateway that redirects ``/old`` to a full URL; return the proxy's URL, too."""

    def script(peer: Peer) -> None:
        while request := peer.read_request():
            moved = f"HTTP/1.1 302 Found\r\nLocation: {gateway_url}/new\r\nContent-Length: 0\r\n\r\n".encode()
            peer.send(moved if request.startswith(b"GET /old ") else OK)

    gateway = RawGateway(identity, script)
    gateway_url = f"https://{gateway.origin}"
    directory = tmp_path_factory.mktemp("moved")
    with running_secure_proxy(str(gateway.origin), directory, own_certificate.statedir) as proxy:
        yield gateway, proxy.url
    gateway.stop()


def test_a_redirect_to_the_gateway_comes_back_as_https_and_leads_through_the_proxy(
    moved: tuple[RawGateway, str], library: Library, own_certificate: OwnCertificate
) -> None:
    gateway, url = moved

    # The gateway itself shows another certificate than the trusted one.
    answers = library(url, Login("u", "p"), [ReadingRequest("GET", "/old")], own_certificate.copy)

    assert [(answer.status, answer.text) for answer in answers] == [(200, "ok")]
    asked = gateway.received.decode().split("\r\n\r\n")[:-1]
    assert [head.partition(" HTTP/")[0] for head in asked[-2:]] == ["GET /old", "GET /new"]


def test_the_location_that_the_client_gets_is_that_of_the_proxy_over_https(
    moved: tuple[RawGateway, str], own_certificate: OwnCertificate
) -> None:
    _, url = moved
    with httpx.Client(verify=ssl.create_default_context(cafile=own_certificate.copy)) as client:
        answer = client.get(f"{url}/old", timeout=PATIENCE)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{url}/new")
