"""Judges the LAN side: proxies that run, the ports at which this one listens, and where clients find it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from shlex import quote

from smgwproxy.config import Config
from smgwproxy.doctor.finding import Check, Finding, ok, skipped, warning, wrong
from smgwproxy.doctor.processes import Listener, Proxy
from smgwproxy.doctor.vendors import Door
from smgwproxy.network import Interface, Route
from smgwproxy.phrases import Phrase, phrase, plural, sequence
from smgwproxy.system import reason

ANOTHER_PROGRAM = phrase("another program")
"""Who has a port, where that is all that is known."""

_LOCALHOST = "127.0.0.1"
_ONE = phrase(
    "A gateway takes one connection at a time, and logins of one program end those of another: let one proxy run, "
    "for good, and stop any other."
)


def other_proxy(running: Sequence[Proxy], own: Proxy | None, program: str) -> Finding:
    """Judge the proxies that run and may have the same gateway; ``own`` is the one with the options given.

    ``program`` is how this one is called.
    """
    facts = {"pids": [one.pid for one in running]}
    if not running:
        return ok(Check.OTHER_PROXY, phrase("none is running"), **facts)
    others = [one for one in running if one is not own]
    if own is not None and not others:
        return ok(Check.OTHER_PROXY, phrase("only this one is running: {proxy}", proxy=own.called), **facts)
    seen = plural(
        "{proxies} goes to the same gateway",
        "{proxies} go to the same gateway",
        len(others),
        proxies=sequence((one.called for one in others), ", "),
    )
    first = others[0]
    if len(running) == 1 and not first.is_original and first.config is not None and first.file.startswith("/"):
        return wrong(
            Check.OTHER_PROXY,
            seen,
            phrase(
                "It has other ports than those that were asked about. {one} If this is the right one, leave it "
                "alone, and check it as below. If not, {command} stops it.",
                one=_ONE,
                command=first.stop,
            ),
            f"{program} doctor --config {quote(first.file)}",
            **facts,
        )
    return wrong(
        Check.OTHER_PROXY,
        seen,
        phrase(
            "{one} If one that runs is the one that you meant, do not stop it, but give doctor its options.",
            one=_ONE,
        ),
        *(one.stop for one in others),
        *(f"sudo systemctl disable {one.service}" for one in others if one.service),
        **facts,
    )


@dataclass(frozen=True, slots=True)
class Deaf:
    """A proxy that runs and does not listen where its configuration says: what is seen, and what to do."""

    seen: str
    advice: str
    commands: tuple[str, ...]


def deaf(proxy: Proxy, port: int, takers: Sequence[Taken]) -> Deaf | None:
    """Tell whether ``proxy`` does not listen at ``port``, which ``takers`` have; None when it does, or may."""
    if any(taken.pid in {None, proxy.pid} for taken in takers):
        return None
    seen = phrase("{proxy} does not listen at port {port}", proxy=proxy.called, port=port)
    if proxy.reload is None:
        advice = phrase("It is starting, or did not start well: stop it, and start it again.")
        return Deaf(seen, advice, (proxy.stop,))
    advice = phrase("Its configuration was changed since it started? Then let it read that again:")
    return Deaf(seen, advice, (proxy.reload,))


@dataclass(frozen=True, slots=True)
class Taken:
    """Who listens at a port: ``program`` and ``pid`` are not known where this user may not see them."""

    listener: Listener
    pid: int | None
    program: str


def wanted(config: Config) -> Sequence[tuple[str, int]]:
    """Return the options of the ports at which the proxy listens, and the ports."""
    http = [] if config.no_http else [("port", config.port)]
    return [*http, *([] if config.tls_port is None else [("tls-port", config.tls_port)])]


def judge(
    config: Config,
    running: Sequence[Proxy],
    own: Proxy | None,
    takers: Callable[[int], Sequence[Taken]],
    listen: Callable[[str | None, int], None],
) -> Finding:
    """Judge the ports.

    ``running`` are the proxies for this gateway, and ``own`` the one with these options; ``takers`` tells who has
    a port; ``listen`` listens for a moment, and raises `OSError`.
    """
    told: list[str] = []
    for option, port in wanted(config):
        there = takers(port)
        taken = next((one for one in there if one.listener.takes(_numeric(config.listen))), None)
        if taken is not None and own is not None and taken.pid in {None, own.pid}:
            told.append(phrase("{port} is this proxy's own, {proxy}", port=port, proxy=own.called))
            continue
        other = next((one for one in running if taken is not None and one.pid == taken.pid), None)
        if other is not None:
            seen = phrase("{port} is {proxy}'s: see what is said of other proxies", port=port, proxy=other.called)
            return skipped(Check.LAN_PORT, seen)
        trouble = (
            _taken(config, option, port, taken) if taken is not None else _tried(config, option, port, listen)
        )
        if trouble is not None:
            return trouble
        if own is not None and port and (silent := deaf(own, port, there)) is not None:
            return wrong(Check.LAN_PORT, silent.seen, silent.advice, *silent.commands, port=port, pid=own.pid)
        told.append(phrase("{port} is free", port=port) if port else phrase("any free one will do"))
    return ok(Check.LAN_PORT, sequence(told, "; "), ports=[port for _, port in wanted(config)])


def _taken(config: Config, option: str, port: int, taken: Taken) -> Finding:
    who = (
        taken.program
        if taken.pid is None
        else phrase("{command} (process {pid})", command=taken.program, pid=taken.pid)
    )
    look = () if taken.pid is not None else (f"sudo ss -ltnp 'sport = :{port}'",)
    return wrong(
        Check.LAN_PORT,
        phrase("{port} is taken by {program}", port=port, program=who),
        _choose_another(config, option),
        *look,
        port=port,
        pid=taken.pid,
        program=taken.program,
    )


def _tried(config: Config, option: str, port: int, listen: Callable[[str | None, int], None]) -> Finding | None:
    if not port:
        return None
    try:
        listen(config.listen, port)
    except OSError as error:
        match error.errno:
            case errno.EACCES:
                return warning(
                    Check.LAN_PORT,
                    phrase("{port} is free, and needs a privilege", port=port),
                    phrase(
                        "The installed service has it. A proxy that is started by hand needs a port above 1023."
                    ),
                    port=port,
                )
            case errno.EADDRINUSE:
                return wrong(
                    Check.LAN_PORT,
                    phrase("{port} is taken by {program}", port=port, program=ANOTHER_PROGRAM),
                    _choose_another(config, option),
                    f"sudo ss -ltnp 'sport = :{port}'",
                    port=port,
                )
        said = (error.strerror or str(error)).partition(" (while")[0]  # Python repeats the address there
        return wrong(
            Check.LAN_PORT,
            phrase(
                "the proxy cannot listen at {address}, port {port}: {reason}",
                address=config.listen or phrase("all addresses"),
                port=port,
                reason=reason(OSError(error.errno, said)),
            ),
            phrase("Give an address of this machine, or all ({source}).", source=config.source("listen")),
            port=port,
        )
    return None


def _choose_another(config: Config, option: str) -> Phrase:
    return phrase("Stop that program, or choose another port ({source}).", source=config.source(option))


def lan_door(
    config: Config, interfaces: Sequence[Interface], default_routes: Sequence[Route], han: str | None
) -> Door | None:
    """Return where clients in the home network find the proxy; None when they do not."""
    host = config.listen if config.listen is not None else _lan_address(interfaces, default_routes, han)
    if host is None or host == "localhost" or ip_address(host).is_loopback:
        return None
    return Door(f"[{host}]" if ":" in host else host, None if config.no_http else config.port, config.tls_port)


def asked_at(config: Config) -> tuple[str, int, bool] | None:
    """Return host, port and whether with TLS a proxy with this ``config`` is asked at; None where that is open."""
    secure = config.no_http
    port = config.tls_port if secure else config.port
    return (_numeric(config.listen) or _LOCALHOST, port, secure) if port else None


def _lan_address(interfaces: Sequence[Interface], default_routes: Sequence[Route], han: str | None) -> str | None:
    lan = [route.interface for route in default_routes if route.interface != han]
    others = [one for one in interfaces if not one.loopback and one.name != han and one.carrier]
    for interface in sorted(others, key=lambda one: one.name not in lan):
        for address in interface.addresses:
            if address.version == 4 and not address.ip.is_link_local:
                return str(address.ip)
    return None


def _numeric(listen: str | None) -> str | None:
    return _LOCALHOST if listen == "localhost" else listen
