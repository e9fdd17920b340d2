"""The life of a running proxy: it starts, reads its configuration again when it is told to, and stops."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from smgwproxy.commands.serving.announcing import changes
from smgwproxy.commands.serving.handles import allow_many_handles
from smgwproxy.commands.serving.heartbeat import Heartbeat
from smgwproxy.commands.serving.running import Running
from smgwproxy.commands.serving.signals import Signals
from smgwproxy.config import Program
from smgwproxy.cooperative import cooperative, in_a_moment
from smgwproxy.deadline import Overdue
from smgwproxy.errors import ConfigError
from smgwproxy.logs import configure_logging
from smgwproxy.phrases import phrase
from smgwproxy.report import LogReport, ReportLater
from smgwproxy.supervision import Supervisor

GRACE = 30.0
"""Seconds that running requests have to finish after SIGTERM or Ctrl-C."""


def serve(
    program: Program,
    reread: Callable[[], Program] | None = None,
    supervisor: Supervisor | None = None,
    ready: Callable[[int], None] = lambda _: None,
) -> int:
    """Run the proxy until SIGTERM or SIGINT, and return the exit code.

    SIGHUP lets what ``reread`` returns hold from the next request on; without ``reread`` it ends the program, too.
    ``supervisor`` is told how it is. ``ready`` is called with the first gateway's port of HTTP, or of HTTPS where
    that is the only one, once connections are taken. Must run in the main thread, which gevent's hub then has.
    Raises `ConfigError` for what is wrong with an option, before anything is served.
    """
    allow_many_handles()
    logger = logging.getLogger("smgwproxy")
    level = program.process.log_level
    with (
        configure_logging(level=level, logdir=None, later=in_a_moment) as logs,
        Running(lambda parts: ReportLater(LogReport(parts.logger), logs.put_off), logs, logger) as running,
    ):
        signals = Signals(logger, GRACE, running.break_off, reloads=reread is not None)
        signals.unless_ending(partial(running.use, program))
        with Heartbeat(supervisor or Supervisor(), running.text) as heart:
            if not signals.ending:
                for parts in running.gateways:
                    parts.announce()
                ready(running.gateways[0].door.listeners[0].port)
                heart.ready()
            for asked in signals.reloads(running.opened):
                heart.reloading()
                file = reread if asked else None
                program = signals.unless_ending(partial(_reload, program, file, running, logger)) or program
                heart.ready()
            heart.stopping()
            running.stop(GRACE)
        logger.info("stopped")
    return 0


def _reload(
    before: Program, reread: Callable[[], Program] | None, running: Running, logger: logging.Logger
) -> Program:
    """Take over what ``reread`` returns, and return what holds now; a fault leaves all as it was.

    Without ``reread`` that is what holds already, with the trust stores that are open now.
    """
    try:
        program = before if reread is None else _read(reread, max(one.store_timeout for one in before.gateways))
        running.use(program)
    except ConfigError as error:
        running.refused = str(error)
        logger.error("the configuration is not taken over: %s", error)  # noqa: TRY400  # the text says all
        return before
    except Exception:  # a fault of ours must not end what runs
        running.refused = "the log tells of a fault"
        logger.exception("a fault while the configuration was read again")
        return before
    running.refused = ""
    if reread is None:
        return program
    logger.info("the configuration is taken over: %s", changes(before, program) or "no option has changed")
    for parts in running.gateways:
        if parts.config not in before.gateways:
            parts.announce()
    return program


def _read(reread: Callable[[], Program], seconds: float) -> Program:
    """Return what ``reread`` does; clients are served meanwhile, whatever becomes of the disk."""
    try:
        return cooperative().call(reread, seconds)
    except Overdue as error:
        raise ConfigError(
            phrase(
                "it was not read within {seconds:g} s: see whether its disk answers, or give --store-timeout",
                seconds=seconds,
            )
        ) from error
