"""A simulated Theben Conexa: JSON over POST below /smgw/m2m, pages for people below /smgw/cust."""

from __future__ import annotations

import hashlib
import json
import ssl
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote

from smgwproxy.demo import meter, pages
from smgwproxy.demo.certificate import ServerCertificate, self_signed
from smgwproxy.demo.digest import Verdict
from smgwproxy.demo.http import Pace, Received, Reply
from smgwproxy.demo.meter import Reading
from smgwproxy.demo.times import QUARTER, german_time
from smgwproxy.demo.vendor import ReadingRequest, Setup, TlsProfile, Vendor, html, text

_FIRMWARE = "v3.80.0-cc"
_MAKER = "Theben Smart Energy GmbH (simuliert)"
_METER = "1dmo0000000001"
_USAGE_POINT = "1"
_ARCHIVED_USAGE_POINT = "2"
_JSON_VERSION = "1.3.0"
_SELF_TEST = timedelta(minutes=10)
_LONGEST_QUERY = timedelta(days=31)
_LOOK = pages.Look("demo·smgw", "Bauart Theben Conexa", "#1d4477", "#8a9a00")
_ENTRIES = ("/smgw/m2m", "/smgw/m2m/")
_ROOTS = ("/", "/smgw", "/smgw/", "/smgw/cust", "/smgw/cust/")

_Question = Mapping[str, object]


class _BadQuestion(ValueError):
    """A JSON request that is understood but cannot be answered (status 400)."""


class Theben(Vendor):
    """A wrong login gets no answer at all, and so does everything while it is locked."""

    name = "theben"
    identity = "ETHE0300186023"
    tls = TlsProfile(group="secp384r1", maximum=ssl.TLSVersion.TLSv1_2)
    algorithms = ("SHA-256", "MD5")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        user = quote(setup.user, safe="")
        self._json_path = f"/smgw/m2m/{user}/json"
        self._pages = f"/smgw/cust/{user}.sm"
        self._self_test_until: datetime | None = None

    @property
    def realm(self) -> str:
        """The realm of the Digest login."""
        return f"{self.identity}.sm"

    @property
    def page(self) -> str:
        """The page with the state of the gateway and the readings."""
        return f"{self._pages}/start"

    @property
    def reading_requests(self) -> tuple[ReadingRequest, ...]:
        """One POST of the method readings."""
        question = {
            "method": "readings",
            "usage-point-id": _USAGE_POINT,
            "database": "origin",
            "last-reading": "true",
        }
        headers = (("Content-Type", "application/json"),)
        return (ReadingRequest("POST", self._json_path, headers, json.dumps(question)),)

    def make_certificate(self) -> ServerCertificate:
        """P-384, ECDSA-SHA256, and NULL parameters in its signature algorithm."""
        return self_signed(
            self.identity, curve="secp384r1", organization="Simulated gateway", null_parameters=True
        )

    def answer(self, request: Received) -> Reply | None:
        """Answer one request; None while locked and after a wrong login."""
        if self.guard.locked:
            return None
        if request.path == f"{self._pages}/logout":
            return html(self._farewell())
        # Clients follow a redirect with the Authorization they made for where it came from.
        moved_from = {self._json_path: _ENTRIES, self.page: _ROOTS}.get(request.path, ())
        verdict = self.check_login(request, moved_from=moved_from)
        if verdict is Verdict.WRONG:
            return None
        if verdict is not Verdict.GOOD:
            return self.refusal(verdict)
        if self._self_test_until is not None and self.clock() < self._self_test_until:
            return self._busy(self._self_test_until)
        for_machines = (*_ENTRIES, self._json_path)
        return self._machine(request) if request.path in for_machines else self._person(request)

    # --- machines ---------------------------------------------------------------------------------------

    def _machine(self, request: Received) -> Reply:
        entry = request.path in _ENTRIES
        if request.method != "POST" and not (entry and request.method == "GET"):
            return text(405, "Method Not Allowed", ("Allow", "GET, POST" if entry else "POST"))
        if request.method == "POST":
            if request.value("Content-Length") is None:
                return text(411, "Length Required")
            if request.value("Content-Type") != "application/json":
                return self._error(400, "", "Content-Type is not application/json")
        if entry:
            return Reply(307, (("Location", self._json_path),))
        return self._json(request.body)

    def _json(self, body: bytes) -> Reply:
        try:
            question = json.loads(body)
        except ValueError:
            return self._error(400, "", "the body is not JSON")
        method = question.get("method") if isinstance(question, dict) else None
        answers: dict[str, Callable[[_Question], object]] = {
            "smgw-info": self._smgw_info,
            "user-info": self._user_info,
            "usage-point-info": self._usage_point_info,
            "readings": self._readings,
            "self-test": self._start_self_test,
        }
        if not isinstance(method, str) or method not in answers:
            return self._error(400, str(method), "unknown method")
        try:
            content = answers[method](question)
        except _BadQuestion as error:
            return self._error(400, method, str(error))
        return self._answered(200, {"method": method, method: content})

    def _error(self, status: int, method: str, message: str) -> Reply:
        return self._answered(status, {"method": method, "error": message})

    def _answered(self, status: int, content: dict[str, object]) -> Reply:
        body = json.dumps({"elapsed-time": "66 miliseconds", **content, "version": _JSON_VERSION})
        return Reply(status, (("Content-Type", "application/json"),), body.encode())

    def _smgw_info(self, _: _Question) -> object:
        return {
            "smgw-id": self.identity,
            "smgw-time": f"{self.clock():%Y-%m-%dT%H:%M:%SZ}",
            "smgw-state": "OK",
            "firmware-info": {
                "version": _FIRMWARE,
                "hash": hashlib.sha256(_FIRMWARE.encode()).hexdigest(),
                "component": "smgw",
            },
        }

    def _user_info(self, _: _Question) -> object:
        def usage_point(identifier: str, taf: str, state: str) -> dict[str, object]:
            return {
                "usage-point-id": identifier,
                "usage-point-name": f"TAF{taf}-{_METER}",
                "metering-point-id": "DE0000000000000000000000000000001",
                "taf-number": taf,
                "taf-state": state,
                "start-time": "2024-01-01T00:00:00Z",
                "end-time": "",
                "meter": [{"meter-id": f"{_METER}.sm"}],
                "billingPeriods": [],
            }

        points = [usage_point(_ARCHIVED_USAGE_POINT, "1", "archive"), usage_point(_USAGE_POINT, "7", "running")]
        return {"user-id": self.user, "usage-points": points}

    def _usage_point_info(self, question: _Question) -> object:
        _check_usage_point(question)
        channels = [
            {"obis": channel.code, "scaler": str(meter.SCALER), "unit": str(meter.WATT_HOUR)}
            for channel in meter.CHANNELS
        ]
        return {
            "usage-point-id": _USAGE_POINT,
            "databases": [{"database": "origin", "channels": channels}],
        }

    def _readings(self, question: _Question) -> object:
        _check_usage_point(question)
        now = self.clock()
        if str(question.get("last-reading", "false")).lower() == "true":
            rows = [meter.latest(now)]
        else:
            start, end = _time(question, "fromtime", now - QUARTER), _time(question, "totime", now)
            if end - start > _LONGEST_QUERY:
                raise _BadQuestion("more than 31 days are asked for")
            rows = meter.between(start, min(end, now))
        return {
            "channels": [
                {"obis": channel.code, "readings": [_reading(row[index]) for row in rows]}
                for index, channel in enumerate(meter.CHANNELS)
            ],
            "records": str(len(rows) * len(meter.CHANNELS)),
        }

    # --- people -----------------------------------------------------------------------------------------

    def _person(self, request: Received) -> Reply:
        self_test = f"{self._pages}/selftest"
        if request.method not in {"GET", "HEAD"} and (request.method, request.path) != ("POST", self_test):
            return text(405, "Method Not Allowed", ("Allow", "GET, HEAD"))
        if request.path in _ROOTS:
            return Reply(302, (("Location", self.page),))
        if request.path == self.page:
            return html(self._start())
        if request.path == self_test:
            if request.method == "POST":
                self._start_self_test({})
                return html(self._self_test("Der Selbsttest läuft. Das SMGW antwortet in 10 Minuten wieder."))
            return html(self._self_test("Während des Selbsttests antwortet das SMGW 10 Minuten lang nicht."))
        return text(404, "Not Found")

    def _start(self) -> str:
        now = self.clock()
        state = (
            ("SMGW-ID", self.identity),
            ("Hersteller", _MAKER),
            ("Firmware-Version", _FIRMWARE),
            ("Status", "OK"),
            ("Systemzeit", f"{german_time(now):%d.%m.%Y %H:%M}"),
        )
        content = [
            pages.section("Informationen über das SMGW", pages.facts(state)),
            pages.section("Aktueller Zählerstand", pages.readings(meter.latest(now))),
        ]
        return self._page("start", "\n".join(content))

    def _self_test(self, message: str) -> str:
        form = (
            f"<p>{message}</p>\n"
            f'<form method="post" action="{self._pages}/selftest"><button>Selbsttest starten</button></form>'
        )
        return self._page("selftest", pages.section("SMGW-Selbsttest", form))

    def _farewell(self) -> str:
        content = "<p>Sie sind abgemeldet. Schließen Sie den Browser, damit er Ihr Kennwort vergisst.</p>"
        return self._page("logout", pages.section("Abmelden", content))

    def _page(self, here: str, content: str) -> str:
        items = (("start", "Startseite"), ("selftest", "SMGW-Selbsttest"), ("logout", "Abmelden"))
        menu = [pages.link(f"{self._pages}/{name}", title, here=name == here) for name, title in items]
        heading = f"Statusinformationen vom SMGW \N{EN DASH} {self.identity} \N{EN DASH}"
        return pages.page(_LOOK, heading, menu, content)

    # --- self-test --------------------------------------------------------------------------------------

    def _start_self_test(self, _: _Question) -> object:
        self._self_test_until = self.clock() + _SELF_TEST
        return {"result": "started"}

    def _busy(self, until: datetime) -> Reply:
        seconds = int((until - self.clock()).total_seconds())
        reply = text(503, "Selbsttest läuft / self-test running", ("Retry-After", str(seconds)))
        return Reply(reply.status, reply.headers, reply.body, Pace.REQUEST, closes=True)


def _check_usage_point(question: _Question) -> None:
    if question.get("usage-point-id") != _USAGE_POINT:
        raise _BadQuestion("unknown usage-point-id")
    if question.get("database", "origin") != "origin":
        raise _BadQuestion("unknown database")


def _time(question: _Question, name: str, default: datetime) -> datetime:
    value = question.get(name)
    if value is None:
        return default
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise _BadQuestion(f"{name} is no time with a time zone")
    return at


def _reading(reading: Reading) -> dict[str, str]:
    at = f"{reading.at:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "target-time": at,
        "capture-time": at,
        "value": str(reading.value),
        "owner-number": f"{_METER}.sm",
        "smgw-status": "a0000000",
        "meter-status": "208c3800",
        "cosem-status": "a0000000208c3800",
        "signature": hashlib.sha512(f"{reading}".encode()).hexdigest(),
    }
