"""A simulated gateway with a proxy before it, and what the two sides saw of a request."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from smgwproxy.demo import Gateway, Received, meter, run_in_thread, start_gateway
from smgwproxy.demo.times import from_german
from smgwproxy.origin import Origin
from smgwproxy.truststores import TrustStore
from tests.support import RunningProxy, running_proxy

NOW = datetime(2026, 5, 14, 10, 7, tzinfo=UTC)
"""What the clock of each simulated gateway shows: seven minutes after the meter was read, in summer time."""

Readings = dict[str, tuple[int, datetime]]
"""Tenths of watt-hours, and when they were read, by OBIS code as COSEM writes it."""

_CODES = {channel.obis: channel.code for channel in meter.CHANNELS}
# What a client or the gateway makes up anew for each login.
_RANDOM = re.compile(r'\b(nonce|cnonce|response|session|Cookie|tkn)=(?:"[^"]*"|[^",;&\s]*)')
_PPC_ROW = re.compile(r'<tr id="table_metervalues_line\d+">(.*?)</tr>')
_PPC_CELL = re.compile(r'<td id="table_metervalues_col_(\w+)">([^<]*)</td>')


@dataclass(frozen=True)
class Household:
    """What a user has: a gateway, and the proxy that leads there over plain HTTP."""

    gateway: Gateway
    proxy: RunningProxy


@contextmanager
def running_household(vendor: str, store: TrustStore) -> Iterator[Household]:
    """Run the gateway of a vendor and a proxy before it; each has a thread of its own."""
    make = partial(start_gateway, vendor, clock=lambda: NOW)
    with run_in_thread(make) as gateway, running_proxy(Origin(*gateway.address), store) as proxy:
        yield Household(gateway, proxy)


def meter_readings() -> Readings:
    """Return what the meter shows at the gateway's time."""
    return {reading.channel.code: (reading.value, reading.at) for reading in meter.latest(NOW)}


def readings_of(vendor: str, text: str) -> Readings:
    """Read the answer that has the readings, as the vendor's clients do."""
    return {"theben": _theben_readings, "ppc": _ppc_readings, "emh": _emh_readings}[vendor](text)


def _theben_readings(text: str) -> Readings:
    readings: Readings = {}
    for channel in json.loads(text)["readings"]["channels"]:
        (reading,) = channel["readings"]
        readings[channel["obis"]] = (int(reading["value"]), datetime.fromisoformat(reading["capture-time"]))
    return readings


def _emh_readings(text: str) -> Readings:
    answer = json.loads(text)
    at = datetime.fromisoformat(answer["timestamp"])
    return {
        value["logical_name"].partition(".")[0]: (int(value["value"]), at)
        for value in answer["values"]
        if (value["unit"], value["scaler"]) == (meter.WATT_HOUR, meter.SCALER)
    }


def _ppc_readings(text: str) -> Readings:
    readings: Readings = {}
    at = ""
    for row in _PPC_ROW.findall(text):
        cells = dict(_PPC_CELL.findall(row))
        at = cells.get("timestamp", at)  # only the first row of a pair has it
        tenths = Decimal(cells["wert"]) * 10_000
        readings[_CODES[cells["obis"]]] = (int(tenths), from_german(datetime.fromisoformat(at)))
    return readings


def seen(requests: Sequence[Received]) -> list[tuple[str, list[tuple[str, str]], str]]:
    """Return what a gateway saw, so that two runs of one client can be compared.

    Only what is made up anew for each login is hidden. Connection is left out: it is about one connection, and a
    proxy must not pass it on (RFC 9110 section 7.6.1).
    """
    return [
        (
            f"{request.method} {request.target}",
            [(name, _without_random(value)) for name, value in request.headers if name.lower() != "connection"],
            _without_random(request.body.decode()),
        )
        for request in requests
    ]


def _without_random(text: str) -> str:
    return _RANDOM.sub(r"\1=*", text)
