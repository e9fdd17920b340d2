"""The proxy beside the pages of somebody's own program, at the root of one port."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from smgwproxy.demo import LOGIN, Gateway, run_in_thread, start_gateway
from tests.examples.files import EXAMPLES
from tests.test_cli import program

both = pytest.mark.parametrize("name", ["in_wsgi", "in_flask"])


@contextmanager
def running(name: str, vendor: str, directory: Path) -> Iterator[tuple[str, Gateway]]:
    """Run the example before a gateway, and return its URL."""
    with run_in_thread(lambda: start_gateway(vendor)) as gateway:
        command = (sys.executable, str(EXAMPLES / f"library/{name}.py"), gateway.authority, "0")
        with program(cwd=directory, command=command) as started:
            yield started.wait_for(r"http://127\.0\.0\.1:\d+")[0], gateway


@both
def test_pages_of_the_program_and_of_the_gateway_are_at_one_port(name: str, tmp_path: Path) -> None:
    with running(name, "theben", tmp_path) as (base, gateway), httpx.Client(base_url=base) as client:
        own = client.get("/house/")
        assert own.status_code == 200
        assert "My house" in own.text
        assert gateway.received == []

        login = httpx.DigestAuth(LOGIN, LOGIN)
        page = client.get("/", auth=login, follow_redirects=True)
        assert page.url.copy_with(path="") == httpx.URL(base)
        assert "Statusinformationen vom SMGW" in page.text
        assert client.get("/houses", auth=login).status_code == 404
        assert gateway.received[-1].target == "/houses"
        assert gateway.wrong_logins == 0


def test_login_of_a_gateway_and_session_of_flask_do_not_meet(tmp_path: Path) -> None:
    with running("in_flask", "ppc", tmp_path) as (base, gateway):
        with httpx.Client(base_url=base, auth=httpx.DigestAuth(LOGIN, LOGIN), follow_redirects=True) as client:
            page = "/cgi-bin/hanservice.cgi"
            assert client.get(page).status_code == 200
            theirs = client.cookies["session"]
            assert "Hello, Anna" in client.get("/house/i-am/Anna").text
            assert client.cookies["session"] == theirs
            assert 'value="' in client.post(page, data={"action": "meterform"}).text
        cookies = [value for name, value in gateway.received[-1].headers if name.lower() == "cookie"]
        assert cookies == [f"session={theirs}"]
