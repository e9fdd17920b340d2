"""What the trust store keeps of a gateway, as it was when it was last looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from smgwproxy.errors import ExchangeError
from smgwproxy.origin import Origin
from smgwproxy.trust import Trust
from smgwproxy.truststores.base import EditableTrustStore
from smgwproxy.truststores.guard import Guard
from smgwproxy.truststores.record import Pending, Pin, Record


@dataclass(frozen=True, slots=True)
class Kept:
    """The pins in force, what waits for a person, and whether a first use is possible without a pin.

    With ``trouble``, the title of an error, none of that is known.
    """

    pins: Sequence[Pin] = ()
    pending: Sequence[Pending] = ()
    first_use: bool = True
    trouble: str = ""


def look(guard: Guard, origin: Origin) -> Kept:
    """Ask the guarded store once; sends nothing to anybody else."""
    store = guard.store
    try:
        if not isinstance(store, EditableTrustStore):
            return Kept(Trust(origin, guard).pins())
        record: object = guard.ask(partial(store.record, origin))
        if not isinstance(record, Record):  # annotations are a plug-in's promise
            raise guard.faulty(f"returned something else than a record for the gateway {origin}")
        return Kept(record.pins, record.pending, record.first_use)
    except ExchangeError as error:
        return Kept(trouble=error.title)
