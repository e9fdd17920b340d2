"""The actions that change nothing: list, show, scan, history. Each returns the exit code."""

from __future__ import annotations

from smgwproxy.commands import text
from smgwproxy.commands.trust import documents, pages
from smgwproxy.commands.trust.desk import Desk
from smgwproxy.errors import TrustEditError
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.phrases import Phrase, phrase
from smgwproxy.truststores.base import EditableTrustStore
from smgwproxy.truststores.record import Record


def list_gateways(desk: Desk) -> int:
    """``list``: 1 when a record cannot be read."""
    now, width, say = desk.now, desk.console.width, desk.console.language
    warnings = list(desk.ask(desk.store.warnings)) if isinstance(desk.store, EditableTrustStore) else []
    for warning in warnings:
        told = text.printable(say(warning), 1000)
        desk.console.tell([phrase("smgwproxy: warning: {warning}", warning=told)])
    lines: list[str] = []
    gateways: list[documents.Document] = []
    code = 0
    for origin, record in desk.chosen(everything=not desk.target_given):
        if isinstance(record, Record):
            lines += [*pages.summary(record, now, width, say), ""]
            gateways.append(documents.listed(record, now))
        else:
            code = 1
            lines += [*pages.unreadable(origin, record, width, say), ""]
            gateways.append(documents.unreadable(origin, record))
            if desk.json:
                desk.console.error(record)
    if desk.json:
        desk.console.document({"gateways": gateways, "warnings": warnings})
    else:
        desk.console.say(lines[:-1] or text.paragraph(_nothing(desk), width, say))
    return code


def _nothing(desk: Desk) -> Phrase:
    return phrase(
        "The trust store {store} holds no gateway yet. The proxy pins a gateway's certificate when it reaches it "
        "first.",
        store=desk.store_name,
    )


def show(desk: Desk) -> int:
    """``show``."""
    record, now = desk.record(desk.target), desk.now
    if desk.json:
        desk.console.document(documents.record(record, now))
    else:
        desk.console.say(pages.whole(record, now, desk.console.width, desk.console.language))
    return 0


def scan(desk: Desk) -> int:
    """``scan``."""
    limits = Limits(connect_timeout=desk.config.connect_timeout, read_timeout=desk.config.connect_timeout)
    with Gateway(desk.target, desk.store, limits) as gateway:
        presented = gateway.presented_certificate()
    record = desk.record(desk.target)
    if desk.json:
        desk.console.document(documents.scanned(record, presented))
    else:
        desk.console.say(pages.scanned(record, presented, desk.now, desk.console.width, desk.console.language))
    return 0


def history(desk: Desk) -> int:
    """``history``: 1 when a record cannot be read."""
    if not isinstance(desk.store, EditableTrustStore):
        raise TrustEditError(phrase("The trust store {store} keeps no history.", store=desk.store_name))
    records: list[Record] = []
    errors = []
    for _, record in desk.chosen(everything=desk.given("all")):
        if isinstance(record, Record):
            records.append(record)
        else:
            errors.append(record)
    for error in errors:
        desk.console.error(error)
    if desk.json:
        desk.console.document(documents.history(records, [str(error) for error in errors]))
    else:
        width, say = desk.console.width, desk.console.language
        lines = [line for record in records for line in (*pages.history(record, width, say), "")]
        desk.console.say(lines[:-1] or ([] if errors else text.paragraph(_nothing(desk), width, say)))
    return 1 if errors else 0
