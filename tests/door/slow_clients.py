"""slowhttptest in its four modes against the program, while good clients go on asking: each must be answered.

``python -m tests.door.slow_clients [SIZE]`` needs slowhttptest, and runs each mode twice: with the door as it is
by default, where the tool's one address has 50 of the 200 places, and where one address may have all of them.
Good clients ask twice a second, one from the tool's own address and one from another. It tells what became of all
of them. Exit code 1 when a good request had no answer of its own in time, when there were far more connections
than places, or when the program holds more behind a mode than before it. SIZE is that of the answers that are
read slowly, in bytes.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.door import echo
from tests.door.child import Child, Usage, running
from tests.door.visitors import Reader, Visit
from tests.support import PATIENCE, settles

TOOL = "slowhttptest"
SIZE = 100_000
_PLACES = 200
_MIB = 1024 * 1024
_SECONDS = 20
_TOOLS_ADDRESS = "127.0.0.1"  # it cannot be told to come from another
_OTHER_ADDRESS = "127.0.2.1"
_PAUSE = 0.5  # seconds between two requests of a good client
_IN_TIME = 10.0  # seconds within which a good client must have its whole answer
_GONE = 60.0  # seconds within which the last connection must have ended, twice what a silent client is borne for
# New connections come as long as the tool runs, so that none that is cut off leaves its place to nobody.
_PRESSURE = ("-c", "1000", "-r", "50", "-l", str(_SECONDS), "-p", "3", "-g", "-o", "report")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

MODES = {
    "slow heads": ("-H", "-i", "5", "-x", "24"),
    "slow bodies": ("-B", "-i", "5", "-x", "24", "-s", "8192"),
    "ranges": ("-R", "-a", "5", "-b", "2000"),
    "slow reading": ("-X", "-w", "512", "-y", "1024", "-n", "1", "-z", "32", "-k", "3"),
}
"""The tool's modes, and what it is told in each."""

DOORS = {50: (), _PLACES: (f"--max-clients-per-address={_PLACES}",)}
"""The program's options by the places that one address may have: by default, and all."""


# --- the clients ------------------------------------------------------------------------------------------


class GoodClient:
    """Asks from ``address``, over a new connection each time, until it is stopped; keeps the count."""

    def __init__(self, address: str, port: int, *, may_be_refused: bool) -> None:
        self.address = address
        self.asked = 0
        self.refused = 0
        self.slowest = 0.0
        self.troubles: list[str] = []
        self._port = port
        self._may_be_refused = may_be_refused
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let it finish its last request."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_PAUSE):
            self.asked += 1
            began = time.monotonic()
            try:
                answered = ask(Visit(self.asked, "http", self._port, self.address), self._may_be_refused)
                self.refused += not answered
                seconds = time.monotonic() - began
                assert seconds <= _IN_TIME, f"answered after {seconds:.1f} s"
            except Exception as error:  # noqa: BLE001  # whatever it is, it is told at the end
                self.troubles.append(f"{self.address}: {type(error).__name__}: {error}")
            self.slowest = max(self.slowest, time.monotonic() - began)


def ask(visit: Visit, may_be_refused: bool = False) -> bool:
    """Ask once, and see that the answer is the one to this request; False when all places were being served."""
    asked = visit.asks(size=5_000)
    with visit.connected() as client:
        client.sendall(asked.whole("Connection: close"))
        reader = Reader(client)
        head = reader.head()
        if may_be_refused and head.status == 503:
            return False
        reader.check(asked, head)
    return True


@dataclass(frozen=True, slots=True)
class Said:
    """What the tool said: how many connections it made, and in how many of its seconds it was answered."""

    connections: int
    available: int
    seconds: int
    ending: str


def attack(mode: str, target: str, directory: Path) -> Said:
    """Run the tool until it ends."""
    done = subprocess.run(
        [TOOL, *MODES[mode], *_PRESSURE, "-u", target],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_SECONDS + 2 * PATIENCE,
    )
    output = _COLOUR.sub("", done.stdout)
    ending = re.search(r"Exit status:\s*(.+)", output)
    assert ending, f"{TOOL} says nothing of its end: {output[-1000:]}"
    with (directory / "report.csv").open(newline="") as report:
        rows = [[int(cell) for cell in row] for row in list(csv.reader(report))[1:] if row]
    _, closed, pending, connected, _ = rows[-1]
    return Said(closed + pending + connected, sum(row[-1] > 0 for row in rows), len(rows), ending[1].strip())


# --- one mode ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mode at one door; ``seen`` are the measures while it went on."""

    mode: str
    places: int
    said: Said
    clients: Sequence[GoodClient]
    before: Usage
    seen: Sequence[Usage]
    after: Usage

    @property
    def most_connections(self) -> int:
        """How many there were at a time."""
        return max(usage.connections for usage in self.seen)

    @property
    def troubles(self) -> list[str]:
        """Tell what must not be."""
        troubles = [trouble for client in self.clients for trouble in client.troubles]
        if self.said.connections <= _PLACES:
            troubles.append(f"{TOOL} made only {self.said.connections} connections")
        # Who was refused or lost its place is on its way out for a moment, and the door takes as many of those.
        if self.most_connections > 2 * _PLACES:
            troubles.append(f"there were {self.most_connections} connections at a time")
        if self.after.connections or self.after.descriptors > self.before.descriptors:
            troubles.append(f"it held {self.before} before, and {self.after} afterwards")
        return [f"{self.mode}, {self.places} places for one address: {trouble}" for trouble in troubles]


@contextmanager
def watched(child: Child) -> Iterator[list[Usage]]:
    """Measure the program again and again within the context."""
    seen: list[Usage] = [child.usage()]
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(_PAUSE):
            seen.append(child.usage())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def endure(mode: str, places: int, child: Child, size: int, directory: Path) -> Outcome:
    """Let the tool and the good clients come; return once all are gone."""
    port = child.ports["http"]
    before = at_rest(child, port)
    with watched(child) as seen:
        # Who is read slowly has asked before: the tool's connections may all be waiting for the gateway then, and
        # none of its address can make room.
        clients = [
            GoodClient(_TOOLS_ADDRESS, port, may_be_refused=mode == "slow reading"),
            GoodClient(_OTHER_ADDRESS, port, may_be_refused=False),
        ]
        try:
            said = attack(mode, f"http://{_TOOLS_ADDRESS}:{port}/length/slow/{size}", directory)
        finally:
            for client in clients:
                client.stop()
    return Outcome(mode, places, said, clients, before, seen, at_rest(child, port))


def at_rest(child: Child, port: int) -> Usage:
    """Measure the program without a client, and with its connection to the gateway."""
    settles(lambda: child.usage().connections == 0, _GONE)
    ask(Visit(0, "http", port, _OTHER_ADDRESS))
    settles(lambda: child.usage().connections == 0)
    return child.usage()


# --- all of them ------------------------------------------------------------------------------------------


TITLES = (
    "mode",
    "places for one address",
    "connections of the tool",
    "at a time",
    "memory at most",
    "the tool was answered in",
    "good requests",
    "answered",
    "slowest answer at the tool's address",
    "at another",
)


def report(outcomes: Sequence[Outcome]) -> str:
    """Write the table that docs/lan-door.md has."""
    rows: list[tuple[str, ...]] = [TITLES, ("---",) * len(TITLES)]
    for one in outcomes:
        asked = sum(client.asked for client in one.clients)
        failed = sum(len(client.troubles) + client.refused for client in one.clients)
        memory = max(usage.resident for usage in one.seen) / _MIB
        rows.append(
            (
                one.mode,
                str(one.places),
                str(one.said.connections),
                str(one.most_connections),
                f"{memory:.0f} MiB",
                f"{one.said.available} of {one.said.seconds} s",
                str(asked),
                str(asked - failed),
                *(f"{client.slowest:.2f} s" for client in one.clients),
            )
        )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def main(size: int = SIZE) -> int:
    """Run all modes at both doors, tell of them on stdout, and return the exit code."""
    if shutil.which(TOOL) is None:
        sys.stderr.write(f"{TOOL} is not installed\n")
        return 1
    outcomes = []
    troubles: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        gateway = echo.start(directory)
        for places, options in DOORS.items():
            with running(f"--target={gateway.origin}", *options, cwd=directory) as child:
                outcomes += [endure(mode, places, child, size, directory) for mode in MODES]
                troubles += child.faults()
        gateway.stop()
    troubles += [trouble for one in outcomes for trouble in one.troubles]
    sys.stdout.write("\n".join([report(outcomes), *troubles, f"troubles: {len(troubles)}\n"]))
    return 1 if troubles else 0


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:2])))
