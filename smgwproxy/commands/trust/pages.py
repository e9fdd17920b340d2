"""What each action shows to people, as lines in the language of ``say``. Pure."""

from __future__ import annotations

from datetime import datetime

from smgwproxy.certificate import Certificate
from smgwproxy.commands.text import (
    INDENT,
    Row,
    Say,
    block,
    day,
    facts,
    known_facts,
    name,
    paragraph,
    printable,
    side_by_side,
    time,
    warning,
    wrapped,
)
from smgwproxy.commands.trust.standing import Standing, has_pinned_key, has_revoked_key, standing
from smgwproxy.errors import SmgwProxyError
from smgwproxy.origin import Origin
from smgwproxy.phrases import Phrase, phrase, plural, sequence
from smgwproxy.truststores.record import Event, Happening, Pending, Pin, Record

_SUMMARY_LABEL = 9

_HAPPENED = {
    Happening.PINNED: phrase("pinned on first use"),
    Happening.REFUSED: phrase("refused, pending"),
    Happening.RENEWED: phrase("renewed with the same key"),
    Happening.APPROVED: phrase("approved"),
    Happening.ADDED: phrase("added"),
    Happening.REPLACED: phrase("replaced by another one"),
    Happening.REMOVED: phrase("removed"),
    Happening.REVOKED: phrase("revoked"),
}


# --- list, import ---------------------------------------------------------------------------------------


def summary(record: Record, now: datetime, width: int, say: Say = str) -> list[str]:
    """Tell of one gateway what matters at a glance."""
    return [str(record.origin), *block(summary_rows(record, now), width, _SUMMARY_LABEL, say)]


def summary_rows(record: Record, now: datetime) -> list[Row]:
    """Return what `summary` tells below the name."""
    rows: list[Row] = []
    for place, pin in enumerate(record.pins):
        told: str = name(pin)
        if pin.ends is not None:
            told = phrase("{name}, valid until {day}", name=told, day=day(pin.ends))
        label = phrase("backup") if place else phrase("pinned")
        rows.append((label, sequence((told, str(pin.fingerprint)), "\n")))
        rows += [(phrase("warning"), ending) for _, ending in warning(pin, now)]
    if not record.pins:
        rows.append((phrase("pinned"), phrase("nothing. {outlook}", outlook=without_pins(record))))
    if record.pending:
        waits = plural(
            "{count} certificate waits for your decision:",
            "{count} certificates wait for your decision:",
            len(record.pending),
        )
        command = f"smgwproxy trust approve --target {record.origin}"
        rows.append((phrase("pending"), sequence((waits, command), "\n")))
    if record.revoked:
        rows.append(
            (phrase("revoked"), plural("{count} certificate", "{count} certificates", len(record.revoked)))
        )
    return rows


def unreadable(origin: Origin, error: Exception, width: int, say: Say = str) -> list[str]:
    """Tell of a gateway whose record cannot be read."""
    text = say(error.told) if isinstance(error, SmgwProxyError) else str(error)
    told = printable(" ".join(text.split()), 1000)
    return [str(origin), *block([(phrase("error"), told)], width, _SUMMARY_LABEL, say)]


def imported(
    record: Record, left_out: list[Pin], now: datetime, width: int, say: Say = str, *, changed: bool
) -> list[str]:
    """Tell what ``import`` made of one gateway; ``left_out`` are the pins that are revoked here."""
    rows = summary_rows(record, now)
    rows += [
        (phrase("left out"), sequence((phrase("revoked here"), str(pin.fingerprint)), "\n")) for pin in left_out
    ]
    outcome = phrase("taken over") if changed else phrase("nothing new")
    return [say(sequence((str(record.origin), outcome), ": ")), *block(rows, width, _SUMMARY_LABEL, say)]


def without_pins(record: Record) -> Phrase:
    """Say what becomes of the next certificate of a gateway without a pin."""
    if record.first_use:
        return phrase("The next certificate that the gateway presents is pinned.")
    said = phrase(
        "The last pin was revoked, so no certificate is pinned by itself: approve or add one, or start anew:"
    )
    return sequence((said, f"smgwproxy trust remove --target {record.origin}"), "\n")


# --- show -----------------------------------------------------------------------------------------------


def whole(record: Record, now: datetime, width: int, say: Say = str) -> list[str]:
    """Tell all of one gateway but its history."""
    lines = [say(phrase("Gateway {origin}", origin=record.origin))]
    place = next((pin.record for pin in record.pins if pin.record), "")
    if place:
        lines += wrapped(say(phrase("Kept in {place}", place=printable(say(place), 1000))), width)
    if not record.pins:
        nothing = phrase("Nothing is pinned. {outlook}", outlook=without_pins(record))
        lines += ["", *paragraph(nothing, width, say)]
    for number_, pin in enumerate(record.pins):
        title = (
            phrase("Backup: accepted as well") if number_ else phrase("Pinned: the certificate that is accepted")
        )
        lines += ["", say(title), *block(known_facts(pin, now), width, say=say)]
    for pending in record.pending:
        rows = known_facts(pending, now, _key_note(record, pending.certificate))
        title = phrase("Pending: refused, and waits for your decision")
        lines += ["", say(title), *block(rows, width, say=say)]
    for revoked in record.revoked:
        lines += ["", say(phrase("Revoked: never accepted again"))]
        lines += block(known_facts(revoked, now), width, say=say)
    return lines


def _key_note(record: Record, certificate: Certificate) -> str:
    if has_revoked_key(record, certificate):
        return phrase("the key of a revoked certificate")
    return phrase("the same key as the pinned one") if has_pinned_key(record, certificate) else ""


# --- scan -----------------------------------------------------------------------------------------------


def scanned(record: Record, certificate: Certificate, now: datetime, width: int, say: Say = str) -> list[str]:
    """Tell which certificate the gateway presents, and what the record says of it."""
    return [
        say(phrase("The gateway {origin} presents this certificate:", origin=record.origin)),
        "",
        *block(facts(certificate, now), width, say=say),
        "",
        *paragraph(_verdict(record, certificate), width, say),
    ]


def _verdict(record: Record, certificate: Certificate) -> str:
    remedy: str
    match standing(record, certificate.fingerprint):
        case Standing.CURRENT:
            return phrase("It is the pinned certificate.")
        case Standing.BACKUP:
            return phrase("It is a backup pin, so it is accepted.")
        case Standing.REVOKED:
            return phrase("It is revoked, so it is refused. Ask your metering point operator.")
        case Standing.PENDING:
            said = phrase("It is pending: it was refused and waits for your decision.")
            command = f"smgwproxy trust approve --target {record.origin}"
            remedy = sequence((phrase("If it is right:"), command), "\n")
        case _ if record.pins:
            said = phrase("It is not pinned, so it is refused.")
            remedy = phrase("Ask your metering point operator whether it is right.")
        case _ if record.first_use and not has_revoked_key(record, certificate):
            return phrase("Nothing is pinned yet. The proxy will pin this certificate with its first connection.")
        case _:
            said = phrase("Nothing is pinned, and this certificate is not pinned by itself.")
            command = f"smgwproxy trust add --target {record.origin} --fingerprint {certificate.fingerprint}"
            remedy = sequence((phrase("If it is right:"), command), "\n")
    return sequence([part for part in (said, _key_verdict(record, certificate), remedy) if part])


def _key_verdict(record: Record, certificate: Certificate) -> str:
    if has_revoked_key(record, certificate):
        return phrase("Be careful: its key is that of a revoked certificate.")
    if has_pinned_key(record, certificate):
        return phrase("It has the same key as the pinned one, as a renewed certificate may have.")
    return ""


# --- approve, revoke ------------------------------------------------------------------------------------


def proposal(record: Record, new: Pending, now: datetime, width: int, say: Say = str) -> list[str]:
    """Set the pinned certificate and the new one side by side, or below each other, and say what to mind."""
    refused = phrase("The gateway {origin} presented a new certificate, which was refused.", origin=record.origin)
    return [
        *paragraph(refused, width, say),
        "",
        *_compared(record.pins[0] if record.pins else None, new, now, width, say),
        "",
        *paragraph(_advice(record, new), width, say),
        "",
    ]


def _compared(old: Pin | None, new: Pending, now: datetime, width: int, say: Say) -> list[str]:
    if old is None:
        nothing = phrase("Nothing is pinned now. The new certificate:")
        return [say(nothing), "", *block(facts(new, now), width, say=say)]
    note = phrase("the same key") if new.certificate.has_key_of(old.certificate) else ""
    old_rows, new_rows = facts(old, now), facts(new, now, note)
    left, right = [("", phrase("PINNED NOW")), *old_rows], [("", phrase("NEW")), *new_rows]
    return side_by_side(left, right, width, say) or [
        say(phrase("Pinned now:")),
        *block(old_rows, width, say=say),
        "",
        say(phrase("New:")),
        *block(new_rows, width, say=say),
    ]


def _advice(record: Record, new: Pending) -> str:
    said = []
    if has_revoked_key(record, new.certificate):
        said.append(phrase("Be careful: the new certificate has the key of a revoked one."))
    elif has_pinned_key(record, new.certificate):
        said.append(
            phrase("The new certificate has the same key as the pinned one, as a renewed certificate may have.")
        )
    elif any(pin.certificate is not None for pin in record.pins):
        said.append(phrase("The new certificate has another key than the pinned one."))
    said.append(phrase("Compare its fingerprint with the one that your metering point operator tells you."))
    if len(record.pins) > 1:
        said.append(plural("{count} backup pin stays.", "{count} backup pins stay.", len(record.pins) - 1))
    return sequence(said)


def choices(record: Record, width: int, say: Say = str) -> list[str]:
    """List several pending certificates."""
    head = phrase(
        "{count} certificates are pending for the gateway {origin}:",
        count=len(record.pending),
        origin=record.origin,
    )
    lines = [say(head)]
    for number_, one in enumerate(record.pending, 1):
        seen = phrase("{name}, last seen {time}", name=name(one), time=time(one.last_seen))
        lines += block([(f"{number_}.", sequence((seen, str(one.fingerprint)), "\n"))], width, 4, say)
    return lines


def pinned(record: Record, pin: Pin, now: datetime, width: int, say: Say = str) -> list[str]:
    """Tell which certificate a question is about."""
    return [
        say(phrase("The pinned certificate of the gateway {origin}:", origin=record.origin)),
        "",
        *block(known_facts(pin, now), width, say=say),
        "",
    ]


# --- history --------------------------------------------------------------------------------------------


def history(record: Record, width: int, say: Say = str) -> list[str]:
    """Tell what happened at one gateway, oldest first."""
    if not record.history:
        return [say(phrase("Nothing has happened yet at the gateway {origin}.", origin=record.origin))]
    events = (line for event in record.history for line in _event(event, width, say))
    return [say(phrase("Gateway {origin}", origin=record.origin)), *events]


def _event(event: Event, width: int, say: Say) -> list[str]:
    subject = wrapped(printable(event.subject), width - 2 * len(INDENT)) if event.subject else []
    return [
        f"{INDENT}{time(event.at)}  {say(_HAPPENED[event.happening])}",
        *(f"{INDENT}{INDENT}{line}" for line in (*subject, str(event.fingerprint))),
    ]
