"""All gateways that run; and how they become those of another `Program` without a request being dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence, Set
from contextlib import ExitStack
from functools import partial
from typing import Self, TypeVar

import gevent
import gevent.event

from smgwproxy.approach import Approaches
from smgwproxy.commands.serving.door import Listener
from smgwproxy.commands.serving.parts import Parts, Prepared
from smgwproxy.commands.serving.status import Status
from smgwproxy.config import Config, Program
from smgwproxy.cooperative import cooperative
from smgwproxy.deadline import caught, returned
from smgwproxy.language import Languages
from smgwproxy.logs import Logs, logger_of
from smgwproxy.lookout import Lookout
from smgwproxy.parting import PATIENCE
from smgwproxy.proxy import Report

_R = TypeVar("_R")


class Running:
    """The gateways of a running program, none before the first `use`. A context manager, which gives them back.

    ``report`` makes what is told of each exchange of one of them; the log files are those of ``logs``.
    """

    def __init__(self, report: Callable[[Parts], Report], logs: Logs, logger: logging.Logger) -> None:
        self._report = report
        self._logs = logs
        self._logger = logger
        self._leaving_begun = gevent.event.Event()
        self._approaches = Approaches(cooperative(), self._leaving_begun.set)
        self._lookout = Lookout()
        self._languages = Languages()
        self._gateways: dict[str | None, Parts] = {}  # by the names of their tables
        self._left: set[Parts] = set()  # their last requests may still run
        self._tidying: gevent.Greenlet[..., None] | None = None
        self._status = Status(lambda: self.gateways, self._lookout, self._languages, logger)
        self.opened = gevent.event.Event()
        """Set when a trust store has opened that was not open in time: `use` takes it in."""
        self.refused = ""
        """Why the configuration that is there was not taken over; empty when it was."""

    def __enter__(self) -> Self:
        self._tidying = gevent.spawn(self._tidy)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._status.close()
        for parts in self._gateways.values():
            parts.close()
        if self._tidying is not None:
            self._tidying.kill()
        self._lookout.close()
        self._approaches.close()

    @property
    def gateways(self) -> Sequence[Parts]:
        """Those in force, in the order of the configuration file. They stay the same objects while they stay."""
        return tuple(self._gateways.values())

    def use(self, program: Program) -> None:
        """Let ``program`` hold from the next request on; what runs ends under what it began with.

        Gateways are the same when their tables have the same name. Only the greenlet that calls waits, and for all
        gateways at the same time. Raises `ConfigError`: then nothing has changed. One thing keeps nobody from the
        others at the start: a trust store that is not open in time.
        """
        starting = not self._gateways
        parts = [self._gateways.get(config.table) or self._made(config) for config in program.gateways]
        prepared = _all(
            [
                partial(one.prepare, config, self.opened.set if starting and config.table is not None else None)
                for one, config in zip(parts, program.gateways, strict=True)
            ]
        )
        process = program.process
        site = self._status.prepare(process)
        with ExitStack() as opened, ExitStack() as binding:
            file = self._logs.open(process.logdir, process.logfile, process.source("logdir"))
            if file is not self._logs.file:
                opened.callback(file.close)
            wanted = list(zip(parts, prepared, strict=True))
            leaving = self._leaving(wanted, process)
            listeners = [one.door.bind(its.config, leaving, opened, binding) for one, its in wanted]
            status = self._status.door.bind(process, leaving, opened, binding)
            gateways = [one.connect(its, opened) for one, its in wanted]
            for (one, its), there in zip(wanted, listeners, strict=True):
                one.door.listen(its.config, there)
            self._status.door.listen(process, status)
            opened.pop_all()  # nothing fails from here on
        self._logs.use(process.log_level, file)
        before, self._gateways = self._gateways, {its.config.table: one for one, its in wanted}
        for (one, its), gateway, there in zip(wanted, gateways, listeners, strict=True):
            one.use(its, gateway, there)
        self._status.use(program, site, status)
        for table, one in before.items():
            if table not in self._gateways:
                one.leave()
                self._left.add(one)
                self._leaving_begun.set()

    def text(self) -> str:
        """Tell how all of them are, in one line."""
        several = any(table is not None for table in self._gateways)
        told = [
            f"{f'{one.name}: ' if several else ''}{one.tally.text(one.origin, one.door.clients)}"
            for one in self.gateways
        ]
        return "; ".join(
            [*told, *([f"the configuration is not taken over: {self.refused}"] if self.refused else [])]
        )

    def break_off(self) -> bool:
        """Break running requests off; tells whether there were any."""
        busy = [one for one in self._all() if one.door.break_off()]
        return bool(busy)

    def stop(self, grace: float) -> None:
        """Stop: requests that run have ``grace`` seconds to finish, then they are broken off."""
        doors = [self._status.door, *(one.door for one in self._all())]
        gevent.joinall([gevent.spawn(door.stop, grace) for door in doors])

    def _all(self) -> Sequence[Parts]:
        return [*self._gateways.values(), *self._left]

    def _made(self, config: Config) -> Parts:
        logger = self._logger if config.table is None else logger_of(config.table, self._logger)
        return Parts(self._report, self._approaches, self._lookout, self._languages, logger, self._logs.catch_up)

    def _leaving(self, wanted: Sequence[tuple[Parts, Prepared]], process: Config) -> Set[Listener]:
        """Return the listeners that nobody wants any more."""
        doors = [self._status.door, *(one.door for one in self._gateways.values())]
        staying = {listener for one, its in wanted for listener in one.door.staying(its.config)}
        staying |= set(self._status.door.staying(process))
        return {listener for door in doors for listener in door.listeners} - staying

    def _tidy(self) -> None:
        """Look after what is being left: connections, those to gateways that are named no more, too, and parts."""
        while True:
            self._leaving_begun.wait()
            gevent.sleep(PATIENCE)
            self._left = {one for one in self._left if one.door.busy}
            if not self._approaches.tidy() and not self._left:
                self._leaving_begun.clear()


def _all(functions: Sequence[Callable[[], _R]]) -> Sequence[_R]:
    """Return what all return, called at the same time; raise the error of the first one that fails."""
    calls = [gevent.spawn(caught, function) for function in functions]
    gevent.joinall(calls)
    return [returned(call.get()) for call in calls]
