"""The life of a running proxy: it starts, reads its configuration again when it is told to, and stops."""

from __future__ import annotations

import logging
from collections.abc import Callable

from smgwproxy.commands.serving.announcing import changes
from smgwproxy.commands.serving.heartbeat import Heartbeat
from smgwproxy.commands.serving.parts import Parts
from smgwproxy.commands.serving.signals import Signals
from smgwproxy.commands.serving.tally import Tally
from smgwproxy.config import Config
from smgwproxy.cooperative import cooperative
from smgwproxy.deadline import Overdue
from smgwproxy.errors import ConfigError
from smgwproxy.logs import configure_logging
from smgwproxy.phrases import phrase
from smgwproxy.report import LogReport
from smgwproxy.supervision import Supervisor

GRACE = 30.0
"""Seconds that running requests have to finish after SIGTERM or Ctrl-C."""


def serve(
    config: Config,
    reread: Callable[[], Config] | None = None,
    supervisor: Supervisor | None = None,
    ready: Callable[[int], None] = lambda _: None,
) -> int:
    """Run the proxy until SIGTERM or SIGINT, and return the exit code.

    SIGHUP lets what ``reread`` returns hold from the next request on; without ``reread`` it ends the program, too.
    ``supervisor`` is told how it is. ``ready`` is called with the port of HTTP, or of HTTPS where that is the only
    one, once connections are taken. Must run in the main thread, which gevent's hub then has. Raises `ConfigError`
    for what is wrong with an option, before anything is served.
    """
    logger = logging.getLogger("smgwproxy")
    tally = Tally(LogReport(logger))
    with configure_logging(level=config.log_level, logdir=None) as logs, Parts(tally, logs, logger) as parts:
        signals = Signals(logger, GRACE, parts.door.break_off, reloads=reread is not None)
        parts.use(config)
        parts.announce()
        ready(parts.door.listeners[0].port)
        with Heartbeat(supervisor or Supervisor(), lambda: tally.text(config.target, parts.door.clients)) as heart:
            heart.ready()
            for _ in signals.reloads():
                heart.reloading()
                config = _reload(config, reread, parts, tally, logger)
                heart.ready()
            heart.stopping()
            parts.door.stop(GRACE)
        logger.info("stopped")
    return 0


def _reload(
    before: Config, reread: Callable[[], Config] | None, parts: Parts, tally: Tally, logger: logging.Logger
) -> Config:
    """Take over what ``reread`` returns, and return what holds now; a fault leaves all as it was."""
    try:
        config = before if reread is None else _read(reread, before.store_timeout)
        parts.use(config)
    except ConfigError as error:
        tally.refused = str(error)
        logger.error("the configuration is not taken over: %s", error)  # noqa: TRY400  # the text says all
        return before
    except Exception:  # a fault of ours must not end what runs
        tally.refused = "the log tells of a fault"
        logger.exception("a fault while the configuration was read again")
        return before
    tally.refused = ""
    changed = changes(before, config)
    logger.info("the configuration is taken over: %s", changed or "no option has changed")
    if changed:
        parts.announce()
    return config


def _read(reread: Callable[[], Config], seconds: float) -> Config:
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
