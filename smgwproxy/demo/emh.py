"""A simulated EMH CASA: JSON over GET below /json/metering, and one page for people."""

from __future__ import annotations

import json
from datetime import datetime

from smgwproxy.demo import meter, pages
from smgwproxy.demo.certificate import ServerCertificate, self_signed
from smgwproxy.demo.digest import Verdict
from smgwproxy.demo.http import Received, Reply
from smgwproxy.demo.times import german_time
from smgwproxy.demo.vendor import ReadingRequest, TlsProfile, Vendor, html, text

_METER = "1emh0000000001"
_CONTRACT = "TAF1-0000000001"
_WATT = 27  # DLMS unit code
_POWER = "0100100700ff"
_LOOK = pages.Look("demo·smgw", "Bauart EMH CASA", "#7a1a1f", "#666666")


class Emh(Vendor):
    """Takes requests for its own address only, and one TLS connection at a time."""

    name = "emh"
    identity = "EEMH0012345678"
    tls = TlsProfile(group="prime256v1")
    one_connection = True

    @property
    def page(self) -> str:
        """The page with the readings."""
        return "/"

    @property
    def reading_requests(self) -> tuple[ReadingRequest, ...]:
        """One GET of the meter's registers."""
        return (ReadingRequest("GET", f"/json/metering/origin/{_METER}/extended"),)

    def make_certificate(self) -> ServerCertificate:
        """P-256, with the name that the gateway announces by mDNS."""
        return self_signed(self.identity, dns_names=("smgw.local",), organization="Simulated gateway")

    def answer(self, request: Received) -> Reply | None:
        """Answer one request."""
        if request.value("Host") not in _own_names(request.local):
            return text(400, "Bad Request: invalid host")
        if self.guard.locked:
            return text(403, "Forbidden: locked")
        verdict = self.check_login(request)
        if verdict is not Verdict.GOOD:
            return self.refusal(verdict)
        if request.method not in {"GET", "HEAD"}:
            return text(405, "Method Not Allowed", ("Allow", "GET, HEAD"))
        return html(self._page()) if request.path == "/" else self._json(request.path)

    def _json(self, path: str) -> Reply:
        contents: dict[str, object] = {
            "/json/metering/origin": [_METER],
            f"/json/metering/origin/{_METER}/extended": _registers(self.clock()),
            "/json/metering/derived": [_CONTRACT],
            f"/json/metering/derived/{_CONTRACT}": {"taf_type": "TAF-1", "sensor_domains": [_METER]},
        }
        content = contents.get(path.removesuffix("/"))
        if content is None:
            return text(404, "Not Found")
        return Reply(200, (("Content-Type", "application/json"),), json.dumps(content, indent=4).encode())

    def _page(self) -> str:
        now = self.clock()
        state = (
            ("Gateway-ID", self.identity),
            ("Zähler", _METER),
            ("Vertrag", _CONTRACT),
            ("Gateway-Zeit", f"{german_time(now):%d.%m.%Y %H:%M:%S}"),
        )
        content = [
            pages.section("Zählerstände", pages.readings(meter.latest(now))),
            pages.section("Gateway", pages.facts(state)),
        ]
        menu = [
            pages.link("/", "Zählerstände", here=True),
            pages.link(f"/json/metering/origin/{_METER}/extended", "Werte als JSON"),
            pages.link(f"/json/metering/derived/{_CONTRACT}", "Vertrag als JSON"),
        ]
        return pages.page(_LOOK, f"Smart-Meter-Gateway {self.identity}", menu, "\n".join(content))


def _own_names(local: tuple[str, int]) -> set[str]:
    """List what Host may be: the address the client spoke to, or the mDNS name, each with or without the port."""
    host, port = local
    address = f"[{host}]" if ":" in host else host
    return {address, f"{address}:{port}", "smgw.local", f"smgw.local:{port}"}


def _registers(now: datetime) -> object:
    readings = meter.latest(now)
    values = [
        {
            "value": str(reading.value),
            "unit": meter.WATT_HOUR,
            "scaler": meter.SCALER,
            "logical_name": f"{reading.channel.code}.{_METER}.sm",
        }
        for reading in readings
    ]
    power = {"value": str(meter.power(now)), "unit": _WATT, "scaler": 0, "logical_name": f"{_POWER}.{_METER}.sm"}
    at = german_time(readings[0].at).isoformat()
    return {
        "capture_time": at,
        "timestamp": at,
        "status": "a000000010229100",
        "values": [*values, power],
    }
