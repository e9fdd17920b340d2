"""evcc's plugin http reads the meter with the file of examples/evcc."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from smgwproxy.demo import meter
from smgwproxy.truststores.file import FileTrustStore
from tests.clients.conftest import find_program
from tests.clients.household import NOW, running_household
from tests.examples.files import EXAMPLES, at, faults, read_yaml
from tests.support import PATIENCE

DOCUMENT = EXAMPLES / "evcc/evcc.yaml"


def read(source: Mapping[str, Any], base: str, jq: str) -> float:
    """Read one value as evcc's plugin http does: the answer goes through jq, and the result must be one number."""
    login = source["auth"]
    assert (source["source"], login["type"]) == ("http", "digest")
    with httpx.Client(auth=httpx.DigestAuth(login["user"], login["password"])) as client:
        answer = client.get(at(base, source["uri"])).raise_for_status()
    told = subprocess.run(
        [jq, source["jq"]], input=answer.text, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    return float(told.stdout)


def test_evcc_reads_power_and_energy_through_the_proxy(store: FileTrustStore) -> None:
    jq = find_program("jq")
    (grid,) = read_yaml(DOCUMENT)["meters"]
    bought, fed_in = meter.latest(NOW)
    with running_household("emh", store) as home:
        base = home.proxy.url
        assert read(grid["power"], base, jq) == pytest.approx(meter.power(NOW))
        assert read(grid["energy"], base, jq) == pytest.approx(float(bought.kilowatt_hours))
        assert read(grid["returnenergy"], base, jq) == pytest.approx(float(fed_in.kilowatt_hours))
        assert home.gateway.wrong_logins == 0


def test_values_share_one_request_a_minute() -> None:
    (grid,) = read_yaml(DOCUMENT)["meters"]
    sources = [grid[name] for name in ("power", "energy", "returnenergy")]
    assert {(one["uri"], one["cache"]) for one in sources} == {(sources[0]["uri"], "1m")}


def test_evcc_file_fits_the_schema(tmp_path: Path) -> None:
    document = read_yaml(DOCUMENT)
    assert faults(document, "evcc.json", tmp_path) == ""
    assert document["site"]["meters"]["grid"] == document["meters"][0]["name"]


def test_schema_finds_a_login_of_no_kind(tmp_path: Path) -> None:
    document = read_yaml(DOCUMENT)
    document["meters"][0]["power"]["auth"]["type"] = "digset"
    assert "digset" in faults(document, "evcc.json", tmp_path)
