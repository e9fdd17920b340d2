"""The simulated PPC gateway."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import httpx
import pytest
import requests
from requests.auth import HTTPDigestAuth

from smgwproxy.demo import Gateway, Limits
from tests.demo.conftest import SetClock, StartGateway, client_context, logged_in

_PATH = "/cgi-bin/hanservice.cgi"


@pytest.fixture
def gateway(gateway_of: StartGateway) -> Gateway:
    return gateway_of("ppc")


def _meter(gateway: Gateway) -> str:
    _, reading, _ = gateway.reading_requests
    return reading.body.rpartition("=")[2]


def test_the_cookie_is_sent_literally_without_a_blank(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        answer = client.get(_PATH)

    assert re.fullmatch(r"session=[0-9a-f]{32};secure", answer.headers["Set-Cookie"])


def test_the_login_is_digest_md5(gateway: Gateway) -> None:
    with httpx.Client(verify=client_context()) as client:
        answer = client.get(gateway.url + _PATH)

    (challenge,) = answer.headers.get_list("WWW-Authenticate")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "algorithm=MD5" in challenge


def test_there_is_no_other_path(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        assert client.get("/").status_code == 404
        assert client.request("DELETE", _PATH).status_code == 405


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")  # self-signed, as they are
def test_scripts_read_with_the_cookie_and_the_token_and_no_second_login(gateway: Gateway) -> None:
    with requests.Session() as session:
        session.trust_env, session.verify = False, False  # an environment's CA bundle would win over False
        url = gateway.url + _PATH
        page = session.get(url, auth=HTTPDigestAuth(gateway.user, gateway.password), timeout=10)
        token = re.findall(r'<input [^>]*name="(\w+)" value="(\w*)"', page.text)[0]
        form = session.post(url, data={"tkn": token[1], "action": "meterform"}, timeout=10)
        question = {"tkn": token[1], "action": "showMeterProfile", "mid": _meter(gateway)}
        profile = session.post(url, data=question, timeout=10)

    assert token[0] == "tkn"
    assert _meter(gateway) in form.text
    assert '<td id="table_metervalues_col_obis">1-0:1.8.0</td>' in profile.text
    assert gateway.received[-1].value("Authorization") is None


def test_a_wrong_token_is_answered_without_the_reading(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        client.get(_PATH)
        answer = client.post(_PATH, data={"tkn": "0", "action": "meterform"})

    assert answer.status_code == 200
    assert "meterform_select_meter" not in answer.text


def test_a_form_without_the_cookie_is_answered_without_the_reading(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        client.get(_PATH)
        client.cookies.clear()
        answer = client.post(_PATH, data={"action": "meterform"})

    assert answer.status_code == 200
    assert "Keine Sitzung" in answer.text


def test_while_one_is_logged_in_another_gets_a_page_without_cookie(gateway: Gateway) -> None:
    with logged_in(gateway) as first, logged_in(gateway) as second:
        assert "session" in first.get(_PATH).cookies
        locked = second.get(_PATH)
        assert locked.status_code == 200
        assert "Set-Cookie" not in locked.headers
        assert "angemeldet" in locked.text

        assert "abgemeldet" in first.post(_PATH, data={"action": "logout"}).text
        assert "session" in second.get(_PATH).cookies


def test_a_reload_of_the_page_keeps_the_session(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        first, second = client.get(_PATH), client.get(_PATH)

    assert first.headers["Set-Cookie"] == second.headers["Set-Cookie"]


def test_a_forgotten_session_ends_after_ten_minutes(gateway: Gateway, clock: SetClock) -> None:
    with logged_in(gateway) as first, logged_in(gateway) as second:
        first.get(_PATH)
        clock.advance(minutes=11)
        assert "session" in second.get(_PATH).cookies


def test_a_nonce_of_the_last_poll_is_stale(gateway: Gateway, clock: SetClock) -> None:
    with logged_in(gateway) as client:
        client.get(_PATH)
        clock.advance(minutes=15)
        client.cookies.clear()
        assert "session" in client.get(_PATH).cookies

    assert len(gateway.received) == 4
    assert gateway.wrong_logins == 0


def test_wrong_logins_are_challenged_again_and_then_locked_out(gateway_of: StartGateway, clock: SetClock) -> None:
    gateway = gateway_of("ppc", limits=Limits(wrong_logins=2))
    with logged_in(gateway, "wrong") as client:
        assert client.get(_PATH).status_code == 401
        client.get(_PATH)
    assert gateway.wrong_logins >= 2

    with logged_in(gateway) as client:
        locked = client.get(_PATH)
        assert (locked.status_code, "Set-Cookie" in locked.headers) == (200, False)
        clock.advance(minutes=10)
        assert "session" in client.get(_PATH).cookies


def test_too_many_polls_lock_it(gateway_of: StartGateway) -> None:
    gateway = gateway_of("ppc", limits=Limits(polls=2))
    with logged_in(gateway) as client:
        for _ in range(3):
            client.cookies.clear()
            client.get(_PATH)
            client.post(_PATH, data={"action": "logout"})
        client.cookies.clear()
        locked = client.get(_PATH)

    assert locked.status_code == 200
    assert "Set-Cookie" not in locked.headers
    assert "gesperrt" in locked.text


def test_the_self_test_ends_the_session_and_locks_it(gateway: Gateway, clock: SetClock) -> None:
    with logged_in(gateway) as client:
        client.get(_PATH)
        client.post(_PATH, data={"action": "selftest"})
        client.cookies.clear()
        assert "Set-Cookie" not in client.get(_PATH).headers
        clock.advance(minutes=10)
        assert "session" in client.get(_PATH).cookies


def test_values_of_a_day_come_newest_first(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        client.get(_PATH)
        answer = client.post(
            _PATH,
            data={
                "action": "showMeterValues",
                "mid": _meter(gateway),
                "from": "2026-05-13",
                "to": "2026-05-13",
            },
        )

    times = re.findall(r'col_timestamp">([^<]*)<', answer.text)
    assert (times[0], times[-1], len(times)) == ("2026-05-14 00:00:00", "2026-05-13 00:00:00", 97)


@pytest.mark.parametrize(
    "form",
    [
        {"action": "reboot"},
        {},
        {"action": "showMeterProfile", "mid": "0"},
        {"action": "exportMeterValues", "from": "yesterday"},
        {"action": "exportMeterValues", "from": "2020-01-01"},
    ],
)
def test_a_form_it_cannot_answer_gets_a_page_that_says_so(gateway: Gateway, form: dict[str, str]) -> None:
    with logged_in(gateway) as client:
        client.get(_PATH)
        answer = client.post(_PATH, data={"mid": _meter(gateway), "x": "", **form})

    assert answer.status_code == 200
    assert "<h2>Fehler</h2>" in answer.text


def test_a_body_that_is_no_form_is_refused(gateway: Gateway) -> None:
    with logged_in(gateway) as client:
        client.get(_PATH)
        assert client.post(_PATH, json={"action": "meterform"}).status_code == 415


def test_an_export_is_signed_cms_around_xml(gateway: Gateway, tmp_path: Path) -> None:
    with logged_in(gateway) as client:
        client.get(_PATH)
        answer = client.post(_PATH, data={"action": "exportMeterProfile", "mid": _meter(gateway)})
    file = tmp_path / "export.cms"
    file.write_bytes(answer.content)

    verified = subprocess.run(
        ["openssl", "cms", "-verify", "-inform", "DER", "-noverify", "-in", file], capture_output=True, check=True
    )
    assert verified.stdout.startswith(b"<?xml")
    assert b"<?xml" in answer.content
    assert not answer.content.startswith(b"<?xml")
    assert "attachment" in answer.headers["Content-Disposition"]
