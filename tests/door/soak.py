"""Ten thousand good and bad requests, after which the proxy holds no more than before.

``python -m tests.door.soak [REQUESTS]`` runs the program before a simulated gateway, lets the clients of
`tests.door.visitors` come to both of its doors, sixteen at a time, and tells what they sent and what was measured.
After a warm-up they come in two halves. Behind each of the three, once all clients are gone, memory, descriptors,
threads, greenlets and objects are counted. Exit code 1 when a client did not get what was due to it, when the
program logged a fault of its own, or when there is more of anything than `MEASURES` allow.
"""

from __future__ import annotations

import itertools
import random
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.door import echo
from tests.door.child import Child, Usage, running
from tests.door.visitors import DEADLINES, KINDS, Kind, Reader, Visit
from tests.support import settles

REQUESTS = 10_000
_WARM_UP = 1_000  # besides them
_AT_A_TIME = 16
_SCHEMES = ("http", "https")
_LAST_LINES = 20
_MIB = 1024 * 1024


# --- what is sent -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """What the process holds while there is no client, as `tests.door.child` and `tests.door.counting` tell it."""

    usage: Usage
    greenlets: int
    objects: int
    blocks: int


@dataclass(slots=True)
class Tally:
    """How often clients of one kind came, and what they did; requests count that were only begun, too."""

    visits: int = 0
    connections: int = 0
    requests: int = 0


class Soak:
    """Clients of all kinds at both doors of ``child``, and the count of what they did."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.tallies: dict[Kind, Tally] = defaultdict(Tally)
        self._ports = child.ports
        self._plan = enumerate(_plan())
        self._lock = threading.Lock()
        self._failed = threading.Event()
        self._serial = itertools.count(1)

    @property
    def requests(self) -> int:
        """How many requests were sent, or begun."""
        return sum(tally.requests for tally in self.tallies.values())

    def send(self, requests: int) -> None:
        """Let clients come until they sent ``requests`` more; raises what the first unhappy one has to say."""
        goal = self.requests + requests
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            for done in [pool.submit(self._send_until, goal, place) for place in range(_AT_A_TIME)]:
                done.result()

    def held(self) -> Held:
        """Wait until the last client is gone, and count."""
        child = self.child
        assert settles(lambda: child.usage().connections == 0), f"{child.usage().connections} connections are left"
        self._have_the_gateway_connected()
        assert settles(lambda: child.usage().connections == 0)
        child.process.send_signal(signal.SIGUSR1)
        told = child.wait_for(rf"^holding {next(self._serial)}: (\d+) greenlets, (\d+) objects, (\d+) blocks$")
        return Held(child.usage(), *map(int, told.groups()))

    def _have_the_gateway_connected(self) -> None:
        """Ask once: whether the last one before has left that connection open must make no difference."""
        visit = Visit(-1, "http", self._ports["http"], "127.0.0.1")
        asked = visit.asks()
        with visit.connected() as client:
            client.sendall(asked.whole("Connection: close"))
            Reader(client).check(asked)

    def _send_until(self, goal: int, place: int) -> None:
        try:
            while not self._failed.is_set():
                with self._lock:
                    if self.requests >= goal:
                        return
                    number, (kind, scheme) = next(self._plan)
                self._visit(kind, Visit(number, scheme, self._ports[scheme], f"127.0.1.{place + 1}"))
        except BaseException:
            self._failed.set()
            raise

    def _visit(self, kind: Kind, visit: Visit) -> None:
        try:
            kind.visit(visit)
        except Exception as error:
            error.add_note(f"visit {visit.number}, which {kind.claim}, over {visit.scheme} from {visit.address}")
            error.add_note("the program's last lines:\n" + "".join(self.child.lines[-_LAST_LINES:]))
            raise
        with self._lock:
            tally = self.tallies[kind]
            tally.visits += 1
            tally.connections += visit.connections
            tally.requests += visit.requests


def _plan() -> Iterator[tuple[Kind, str]]:
    """Tell who comes, and to which door: each kind to each door once, and from then on as their shares are."""
    doors = [(kind, scheme) for kind in KINDS for scheme in _SCHEMES if kind.only in {None, scheme}]
    yield from doors
    chance = random.Random(0)  # noqa: S311  # no secret
    while True:
        yield from chance.choices(doors, [kind.share for kind, _ in doors], k=100)


@contextmanager
def soaking(directory: Path) -> Iterator[Soak]:
    """Run the program before the gateway, both with what they keep in ``directory``; it must end well."""
    gateway = echo.start(directory)
    try:
        arguments = (f"--target={gateway.origin}", *DEADLINES)
        with running(*arguments, cwd=directory, module="tests.door.counting") as child:
            yield Soak(child)
            assert child.end() == 0, "".join(child.lines[-_LAST_LINES:])
    finally:
        gateway.stop()


# --- what is measured -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that must not grow: ``of`` counts it, ``allowed`` is how much more of it there may be at the end.

    That is more than behind the warm-up, or than behind the first half of all requests if it ``rests_late``.
    """

    name: str
    of: Callable[[Held], int]
    allowed: int = 0
    rests_late: bool = False
    unit: int = 1

    def grown(self, before: Held, after: Held) -> bool:
        """Tell whether there is too much more."""
        return self.of(after) > self.of(before) + self.allowed

    def shown(self, count: int) -> str:
        """Write a count as the table has it."""
        return f"{count:,}" if self.unit == 1 else f"{count / self.unit:.1f} MiB"


@dataclass(frozen=True, slots=True)
class Counts:
    """What the process held behind the warm-up, behind the first half of all requests, and behind all of them."""

    warm: Held
    half: Held
    end: Held

    def grown(self, measure: Measure) -> bool:
        """Tell whether there is too much more at the end."""
        return measure.grown(self.half if measure.rests_late else self.warm, self.end)


COUNTED = (
    Measure("descriptors", lambda held: held.usage.descriptors),
    # gevent keeps as many threads as calls of the trust store once went on at the same time: one for a request,
    # and one for the watch. Whether they meet within the warm-up is chance.
    Measure("threads", lambda held: held.usage.threads, allowed=1),
    Measure("greenlets", lambda held: held.greenlets),
)
"""What must not grow, however few requests were sent."""

MEASURES = (
    *COUNTED,
    # What is there for long is there after a thousand requests, but for a cache or two that fill by chance; who
    # leaks leaves an object for each request, or for each visit of one kind, of which there are hundreds.
    Measure("objects", lambda held: held.objects, allowed=100),
    # Strings and numbers count as well here, and so do logging's and ssl's caches, which take longer to fill.
    Measure("blocks", lambda held: held.blocks, allowed=500, rests_late=True),
    # malloc keeps what the largest bodies at a time have taken, and some thousand requests go by until it has met
    # them; then it was seen to move by half a MiB. Two are four hundred bytes for each request of one half.
    Measure("resident memory", lambda held: held.usage.resident, allowed=2 * _MIB, rests_late=True, unit=_MIB),
)
"""What must not grow."""


# --- what is told -----------------------------------------------------------------------------------------


def visits_table(soak: Soak) -> str:
    """Tell what each kind of clients did."""
    rows = [("who came", "visits", "connections", "requests")]
    told = [(kind.claim, soak.tallies[kind]) for kind in KINDS]
    rows += [(claim, f"{one.visits:,}", f"{one.connections:,}", f"{one.requests:,}") for claim, one in told]
    sums = (sum(getattr(one, what) for _, one in told) for what in ("visits", "connections", "requests"))
    return _table([*rows, ("all of them", *(f"{count:,}" for count in sums))])


def counts_table(counts: Counts) -> str:
    """Tell what was measured, and what of it is too much."""
    rows: list[tuple[str, ...]] = [
        ("", "after the warm-up", "after one half", "at the end", "allowed", "since", "")
    ]
    rows += [
        (
            measure.name,
            *(measure.shown(measure.of(held)) for held in (counts.warm, counts.half, counts.end)),
            f"+{measure.shown(measure.allowed)}",
            "one half" if measure.rests_late else "warm-up",
            "GROWN" if counts.grown(measure) else "",
        )
        for measure in MEASURES
    ]
    return _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() + "\n" for row in rows
    )
    return "".join(lines)


def main(requests: int = REQUESTS) -> int:
    """Run the soak, tell of it on stdout, and return the exit code."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, soaking(Path(directory)) as soak:
        held = []
        for several in (_WARM_UP, requests // 2, requests - requests // 2):
            soak.send(several)
            held.append(soak.held())
            _tell(f"{soak.requests:,} requests after {time.monotonic() - began:.0f} s\n")
        counts = Counts(*held)
        faults = soak.child.faults()
        _tell("\n", visits_table(soak), "\n", counts_table(counts), "\n", *faults)
    grown = [measure.name for measure in MEASURES if counts.grown(measure)]
    _tell(f"grown: {', '.join(grown) or 'nothing'}; faults: {len(faults)}; each client got what was due to it\n")
    return 1 if grown or faults else 0


def _tell(*texts: str) -> None:
    sys.stdout.write("".join(texts))
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:2])))
