"""What each action shows to people, as lines. Pure."""

from __future__ import annotations

from datetime import datetime

from smgwproxy.certificate import Certificate
from smgwproxy.commands.text import (
    INDENT,
    Row,
    block,
    day,
    facts,
    known_facts,
    name,
    number,
    paragraph,
    printable,
    side_by_side,
    time,
    warning,
    wrapped,
)
from smgwproxy.commands.trust.standing import Standing, has_pinned_key, has_revoked_key, standing
from smgwproxy.origin import Origin
from smgwproxy.truststores.record import Event, Happening, Pending, Pin, Record

_SUMMARY_LABEL = 9

_HAPPENED = {
    Happening.PINNED: "pinned on first use",
    Happening.REFUSED: "refused, pending",
    Happening.RENEWED: "renewed with the same key",
    Happening.APPROVED: "approved",
    Happening.ADDED: "added",
    Happening.REPLACED: "replaced by another one",
    Happening.REMOVED: "removed",
    Happening.REVOKED: "revoked",
}


# --- list, import ---------------------------------------------------------------------------------------


def summary(record: Record, now: datetime, width: int) -> list[str]:
    """Tell of one gateway what matters at a glance."""
    return [str(record.origin), *block(summary_rows(record, now), width, _SUMMARY_LABEL)]


def summary_rows(record: Record, now: datetime) -> list[Row]:
    """Return what `summary` tells below the name."""
    rows: list[Row] = []
    for place, pin in enumerate(record.pins):
        until = f", valid until {day(pin.ends)}" if pin.ends is not None else ""
        rows.append(("backup" if place else "pinned", f"{name(pin)}{until}\n{pin.fingerprint}"))
        rows += [("warning", told) for _, told in warning(pin, now)]
    if not record.pins:
        rows.append(("pinned", f"nothing. {without_pins(record)}"))
    if record.pending:
        waits = number(len(record.pending), "certificate waits", "certificates wait")
        rows.append(("pending", f"{waits} for your decision:\nsmgwproxy trust approve --target {record.origin}"))
    if record.revoked:
        rows.append(("revoked", number(len(record.revoked), "certificate")))
    return rows


def unreadable(origin: Origin, error: Exception, width: int) -> list[str]:
    """Tell of a gateway whose record cannot be read."""
    told = printable(" ".join(str(error).split()), 1000)
    return [str(origin), *block([("error", told)], width, _SUMMARY_LABEL)]


def imported(record: Record, left_out: list[Pin], now: datetime, width: int, *, changed: bool) -> list[str]:
    """Tell what ``import`` made of one gateway; ``left_out`` are the pins that are revoked here."""
    rows = summary_rows(record, now)
    rows += [("left out", f"revoked here\n{pin.fingerprint}") for pin in left_out]
    head = f"{record.origin}: {'taken over' if changed else 'nothing new'}"
    return [head, *block(rows, width, _SUMMARY_LABEL)]


def without_pins(record: Record) -> str:
    """Say what becomes of the next certificate of a gateway without a pin."""
    if record.first_use:
        return "The next certificate that the gateway presents is pinned."
    return (
        "The last pin was revoked, so no certificate is pinned by itself: approve or add one, or start anew:\n"
        f"smgwproxy trust remove --target {record.origin}"
    )


# --- show -----------------------------------------------------------------------------------------------


def whole(record: Record, now: datetime, width: int) -> list[str]:
    """Tell all of one gateway but its history."""
    lines = [f"Gateway {record.origin}"]
    place = next((pin.record for pin in record.pins if pin.record), "")
    if place:
        lines += wrapped(f"Kept in {printable(place, 1000)}", width)
    if not record.pins:
        lines += ["", *paragraph(f"Nothing is pinned. {without_pins(record)}", width)]
    for number_, pin in enumerate(record.pins):
        lines += ["", "Backup: accepted as well" if number_ else "Pinned: the certificate that is accepted"]
        lines += block(known_facts(pin, now), width)
    for pending in record.pending:
        lines += ["", "Pending: refused, and waits for your decision"]
        lines += block(known_facts(pending, now, _key_note(record, pending.certificate)), width)
    for revoked in record.revoked:
        lines += ["", "Revoked: never accepted again"]
        lines += block(known_facts(revoked, now), width)
    return lines


def _key_note(record: Record, certificate: Certificate) -> str:
    if has_revoked_key(record, certificate):
        return "the key of a revoked certificate"
    return "the same key as the pinned one" if has_pinned_key(record, certificate) else ""


# --- scan -----------------------------------------------------------------------------------------------


def scanned(record: Record, certificate: Certificate, now: datetime, width: int) -> list[str]:
    """Tell which certificate the gateway presents, and what the record says of it."""
    return [
        f"The gateway {record.origin} presents this certificate:",
        "",
        *block(facts(certificate, now), width),
        "",
        *paragraph(_verdict(record, certificate), width),
    ]


def _verdict(record: Record, certificate: Certificate) -> str:
    match standing(record, certificate.fingerprint):
        case Standing.CURRENT:
            return "It is the pinned certificate."
        case Standing.BACKUP:
            return "It is a backup pin, so it is accepted."
        case Standing.REVOKED:
            return "It is revoked, so it is refused. Ask your metering point operator."
        case Standing.PENDING:
            said = "It is pending: it was refused and waits for your decision."
            remedy = f"If it is right:\nsmgwproxy trust approve --target {record.origin}"
        case _ if record.pins:
            said = "It is not pinned, so it is refused."
            remedy = "Ask your metering point operator whether it is right."
        case _ if record.first_use and not has_revoked_key(record, certificate):
            return "Nothing is pinned yet. The proxy will pin this certificate with its first connection."
        case _:
            said = "Nothing is pinned, and this certificate is not pinned by itself."
            remedy = (
                f"If it is right:\nsmgwproxy trust add --target {record.origin} "
                f"--fingerprint {certificate.fingerprint}"
            )
    return " ".join(part for part in (said, _key_verdict(record, certificate), remedy) if part)


def _key_verdict(record: Record, certificate: Certificate) -> str:
    if has_revoked_key(record, certificate):
        return "Be careful: its key is that of a revoked certificate."
    if has_pinned_key(record, certificate):
        return "It has the same key as the pinned one, as a renewed certificate may have."
    return ""


# --- approve, revoke ------------------------------------------------------------------------------------


def proposal(record: Record, new: Pending, now: datetime, width: int) -> list[str]:
    """Set the pinned certificate and the new one side by side, or below each other, and say what to mind."""
    return [
        *paragraph(f"The gateway {record.origin} presented a new certificate, which was refused.", width),
        "",
        *_compared(record.pins[0] if record.pins else None, new, now, width),
        "",
        *paragraph(_advice(record, new), width),
        "",
    ]


def _compared(old: Pin | None, new: Pending, now: datetime, width: int) -> list[str]:
    if old is None:
        return ["Nothing is pinned now. The new certificate:", "", *block(facts(new, now), width)]
    note = "the same key" if new.certificate.has_key_of(old.certificate) else ""
    old_rows, new_rows = facts(old, now), facts(new, now, note)
    beside = side_by_side([("", "PINNED NOW"), *old_rows], [("", "NEW"), *new_rows], width)
    return beside or ["Pinned now:", *block(old_rows, width), "", "New:", *block(new_rows, width)]


def _advice(record: Record, new: Pending) -> str:
    said = []
    if has_revoked_key(record, new.certificate):
        said.append("Be careful: the new certificate has the key of a revoked one.")
    elif has_pinned_key(record, new.certificate):
        said.append("The new certificate has the same key as the pinned one, as a renewed certificate may have.")
    elif any(pin.certificate is not None for pin in record.pins):
        said.append("The new certificate has another key than the pinned one.")
    said.append("Compare its fingerprint with the one that your metering point operator tells you.")
    if len(record.pins) > 1:
        said.append(f"{number(len(record.pins) - 1, 'backup pin stays', 'backup pins stay')}.")
    return " ".join(said)


def choices(record: Record, width: int) -> list[str]:
    """List several pending certificates."""
    lines = [f"{len(record.pending)} certificates are pending for the gateway {record.origin}:"]
    for number_, one in enumerate(record.pending, 1):
        seen = f"{name(one)}, last seen {time(one.last_seen)}\n{one.fingerprint}"
        lines += block([(f"{number_}.", seen)], width, 4)
    return lines


def pinned(record: Record, pin: Pin, now: datetime, width: int) -> list[str]:
    """Tell which certificate a question is about."""
    return [
        f"The pinned certificate of the gateway {record.origin}:",
        "",
        *block(known_facts(pin, now), width),
        "",
    ]


# --- history --------------------------------------------------------------------------------------------


def history(record: Record, width: int) -> list[str]:
    """Tell what happened at one gateway, oldest first."""
    if not record.history:
        return [f"Nothing has happened yet at the gateway {record.origin}."]
    return [f"Gateway {record.origin}", *(line for event in record.history for line in _event(event, width))]


def _event(event: Event, width: int) -> list[str]:
    subject = wrapped(printable(event.subject), width - 2 * len(INDENT)) if event.subject else []
    return [
        f"{INDENT}{time(event.at)}  {_HAPPENED[event.happening]}",
        *(f"{INDENT}{INDENT}{line}" for line in (*subject, str(event.fingerprint))),
    ]
