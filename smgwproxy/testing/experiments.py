"""What is tried with a store in several processes: first use together, changes together, and being killed.

Each is a generator of outcomes for `smgwproxy.testing.processes.apart`; its first argument is the store's text for
`open_truststore`. Outcomes are values, to be judged by the contract.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from smgwproxy.origin import Origin
from smgwproxy.testing.processes import PATIENCE, Crew, Victim
from smgwproxy.testing.samples import ORIGIN, contested, next_number, number_of, number_of_pins, proposal
from smgwproxy.truststores.base import EditableTrustStore, Pin, TrustStore


def told(pins: Sequence[Pin]) -> str:
    """Put the fingerprints of pins into one text, empty when there are none."""
    return " ".join(str(pin.fingerprint) for pin in pins)


def looked_up(spec: str, origins: Sequence[Origin]) -> Iterator[str]:
    """Tell for each of ``origins`` what another process looks up."""
    with Crew(spec, 1, partial(_look_up, origins)) as crew:
        for _ in origins:
            yield from crew.act()


def first_use_together(spec: str, rounds: int, processes: int) -> Iterator[list[str]]:
    """Let all processes pin a certificate of their own at the same moment, and tell what each is answered."""
    with Crew(spec, processes, _propose) as crew:
        for _ in range(rounds):
            yield crew.act()


def changed_together(spec: str, rounds: int, writers: int, readers: int) -> Iterator[list[int]]:
    """Let ``writers`` make a change each while ``readers`` read, and tell the numbers that the writers put."""
    with Crew(spec, writers + readers, partial(_change_or_read, writers)) as crew:
        for _ in range(rounds):
            yield crew.act()[:writers]


@dataclass(frozen=True)
class KilledPinning:
    """A process was killed over a first use; ``reported`` tells whether it had said that it was done.

    ``kept`` is what another process looked up then, and ``after`` what it was answered to a first use of its own.
    """

    reported: bool
    kept: str
    after: str


def killed_pinning(spec: str, rounds: int) -> Iterator[KilledPinning]:
    """Kill a process over a first use in each round, in every other one right after it is done."""
    with Crew(spec, 1, _look_up_and_propose) as others:
        pace = 0.0
        for number in range(rounds):
            victim = Victim(spec, _pin_once, number)
            victim.report()  # that it has opened the store
            if number % 2:
                time.sleep(_at_random(pace))
            else:
                victim.report()
            reports = victim.kill()
            began = time.monotonic()
            ((kept, after),) = others.act()
            pace = time.monotonic() - began
            yield KilledPinning(not number % 2 or bool(reports), kept, after)


@dataclass(frozen=True)
class KilledChanging:
    """A process was killed over changes; ``reported`` is the number of the last record that it said was put.

    ``kept`` is the number of the record that another process found then, and ``after`` what it changed it to.
    """

    reported: int
    kept: int
    after: int


def killed_changing(spec: str, rounds: int) -> Iterator[KilledChanging]:
    """Kill a process in each round while it opens the store or makes one change after another."""
    with Crew(spec, 1, _look_and_change) as others:
        pace, after = 0.0, 0
        for _ in range(rounds):
            victim = Victim(spec, _change_on)
            reports = [after, *(victim.report() for _ in range(random.randrange(4)))]  # noqa: S311  # no secret
            time.sleep(_at_random(pace))
            reports += victim.kill()
            began = time.monotonic()
            ((kept, after),) = others.act()
            pace = time.monotonic() - began
            yield KilledChanging(reports[-1], kept, after)


def _at_random(pace: float) -> float:
    """Return seconds within which a change is made, or a little more."""
    return random.uniform(0, 2 * pace)  # noqa: S311  # no secret


# --- what the processes do with the store ---------------------------------------------------------------


def _look_up(origins: Sequence[Origin], store: TrustStore, _index: int, number: int) -> str:
    return told(store.lookup(origins[number]))


def _propose(store: TrustStore, index: int, number: int) -> str:
    return told(store.pin(contested(number), proposal(number, index)))


def _look_up_and_propose(store: TrustStore, _index: int, number: int) -> tuple[str, str]:
    origin = contested(number)
    return told(store.lookup(origin)), told(store.pin(origin, proposal(number, 1)))


def _look_and_change(store: EditableTrustStore, _index: int, _number: int) -> tuple[int, int]:
    return number_of(store.record(ORIGIN)), number_of(store.change(ORIGIN, next_number))


def _change_or_read(writers: int, store: EditableTrustStore, index: int, _number: int) -> int:
    if index < writers:
        return number_of(store.change(ORIGIN, next_number))
    for _ in range(3):
        number_of(store.record(ORIGIN))
        number_of_pins(ORIGIN, store.lookup(ORIGIN))
    return 0


def _pin_once(report: Callable[[bool], None], store: TrustStore, number: int) -> None:
    report(True)
    store.pin(contested(number), proposal(number, 0))
    report(True)
    time.sleep(PATIENCE)  # to be killed


def _change_on(report: Callable[[int], None], store: EditableTrustStore) -> None:
    while True:
        report(number_of(store.change(ORIGIN, next_number)))
