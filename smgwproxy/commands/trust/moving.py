"""The actions that take trust elsewhere: export and import. Each returns the exit code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from smgwproxy.commands import text
from smgwproxy.commands.trust import documents, pages, sources
from smgwproxy.commands.trust.desk import Changed, Desk
from smgwproxy.commands.trust.files import STREAM, read, write
from smgwproxy.errors import ConfigError, SmgwProxyError, TrustEditError
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.record import Record
from smgwproxy.truststores.restoring import restore


def export_records(desk: Desk) -> int:
    """``export``: all or nothing."""
    records: list[Record] = []
    for _, record in desk.chosen(everything=not desk.target_given):
        if not isinstance(record, Record):
            raise record
        if record:
            records.append(record)
    if not records:
        raise TrustEditError(
            phrase("There is nothing to export: the trust store {store} holds no record.", store=desk.store_name)
        )
    document = sources.export(records, desk.now)
    if desk.operand in {None, STREAM}:
        desk.console.document(document)
        return 0
    path = Path(str(desk.operand))
    write(path, json.dumps(document, indent=2).encode() + b"\n", overwrite=desk.given("force"))
    names = [str(record.origin) for record in records]
    if desk.json:
        desk.console.document({"file": str(path), "gateways": names})
    else:
        told = phrase(
            "Exported to {path}: {gateways}. It holds no secrets, but keep it where nobody can change it.",
            path=path,
            gateways=", ".join(names),
        )
        desk.console.say(text.paragraph(told, desk.console.width, desk.console.language))
    return 0


def import_records(desk: Desk) -> int:
    """``import``: everything is read, and tried, before the first change."""
    if desk.operand is None:
        raise ConfigError(phrase("import: give the file or the directory to read, or - for stdin"))
    desk.editable()
    imported = _selected(desk, _read(desk, desk.operand))
    edits = {
        one.origin: partial(restore, imported=one, now=desk.now, replacing=desk.given("replace"))
        for one in imported
    }
    for origin, edit in edits.items():
        edit(desk.record(origin))
    done: dict[Origin, Changed] = {}
    for origin, edit in edits.items():
        try:
            done[origin] = desk.change(origin, edit)
        except SmgwProxyError:
            if done:
                gateways = ", ".join(map(str, done))
                desk.console.tell([phrase("Imported before the error: {gateways}.", gateways=gateways)])
            raise
    if desk.json:
        edited = [documents.edited(one.after, desk.now, changed=bool(one)) for one in done.values()]
        desk.console.document({"gateways": edited})
    else:
        lines = [line for one in imported for line in (*_told(desk, one, done[one.origin]), "")]
        desk.console.say(lines[:-1])
    return 0


def _read(desk: Desk, name: str) -> Sequence[Record]:
    path = Path(name)
    if name == STREAM or "\0" in name or not path.is_dir():
        source = read(name, desk.console)
        return source.interpreted(partial(sources.read_records, target=_whose(desk, path)))
    # The original's directory is what our file store reads, with the same rules for names that mean the same.
    directory = FileTrustStore(path.absolute())
    records = [desk.ask(partial(directory.record, origin)) for origin in desk.ask(directory.origins)]
    if not records:
        raise TrustEditError(
            phrase(
                "{name} holds no record of a gateway, such as 10.11.120.2.json. Nothing was changed.", name=name
            )
        )
    return records


def _whose(desk: Desk, path: Path) -> Origin:
    """Return whose a record is that does not say so: the original names its files after the gateways."""
    if not desk.target_given and path.suffix == ".json":
        try:
            return Origin.parse(path.stem)
        except ValueError:
            pass
    return desk.target


def _selected(desk: Desk, records: Sequence[Record]) -> Sequence[Record]:
    if not desk.target_given:
        return records
    chosen = [record for record in records if record.origin == desk.target]
    if not chosen:
        known = ", ".join(str(record.origin) for record in records) or phrase("no gateway")
        raise TrustEditError(
            phrase("There is nothing of {origin} in it, but of: {known}.", origin=desk.target, known=known)
        )
    return chosen


def _told(desk: Desk, brought: Record, one: Changed) -> list[str]:
    in_force = {pin.fingerprint for pin in one.after.pins}
    left_out = [pin for pin in brought.pins if pin.fingerprint not in in_force]
    width, say = desk.console.width, desk.console.language
    return pages.imported(one.after, left_out, desk.now, width, say, changed=bool(one))
