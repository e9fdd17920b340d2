"""The simulated EMH CASA."""

from __future__ import annotations

import httpx
import pytest
import requests
from requests.auth import HTTPDigestAuth

from smgwproxy.demo import Gateway, Limits
from tests.demo.conftest import SetClock, StartGateway, client_context, logged_in, tls_connection


@pytest.fixture
def gateway(gateway_of: StartGateway) -> Gateway:
    return gateway_of("emh")


def test_the_meter_is_found_by_way_of_the_contract(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        (contract,) = client.get("/json/metering/derived").json()
        details = client.get(f"/json/metering/derived/{contract}").json()
        meters = client.get("/json/metering/origin/").json()

    assert details == {"taf_type": "TAF-1", "sensor_domains": meters}


def test_registers_have_logical_names_values_units_and_scalers(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        answer = client.get("/json/metering/origin/1emh0000000001/extended").json()

    consumption, feed_in, power = answer["values"]
    assert answer["capture_time"] == "2026-05-14T12:00:00+02:00"
    assert consumption["logical_name"] == "0100010800ff.1emh0000000001.sm"
    assert feed_in["logical_name"] == "0100020800ff.1emh0000000001.sm"
    assert (consumption["unit"], consumption["scaler"]) == (30, -1)
    assert int(consumption["value"]) > 0
    assert (power["logical_name"], power["unit"]) == ("0100100700ff.1emh0000000001.sm", 27)


def test_the_reading_steps_every_15_minutes(gateway: Gateway, clock: SetClock) -> None:
    with logged_in(gateway) as client:
        first = client.get("/json/metering/origin/1emh0000000001/extended").json()
        clock.advance(minutes=15)
        second = client.get("/json/metering/origin/1emh0000000001/extended").json()

    assert int(second["values"][0]["value"]) > int(first["values"][0]["value"])


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")  # self-signed, as they are
def test_requests_reads_it(gateway: Gateway) -> None:
    answer = requests.get(
        f"{gateway.url}/json/metering/origin/",
        auth=HTTPDigestAuth(gateway.user, gateway.password),
        verify=False,  # noqa: S501
        timeout=10,
    )

    assert answer.json() == ["1emh0000000001"]


def test_the_realm_is_the_gateways_number(gateway: Gateway) -> None:
    with httpx.Client(verify=client_context()) as client:
        answer = client.get(gateway.url)

    assert answer.status_code == 401
    assert 'realm="EEMH0012345678"' in answer.headers["WWW-Authenticate"]
    assert "algorithm=MD5" in answer.headers["WWW-Authenticate"]


def test_host_is_the_own_address_or_smgw_local(gateway: Gateway) -> None:
    host, port = gateway.address
    with logged_in(gateway) as client:
        for name in (host, f"{host}:{port}", "smgw.local", f"smgw.local:{port}"):
            assert client.get("/", headers={"Host": name}).status_code == 200


@pytest.mark.parametrize("host", ["192.168.0.9:8080", "127.0.0.1:1", "smgw", ""])
def test_another_host_is_refused_with_a_text(gateway: Gateway, host: str) -> None:
    with logged_in(gateway) as client:
        answer = client.get("/", headers={"Host": host})

    assert answer.status_code == 400
    assert "invalid host" in answer.text


def test_a_second_connection_at_the_same_time_is_refused(gateway: Gateway) -> None:
    with tls_connection(gateway), pytest.raises(OSError, match=r".*"), tls_connection(gateway):
        pass

    assert gateway.wait_closed()
    assert gateway.counters.connections_refused == 1
    assert gateway.counters.connections_most == 1


def test_connections_one_after_the_other_are_taken(gateway: Gateway) -> None:
    context = client_context()
    for _ in range(5):
        with tls_connection(gateway, context):
            pass

    assert gateway.wait_closed()
    assert gateway.counters.connections_refused == 0
    assert gateway.counters.handshakes_finished == 5


def test_wrong_logins_are_challenged_again_and_then_locked_out(gateway_of: StartGateway, clock: SetClock) -> None:
    gateway = gateway_of("emh", limits=Limits(wrong_logins=1))
    with logged_in(gateway, "wrong") as client:
        assert client.get("/").status_code == 401
    with logged_in(gateway) as client:
        assert client.get("/").status_code == 403
        clock.advance(minutes=10)
        assert client.get("/").status_code == 200
    assert gateway.wrong_logins == 1


def test_other_methods_and_paths_are_refused(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        assert client.post("/").status_code == 405
        assert client.get("/json/metering/origin/other/extended").status_code == 404


def test_the_page_shows_the_reading_as_people_write_it(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        page = client.get("/").text
        values = client.get("/json/metering/origin/1emh0000000001/extended").json()["values"]

    tenths = int(values[0]["value"])
    assert f"{tenths // 10_000},{tenths % 10_000:04d}" in page
    assert "14.05.2026 12:00" in page
