"""The request sequences of two published clients, and what they look for in the answers.

The clients themselves need a newer Python than this project; their sequences are written down here.
"""

from __future__ import annotations

import asyncio
import re
import xml.etree.ElementTree as ET
from datetime import datetime
from typing import Any

import aiohttp
import httpx
import pytest

from smgwproxy.demo import Gateway
from tests.demo.conftest import StartGateway, client_context

_JSON = {"content-type": "application/json"}


async def _read_theben(gateway: Gateway, password: str) -> dict[str, str]:
    """theben-conexa-smgw 0.4: a login for the path, a fresh one for three questions and the reading."""
    async with aiohttp.ClientSession() as session:
        async with session.post(
            f"{gateway.url}/smgw/m2m",
            ssl=False,
            headers=_JSON,
            allow_redirects=False,
            middlewares=(aiohttp.DigestAuthMiddleware(login=gateway.user, password=password),),
        ) as response:
            assert response.status == 307
            url = gateway.url + response.headers["Location"]
        login = aiohttp.DigestAuthMiddleware(login=gateway.user, password=password)

        async def ask(**question: str) -> Any:
            async with session.post(
                url,
                json={name.replace("_", "-"): value for name, value in question.items()},
                ssl=False,
                headers=_JSON,
                allow_redirects=False,
                middlewares=(login,),
            ) as answer:
                assert answer.status == 200
                return await answer.json()

        info = await ask(method="smgw-info")
        assert info["version"]
        assert info["smgw-info"]["firmware-info"]["version"]
        users = await ask(method="user-info")
        point = next(point for point in users["user-info"]["usage-points"] if point["taf-number"] == "7")
        assert point["taf-state"] != "archive"
        assert point["usage-point-name"]
        assert point["start-time"]
        identifier = point["usage-point-id"]
        details = await ask(method="usage-point-info", usage_point_id=identifier, database="origin")
        channels = details["usage-point-info"]["databases"][0]["channels"]
        assert {int(channel["unit"]) for channel in channels} == {30}
        assert {int(channel["scaler"]) for channel in channels} == {-1}
        values = await ask(method="readings", usage_point_id=identifier, database="origin", last_reading="true")
        return {channel["obis"]: channel["readings"][0]["value"] for channel in values["readings"]["channels"]}


def test_the_sequence_of_theben_conexa_smgw_reads_both_registers(gateway_of: StartGateway) -> None:
    gateway = gateway_of("theben")

    values = asyncio.run(_read_theben(gateway, gateway.password))

    assert set(values) == {"0100010800ff", "0100020800ff"}
    assert all(value.isdigit() for value in values.values())
    assert gateway.wrong_logins == 0


def test_theben_conexa_smgw_sees_a_disconnect_when_the_password_is_wrong(gateway_of: StartGateway) -> None:
    gateway = gateway_of("theben")

    with pytest.raises(aiohttp.ClientConnectionError):
        asyncio.run(_read_theben(gateway, "wrong"))


class _PpcClient:
    """py-ppc-smgw 0.2: a GET for the cookie, which it sends again under the name "Cookie", then forms."""

    def __init__(self, gateway: Gateway, client: httpx.AsyncClient) -> None:
        self._url = gateway.url + gateway.page
        self._client = client
        self._auth = httpx.DigestAuth(gateway.user, gateway.password)
        self._cookies: dict[str, str] = {}

    async def log_in(self) -> None:
        if "session" in self._client.cookies:
            self._client.cookies.delete(name="session")
        response = await self._client.get(self._url, auth=self._auth)
        self._cookies = {"Cookie": response.cookies["session"]}

    async def post(self, action: str, **form: str) -> httpx.Response:
        with pytest.warns(DeprecationWarning, match="per-request cookies"):
            return await self._client.post(
                self._url, data={"action": action, **form}, cookies=self._cookies, auth=self._auth
            )

    async def log_out(self) -> None:
        self._cookies = {}
        await self._client.post(self._url, data={"action": "logout"}, auth=self._auth)


async def _read_ppc(gateway: Gateway) -> dict[str, bytes]:
    async with httpx.AsyncClient(verify=client_context()) as http:
        client = _PpcClient(gateway, http)
        await client.log_in()
        form = (await client.post("meterform")).text
        (meter,) = re.findall(
            r'<select name="mid" id="meterform_select_meter" size="1">\s*<option value="(\w+)">', form
        )
        answers = {
            action: (await client.post(action, mid=meter)).content
            for action in ("showMeterProfile", "exportMeterProfile", "swversions")
        }
        answers["exportMeterValues"] = (
            await client.post(
                "exportMeterValues", mid=meter, **{"from": "2026-05-13 00:00:00", "to": "2026-05-14 00:00:00"}
            )
        ).content
        await client.log_out()
        await client.log_in()  # the next poll finds the gateway free
        await client.log_out()
        return answers


@pytest.fixture
def ppc(gateway_of: StartGateway) -> Gateway:
    return gateway_of("ppc")


@pytest.fixture
def answers(ppc: Gateway) -> dict[str, bytes]:
    return asyncio.run(_read_ppc(ppc))


def _embedded_xml(content: bytes, closing_tag: bytes) -> ET.Element:
    start, end = content.index(b"<?xml"), content.index(closing_tag) + len(closing_tag)
    return ET.fromstring(content[start:end])  # noqa: S314 - our own


def test_the_sequence_of_py_ppc_smgw_finds_the_reading(ppc: Gateway, answers: dict[str, bytes]) -> None:
    page = answers["showMeterProfile"].decode()
    (table,) = re.findall(r'<table id="metervalue">(.*?)</table>', page, re.DOTALL)
    (at,) = re.findall(r'id="table_metervalues_col_timestamp">([^<]+)<', table)

    assert datetime.strptime(at, "%Y-%m-%d %H:%M:%S") == datetime(2026, 5, 14, 12, 0)
    assert re.findall(r'id="table_metervalues_col_obis">([^<]+)<', table) == ["1-0:1.8.0", "1-0:2.8.0"]
    assert len(re.findall(r'id="table_metervalues_col_wert">\d+\.\d{4}<', table)) == 2
    cookie = next(request.value("Cookie") for request in ppc.received if request.method == "POST")
    assert re.search(r"Cookie=[0-9a-f]{32}", cookie or "")


def test_py_ppc_smgw_finds_the_firmware_in_the_only_table(answers: dict[str, bytes]) -> None:
    rows = re.findall(r"<tr>(.*?)</tr>", answers["swversions"].decode(), re.DOTALL)[1:]

    assert [len(re.findall("<td>", row)) for row in rows] == [3, 3, 3]


def test_py_ppc_smgw_finds_the_profile_in_the_export(answers: dict[str, bytes]) -> None:
    names = {
        "klc": "urn:k461-dke-de:kaf_lmn_container-1",
        "adevs": "urn:k461-dke-de:abstract_device_setup-1",
        "ems": "urn:k461-dke-de:e_meter_sensor_setup-1",
    }
    device = _embedded_xml(answers["exportMeterProfile"], b"</klc:container>").find(
        ".//klc:e_meter_device_object", names
    )

    assert device is not None
    assert device.findtext(".//adevs:samplerate", namespaces=names) == "900"
    assert device.findtext(".//adevs:active", namespaces=names) == "1"
    assert device.findtext(".//adevs:device_identifier", namespaces=names)
    assert [value.text for value in device.findall(".//ems:values/ems:value", names)] == [
        "0100010800ff",
        "0100020800ff",
    ]


def test_py_ppc_smgw_finds_signed_values_in_the_export(answers: dict[str, bytes]) -> None:
    names = {"p": "urn:k461-dke-de:profile_generic-1", "e": "urn:k461-dke-de:extension-1"}
    root = _embedded_xml(answers["exportMeterValues"], b"</ns1:object>")
    columns = root.findall("p:attributes/p:buffer/p:simple_data/p:column", names)
    objects = root.findall("p:attributes/p:capture_objects/p:capture_object", names)

    assert root.tag == f"{{{names['p']}}}object"
    assert [each.attrib["id"] for each in objects] == [each.attrib["id"] for each in columns]
    assert (objects[0].findtext("e:logical_name", namespaces=names) or "").startswith("0100010800ff.")
    entries = columns[0].findall("p:entry_gateway_signed", names)
    assert len(entries) == 97
    assert entries[0].findtext("e:capture_time", namespaces=names) == "2026-05-12T22:00:00Z"
    assert int(entries[0].findtext("e:value/e:long64", namespaces=names) or "") > 0
    assert entries[0].findtext("e:scaler", namespaces=names) == "-1"
    assert entries[0].findtext("e:unit", namespaces=names) == "30"
    assert entries[0].findtext("e:status/e:unsigned", namespaces=names) == "0"
    assert entries[0].findtext("e:smgw_signature", namespaces=names)
