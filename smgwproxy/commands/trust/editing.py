"""The actions by which a person decides: approve, add, remove, revoke. Each returns the exit code.

Only the store's ``change`` edits, with one of the rules, so that nothing is lost of what a running proxy writes at
the same time; and what is changed is the certificate that was shown, by its fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from smgwproxy.certificate import Fingerprint
from smgwproxy.commands import text
from smgwproxy.commands.trust import documents, pages, standing
from smgwproxy.commands.trust.desk import Changed, Desk
from smgwproxy.commands.trust.files import read
from smgwproxy.commands.trust.sources import read_pins
from smgwproxy.commands.trust.standing import Standing
from smgwproxy.errors import ConfigError, TrustEditError
from smgwproxy.phrases import phrase, plural, sequence
from smgwproxy.truststores import rules
from smgwproxy.truststores.record import Pending, Pin, Record

_AT_ONCE = phrase("A running proxy takes notice at once; nothing has to be restarted.")


def approve(desk: Desk) -> int:
    """``approve``: 1 when the person says no, or nothing is pending."""
    fingerprint = desk.fingerprint
    if fingerprint is None:
        desk.must_be_asked(phrase("--fingerprint: give the SHA-256 of the certificate to approve"))
    desk.editable()
    record = desk.record(desk.target)
    new = _pending(desk, record, fingerprint)
    told = pages.proposal(record, new, desk.now, desk.console.width, desk.console.language)
    if fingerprint is None and not _agreed(desk, told, phrase("Approve the new certificate?")):
        return 1
    changed = desk.change(desk.target, partial(rules.approve, fingerprint=new.fingerprint, now=desk.now))
    outcome = phrase("Approved. The gateway {origin} is accepted with the new certificate.", origin=desk.target)
    return _answer(desk, changed, sequence((outcome, _AT_ONCE)), told if fingerprint is not None else ())


def _pending(desk: Desk, record: Record, fingerprint: Fingerprint | None) -> Pending:
    if not record.pending:
        raise TrustEditError(
            phrase(
                "No certificate is pending for {origin}: a running proxy puts one there when it refuses it. See "
                "what the gateway presents now: smgwproxy trust scan --target {origin}",
                origin=desk.target,
            )
        )
    if fingerprint is None:
        if len(record.pending) > 1:
            desk.console.tell(pages.choices(record, desk.console.width, desk.console.language))
            raise ConfigError(
                phrase("--fingerprint: several certificates are pending; give the SHA-256 of the right one")
            )
        return record.pending[0]
    found = [one for one in record.pending if one.fingerprint == fingerprint]
    if not found:
        raise TrustEditError(
            phrase(
                "No certificate with SHA-256 {fingerprint} is pending for {origin}. See which ones are: "
                "smgwproxy trust show --target {origin}",
                fingerprint=fingerprint,
                origin=desk.target,
            )
        )
    return found[0]


def add(desk: Desk) -> int:
    """``add``."""
    pin = _pin(desk)
    changed = desk.change(desk.target, partial(rules.add, pin=pin, now=desk.now))
    if not changed:
        told = phrase("It is pinned already; nothing has changed for {origin}.", origin=desk.target)
    elif standing.standing(changed.after, pin.fingerprint) is Standing.CURRENT:
        told = phrase("Added: it is the pinned certificate of the gateway {origin} now.", origin=desk.target)
    else:
        told = phrase(
            "Added: it is a backup, accepted beside the pinned certificate of {origin}.", origin=desk.target
        )
    return _answer(desk, changed, sequence((told, _AT_ONCE)) if changed else told)


def _pin(desk: Desk) -> Pin:
    fingerprint, operand = desk.fingerprint, desk.operand
    desk.editable()
    if fingerprint is not None and operand is None:
        return Pin(fingerprint)
    if operand is None or fingerprint is not None:
        raise ConfigError(phrase("--fingerprint: give either this or the FILE of a certificate (- for stdin)"))
    source = read(operand, desk.console)
    pins = source.interpreted(read_pins)
    if len(pins) > 1:
        raise TrustEditError(
            phrase(
                "{name} holds {count} certificates: give one with --fingerprint, or all with trust import.",
                name=source.name,
                count=len(pins),
            )
        )
    return pins[0]


def remove(desk: Desk) -> int:
    """``remove``: 1 when the person says no."""
    fingerprint = desk.fingerprint
    if fingerprint is not None:
        changed = desk.change(desk.target, partial(rules.remove, fingerprint=fingerprint, now=desk.now))
        was = standing.standing(changed.before, fingerprint)
        told = phrase("Removed from {origin}: {what}.", origin=desk.target, what=_WAS[was])
        return _answer(desk, changed, _with_outlook(changed, told))
    if not desk.given("yes"):
        desk.must_be_asked(phrase("--yes: is needed to remove all pins"))
        desk.editable()
        record = desk.record(desk.target)
        told_before = [*pages.summary(record, desk.now, desk.console.width, desk.console.language), ""]
        if not _agreed(desk, told_before, _remove_question(record)):
            return 1
    changed = desk.change(desk.target, partial(rules.forget, now=desk.now))
    if not changed:
        nothing = phrase("There was nothing to remove for {origin}.", origin=desk.target)
        return _answer(desk, changed, _with_outlook(changed, nothing))
    gone = plural(
        "{count} certificate", "{count} certificates", len(changed.before.pins) + len(changed.before.pending)
    )
    told = phrase("Removed from {origin}: {what}.", origin=desk.target, what=gone)
    return _answer(desk, changed, _with_outlook(changed, told))


_WAS = {
    Standing.CURRENT: phrase("it was the pinned certificate"),
    Standing.BACKUP: phrase("it was a backup"),
    Standing.PENDING: phrase("it was pending"),
    Standing.REVOKED: phrase("it is not revoked any more"),
}


def _remove_question(record: Record) -> str:
    if not record.pins:
        return phrase(
            "Start anew, so that the next certificate the gateway {origin} presents is pinned?",
            origin=record.origin,
        )
    return plural(
        "Remove {count} pin, so that the next certificate the gateway {origin} presents is pinned?",
        "Remove {count} pins, so that the next certificate the gateway {origin} presents is pinned?",
        len(record.pins),
        origin=record.origin,
    )


def revoke(desk: Desk) -> int:
    """``revoke``: 1 when the person says no, or nothing is pinned."""
    fingerprint = desk.fingerprint
    if fingerprint is None:
        if not desk.given("yes"):
            desk.must_be_asked(
                phrase("--yes: is needed to revoke the pinned certificate, or --fingerprint for another")
            )
        desk.editable()
        record = desk.record(desk.target)
        if not record.pins:
            raise TrustEditError(
                phrase(
                    "Nothing is pinned for {origin}. To revoke another certificate, name it with --fingerprint.",
                    origin=desk.target,
                )
            )
        fingerprint = record.pins[0].fingerprint
        if not desk.given("yes"):
            width, say = desk.console.width, desk.console.language
            told_before = pages.pinned(record, record.pins[0], desk.now, width, say)
            if not _agreed(desk, told_before, phrase("Revoke it, so that it is never accepted again?")):
                return 1
    changed = desk.change(desk.target, partial(rules.revoke, fingerprint=fingerprint, now=desk.now))
    if changed:
        told = phrase("Revoked for {origin}.", origin=desk.target)
    else:
        told = phrase("It was revoked already for {origin}.", origin=desk.target)
    return _answer(desk, changed, _with_outlook(changed, told))


# --- parts ----------------------------------------------------------------------------------------------


def _agreed(desk: Desk, told: list[str], question: str) -> bool:
    desk.console.tell(told)
    if desk.console.confirm(question):
        return True
    desk.console.tell([phrase("Nothing was changed.")])
    return False


def _with_outlook(changed: Changed, told: str) -> str:
    """Say what is accepted from now on."""
    if changed.after.pins:
        count = plural("{count} pin stays in force.", "{count} pins stay in force.", len(changed.after.pins))
        return sequence((told, count))
    return sequence((told, phrase("Nothing is pinned now."), pages.without_pins(changed.after)))


def _answer(desk: Desk, changed: Changed, told: str, before: Iterable[str] = ()) -> int:
    if desk.json:
        desk.console.document(documents.edited(changed.after, desk.now, changed=bool(changed)))
    else:
        desk.console.say((*before, *text.paragraph(told, desk.console.width, desk.console.language)))
    return 0
