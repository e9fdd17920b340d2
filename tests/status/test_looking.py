"""How stores are looked at for the status port: all that changes is shown, and no look brings about another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gevent
import pytest

from smgwproxy.certificate import Certificate
from smgwproxy.commands.serving.status import _Look
from smgwproxy.cooperative import cooperative
from smgwproxy.errors import PinRefused
from smgwproxy.lookout import Lookout
from smgwproxy.origin import Origin
from smgwproxy.status import kept
from smgwproxy.truststores.base import EditableTrustStore, StandingPins, TrustStore, utc_now
from smgwproxy.truststores.guard import Guard
from smgwproxy.truststores.record import Pending, Pin, Record
from tests.contract.settled_stores import settled_database
from tests.support import PATIENCE

NEVER = 1e6  # seconds to the next beat
SOON = 0.01
Looking = Callable[..., _Look]


@pytest.fixture
def looking() -> Iterator[Looking]:
    """Begin to look, until the end of the test."""
    begun: list[_Look] = []

    def begin(store: TrustStore, host: str, lookout: Lookout) -> _Look:
        parts = SimpleNamespace(origin=Origin(host), logger=logging.getLogger("smgwproxy"))
        begun.append(_Look(Guard(store, cooperative().call, PATIENCE), cast(Any, parts), lookout))
        return begun[-1]

    yield begin
    for one in begun:
        one.end()


def becomes(condition: Callable[[], bool]) -> bool:
    with gevent.Timeout(PATIENCE):
        while not condition():
            gevent.sleep(SOON)
    return True


def test_looks_at_gateways_without_a_pin_bring_about_no_others(
    tmp_path: Path, looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at a database makes files beside it and takes them away, which wakes who watches that directory."""
    looks: list[Origin] = []
    look = kept.look

    def counted(guard: Guard, origin: Origin) -> kept.Kept:
        looks.append(origin)
        return look(guard, origin)

    def quiet() -> bool:
        before = len(looks)
        gevent.sleep(1)
        return before == len(looks) > 0

    monkeypatch.setattr(kept, "look", counted)
    store: TrustStore = settled_database(str(tmp_path / "store"))
    with closing(Lookout(interval=NEVER, calm=0.0)) as lookout:
        for host in ("10.0.0.1", "10.0.0.2"):
            looking(store, host, lookout)
        assert any(quiet() for _ in range(5))


class Simple(EditableTrustStore):
    """Keeps records in memory; its pins tell of nothing but pins."""

    def __init__(self) -> None:
        self.kept = Record(Origin("10.0.0.1"))
        self._standing = StandingPins((), lambda: True)
        self.trouble: Exception | None = None

    def lookup(self, origin: Origin) -> Sequence[Pin]:
        if self.trouble is not None:
            raise self.trouble
        return self._standing

    def record(self, origin: Origin) -> Record:
        if self.trouble is not None:
            raise self.trouble
        return self.kept

    def change(self, origin: Origin, edit: Callable[[Record], Record]) -> Record:
        self.kept = edit(self.kept)
        return self.kept

    def origins(self) -> Sequence[Origin]:
        return [self.kept.origin]


def test_what_changes_beside_pins_that_stand_is_shown(looking: Looking) -> None:
    store = Simple()
    with closing(Lookout(interval=SOON)) as lookout:
        one = looking(store, "10.0.0.1", lookout)
        assert becomes(lambda: one.kept is not None)
        store.kept = Record(store.kept.origin, pending=(Pending(Certificate(b"another"), utc_now(), utc_now()),))
        assert becomes(lambda: one.kept is not None and one.kept.pending == store.kept.pending)


def test_whatever_error_a_store_raises_is_shown(looking: Looking) -> None:
    store = Simple()
    with closing(Lookout(interval=SOON)) as lookout:
        one = looking(store, "10.0.0.1", lookout)
        assert becomes(lambda: one.kept is not None)
        store.trouble = PinRefused(store.kept.origin, "1" * 64)
        store._standing = StandingPins((), lambda: False)
        one._trust._standing = None
        assert becomes(lambda: one.kept is not None and one.kept.trouble != "")
