"""Home automations poll each gateway through the proxy, over plain HTTP, just as they poll the gateway itself.

What they send is played after their sources with the library that they use, so that it is tested on every Python.
`py-ppc-smgw`_ is also run as it is installed from the index; `theben-conexa-smgw`_, which speaks only HTTPS, is in
test_theben_library.

.. _py-ppc-smgw: https://pypi.org/project/py-ppc-smgw/
.. _theben-conexa-smgw: https://pypi.org/project/theben-conexa-smgw/
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import httpx
import pytest

from smgwproxy.demo import meter
from smgwproxy.demo.times import german_time
from tests.clients.conftest import missing
from tests.clients.household import NOW, Household, Readings, meter_readings, readings_of, seen
from tests.clients.libraries import Login, any_certificate

_VERSION = "0.2.2"  # of py-ppc-smgw


async def py_ppc_smgw(base: str, login: Login) -> Readings:
    """Poll twice, with one httpx client but a fresh Digest login and no cookie each time."""
    url = f"{base}/cgi-bin/hanservice.cgi"
    async with httpx.AsyncClient(verify=any_certificate()) as http:

        async def poll() -> str:
            if http.cookies.get("session") is not None:
                http.cookies.delete("session")
            auth = httpx.DigestAuth(*login)
            cookie = (await http.get(url, auth=auth, timeout=10)).cookies["session"]

            async def post(cookies: Mapping[str, str], **form: str) -> str:
                answer = await http.post(url, data=form, cookies=dict(cookies), auth=auth, timeout=10)
                return answer.text

            # The name of this cookie is the client's own; the jar sends the session's besides.
            page = await post({"Cookie": cookie}, action="meterform")
            (mid,) = (part.partition('"')[0] for part in page.split('<option value="')[1:])
            reading = await post({"Cookie": cookie}, action="showMeterProfile", mid=mid)
            await post({}, action="logout")
            return reading

        await poll()
        return readings_of("ppc", await poll())


async def theben_conexa_smgw(base: str, login: Login) -> Readings:
    """Find the URL by the redirect, which is not followed, then ask for one thing after the other."""
    options: dict[str, Any] = {
        "ssl": False,
        "headers": {"content-type": "application/json"},
        "allow_redirects": False,
    }
    async with aiohttp.ClientSession() as session:
        once = (aiohttp.DigestAuthMiddleware(*login),)
        async with session.post(f"{base}/smgw/m2m", middlewares=once, **options) as answer:
            assert answer.status == 307
            url = f"{base}{answer.headers['Location']}"
        options["middlewares"] = (aiohttp.DigestAuthMiddleware(*login),)

        async def ask(**question: str) -> Any:
            async with session.post(url, json=question, **options) as answer:
                assert answer.status == 200
                return await answer.json()

        await ask(method="smgw-info")
        points = (await ask(method="user-info"))["user-info"]["usage-points"]
        (point,) = (point["usage-point-id"] for point in points if point["taf-state"] != "archive")
        where = {"usage-point-id": point, "database": "origin"}
        await ask(method="usage-point-info", **where)
        reading = await ask(method="readings", **where, **{"last-reading": "true"})
        return readings_of("theben", json.dumps(reading))


class _OnlyMD5(httpx.DigestAuth):
    """Answers every challenge with MD5, the one for SHA-256 too."""

    def _parse_challenge(self, request: httpx.Request, response: httpx.Response, auth_header: str) -> Any:
        challenge = super()._parse_challenge(request, response, auth_header)
        return challenge._replace(algorithm="MD5")


async def ha_ppc_smgw_at_theben(base: str, login: Login) -> Readings:
    """Post everything to the entry, with a fresh Digest login each time, and follow its redirect."""
    async with httpx.AsyncClient(verify=any_certificate(), follow_redirects=True) as http:
        http.headers.setdefault("Content-Type", "application/json")

        async def ask(**question: str) -> httpx.Response:
            return await http.post(f"{base}/smgw/m2m/", auth=_OnlyMD5(*login), timeout=10, json=question)

        await ask(method="smgw-info")
        points = (await ask(method="user-info")).json()["user-info"]["usage-points"]
        (point,) = (point["usage-point-id"] for point in points if point["taf-state"] == "running")
        where = {"usage-point-id": point, "database": "origin"}
        reading = await ask(method="readings", **where, **{"last-reading": "true"})
        return readings_of("theben", reading.text)


async def ha_ppc_smgw_at_emh(base: str, login: Login) -> Readings:
    """Get the list of meters, then the first meter's registers, with a fresh Digest login each time."""
    async with httpx.AsyncClient(verify=any_certificate(), follow_redirects=True) as http:
        http.headers.setdefault("Content-Type", "application/json")

        async def get(path: str) -> httpx.Response:
            return await http.get(f"{base}/json/metering/origin/{path}", auth=httpx.DigestAuth(*login), timeout=10)

        name, *_ = (await get("")).json()
        return readings_of("emh", (await get(f"{name}/extended")).text)


class Program(NamedTuple):
    vendor: str
    poll: Callable[[str, Login], Awaitable[Readings]]


PROGRAMS = {
    "py-ppc-smgw": Program("ppc", py_ppc_smgw),
    "theben-conexa-smgw": Program("theben", theben_conexa_smgw),
    "ha-ppc-smgw at Theben": Program("theben", ha_ppc_smgw_at_theben),
    "ha-ppc-smgw at EMH": Program("emh", ha_ppc_smgw_at_emh),
}

every_program = pytest.mark.parametrize(("vendor", "poll"), PROGRAMS.values(), ids=PROGRAMS)
# httpx wants cookies on the client; py-ppc-smgw gives them with each request.
cookies_as_they_are = pytest.mark.filterwarnings("ignore:Setting per-request cookies:DeprecationWarning")


@every_program
@cookies_as_they_are
def test_a_home_automation_reads_the_meter_through_the_proxy(
    household: Household, login: Login, poll: Callable[[str, Login], Any]
) -> None:
    assert asyncio.run(poll(household.proxy.url, login)) == meter_readings()
    assert household.gateway.wrong_logins == 0


@every_program
@cookies_as_they_are
def test_the_gateway_sees_what_the_home_automation_sends_when_it_connects_directly(
    household: Household, login: Login, poll: Callable[[str, Login], Any]
) -> None:
    gateway = household.gateway
    asyncio.run(poll(gateway.url, login))
    assert gateway.wait_closed()
    directly = gateway.received.copy()

    asyncio.run(poll(household.proxy.url, login))

    assert seen(gateway.received[len(directly) :]) == seen(directly)


@pytest.fixture(scope="module")
def python_with_py_ppc_smgw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in a venv of its own, with py-ppc-smgw from the index."""
    directory = tmp_path_factory.mktemp("py-ppc-smgw")
    python = directory / "bin" / "python"
    for command in (
        [_newer_python(), "-m", "venv", str(directory)],
        [str(python), "-m", "pip", "install", "--retries=1", "--timeout=15", f"py-ppc-smgw=={_VERSION}"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            missing(f"py-ppc-smgw cannot be installed: {(done.stdout + done.stderr).strip()[-200:]}")
    return python


def _newer_python() -> str:
    """Return a Python that py-ppc-smgw takes; without any the test is skipped."""
    for name in (sys.executable, "python3.15", "python3.14", "python3.13"):
        path = shutil.which(name)
        # A name on the PATH may be a version manager's, with nothing behind it.
        if (
            path
            and not subprocess.run(
                [path, "-c", "import sys; sys.exit(sys.version_info < (3, 13))"], capture_output=True, check=False
            ).returncode
        ):
            return path
    pytest.skip("py-ppc-smgw needs Python 3.13 or newer, and none is on the PATH")


@pytest.mark.parametrize("vendor", ["ppc"])
def test_py_ppc_smgw_itself_polls_through_the_proxy_again_and_again(
    python_with_py_ppc_smgw: Path, household: Household, login: Login
) -> None:
    gateway = household.gateway
    script = Path(__file__).with_name("run_py_ppc_smgw.py")

    done = subprocess.run(
        [python_with_py_ppc_smgw, "-I", script, household.proxy.url + gateway.page, *login],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    assert first == second
    latest = meter.latest(NOW)
    assert first["readings"] == {
        reading.channel.obis: [
            reading.kilowatt_hours,
            german_time(reading.at).replace(tzinfo=None).isoformat(),
        ]
        for reading in latest
    }
    hour = meter.between(latest[0].at - timedelta(hours=1), latest[0].at)
    assert first["exported"] == [
        [reading.channel.obis, reading.value, reading.at.isoformat()] for row in hour for reading in row
    ]
    assert first["interval"] == 900
    assert "smgw-kernel" in first["components"]
    assert gateway.wrong_logins == 0
