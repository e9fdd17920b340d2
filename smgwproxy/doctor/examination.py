"""The checks in their order: each asks what it needs, and says what it found."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from smgwproxy import network
from smgwproxy.certificate import Certificate
from smgwproxy.client_certificate import ClientCertificate
from smgwproxy.config import Config
from smgwproxy.deadline import Overdue, call_in_thread
from smgwproxy.doctor import answers, clock, directories, door, processes, trust, way
from smgwproxy.doctor.answers import Heard
from smgwproxy.doctor.digest import Challenge, Login, best, parse_challenges
from smgwproxy.doctor.exchange import Asker, NothingHeard, Reply
from smgwproxy.doctor.finding import Check, Finding, Verdict, fit, ok, skipped, wrong
from smgwproxy.doctor.processes import Proxy
from smgwproxy.doctor.readings import NotRead, last_readings
from smgwproxy.doctor.through import Refused, Through
from smgwproxy.doctor.vendors import (
    BROWSER,
    Door,
    Vendor,
    addresses_to_enter,
    is_locked,
    of_certificate,
    of_challenges,
)
from smgwproxy.doctor.visit import HandshakeFailed, Presented, Visit
from smgwproxy.errors import (
    ConfigError,
    TrustStoreError,
)
from smgwproxy.http1 import values
from smgwproxy.limits import Limits
from smgwproxy.network import Address, NetworkUnknown
from smgwproxy.phrases import phrase, sequence
from smgwproxy.server.listening import open_listener
from smgwproxy.system import reason as system_reason
from smgwproxy.truststores.base import EditableTrustStore, TrustStore
from smgwproxy.truststores.guard import Guard
from smgwproxy.truststores.record import Record

_TLS_CHECKS = (Check.TLS, Check.CERTIFICATE)
_HTTP_CHECKS = (Check.HTTP, Check.VENDOR, Check.LATENCY, Check.CLOCK)
_NOT_PINNED = phrase("the certificate is not the pinned one, so nothing was sent")
_NO_ANSWER = phrase("the gateway gave no answer")


@dataclass(frozen=True, slots=True)
class Credentials:
    """With which to log in."""

    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Tools:
    """What an examination takes from outside: the store's opening, the client certificate, the trust commands."""

    open_store: Callable[[], TrustStore]
    client_certificate: Callable[[], ClientCertificate | None]
    commands: trust.Commands


@dataclass(frozen=True, slots=True)
class _Store:
    """What is to be said of the trust store, and what it knows of the gateway; None where that is not known."""

    finding: Finding
    record: Record | None


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is to be said of the client certificate, if there is to be one, and the certificate."""

    findings: tuple[Finding, ...] = ()
    certificate: ClientCertificate | None = None


class Examination:
    """Checks the proxy of ``config``, and with ``credentials`` the meter as well. Made for one run."""

    def __init__(self, config: Config, tools: Tools, credentials: Credentials | None = None) -> None:
        self._config = config
        self._tools = tools
        self._credentials = credentials
        self._user = directories.proxys_user()
        self._heard: Heard | None = None
        self._vendor: Vendor | None = None

    def findings(self) -> Iterator[Finding]:
        """Check one after the other, and yield each finding as soon as it is there."""
        config = self._config
        address, told, way_there = self._way()
        yield from way_there.findings
        running, own = self._running(address)
        yield door.other_proxy(running, own, self._tools.commands.program)
        store, shown = self._store(), self._client_certificate()
        if way_there.trouble:
            reason = phrase("{trouble}, so the gateway was not asked", trouble=way_there.trouble)
            yield from (skipped(check, reason) for check in (Check.TCP, *_TLS_CHECKS, *_HTTP_CHECKS))
            yield from self._unread(reason)
        elif running:
            yield from self._through(running, own, store)
        else:
            yield from self._visit(store, shown.certificate)
        yield directories.check(Check.LOGS, config.logdir, phrase("the log"), self._user)
        yield store.finding
        yield from shown.findings
        yield door.judge(config, running, own, _takers, _listen_for_a_moment)
        yield self._urls(told, way_there.han)

    # --- the way --------------------------------------------------------------------------------------------

    def _way(self) -> tuple[Address | None, way.Network | None, way.Way]:
        host = self._config.target.host
        checks = (Check.CABLE, Check.ADDRESS, Check.DEFAULT_ROUTE, Check.FORWARDING)
        try:
            told = way.Network(network.interfaces(), None, network.default_routes(), [*network.forwarding()])
        except NetworkUnknown as error:
            return None, None, way.Way(tuple(skipped(check, error.told) for check in checks))
        try:
            address, zone = self._address(host)
            route = network.route_to(address, zone)
        except NetworkUnknown as error:
            return None, told, way.Way(tuple(skipped(check, error.told) for check in checks))
        except (OSError, Overdue) as error:
            reason = (
                system_reason(error)
                if isinstance(error, OSError) and error.strerror
                else phrase("no answer in time")
            )
            unknown = phrase("the gateway's address is not known")
            finding = wrong(
                Check.ADDRESS,
                phrase("the name {host} cannot be resolved: {reason}", host=host, reason=reason),
                phrase(
                    "Check the name, or give the gateway's address instead (--target); smgwproxy discover "
                    "finds it."
                ),
            )
            rest = [skipped(check, unknown) for check in checks]
            rest[1] = finding
            return None, told, way.Way(tuple(rest), None, unknown)
        told = way.Network(told.interfaces, route, told.default_routes, told.forwarding)
        return address, told, way.judge(address, told)

    def _address(self, host: str) -> tuple[Address, str | None]:
        """Return the address of ``host`` and its zone; raises `OSError` and `Overdue`."""
        try:
            return way.split_zone(host)
        except ValueError:
            found = call_in_thread(
                lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM), self._config.connect_timeout
            )
            return way.split_zone(str(found[0][4][0]))

    # --- other proxies --------------------------------------------------------------------------------------

    def _running(self, address: Address | None) -> tuple[Sequence[Proxy], Proxy | None]:
        """Return the proxies that run and may have the same gateway, and the one among them with these options."""
        running = [
            one for one in processes.proxies() if one.config is None or self._same_gateway(one.config, address)
        ]
        own = next(
            (one for one in running if one.config and door.wanted(one.config) == door.wanted(self._config)), None
        )
        return running, own

    def _same_gateway(self, other: Config, address: Address | None) -> bool:
        if other.target.port != self._config.target.port:
            return False
        if other.target.host == self._config.target.host:
            return True
        try:
            return address is not None and self._address(other.target.host)[0] == address
        except (OSError, Overdue):
            return False

    def _through(self, running: Sequence[Proxy], own: Proxy | None, store: _Store) -> Iterator[Finding]:
        """Ask through a proxy that runs: it may have the only connection that the gateway takes."""
        proxy = own or running[0]
        reason = phrase("{proxy} has the connection to the gateway", proxy=proxy.called)
        stop = phrase("To have all checked, stop it for as long as that takes:")
        yield skipped(Check.TCP, reason, stop, proxy.stop)
        yield skipped(Check.TLS, reason)
        place = door.asked_at(proxy.config) if proxy.config is not None else None
        if place is None:
            reason = phrase("{reason}, and its port is not known", reason=reason)
            yield from (skipped(check, reason) for check in (Check.CERTIFICATE, *_HTTP_CHECKS))
            yield from self._unread(phrase("the port of the running proxy is not known"))
            return
        host, port, secure = place
        silent = door.deaf(proxy, port, _takers(port))
        if silent is not None:
            yield skipped(Check.CERTIFICATE, reason)
            yield (
                skipped(Check.HTTP, phrase("{trouble}, see below", trouble=silent.seen))  # at the LAN port
                if proxy is own
                else wrong(Check.HTTP, silent.seen, silent.advice, *silent.commands)
            )
            yield from (skipped(check, silent.seen) for check in _HTTP_CHECKS if check is not Check.HTTP)
            yield from self._unread(silent.seen)
            return
        seconds = self._config.read_timeout + self._config.queue_timeout
        with Through(host, port, seconds, secure=secure) as asker:
            try:
                heard = self._introduce(asker, None)
            except NothingHeard as error:
                if isinstance(error, Refused) and error.by_certificate:
                    yield self._refused(error)
                    yield from self._unsent()
                else:
                    yield skipped(Check.CERTIFICATE, reason)
                    yield from self._unheard(error, None)
                    yield from self._unread(_NO_ANSWER)
                return
            yield (
                skipped(Check.CERTIFICATE, reason)
                if proxy.is_original
                else ok(Check.CERTIFICATE, phrase("the pinned one, since the running proxy takes no other"))
            )
            yield from self._http(heard, None, None)
            if proxy.is_original:
                yield from self._unread(
                    phrase("the original proxy would write the password into its log: stop it first")
                )
            elif store.record is None:
                yield from self._unread(
                    phrase("the trust store cannot be read, and a password goes to no stranger")
                )
            else:
                yield from self._reading(asker, pinned=bool(store.record.pins))

    def _refused(self, error: Refused) -> Finding:
        record = self._store().record  # looked up anew: the proxy may have written what it refused just now
        told = trust.Refusal(error.told, error.advice, frozenset(error.facts.values()))
        return trust.refused(record, told, self._tools.commands)

    def _unsent(self) -> Iterator[Finding]:
        """Say of what follows on the certificate that there is nothing."""
        yield from (skipped(check, _NOT_PINNED) for check in _HTTP_CHECKS)
        yield from self._unread(_NOT_PINNED)

    # --- the gateway ----------------------------------------------------------------------------------------

    def _visit(self, store: _Store, own: ClientCertificate | None) -> Iterator[Finding]:
        config, record = self._config, store.record
        limits = Limits(1, config.connect_timeout, config.read_timeout, config.queue_timeout, config.store_timeout)
        host = config.host_header or config.target.authority
        shown = own if record is not None and record.pins else None  # to nobody without a pin
        with Visit(config.target, limits, host, shown) as visit:
            try:
                presented = visit.shake_hands()
            except HandshakeFailed as failure:
                told = tuple(answers.failed(failure, config.target))
                yield from told
                reason = phrase("there is no TLS connection")
                rest = (
                    check for check in (*_TLS_CHECKS, *_HTTP_CHECKS) if check not in {one.name for one in told}
                )
                yield from (skipped(check, reason) for check in rest)
                yield from self._unread(reason)
                return
            yield answers.taken(config.target)
            yield answers.tls(presented)
            if record is None:
                reason = phrase("the trust store cannot be read, so nothing was sent")
                yield from (skipped(check, reason) for check in (Check.CERTIFICATE, *_HTTP_CHECKS))
                yield from self._unread(reason)
                return
            judged = trust.judge(record, presented.certificate, self._tools.commands)
            yield judged.finding
            if not judged.sound:
                yield from (skipped(check, _NOT_PINNED) for check in _HTTP_CHECKS if check is not Check.CLOCK)
                yield clock.judge(datetime.now(UTC), None, presented.certificate)
                yield from self._unread(_NOT_PINNED)
                return
            visit.settle(record.pins, presented.certificate)
            try:
                heard = self._introduce(visit, presented.certificate)
            except NothingHeard as error:
                yield from self._unheard(error, presented.certificate)
            else:
                yield from self._http(heard, presented, presented.certificate)
            yield from self._reading(visit, pinned=judged.pinned)

    def _introduce(self, asker: Asker, certificate: Certificate | None) -> Heard:
        """Ask without a login whose gateway it is; raises `NothingHeard`."""
        self._vendor = of_certificate(certificate)
        by_password = self._config.client_cert is None
        heard = _introduction(asker, self._vendor, by_password=by_password)
        self._heard, self._vendor = heard, heard.vendor
        return heard

    def _unheard(self, error: NothingHeard, certificate: Certificate | None) -> Iterator[Finding]:
        """Say why there was no answer, and what the certificate tells all the same."""
        yield _nothing_heard(error)
        yield (
            skipped(Check.VENDOR, _NO_ANSWER)
            if self._vendor is None
            else answers.vendor(self._vendor, (), certificate)
        )
        yield from (skipped(check, _NO_ANSWER) for check in (Check.LATENCY, Check.CLOCK))

    def _http(
        self, heard: Heard, presented: Presented | None, certificate: Certificate | None
    ) -> Iterator[Finding]:
        """Tell whose gateway it is, and what its answer tells of latency and clock."""
        yield answers.status(heard)
        yield answers.vendor(heard.vendor, heard.challenges, certificate)
        yield answers.latency(presented, heard.reply)
        yield clock.judge(datetime.now(UTC), heard.reply.value("date"), certificate)

    # --- the meter ------------------------------------------------------------------------------------------

    def _reading(self, asker: Asker, *, pinned: bool) -> Iterator[Finding]:
        """Log in, once, if that was asked for."""
        if self._credentials is None:
            return
        heard = self._heard
        if not pinned:
            yield skipped(
                Check.READING,
                phrase("no certificate is pinned yet, and a password goes to no stranger"),
                phrase(
                    "Compare the fingerprint with the operator's, and start the proxy, which pins it. What the "
                    "gateway presents is shown by:"
                ),
                self._tools.commands.trust("scan"),
            )
        elif heard is None or heard.locked:
            yield from self._unread(phrase("the gateway takes no login now"))
        elif heard.vendor is None:
            yield from self._unread(phrase("the gateway was not recognised, so nobody knows how to ask it"))
        elif (challenge := best(heard.challenges)) is None:
            yield from self._unread(phrase("the gateway asks for no Digest login"))
        else:
            yield self._read(asker, heard.vendor, challenge, self._credentials)

    def _read(self, asker: Asker, vendor: Vendor, challenge: Challenge, credentials: Credentials) -> Finding:
        # Its firmware has trouble with SHA-256 and takes MD5 even so; all its clients log in with that.
        algorithm = "MD5" if vendor is Vendor.THEBEN else None
        login = Login(challenge, credentials.user, credentials.password, secrets.token_hex(8), algorithm)
        try:
            found = last_readings(vendor, asker, login)
        except NotRead as error:
            return wrong(Check.READING, fit(error.told), error.advice)
        return answers.readings(found)

    def _unread(self, reason: str) -> Iterator[Finding]:
        """Say, where somebody asked for a reading, why there is none."""
        if self._credentials is not None:
            yield skipped(Check.READING, reason)

    # --- this machine ---------------------------------------------------------------------------------------

    def _store(self) -> _Store:
        """Look up what the store knows; one that is not there yet is not made."""
        config = self._config
        kind, _, argument = config.truststore.partition(":")
        if kind in {"file", "sqlite"} and argument:
            path = Path(argument)
            finding = directories.check(
                Check.TRUST_STORE, path if kind == "file" else path.parent, phrase("pins"), self._user
            )
            if finding.verdict in {Verdict.WRONG, Verdict.SKIPPED}:
                return _Store(finding, None)
            if not path.exists():
                return _Store(finding, Record(config.target))
        else:
            finding = ok(Check.TRUST_STORE, phrase("{store} can be read", store=kind))
        try:
            store = self._tools.open_store()
            record = Guard(store, call_in_thread, config.store_timeout).ask(lambda: _known(store, config))
        except (ConfigError, TrustStoreError) as error:
            advice = error.advice if isinstance(error, TrustStoreError) else phrase("See what the error says.")
            text = error.message if isinstance(error, TrustStoreError) else error.told
            return _Store(wrong(Check.TRUST_STORE, fit(text), fit(advice)), None)
        return _Store(finding, record)

    def _client_certificate(self) -> _Shown:
        if self._config.client_cert is None:
            return _Shown()
        try:
            own = self._tools.client_certificate()
        except ConfigError as error:
            advice = phrase("Without it the gateway may refuse the connection. The error names the option.")
            return _Shown((wrong(Check.CLIENT_CERTIFICATE, fit(error.told), advice),))
        return _Shown((answers.client_certificate(own.certificate, datetime.now(UTC)),) if own else (), own)

    def _urls(self, told: way.Network | None, han: str | None) -> Finding:
        config = self._config
        found = (
            door.lan_door(config, told.interfaces, told.default_routes, han)
            if told is not None
            else door.lan_door(config, (), (), han)
        )
        if found is None:
            found = Door("127.0.0.1", None if config.no_http else config.port, config.tls_port)
            seen = (
                phrase("the proxy listens at this machine only: {url}", url=f"{found.base}/")
                if config.listen
                else phrase("no address in a home network: {url}", url=f"{found.base}/")
            )
            return skipped(Check.URLS, seen)
        vendor = self._vendor
        entered = addresses_to_enter(vendor, found) if vendor is not None else [(BROWSER, f"{found.base}/")]
        seen = sequence((sequence(one, ": ") for one in entered), "\n")
        return ok(Check.URLS, seen, urls=dict(entered))


# --- what was heard -------------------------------------------------------------------------------------


def _introduction(asker: Asker, hint: Vendor | None, *, by_password: bool) -> Heard:
    """Ask one vendor's path after the other until the gateway is recognised, the one of its certificate alone.

    ``by_password`` tells that one which is not locked must ask for a login. Raises `NothingHeard`.
    """
    heard: list[tuple[Vendor, Reply, Sequence[Challenge]]] = []
    for vendor in (hint,) if hint is not None else tuple(Vendor):
        reply = asker.ask("GET", vendor.path, [])
        challenges = _challenges(reply)
        named = of_challenges(challenges) or hint
        locked = by_password and is_locked(vendor, reply)
        if named is not None or locked:
            return Heard(named or vendor, challenges, reply, locked)
        heard.append((vendor, reply, challenges))
    asking = [one for one in heard if one[1].status == 401]
    vendor, reply, challenges = (asking or heard)[0]
    # where one path alone asks for a login, the others are none of this gateway's
    return Heard(vendor if len(asking) == 1 else None, challenges, reply)


def _challenges(reply: Reply) -> Sequence[Challenge]:
    try:
        return parse_challenges(values(reply.lines, "www-authenticate"))
    except ValueError:
        return ()


def _nothing_heard(error: NothingHeard) -> Finding:
    if error.closed:
        seen = phrase("the gateway hangs up without an answer: it is likely to be locked")
        return wrong(Check.HTTP, seen, answers.LOCKED, locked=True)
    if isinstance(error, Refused) and error.status == 403:
        return skipped(Check.HTTP, phrase("the running proxy does not serve this machine itself: see its --allow"))
    return wrong(Check.HTTP, fit(error.told), fit(error.advice), locked=False)


# --- what the store and the system tell ---------------------------------------------------------------


def _known(store: TrustStore, config: Config) -> Record:
    if isinstance(store, EditableTrustStore):
        return store.record(config.target)
    return Record(config.target, pins=tuple(store.lookup(config.target)))


def _takers(port: int) -> Sequence[door.Taken]:
    found = []
    for listener in processes.listeners(port):
        pid = processes.owner(listener.inode)
        found.append(door.Taken(listener, pid, door.ANOTHER_PROGRAM if pid is None else processes.name_of(pid)))
    return found


def _listen_for_a_moment(address: str | None, port: int) -> None:
    open_listener(address, port).close()
