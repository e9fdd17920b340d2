"""The simulated Theben Conexa."""

from __future__ import annotations

import json
import ssl
from typing import Any

import httpx
import pytest
import requests
from requests.auth import HTTPDigestAuth

from smgwproxy.demo import Gateway, Limits
from tests.demo.conftest import (
    SetClock,
    StartGateway,
    client_context,
    exchange,
    logged_in,
    tls_connection,
)


@pytest.fixture
def gateway(gateway_of: StartGateway) -> Gateway:
    return gateway_of("theben")


def _ask(client: httpx.Client, method: str, **question: object) -> Any:
    answer = client.post("/smgw/m2m/demo/json", json={"method": method, **question})
    assert answer.status_code == 200, answer.text
    return answer.json()[method]


def test_tls_is_1_2_with_p_384_only(gateway: Gateway) -> None:
    with tls_connection(gateway) as connection:
        assert connection.version() == "TLSv1.2"
    other = client_context()
    other.set_ecdh_curve("prime256v1")

    with pytest.raises(ssl.SSLError), tls_connection(gateway, other):
        pass
    newer = client_context()
    newer.minimum_version = ssl.TLSVersion.TLSv1_3
    with pytest.raises(ssl.SSLError), tls_connection(gateway, newer):
        pass


def test_the_first_answer_offers_sha_256_and_md5_in_two_lines(gateway: Gateway) -> None:
    with httpx.Client(verify=client_context()) as client:
        answer = client.post(f"{gateway.url}/smgw/m2m", headers={"Content-Type": "application/json"})

    first, second = answer.headers.get_list("WWW-Authenticate")
    assert answer.status_code == 401
    assert "algorithm=SHA-256" in first
    assert "algorithm=MD5" in second
    assert 'qop="auth"' in first


@pytest.mark.parametrize("path", ["/smgw/m2m", "/smgw/m2m/"])
def test_the_entry_redirects_with_a_relative_location(gateway: Gateway, path: str) -> None:
    with logged_in(gateway) as client:
        answer = client.post(path, headers={"Content-Type": "application/json"})

    assert answer.status_code == 307
    assert answer.headers["Location"] == "/smgw/m2m/demo/json"
    assert "algorithm=SHA-256" in (gateway.received[-1].value("Authorization") or "")


def test_the_authorization_of_the_entry_is_taken_after_the_redirect(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        answer = client.post("/smgw/m2m/", json={"method": "smgw-info"}, follow_redirects=True)

    unauthorized, entry, followed = gateway.received
    assert answer.json()["smgw-info"]["smgw-id"] == "ETHE0300186023"
    assert unauthorized.value("Authorization") is None
    assert followed.target == "/smgw/m2m/demo/json"
    assert followed.value("Authorization") == entry.value("Authorization")


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")  # self-signed, as they are
def test_requests_reads_with_md5_and_follows_the_redirect(gateway: Gateway) -> None:
    answer = requests.post(
        f"{gateway.url}/smgw/m2m",
        json={"method": "smgw-info"},
        auth=HTTPDigestAuth(gateway.user, gateway.password),
        verify=False,  # noqa: S501
        timeout=10,
    )

    assert answer.json()["smgw-info"]["firmware-info"]["version"].startswith("v3.")
    assert gateway.wrong_logins == 0


def test_the_last_reading_steps_every_15_minutes(gateway: Gateway, clock: SetClock) -> None:
    def value() -> int:
        answer = _ask(client, "readings", **{"usage-point-id": "1", "database": "origin", "last-reading": "true"})
        consumption, feed_in = answer["channels"]
        assert (consumption["obis"], feed_in["obis"]) == ("0100010800ff", "0100020800ff")
        (reading,) = consumption["readings"]
        return int(reading["value"])

    with logged_in(gateway) as client:
        first = value()
        clock.advance(minutes=7)
        assert value() == first
        clock.advance(minutes=8)
        assert value() > first


def test_readings_of_a_range_come_for_each_quarter(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        answer = _ask(
            client,
            "readings",
            **{
                "usage-point-id": "1",
                "fromtime": "2026-05-14T10:00:00+02:00",
                "totime": "2026-05-14T11:00:00+02:00",
            },
        )

    times = [reading["target-time"] for reading in answer["channels"][0]["readings"]]
    assert times == [f"2026-05-14T{time}:00Z" for time in ("08:00", "08:15", "08:30", "08:45", "09:00")]


def test_usage_points_have_scaler_and_unit(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        points = _ask(client, "user-info")["usage-points"]
        running = [point for point in points if point["taf-state"] == "running"]
        info = _ask(client, "usage-point-info", **{"usage-point-id": running[0]["usage-point-id"]})

    assert [point["taf-number"] for point in running] == ["7"]
    assert info["databases"][0]["channels"][0] == {"obis": "0100010800ff", "scaler": "-1", "unit": "30"}


@pytest.mark.parametrize(
    "question",
    [
        {"method": "reboot"},
        {"method": 7},
        {},
        [],
        "nonsense",
        {"method": "readings", "usage-point-id": "99"},
        {"method": "readings", "usage-point-id": "1", "database": "derived"},
        {"method": "readings", "usage-point-id": "1", "fromtime": "yesterday"},
        {"method": "readings", "usage-point-id": "1", "fromtime": "2026-01-01T00:00:00Z"},
    ],
)
def test_a_wrong_question_is_a_json_error(gateway: Gateway, question: object) -> None:
    with logged_in(gateway) as client:
        answer = client.post("/smgw/m2m/demo/json", json=question)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["error"]


def test_a_body_that_is_not_json_is_a_json_error(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        answer = client.post("/smgw/m2m/demo/json", content=b"{", headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["error"] == "the body is not JSON"


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "text/plain"])
def test_the_content_type_must_be_exactly_json(gateway: Gateway, kind: str) -> None:
    with logged_in(gateway) as client:
        answer = client.post(
            "/smgw/m2m/demo/json", content=b'{"method": "smgw-info"}', headers={"Content-Type": kind}
        )

    assert answer.status_code == 400


def test_a_post_without_content_length_is_refused(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        request = client.build_request("POST", "/smgw/m2m/demo/json", headers={"Content-Type": "application/json"})
        del request.headers["Content-Length"]
        answer = client.send(request)

    assert answer.status_code == 411


def test_a_chunked_post_is_refused(gateway: Gateway) -> None:
    with httpx.Client(verify=client_context()) as client:
        answer = client.post(
            f"{gateway.url}/smgw/m2m/demo/json",
            content=iter([b"{}"]),
            headers={"Content-Type": "application/json"},
        )

    assert answer.status_code == 411


@pytest.mark.parametrize(("method", "path"), [("GET", "/smgw/m2m/demo/json"), ("PUT", "/smgw/m2m")])
def test_other_methods_are_not_allowed(gateway: Gateway, method: str, path: str) -> None:
    with logged_in(gateway) as client:
        assert client.request(method, path).status_code == 405


def test_another_users_path_does_not_exist(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        answer = client.get("/smgw/cust/other.sm/start")

    assert answer.status_code == 404


def test_a_wrong_login_is_answered_by_a_closed_connection(gateway: Gateway) -> None:
    with logged_in(gateway, "wrong") as client, pytest.raises(httpx.TransportError):
        client.post("/smgw/m2m")

    assert gateway.wrong_logins == 1


def test_after_wrong_logins_even_the_right_one_is_closed_for_ten_minutes(
    gateway_of: StartGateway, clock: SetClock
) -> None:
    gateway = gateway_of("theben", limits=Limits(wrong_logins=2))
    for _ in range(2):
        with logged_in(gateway, "wrong") as client, pytest.raises(httpx.TransportError):
            client.get("/")

    with logged_in(gateway) as client:
        with pytest.raises(httpx.TransportError):
            client.get("/")
        clock.advance(minutes=10)
        assert client.get("/").status_code == 302
    assert gateway.wrong_logins == 2


def test_a_person_is_led_from_the_root_to_the_start_page(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        answer = client.get("/", follow_redirects=False)
        page = client.get(answer.headers["Location"])

    assert answer.headers["Location"] == gateway.page == "/smgw/cust/demo.sm/start"
    assert "Statusinformationen vom SMGW – ETHE0300186023 –" in page.text  # noqa: RUF001
    for part in ("Startseite", "SMGW-Selbsttest", "Abmelden", "v3.80.0-cc", "14.05.2026 12:07", "1-0:1.8.0"):
        assert part in page.text


def test_the_self_test_locks_it_for_ten_minutes(gateway: Gateway, clock: SetClock) -> None:
    with logged_in(gateway) as client:
        assert "starten" in client.get("/smgw/cust/demo.sm/selftest").text
        assert client.post("/smgw/cust/demo.sm/selftest").status_code == 200
        clock.advance(minutes=9)
        assert client.get(gateway.page).headers["Retry-After"] == "60"
        assert client.post("/smgw/m2m").status_code == 503
        clock.advance(minutes=1)
        assert client.get(gateway.page).status_code == 200


def test_the_self_test_can_be_started_by_machines(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        assert _ask(client, "self-test") == {"result": "started"}
        assert client.get(gateway.page).status_code == 503


def test_the_farewell_page_needs_no_login(gateway: Gateway) -> None:
    with httpx.Client(verify=client_context()) as client:
        answer = client.get(f"{gateway.url}/smgw/cust/demo.sm/logout")

    assert "abgemeldet" in answer.text


def test_a_broken_authorization_is_a_bad_request(gateway: Gateway) -> None:
    with tls_connection(gateway) as connection:
        answer = exchange(
            connection, b"GET / HTTP/1.1\r\nHost: g\r\nAuthorization: Basic eDp5\r\nConnection: close\r\n\r\n"
        )

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert gateway.wrong_logins == 0


def test_a_user_name_may_have_characters_with_a_meaning_in_paths(gateway_of: StartGateway) -> None:
    gateway = gateway_of("theben", user="Max M/1?")
    with logged_in(gateway) as client:
        page = client.get("/", follow_redirects=True)

    assert page.status_code == 200
    assert gateway.received[-1].target == gateway.page


def test_the_reading_request_is_valid_json(gateway: Gateway) -> None:
    (request,) = gateway.reading_requests

    assert json.loads(request.body)["method"] == "readings"
    assert (request.method, request.path) == ("POST", "/smgw/m2m/demo/json")
