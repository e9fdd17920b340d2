"""Home Assistant's RESTful integration reads the meter with the files of examples/home-assistant."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from smgwproxy.demo import LOGIN, meter
from smgwproxy.truststores.file import FileTrustStore
from tests.clients.household import NOW, Household, running_household
from tests.examples.files import EXAMPLES, at, faults, read_yaml

SECRETS = {"smgw_user": LOGIN, "smgw_password": LOGIN}
VENDORS = ("emh", "theben")
every_file = pytest.mark.parametrize("vendor", VENDORS)


def resource_of(vendor: str) -> Mapping[str, Any]:
    (resource,) = read_yaml(EXAMPLES / f"home-assistant/rest-{vendor}.yaml", SECRETS)["rest"]
    assert isinstance(resource, dict)
    return resource


async def fetch(resource: Mapping[str, Any], base: str) -> str:
    """Ask as homeassistant/components/rest/data.py does."""
    login = aiohttp.DigestAuthMiddleware(resource["username"], resource["password"])
    question: dict[str, Any] = {
        "headers": resource.get("headers"),
        "data": resource.get("payload"),
        "timeout": aiohttp.ClientTimeout(total=resource["timeout"]),
        "middlewares": (login,),
    }
    async with (
        aiohttp.ClientSession() as session,
        session.request(resource.get("method", "GET"), at(base, resource["resource"]), **question) as answer,
    ):
        return await answer.text()


def states(resource: Mapping[str, Any], answer: str) -> dict[str, tuple[float, str]]:
    """Return each sensor's value and unit; templates see the answer as ``value`` and ``value_json``."""
    templates = ImmutableSandboxedEnvironment()
    return {
        sensor["unique_id"]: (
            float(
                templates.from_string(sensor["value_template"]).render(value=answer, value_json=json.loads(answer))
            ),
            sensor["unit_of_measurement"],
        )
        for sensor in resource["sensor"]
    }


@every_file
def test_rest_sensors_show_what_the_meter_shows(vendor: str, store: FileTrustStore) -> None:
    resource = resource_of(vendor)
    assert resource["authentication"] == "digest"
    with running_household(vendor, store) as home:
        shown = states(resource, asyncio.run(fetch(resource, home.proxy.url)))
        assert home.gateway.wrong_logins == 0
    bought, fed_in = meter.latest(NOW)
    assert shown.pop("smgw_import") == (float(bought.kilowatt_hours), "kWh")
    assert shown.pop("smgw_export") == (float(fed_in.kilowatt_hours), "kWh")
    assert shown == ({"smgw_power": (meter.power(NOW), "W")} if vendor == "emh" else {})


@every_file
def test_rest_sensors_are_polled_kindly(vendor: str) -> None:
    resource = resource_of(vendor)
    assert resource["scan_interval"] >= 300
    assert resource["timeout"] >= 60  # the default of --queue-timeout


@every_file
def test_rest_file_fits_the_schema(vendor: str, tmp_path: Path) -> None:
    document = {"rest": [resource_of(vendor)]}
    assert faults(document, "home-assistant-rest.json", tmp_path) == ""


def test_schema_finds_a_misspelt_key(tmp_path: Path) -> None:
    misspelt = {"rest": [{**resource_of("emh"), "authentification": "digest"}]}
    assert "authentification" in faults(misspelt, "home-assistant-rest.json", tmp_path)


def addresses_to_enter() -> dict[str, str]:
    """Return the URL that the page has for ha-ppc-smgw, by vendor."""
    page = (EXAMPLES / "home-assistant/README.md").read_text()
    rows = re.findall(r"^\| (\w+)[^|]*\| `(http://[^`]+)` \|", page, re.MULTILINE)
    return {vendor.lower(): url for vendor, url in rows}


def ask(home: Household, vendor: str, url: str) -> httpx.Response:
    """Send the first request of ha-ppc-smgw's client for this vendor to the URL that was entered."""
    with httpx.Client(auth=httpx.DigestAuth(LOGIN, LOGIN), follow_redirects=True) as client:
        if vendor == "theben":
            return client.post(url, json={"method": "smgw-info"})
        return client.get(url.rstrip("/") + ("/json/metering/origin/" if vendor == "emh" else ""))


@pytest.mark.parametrize("vendor", ["ppc", "theben", "emh"])
def test_address_to_enter_in_ha_ppc_smgw_reaches_the_gateway(vendor: str, store: FileTrustStore) -> None:
    with running_household(vendor, store) as home:
        answer = ask(home, vendor, at(home.proxy.url, addresses_to_enter()[vendor]))
        assert answer.status_code == 200
        assert home.gateway.wrong_logins == 0
