"""A simulated PPC gateway: one CGI path, a login page and form POSTs, one session at a time."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from urllib.parse import parse_qsl, urlencode

from smgwproxy.demo import cms, meter, pages
from smgwproxy.demo.certificate import ServerCertificate, self_signed
from smgwproxy.demo.digest import Verdict
from smgwproxy.demo.http import Pace, Received, Reply
from smgwproxy.demo.meter import Reading
from smgwproxy.demo.times import from_german, german_time
from smgwproxy.demo.vendor import ReadingRequest, Setup, TlsProfile, Vendor, html, text

_PATH = "/cgi-bin/hanservice.cgi"
_METER = "1dmo0000000002"
_METER_NAME = f"01005e318002.{_METER}.sm"
_METER_ID = hashlib.sha256(_METER_NAME.encode()).hexdigest()[:32]
_SESSION_LIFE = timedelta(minutes=10)
_LONGEST_EXPORT = timedelta(days=100)
_FORM = "application/x-www-form-urlencoded"
_LOOK = pages.Look("demo·smgw", "Bauart PPC", "#00594c", "#5b8f22")
_FIRMWARE = (("smgw-bootstream", "33918"), ("smgw-services", "34868"), ("smgw-kernel", "34500"))
_ACTIONS = (
    ("meterform", "Zählerprofil"),
    ("swversions", "Software-Versionen"),
    ("selftest", "Selbsttest"),
    ("logout", "Abmelden"),
)

_Form = Mapping[str, str]


class _BadForm(ValueError):
    """A form that cannot be answered; the text is shown to the person."""


@dataclass(frozen=True, slots=True)
class _Session:
    cookie: str
    token: str
    used: datetime


class Ppc(Vendor):
    """Digest opens a session; the session's cookie is what counts from then on.

    While another session is open, or when it is locked, the answer is a page with status 200 and no cookie.
    """

    name = "ppc"
    identity = "EPPC0212345678"
    tls = TlsProfile(group="prime256v1")

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._session: _Session | None = None
        self._signer = self_signed(f"{self.identity}.sm")

    @property
    def page(self) -> str:
        """The only path there is."""
        return _PATH

    @property
    def reading_requests(self) -> tuple[ReadingRequest, ...]:
        """Log in, read the meter, log out: as long as nobody logs out, nobody else can log in."""

        def post(**form: str) -> ReadingRequest:
            return ReadingRequest("POST", _PATH, (("Content-Type", _FORM),), urlencode(form))

        return (
            ReadingRequest("GET", _PATH),
            post(action="showMeterProfile", mid=_METER_ID),
            post(action="logout"),
        )

    def make_certificate(self) -> ServerCertificate:
        """P-256."""
        return self_signed(self.identity, organization="Simulated gateway")

    def answer(self, request: Received) -> Reply | None:
        """Answer one request."""
        if request.path != _PATH:
            return text(404, "Not Found")
        if request.method not in {"GET", "HEAD", "POST"}:
            return text(405, "Method Not Allowed", ("Allow", "GET, HEAD, POST"))
        if self.guard.locked:
            return self._notice(
                "Gesperrt", "Das Gateway ist vorübergehend gesperrt. Versuchen Sie es später noch einmal."
            )
        session = self._session_of(request)
        verdict = self.check_login(request)
        # A session's cookie is enough for its forms: scripts send no Authorization with them.
        known = verdict is Verdict.GOOD or (verdict is Verdict.MISSING and session is not None)
        if not known:
            return self.refusal(verdict)
        return self._post(request, session) if request.method == "POST" else self._login_page(session)

    # --- sessions ---------------------------------------------------------------------------------------

    def _open_session(self) -> _Session | None:
        """Find the session that is open now, whoever has it."""
        session = self._session
        if session is not None and self.clock() - session.used > _SESSION_LIFE:
            session = None
        return session

    def _session_of(self, request: Received) -> _Session | None:
        """Find the open session if the request has its cookie."""
        session = self._open_session()
        if session is None:
            return None
        pairs = [pair.strip() for line in request.values("Cookie") for pair in line.split(";")]
        return session if f"session={session.cookie}" in pairs else None

    def _keep(self, session: _Session) -> None:
        self._session = _Session(session.cookie, session.token, self.clock())

    def _login_page(self, session: _Session | None) -> Reply:
        if session is None:
            if self._open_session() is not None:
                return self._notice(
                    "Belegt", "Ein anderer Benutzer ist angemeldet. Versuchen Sie es später noch einmal."
                )
            self.guard.poll()
            session = _Session(secrets.token_hex(16), secrets.token_hex(16), self.clock())
        self._keep(session)
        content = (
            f"<p>Angemeldet als {escape(self.user)} am Gateway {self.identity}.</p>\n"
            "<p>Wählen Sie links, was Sie sehen möchten, und melden Sie sich am Ende ab: "
            "solange Sie angemeldet sind, erreicht kein anderes Programm das Gateway.</p>"
        )
        body = self._page(session, "Anmeldung", content)
        # No blank before "secure": so it comes from the device, and so clients have learnt to read it.
        return html(body, ("Set-Cookie", f"session={session.cookie};secure"))

    def _notice(self, title: str, message: str) -> Reply:
        """Show a page without a session: status 200 and no cookie, whatever the reason."""
        return html(self._page(None, title, f"<p>{message}</p>"))

    # --- forms ------------------------------------------------------------------------------------------

    def _post(self, request: Received, session: _Session | None) -> Reply:
        if session is None:
            return self._notice("Keine Sitzung", "Bitte melden Sie sich neu an.")
        self._keep(session)
        if (request.value("Content-Type") or "").partition(";")[0].strip().lower() != _FORM:
            return text(415, "Unsupported Media Type")
        form = dict(parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))
        if form.get("tkn", session.token) != session.token:
            return self._notice("Ungültiges Formular", "Bitte melden Sie sich neu an.")
        actions: dict[str, Callable[[_Session, _Form], Reply]] = {
            "meterform": self._meter_form,
            "showMeterProfile": self._show_meter_profile,
            "showMeterValues": self._show_meter_values,
            "exportMeterProfile": self._export_meter_profile,
            "exportMeterValues": self._export_meter_values,
            "swversions": self._versions,
            "selftest": self._self_test,
            "logout": self._logout,
        }
        action = actions.get(form.get("action", ""))
        if action is None:
            return html(self._page(session, "Fehler", "<p>Unbekannte Aktion.</p>"))
        try:
            return action(session, form)
        except _BadForm as error:
            return html(self._page(session, "Fehler", f"<p>{escape(str(error))}</p>"))

    def _meter_form(self, session: _Session, _: _Form) -> Reply:
        content = (
            f'<form method="post" action="{_PATH}">\n'
            f'<input type="hidden" name="tkn" value="{session.token}">\n'
            f'<select name="mid" id="meterform_select_meter" size="1">\n'
            f'<option value="{_METER_ID}">{_METER_NAME}</option>\n</select>\n'
            '<button name="action" value="showMeterProfile">Anzeigen</button>\n'
            '<button name="action" value="exportMeterProfile">Profil exportieren</button>\n'
            '<button name="action" value="exportMeterValues">Werte exportieren</button>\n</form>'
        )
        return html(self._page(session, "Zählerprofil", content))

    def _show_meter_profile(self, session: _Session, form: _Form) -> Reply:
        _check_meter(form)
        facts = pages.facts(
            (("Zähler", _METER), ("Bezeichnung", _METER_NAME), ("Ableseintervall", "900 s"), ("Aktiv", "ja"))
        )
        content = f"{facts}\n{_value_table([meter.latest(self.clock())])}"
        return html(self._page(session, "Zählerprofil", content))

    def _show_meter_values(self, session: _Session, form: _Form) -> Reply:
        _check_meter(form)
        rows = self._asked_rows(form)
        return html(self._page(session, "Zählerstand", _value_table(rows[::-1])))

    def _export_meter_profile(self, _: _Session, form: _Form) -> Reply:
        _check_meter(form)
        return self._export("profile", cms.meter_profile(_METER))

    def _export_meter_values(self, _: _Session, form: _Form) -> Reply:
        _check_meter(form)
        return self._export("values", cms.meter_values(_METER, self._asked_rows(form)))

    def _export(self, name: str, xml: str) -> Reply:
        headers = (
            ("Content-Type", "application/pkcs7-mime"),
            ("Content-Disposition", f'attachment; filename="{_METER}_{name}.xml.cms"'),
        )
        return Reply(200, headers, cms.signed(xml, self._signer), Pace.EXPORT)

    def _asked_rows(self, form: _Form) -> list[tuple[Reading, Reading]]:
        """Read what lies between the German local times ``from`` and ``to``; a date alone means the whole day."""
        now = self.clock()
        start, end = _local_time(form, "from", now - timedelta(days=1)), _local_time(form, "to", now)
        if len(form.get("to", "")) == len("2026-05-14"):
            end += timedelta(days=1)
        if end - start > _LONGEST_EXPORT:
            raise _BadForm("Der Zeitraum ist zu lang.")
        return meter.between(start, min(end, now))

    def _versions(self, session: _Session, _: _Form) -> Reply:
        rows = "".join(
            f"<tr><td>{name}</td><td>{version}</td>"
            f"<td>{hashlib.sha256(name.encode()).hexdigest()[:32]}</td></tr>\n"
            for name, version in _FIRMWARE
        )
        content = f"<table>\n<tr><th>Komponente</th><th>Version</th><th>Prüfsumme</th></tr>\n{rows}</table>"
        return html(self._page(session, "Software-Versionen", content))

    def _self_test(self, _: _Session, __: _Form) -> Reply:
        self._session = None
        self.guard.lock()
        return self._notice("Selbsttest", "Das Gateway startet neu und ist in einigen Minuten wieder bereit.")

    def _logout(self, _: _Session, __: _Form) -> Reply:
        self._session = None
        return self._notice("Abmelden", "Sie sind abgemeldet.")

    def _page(self, session: _Session | None, title: str, content: str) -> str:
        menu = [] if session is None else [_menu_form(session, action, name) for action, name in _ACTIONS]
        return pages.page(_LOOK, f"SMGW {self.identity}", menu, pages.section(title, content))


def _menu_form(session: _Session, action: str, name: str) -> str:
    # The token comes first: scripts take the first input of the page for it.
    return (
        f'<form method="post" action="{_PATH}"><input type="hidden" name="tkn" value="{session.token}">'
        f'<input type="hidden" name="action" value="{action}"><button>{name}</button></form>'
    )


def _check_meter(form: _Form) -> None:
    if form.get("mid") != _METER_ID:
        raise _BadForm("Unbekannter Zähler.")


def _local_time(form: _Form, name: str, default: datetime) -> datetime:
    if name not in form:
        return default
    try:
        at = datetime.fromisoformat(form[name])
    except ValueError:
        raise _BadForm("Der Zeitraum ist ungültig.") from None
    return from_german(at) if at.tzinfo is None else at


def _value_table(rows: Sequence[Sequence[Reading]]) -> str:
    """Make the table of values as the device has it.

    The second row of each pair has no time, and the ids repeat in every row, which HTML forbids: clients find the
    cells by them.
    """
    lines: list[str] = []
    for row in rows:
        for position, reading in enumerate(row):
            at = f"{german_time(reading.at):%Y-%m-%d %H:%M:%S}"
            time_cell = f'<td id="table_metervalues_col_timestamp">{at}</td>' if position == 0 else "<td></td>"
            lines.append(
                f'<tr id="table_metervalues_line{len(lines) + 1}">'
                f'<td id="table_metervalues_col_wert">{reading.kilowatt_hours}</td>'
                '<td id="table_metervalues_col_einheit">kWh</td>'
                f"{time_cell}"
                '<td id="table_metervalues_col_istvalide">1</td>'
                f'<td id="table_metervalues_col_name" style="overflow-wrap: anywhere">{_METER_NAME}</td>'
                f'<td id="table_metervalues_col_obis">{reading.channel.obis}</td></tr>'
            )
    names = ("Wert", "Einheit", "Zeitstempel", "ist valide", "Name", "OBIS-Kennzahl")
    head = "".join(f"<th>{name}</th>" for name in names)
    return f'<table id="metervalue">\n<tr>{head}</tr>\n' + "\n".join(lines) + "\n</table>"
