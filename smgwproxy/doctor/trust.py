"""Judges the certificate that was presented by the pins that were looked up. Pure; no store is changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from smgwproxy.certificate import Certificate
from smgwproxy.commands.text import day, printable
from smgwproxy.doctor.finding import Check, Finding, Verdict, fit, ok, warning, wrong
from smgwproxy.phrases import phrase
from smgwproxy.truststores import rules
from smgwproxy.truststores.record import Record

_ASK = phrase(
    "Either the gateway or its certificate was exchanged, or somebody else answers at its address. Ask the "
    "metering point operator (Messstellenbetreiber) for the fingerprint of the new one."
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be said of the certificate, and whether requests may be sent to who presented it.

    ``pinned`` tells whether it is a pin, and not only may become one.
    """

    finding: Finding
    sound: bool
    pinned: bool


@dataclass(frozen=True, slots=True)
class Commands:
    """How the trust commands are written: how the ``program`` is called, and the ``options`` of its store."""

    program: str
    options: str

    def trust(self, action: str, *words: str) -> str:
        """Return one command."""
        return " ".join(part for part in (f"{self.program} trust {action}", self.options, *words) if part)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a running proxy does not take the gateway's certificate, in its own words; ``values`` are its facts."""

    message: str
    advice: str
    values: frozenset[str]


def judge(record: Record, presented: Certificate, commands: Commands) -> Judged:
    """Judge the certificate ``presented`` by ``record``."""
    fingerprint = presented.fingerprint
    told = presented.description
    facts: dict[str, object] = {
        "presented": str(fingerprint),
        "pinned": [str(pin.fingerprint) for pin in record.pins],
        "subject": told.subject,
        "not_after": None if told.not_after is None else told.not_after.isoformat(),
    }
    pin = next((pin for pin in record.pins if pin.fingerprint == fingerprint), None)
    if pin is not None:
        seen = (
            phrase("the pinned one: {fingerprint}", fingerprint=fingerprint)
            if told.not_after is None
            else phrase(
                "the pinned one, valid until {day}: {fingerprint}",
                day=day(told.not_after),
                fingerprint=fingerprint,
            )
        )
        return Judged(ok(Check.CERTIFICATE, seen, **facts), sound=True, pinned=True)
    if rules.is_revoked(record, presented):
        finding = wrong(
            Check.CERTIFICATE,
            phrase("it was revoked: {fingerprint}", fingerprint=fingerprint),
            phrase("Nothing was sent. Ask the metering point operator; what is revoked is shown by:"),
            commands.trust("show"),
            **facts,
        )
        return Judged(finding, sound=False, pinned=False)
    if record.pins:
        return Judged(_changed(record, presented, commands, facts), sound=False, pinned=False)
    if not record.first_use:
        finding = wrong(
            Check.CERTIFICATE,
            phrase("there is no pin, and first use is over: {fingerprint}", fingerprint=fingerprint),
            phrase("Nothing was sent. If the operator confirms this fingerprint:"),
            commands.trust("add", f"--fingerprint {fingerprint}"),
            **facts,
        )
        return Judged(finding, sound=False, pinned=False)
    finding = ok(
        Check.CERTIFICATE,
        phrase(
            "{subject}, not pinned yet; the proxy pins it at its first use: {fingerprint}",
            subject=printable(told.subject) or phrase("a certificate"),
            fingerprint=fingerprint,
        ),
        **facts,
    )
    return Judged(finding, sound=True, pinned=False)


def refused(record: Record | None, told: Refusal, commands: Commands) -> Finding:
    """Judge what a running proxy refused; ``record`` is what its store is likely to know, if it could be read."""
    pending = () if record is None else record.pending
    known = next((one for one in pending if str(one.fingerprint) in told.values), None)
    if record is not None and known is not None:
        judged = judge(record, known.certificate, commands)
        if not judged.sound:
            # even a renewal: this proxy takes none by itself, or it had taken it
            return replace(judged.finding, verdict=Verdict.WRONG)
    return wrong(Check.CERTIFICATE, fit(told.message), fit(told.advice))


def _changed(record: Record, presented: Certificate, commands: Commands, facts: dict[str, object]) -> Finding:
    fingerprint = presented.fingerprint
    pins = ", ".join(str(pin.fingerprint) for pin in record.pins)
    pending = any(one.fingerprint == fingerprint for one in record.pending)
    accept = (
        commands.trust("approve", f"--fingerprint {fingerprint}")
        if pending
        else commands.trust("add", f"--fingerprint {fingerprint}")
    )
    if any(presented.has_key_of(pin.certificate) for pin in record.pins):
        return warning(
            Check.CERTIFICATE,
            phrase(
                "it is new, with the key of the pinned one: {fingerprint}, not {pins}",
                fingerprint=fingerprint,
                pins=pins,
            ),
            phrase(
                "The gateway has renewed it: nobody else has the key. A proxy with --renewal same-key takes it by "
                "itself; another one refuses it until you accept it. Nothing was sent."
            ),
            accept,
            **facts,
        )
    return wrong(
        Check.CERTIFICATE,
        phrase("it has changed: {fingerprint} is presented, {pins} is pinned", fingerprint=fingerprint, pins=pins),
        phrase("Nothing was sent. {ask} If it is the one above, accept it:", ask=_ASK),
        accept,
        **facts,
    )
