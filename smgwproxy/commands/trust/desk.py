"""What every action works with: the options, the guarded store, the console."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from smgwproxy.certificate import Fingerprint
from smgwproxy.commands.console import Console
from smgwproxy.commands.text import printable
from smgwproxy.config import Config
from smgwproxy.deadline import call_in_thread
from smgwproxy.errors import ConfigError, TrustEditError, TrustStoreError, text_of
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase, sequence
from smgwproxy.truststores.base import EditableTrustStore, TrustStore, utc_now
from smgwproxy.truststores.guard import Guard
from smgwproxy.truststores.record import Record
from smgwproxy.truststores.rules import Edit

_R = TypeVar("_R")

_WITH_PATHS = ("file", "sqlite")  # stores whose argument is a path; another's may hold a password


@dataclass(frozen=True, slots=True)
class Changed:
    """A record before and after an edit."""

    before: Record
    after: Record

    def __bool__(self) -> bool:
        """Tell whether anything has changed."""
        return self.before != self.after


class Desk:
    """One run of one action: its options, the store, and the console. The store is asked with a deadline.

    What asks the store raises `TrustStoreError`; what edits it, `TrustEditError` as well.
    """

    def __init__(self, config: Config, arguments: argparse.Namespace, store: TrustStore, console: Console) -> None:
        self.config = config
        self.console = console
        self.store = store
        self.target: Origin = config.target
        self._arguments = arguments
        self._guard = Guard(store, call_in_thread, config.store_timeout)

    # --- options ----------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The time, as records have it."""
        return utc_now()

    @property
    def json(self) -> bool:
        """Tell whether the answer is to be JSON."""
        return self.given("json")

    @property
    def target_given(self) -> bool:
        """Tell whether ``--target`` is on this command line.

        The environment and the configuration file name the gateway of the proxy; they choose nothing here.
        """
        return self.config.given.get("target") == "--target"

    @property
    def operand(self) -> str | None:
        """The word without a dash."""
        word: str | None = self._arguments.operand
        return word

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What ``--fingerprint`` gives; raises `ConfigError`."""
        text: str | None = self._arguments.fingerprint
        if text is None:
            return None
        try:
            return Fingerprint.parse(text)
        except ValueError as error:
            raise ConfigError(sequence(("--fingerprint", text_of(error)), ": ")) from error

    def given(self, switch: str) -> bool:
        """Tell whether the flag ``--switch`` is there."""
        return bool(getattr(self._arguments, switch))

    def must_be_asked(self, otherwise: str) -> None:
        """Raise `ConfigError` unless somebody can be asked; ``otherwise`` is the option that helps, and why."""
        if not self.console.interactive:
            raise ConfigError(phrase("{remedy}, since there is no terminal to ask at", remedy=otherwise))

    # --- the store --------------------------------------------------------------------------------------

    @property
    def store_name(self) -> str:
        """What the store is called in a sentence."""
        name, _, argument = self.config.truststore.partition(":")
        return printable(f"{name}:{Path(argument).absolute()}", 1000) if name in _WITH_PATHS else name

    def ask(self, question: Callable[[], _R]) -> _R:
        """Ask the store."""
        return self._guard.ask(question)

    def editable(self) -> EditableTrustStore:
        """Return the store if people may edit it; raises `TrustEditError`."""
        if isinstance(self.store, EditableTrustStore):
            return self.store
        place = next((pin.record for pin in self.record(self.target).pins if pin.record), "")
        where = place or phrase("where {source} says", source=self.config.source("truststore"))
        raise TrustEditError(
            phrase(
                "The trust store {store} takes no edits here. Its pins come from {where}: edit them there.",
                store=self.store_name,
                where=where,
            )
        )

    def record(self, origin: Origin) -> Record:
        """Return the record of ``origin``, or its pins where the store has no more."""
        if isinstance(self.store, EditableTrustStore):
            return self._kept(self.ask(partial(self.store.record, origin)))
        pins = self.ask(partial(self.store.lookup, origin))
        try:
            return Record(origin, tuple(pins))
        except (TypeError, ValueError, AttributeError) as error:
            raise self._guard.faulty(phrase("returned something else than pins")) from error

    def chosen(self, *, everything: bool) -> Iterator[tuple[Origin, Record | TrustStoreError]]:
        """Yield the records of all gateways, or of the target; errors in the place of those that cannot be read.

        A store that has no list of its gateways has the target only.
        """
        origins = [self.target]
        if everything and isinstance(self.store, EditableTrustStore):
            origins = list(self.ask(self.store.origins))
        for origin in origins:
            try:
                yield origin, self.record(origin)
            except TrustStoreError as error:
                yield origin, error

    def change(self, origin: Origin, edit: Edit) -> Changed:
        """Let the store edit a record, whatever others do to it meanwhile."""
        store = self.editable()
        seen: list[Record] = []

        def noting(record: Record) -> Record:
            seen.append(record)
            return edit(record)

        after = self._kept(self.ask(partial(store.change, origin, noting)))
        return Changed(seen[-1] if seen else after, after)

    def _kept(self, record: Record) -> Record:
        """Return ``record``; the annotations are a plug-in's promise, which may not be kept."""
        if not isinstance(record, Record):
            raise self._guard.faulty(phrase("returned something else than a record"))
        return record
