"""Home Assistant's Theben library reads the meter over HTTPS, which is all it speaks.

`theben-conexa-smgw`_ knows no URL but ``https://<host>``, port 443, and takes any certificate. It is run as it is
where it can be had from the index; its exchange is played everywhere, with the HTTP library that it uses.

.. _theben-conexa-smgw: https://pypi.org/project/theben-conexa-smgw/
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.household import Readings, meter_readings, seen
from tests.clients.libraries import Login
from tests.clients.secure import OwnCertificate, SecureHousehold, running_secure_household
from tests.clients.test_home_automation import theben_conexa_smgw as play

pytestmark = pytest.mark.long

_VERSION = "0.4.3"
_HTTPS = 443


@pytest.fixture(scope="module")
def port_of_https() -> tuple[str, int]:
    """An address that nobody else uses, with the port of the library, or any port where that needs a privilege."""
    process = os.getpid()
    address = f"127.44.{process >> 8 & 255}.{process & 255 or 1}"
    try:
        socket.create_server((address, _HTTPS)).close()
    except PermissionError:
        return address, 0
    return address, _HTTPS


@pytest.fixture(scope="module")
def household(
    own_certificate: OwnCertificate, port_of_https: tuple[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecureHousehold]:
    """Run a gateway of Theben, and the program before it."""
    address, port = port_of_https
    directory = tmp_path_factory.mktemp("theben")
    with running_secure_household("theben", directory, own_certificate, address=address, tls_port=port) as home:
        yield home


@pytest.fixture(scope="module")
def library_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the library from the index, without what it needs: the tests need that too."""
    directory = tmp_path_factory.mktemp("theben-conexa-smgw")
    # It asks for Python 3.14 because of its annotations, which run_theben_conexa_smgw.py sees to.
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--ignore-requires-python", "--retries=1"]
    command += ["--timeout=15", "--target", str(directory), f"theben-conexa-smgw=={_VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"theben-conexa-smgw cannot be installed: {(done.stdout + done.stderr).strip()[-200:]}")
    return directory


def test_the_exchange_of_home_assistants_theben_library_reads_the_meter_over_https(
    household: SecureHousehold, login: Login
) -> None:
    assert asyncio.run(play(household.proxy.url, login)) == meter_readings()
    assert household.gateway.wrong_logins == 0


def test_the_gateway_sees_the_exchange_of_home_assistants_theben_library_as_it_is_directly(
    household: SecureHousehold, login: Login
) -> None:
    gateway = household.gateway
    first = len(gateway.received)
    asyncio.run(play(gateway.url, login))
    second = len(gateway.received)

    asyncio.run(play(household.proxy.url, login))

    assert seen(gateway.received[second:]) == seen(gateway.received[first:second])


def test_home_assistants_theben_library_itself_reads_the_meter_at_port_443(
    household: SecureHousehold, login: Login, port_of_https: tuple[str, int], library_path: Path
) -> None:
    gateway = household.gateway
    address, port = port_of_https
    if port != _HTTPS:
        pytest.skip("port 443, the only one that theben-conexa-smgw knows, needs a privilege here")
    script = Path(__file__).with_name("run_theben_conexa_smgw.py")
    first = len(gateway.received)

    done = subprocess.run(
        [sys.executable, "-P", script, address, *login],
        env={**os.environ, "PYTHONPATH": str(library_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["info"]["smgwID"] == gateway.vendor.identity
    assert told["values"] == shown(meter_readings())
    assert gateway.wrong_logins == 0

    second = len(gateway.received)
    asyncio.run(play(household.proxy.url, login))
    assert seen(gateway.received[second:]) == seen(gateway.received[first:second]), (
        "what is played is not what it sends"
    )


def shown(readings: Readings) -> dict[str, dict[str, str]]:
    """Return the readings as the library has them."""
    return {
        code: {"value": f"{tenths // 10}.{tenths % 10}", "unit": "Wh", "utcTimestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
        for code, (tenths, at) in readings.items()
    }
