"""Judges what the gateway said: connection, handshake, first answer, reading. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from smgwproxy.certificate import Certificate
from smgwproxy.commands.text import day, printable, time
from smgwproxy.doctor.digest import Challenge, best
from smgwproxy.doctor.exchange import Reply
from smgwproxy.doctor.finding import Check, Finding, fit, ok, warning, wrong
from smgwproxy.doctor.readings import Reading
from smgwproxy.doctor.vendors import Vendor, identity_of
from smgwproxy.doctor.visit import HandshakeFailed, Presented
from smgwproxy.errors import GatewayConnectTimeout, GatewayError, GatewayHandshakeCut, GatewayRefused
from smgwproxy.origin import Origin
from smgwproxy.own_certificate import ending
from smgwproxy.phrases import Phrase, phrase, sequence

_SLOW = 0.5  # seconds; over a cable TCP takes some milliseconds, and a lost packet a second
_LOCKED_FOR = 10  # minutes

LOCKED = phrase(
    "It locks itself after wrong logins or too many polls. Stop everything that asks it (Home Assistant, evcc, "
    "browsers, this proxy), wait {minutes} minutes or more, and check user name and password before the next "
    "login.",
    minutes=_LOCKED_FOR,
)
"""What to do about a gateway that is locked."""

_FIND = phrase("If the address may be another one, smgwproxy discover finds it.")
_OTHER_LOGIN = phrase("A browser may know it. Programs that read the meter are likely not to.")
_OTHER_NAME = phrase(
    "An EMH CASA wants its own address or smgw.local for Host: start the proxy with --host-header smgw.local."
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard over HTTP without a login; ``reply`` is the answer that told most."""

    vendor: Vendor | None
    challenges: Sequence[Challenge]
    reply: Reply
    locked: bool = False


def taken(target: Origin) -> Finding:
    """Say that TCP's connection stood."""
    seen = phrase("{host} takes connections at port {port}", host=target.host, port=target.port)
    return ok(Check.TCP, seen, port=target.port)


def failed(failure: HandshakeFailed, target: Origin) -> Iterator[Finding]:
    """Say of TCP, and of TLS where it came to that, why there was no certificate."""
    error = failure.error
    if failure.tcp is None:
        yield wrong(Check.TCP, _seen(error), sequence([_tcp_advice(error), _FIND]), port=target.port)
        return
    yield taken(target)
    advice = sequence([error.advice, LOCKED]) if isinstance(error, GatewayHandshakeCut) else error.advice
    yield wrong(Check.TLS, _seen(error), advice)


def tls(presented: Presented) -> Finding:
    """Say what was agreed on."""
    agreed = presented.agreed
    if agreed is None:
        return ok(Check.TLS, phrase("it stands; version and group could not be read"))
    group, suite = agreed.group_name, presented.suite
    parts = [agreed.version_name, suite, group]
    seen = ", ".join(part for part in parts if part)
    return ok(Check.TLS, seen, version=agreed.version_name, suite=suite, group=group)


def status(heard: Heard) -> Finding:
    """Judge the answer to a request without a login."""
    reply = heard.reply
    offered = [one for one in heard.challenges if one.scheme == "digest"]
    algorithms = [one.algorithm for one in offered]
    realm = printable(offered[0].realm) if offered else None
    facts = {"status": reply.status, "realm": realm, "algorithms": algorithms, "locked": heard.locked}
    if heard.locked:
        seen = phrase("status {status}, and no login: the gateway is locked", status=reply.status)
        return wrong(Check.HTTP, seen, LOCKED, **facts)
    if reply.status == 401 and best(heard.challenges) is None:
        seen = phrase("status {status}, and a login that is no Digest with MD5 or SHA-256", status=reply.status)
        return warning(Check.HTTP, seen, _OTHER_LOGIN, **facts)
    if reply.status in {400, 421}:
        seen = phrase(
            "status {status}: the gateway does not like the request, or the name it is called by",
            status=reply.status,
        )
        return wrong(Check.HTTP, seen, _OTHER_NAME, **facts)
    if reply.status >= 500:
        seen = phrase("status {status}: the gateway is busy, starting, or testing itself", status=reply.status)
        return wrong(Check.HTTP, seen, phrase("Wait {minutes} minutes.", minutes=_LOCKED_FOR), **facts)
    if not offered:
        return ok(Check.HTTP, phrase("status {status}, without a login", status=reply.status), **facts)
    seen = phrase(
        "status {status}, Digest login for {realm} with {algorithms}",
        status=reply.status,
        realm=realm,
        algorithms=", ".join(algorithms),
    )
    return ok(Check.HTTP, seen, **facts)


def vendor(found: Vendor | None, challenges: Sequence[Challenge], certificate: Certificate | None) -> Finding:
    """Say whose gateway it is."""
    if found is None:
        return warning(
            Check.VENDOR,
            phrase("not recognised"),
            phrase(
                "The proxy passes everything on all the same. See the operator's papers for the gateway's maker "
                "and the address of its pages."
            ),
            vendor=None,
        )
    identity = identity_of(challenges, certificate)
    seen = ", ".join(part for part in (found.title, identity) if part)
    return ok(Check.VENDOR, seen, vendor=found.name.lower(), identity=identity)


def latency(presented: Presented | None, reply: Reply) -> Finding:
    """Say how long it took; of an answer through a running proxy only that."""
    answer = round(reply.seconds * 1000)
    if presented is None:
        seen = phrase("first answer {answer} ms, through the running proxy", answer=answer)
        return ok(Check.LATENCY, seen, answer_ms=answer)
    tcp, handshake = round(presented.tcp * 1000, 1), round(presented.tls * 1000)
    seen = phrase("TCP {tcp:g} ms, TLS {tls} ms, first answer {answer} ms", tcp=tcp, tls=handshake, answer=answer)
    facts = {"tcp_ms": tcp, "tls_ms": handshake, "answer_ms": answer}
    if presented.tcp > _SLOW:
        advice = phrase("TCP is slow for a cable: packets get lost. Try another one.")
        return warning(Check.LATENCY, seen, advice, **facts)
    return ok(Check.LATENCY, seen, **facts)


def client_certificate(own: Certificate, now: datetime) -> Finding:
    """Say of the certificate that the gateway is shown how long it is good for."""
    told = own.description
    seen = phrase(
        "{subject}, valid until {day}",
        subject=printable(told.subject) or str(own.fingerprint),
        day=day(told.not_after),
    )
    ends = ending(own, now)
    if ends:
        advice = phrase("It {ends}: ask who issued it for a new one.", ends=ends)
        return warning(Check.CLIENT_CERTIFICATE, seen, advice, fingerprint=str(own.fingerprint))
    return ok(Check.CLIENT_CERTIFICATE, seen, fingerprint=str(own.fingerprint))


def readings(found: Sequence[Reading]) -> Finding:
    """Tell the meter's last values."""
    return ok(Check.READING, sequence(map(_told, found), "\n"), readings=[_as_fact(one) for one in found])


def _seen(error: GatewayError) -> str:
    facts = [phrase("{label}: {value}.", label=label, value=value) for label, value in error.facts]
    return fit(sequence([error.message, *facts]))


def _tcp_advice(error: GatewayError) -> str:
    if isinstance(error, GatewayRefused):
        return phrase(
            "There is somebody at this address, and no gateway that listens: it is starting, has shut its HAN "
            "port, or is another device. Wait {minutes} minutes and try again; then ask the operator.",
            minutes=_LOCKED_FOR,
        )
    if isinstance(error, GatewayConnectTimeout):
        return phrase(
            "Nobody answers there. Check that the cable is in the gateway's HAN port, and that the gateway has "
            "power."
        )
    return error.advice


def _told(one: Reading) -> Phrase:
    told = {"meter": one.meter, "obis": one.obis, "value": str(one.value), "unit": one.unit}
    if one.at is None:
        return phrase("meter {meter}, {obis}: {value} {unit}", **told)
    at = time(one.at) if one.at.tzinfo is not None else phrase("{time} German time", time=str(one.at))
    return phrase("meter {meter}, {obis}: {value} {unit} at {time}", **told, time=at)


def _as_fact(one: Reading) -> dict[str, str | None]:
    return {
        "meter": one.meter,
        "obis": one.obis,
        "value": str(one.value),
        "unit": one.unit,
        "at": None if one.at is None else one.at.isoformat(),
    }
