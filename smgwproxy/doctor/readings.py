"""Logs in once, with each vendor's own requests, and reads the meter's last values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from smgwproxy.commands.text import printable
from smgwproxy.doctor.digest import Login
from smgwproxy.doctor.exchange import Asker, NothingHeard, Reply
from smgwproxy.doctor.vendors import Vendor
from smgwproxy.errors import SmgwProxyError
from smgwproxy.http1 import Lines, values
from smgwproxy.phrases import phrase

_JSON = ("Content-Type", "application/json")
_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_WATT_HOUR = 30  # IEC 62056-6-2, table of units
_MOST_METERS = 8
_COOKIE = re.compile(r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+=[!#-+\--:<-\[\]-~]*)")  # RFC 6265 section 4.1.1
_CODE = re.compile(r"0100([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})ff")
_LOOK = phrase("Look with a browser what the gateway shows.")
_WAIT = phrase("Some gateways lock themselves after a few of these: do not try again before it is certain.")


class NotRead(SmgwProxyError):
    """The meter could not be read; the text says why, ``advice`` what can be done."""

    def __init__(self, message: str, advice: str = _LOOK) -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Reading:
    """One register's last value: ``obis`` such as 1-0:1.8.0, ``value`` in ``unit``, taken at ``at``.

    ``at`` has a time zone unless the gateway tells German local time without one.
    """

    meter: str
    obis: str
    value: Decimal
    unit: str
    at: datetime | None


def last_readings(vendor: Vendor, asker: Asker, login: Login) -> Sequence[Reading]:
    """Log in, once, and read; raises `NotRead`. Nothing is asked again with credentials, whatever comes of it."""
    session = _Session(asker, login)
    read = {Vendor.THEBEN: _theben, Vendor.PPC: _ppc, Vendor.EMH: _emh}[vendor]
    try:
        found = [one for one in read(session) if one.unit in {"kWh", "Wh"}]
    except NothingHeard as error:
        if error.closed and session.first:
            raise NotRead(
                phrase("the gateway hung up when it saw user name and password"),
                phrase(
                    "So a Theben gateway refuses a wrong login. Check both, letter by letter. {wait}", wait=_WAIT
                ),
            ) from error
        raise NotRead(error.told, error.advice) from error
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as error:
        raise NotRead(phrase("the gateway's answer is not as expected of its kind")) from error
    if not found:
        raise NotRead(
            phrase("the gateway has no reading of energy for this user"),
            phrase("Ask the metering point operator."),
        )
    return found


class _Session:
    """Requests of one login; ``first`` until one was answered. With a ``cookie`` they need no more of it."""

    def __init__(self, asker: Asker, login: Login) -> None:
        self._asker = asker
        self._login = login
        self.first = True
        self.cookie: str | None = None

    def ask(self, method: str, path: str, body: bytes = b"", kind: tuple[str, str] | None = None) -> Reply:
        if self.cookie is None:
            lines: Lines = [("Authorization", self._login.answer(method, path))]
        else:
            lines = [("Cookie", self.cookie)]
        if kind is not None:
            lines.append(kind)
        reply = self._asker.ask(method, path, lines, body)
        if reply.status == 401:
            raise NotRead(
                phrase("user name or password is wrong"),
                phrase("Check both, letter by letter. {wait}", wait=_WAIT),
            )
        self.first = False
        return reply

    def json(self, method: str, path: str, question: Mapping[str, object] | None = None) -> Any:
        body = b"" if question is None else json.dumps(question).encode()
        reply = self.ask(method, path, body, _JSON if question is not None else None)
        _expect(reply, 200)
        return json.loads(reply.body)


def _expect(reply: Reply, status: int) -> None:
    if reply.status != status:
        raise NotRead(
            phrase("the gateway answered with status {status}", status=reply.status),
            phrase("Wait some minutes, and try again."),
        )


# --- Theben ---------------------------------------------------------------------------------------------


def _theben(session: _Session) -> Iterator[Reading]:
    entry = Vendor.THEBEN.path
    moved = session.ask("POST", entry, b"", _JSON)
    _expect(moved, 307)
    path = urlsplit(urljoin(entry, moved.value("location") or "")).path
    points = session.json("POST", path, {"method": "user-info"})["user-info"]["usage-points"]
    running = [one for one in points if one.get("taf-state") == "running"]
    for point in ([one for one in running if str(one.get("taf-number")) == "7"] or running)[:_MOST_METERS]:
        identifier = point["usage-point-id"]
        question = {
            "method": "readings",
            "usage-point-id": identifier,
            "database": "origin",
            "last-reading": "true",
        }
        info = session.json("POST", path, {"method": "usage-point-info", "usage-point-id": identifier})
        channels = {
            channel["obis"]: channel
            for database in info["usage-point-info"]["databases"]
            for channel in database["channels"]
        }
        meters = [str(one["meter-id"]).removesuffix(".sm") for one in point.get("meter", [])]
        for channel in session.json("POST", path, question)["readings"]["channels"]:
            told = channels.get(channel["obis"], {})
            for one in channel["readings"][-1:]:
                yield _reading(
                    ", ".join(meters),
                    channel["obis"],
                    one["value"],
                    told,
                    datetime.fromisoformat(one["capture-time"]),
                )


# --- EMH ------------------------------------------------------------------------------------------------


def _emh(session: _Session) -> Iterator[Reading]:
    entry = Vendor.EMH.path
    for meter in session.json("GET", entry)[:_MOST_METERS]:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", meter):
            raise ValueError("no meter's number")
        told = session.json("GET", f"{entry}{meter}/extended")
        at = datetime.fromisoformat(told["capture_time"]) if told.get("capture_time") else None
        for one in told["values"]:
            code = str(one["logical_name"]).partition(".")[0]
            yield _reading(re.sub(r"(?i)\.sm\Z", "", meter), code, one["value"], one, at)


def _reading(meter: str, code: str, value: object, told: Mapping[str, Any], at: datetime | None) -> Reading:
    """Make a reading of a value in COSEM's terms: a power of ten, and the number of a unit."""
    match = _CODE.fullmatch(code.lower())
    obis = "1-0:" + ".".join(str(int(group, 16)) for group in match.groups()) if match else code
    number = Decimal(str(value)).scaleb(int(told.get("scaler", 0)))
    if int(told.get("unit", 0)) != _WATT_HOUR:
        return Reading(printable(meter), printable(obis), number, "", at)
    return Reading(printable(meter), printable(obis), number.scaleb(-3), "kWh", at)


# --- PPC ------------------------------------------------------------------------------------------------


def _ppc(session: _Session) -> Iterator[Reading]:
    path = Vendor.PPC.path
    page = session.ask("GET", path)
    _expect(page, 200)
    cookies = [match[1] for value in values(page.lines, "set-cookie") if (match := _COOKIE.match(value))]
    if not cookies:
        raise NotRead(
            phrase("the gateway took the login, and gave no session"),
            phrase(
                "Another program or browser is logged in, or the gateway is locked: log out there, stop what "
                "polls it, and wait ten minutes."
            ),
        )
    session.cookie = "; ".join(cookies)
    token: dict[str, str] = {}

    def form(action: str, **more: str) -> _Page:
        body = urlencode({**token, "action": action, **more}).encode()
        reply = session.ask("POST", path, body, _FORM)
        _expect(reply, 200)
        return _Page.of(reply)

    token.update(_Page.of(page).token)
    try:
        for identifier, meter in form("meterform").meters[:_MOST_METERS]:
            yield from form("showMeterProfile", mid=identifier).readings(meter)
    finally:
        form("logout")  # or nobody else could log in for minutes


class _Page(HTMLParser):
    """What is in a page of PPC's: the token of its forms, the meters to choose from, the rows of values."""

    def __init__(self) -> None:
        super().__init__()
        self.token: dict[str, str] = {}
        self.meters: list[tuple[str, str]] = []
        self._rows: list[dict[str, str]] = []
        self._write: Callable[[str], None] | None = None

    @classmethod
    def of(cls, reply: Reply) -> _Page:
        """Read a page."""
        page = cls()
        page.feed(reply.body.decode("utf-8", "replace"))
        page.close()
        return page

    def readings(self, meter: str) -> Iterator[Reading]:
        """Yield the last values; a row without a time has that of the row before."""
        at, seen = None, set()
        for row in self._rows:
            if told := row.get("timestamp", "").strip():
                at = datetime.fromisoformat(told)
            obis = row.get("obis", "").strip()
            if "wert" in row and obis not in seen:
                seen.add(obis)
                value = Decimal(row["wert"].strip().replace(",", "."))
                yield Reading(printable(meter), printable(obis), value, row.get("einheit", "").strip(), at)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of what is of use."""
        told = {name: value or "" for name, value in attrs}
        place = told.get("id", "")
        self._write = None
        if tag == "input" and told.get("name") == "tkn" and not self.token:
            self.token = {"tkn": told.get("value", "")}
        elif tag == "tr" and place.startswith("table_metervalues_line"):
            self._rows.append({})
        elif tag == "td" and place.startswith("table_metervalues_col_") and self._rows:
            row, name = self._rows[-1], place.removeprefix("table_metervalues_col_")
            self._write = lambda text: row.update({name: row.get(name, "") + text})
        elif tag == "option" and told.get("value"):
            self.meters.append((told["value"], ""))
            self._write = self._name_meter

    def handle_endtag(self, tag: str) -> None:
        """Stop taking note."""
        if tag in {"td", "option"}:
            self._write = None

    def handle_data(self, data: str) -> None:
        """Take note of a text."""
        if self._write is not None:
            self._write(data)

    def _name_meter(self, text: str) -> None:
        identifier, name = self.meters[-1]
        # 01005e318002.1dmo0000000002.sm: the meter's own number stands in the middle
        found = re.search(r"\.([0-9A-Za-z]+)\.sm", text)
        self.meters[-1] = (identifier, found[1] if found else name + text.strip())
