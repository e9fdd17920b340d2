"""Processes that use a store together, or are killed over it: real ones, in step, each wait with a deadline.

`apart` runs an experiment in a fresh process without threads, which forks the processes that open the store:
forking is cheap there, so that one can be killed a thousand times. However an experiment ends, all of its
processes are killed then.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from multiprocessing.connection import Connection
from types import TracebackType
from typing import IO, Any, Generic, ParamSpec, Self, TypeVar

from smgwproxy.certificate import Certificate
from smgwproxy.testing.samples import ORIGIN
from smgwproxy.truststores.opening import open_truststore

PATIENCE = 45.0
"""Seconds until a process or thread that does not answer is taken for hung."""

Report = Callable[[Any], None]
"""Sends a value to whoever waits for a process."""

_P = ParamSpec("_P")
_T = TypeVar("_T")

_fork = multiprocessing.get_context("fork")  # also where that is not the default (Python 3.14)


class ExperimentFailed(AssertionError):
    """A process hung, ended by itself, or raised something; the text tells what."""


# --- the process of an experiment -----------------------------------------------------------------------


@contextmanager
def apart(
    experiment: Callable[_P, Iterator[_T]], *arguments: _P.args, **named: _P.kwargs
) -> Iterator[Iterator[_T]]:
    """Run an experiment in a process of its own, and hand out its outcomes as they come.

    ``experiment`` is a generator function of a module; the first of its ``arguments`` is the store's text for
    `open_truststore`. The process can import what this one can. Its outcomes raise `ExperimentFailed`. At the
    end of the context all of its processes are killed, also when it is left early.
    """
    channel, theirs = multiprocessing.Pipe()
    program = (
        f"import sys; sys.path[:] = {[str(place) for place in sys.path]!r}; "
        f"from {__name__} import serve; serve({theirs.fileno()})"
    )
    with (
        channel,
        tempfile.TemporaryFile() as output,
        subprocess.Popen(  # noqa: S603  # this very Python
            [sys.executable, "-c", program],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        ) as process,
    ):
        theirs.close()
        try:
            yield _outcomes(channel, (experiment, arguments, named), output)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class _Over:
    """Sent behind the last outcome."""


def _outcomes(channel: Connection, order: object, output: IO[bytes]) -> Iterator[Any]:
    try:
        with suppress(OSError):  # it has ended already, as is told below
            channel.send(order)
        # Each of its own waits is shorter, so that it can tell what it was that it waited for.
        while not isinstance(outcome := _received(channel, "the experiment", 2 * PATIENCE), _Over):
            yield outcome
    except ExperimentFailed as error:
        output.seek(0)
        raise ExperimentFailed(f"{error}\n{output.read().decode(errors='replace')}".strip()) from error


def serve(handle: int) -> None:
    """Run the experiment that is ordered over the inherited socket ``handle``."""
    with Connection(handle) as channel:
        experiment, arguments, named = channel.recv()
        try:
            _import_what_stores_need(*arguments, **named)
            for outcome in experiment(*arguments, **named):
                channel.send(outcome)
            channel.send(_Over())
        except ExperimentFailed as error:
            channel.send(_Failure(str(error)))
        except Exception:  # noqa: BLE001  # told to whoever waits
            channel.send(_Failure(traceback.format_exc()))


def _import_what_stores_need(spec: str, *_: object, **__: object) -> None:
    """Import once what each forked process would import anew.

    One of them opens the store and tells what that took. No store is opened here: neither its connections nor its
    locks may be forked.
    """
    opener = _Forked(_tell_modules, spec)
    for module in opener.receive():
        with suppress(Exception):  # then it is imported where it is needed, or is no module of a file
            import_module(module)
    opener.kill()


def _tell_modules(sender: Connection, spec: str) -> None:
    before = set(sys.modules)
    open_truststore(spec).lookup(ORIGIN)
    Certificate(b"").description  # noqa: B018  # imports the parser of certificates
    sender.send([module for module in sys.modules if module not in before])


# --- the processes that it forks ------------------------------------------------------------------------


class Crew(Generic[_T]):
    """Processes that each open the store, and then do the same thing at the same moment, again and again.

    ``task`` is called with the store, the index of the process and the number of the round, both from 0. Use it
    as a context manager. Raises `ExperimentFailed`.
    """

    def __init__(self, spec: str, size: int, task: Callable[[Any, int, int], _T]) -> None:
        # Each process reads one octet of a pipe to start. Two pipes take turns, so that who is quick cannot take
        # the octet of who is slow: a pipe is written to again only when all have read theirs.
        self._starts = (os.pipe(), os.pipe())
        self._round = 0
        self._members = [_Forked(_serve_in_step, spec, task, index, self._starts) for index in range(size)]

    def __enter__(self) -> Self:
        for member in self._members:
            member.receive()  # that it has opened the store
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for pipe in self._starts:
            for end in pipe:
                os.close(end)
        for member in self._members:
            member.kill()

    def act(self) -> list[_T]:
        """Let all do it once, and return what each makes of it."""
        _, shot = self._starts[self._round % 2]
        os.write(shot, b"." * len(self._members))
        self._round += 1
        return [member.receive() for member in self._members]


def _serve_in_step(
    sender: Connection,
    spec: str,
    task: Callable[[Any, int, int], object],
    index: int,
    starts: Sequence[tuple[int, int]],
) -> None:
    for _, shot in starts:
        os.close(shot)  # so that this process ends when the one that forked it does
    store = open_truststore(spec)
    sender.send(None)
    for number in count():
        start, _ = starts[number % 2]
        if not os.read(start, 1):
            return
        sender.send(task(store, index, number))


class Victim:
    """A process that opens the store and does ``work`` with it until it is killed.

    ``work`` is called with a function that sends a report, the store, and ``arguments``. Raises
    `ExperimentFailed`.
    """

    def __init__(self, spec: str, work: Callable[..., None], *arguments: object) -> None:
        self._forked = _Forked(_suffer, spec, work, *arguments)

    def report(self) -> Any:
        """Wait for the next report."""
        return self._forked.receive()

    def kill(self) -> list[Any]:
        """Kill it with SIGKILL, and return the reports that nobody has waited for."""
        return [_checked(report) for report in self._forked.kill()]


def _suffer(sender: Connection, spec: str, work: Callable[..., None], *arguments: object) -> None:
    work(sender.send, open_truststore(spec), *arguments)


class _Forked:
    """A process that has forked off this one, and what it sends."""

    def __init__(self, work: Callable[..., None], *arguments: object) -> None:
        self._receiver, sender = _fork.Pipe(duplex=False)
        self._process = _fork.Process(target=_work, args=(sender, work, *arguments), daemon=True)
        self._process.start()
        sender.close()  # so that its end is the end of what it sends

    def receive(self) -> Any:
        """Wait for what it sends next."""
        return _received(self._receiver, "a process that uses the store", PATIENCE)

    def kill(self) -> list[Any]:
        """Kill it, and return what it had sent and nobody has received."""
        self._process.kill()
        self._process.join(PATIENCE)
        if self._process.exitcode is None:
            raise ExperimentFailed(f"a process that was killed did not end within {PATIENCE:g} s")
        self._process.close()
        left = []
        with self._receiver, suppress(EOFError, OSError):  # nothing is left; a failure is, the half of it
            while True:
                left.append(self._receiver.recv())
        return left


def _work(sender: Connection, work: Callable[..., None], *arguments: object) -> None:
    try:
        work(sender, *arguments)
    except Exception:  # noqa: BLE001  # told to whoever waits
        sender.send(_Failure(traceback.format_exc()))


# --- what they send -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Failure:
    text: str


def _received(connection: Connection, who: str, seconds: float) -> Any:
    if not connection.poll(seconds):
        raise ExperimentFailed(f"{who} did not answer within {seconds:g} s")
    try:
        return _checked(connection.recv())
    except (EOFError, OSError) as error:
        raise ExperimentFailed(f"{who} ended by itself") from error


def _checked(received: Any) -> Any:
    if isinstance(received, _Failure):
        raise ExperimentFailed(received.text)
    return received
