"""``smgwproxy trust``: see and decide which certificates of gateways are trusted.

- `usage`: the actions and their options.
- `reading`, `editing`, `moving`: the actions.
- `desk`: what they work with: the options, the guarded store, the console.
- `console`, `files`: the standard streams, and files.
- pure ones: `standing` (what a record says of a certificate),
  `sources` (what people bring), `text` and `pages` (what people read), `documents` (what programs read).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from smgwproxy.commands.choosing import resolve_chosen
from smgwproxy.commands.trust import usage
from smgwproxy.config import Config, parse
from smgwproxy.errors import ConfigError, SmgwProxyError

if TYPE_CHECKING:
    from smgwproxy.commands.console import Console

_NOBODY_READS = 141  # what a shell tells of a program that SIGPIPE ended


def trust(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the action that ``words`` name, and return the exit code.

    0 when it is done; 1 when it is not, told in one line on stderr; 141 when nobody reads the output any more, as
    a shell has it for SIGPIPE. Raises `ConfigError` for a wrong option and `SystemExit` after ``--help``.
    """
    if usage.wants_overview(words):
        return _answered(_say_overview)
    action = usage.find(words[0])
    arguments = parse(usage.parser_of(action), words[1:])
    config = resolve_chosen(arguments, environ).only
    return _answered(lambda console: _run(action.name, config, arguments, console))


def _answered(run: Callable[[Console], int]) -> int:
    """Return what ``run`` returns with this process's console, and tell the errors that people can mend."""
    from smgwproxy.commands.console import Console, OutputLost  # noqa: PLC0415  # --help does not need it

    console = Console.standard()
    try:
        return run(console)
    except ConfigError:
        raise
    except OutputLost as error:
        if error.nobody:
            return _NOBODY_READS
        console.error(error)
    except SmgwProxyError as error:
        console.error(error)
    return 1


def _run(name: str, config: Config, arguments: argparse.Namespace, console: Console) -> int:
    # Imported here, since a wrong option needs none of it.
    from smgwproxy.commands.store import open_configured_truststore  # noqa: PLC0415
    from smgwproxy.commands.trust import editing, moving, reading  # noqa: PLC0415
    from smgwproxy.commands.trust.desk import Desk  # noqa: PLC0415

    actions: dict[str, Callable[[Desk], int]] = {
        "list": reading.list_gateways,
        "show": reading.show,
        "scan": reading.scan,
        "approve": editing.approve,
        "add": editing.add,
        "remove": editing.remove,
        "revoke": editing.revoke,
        "history": reading.history,
        "export": moving.export_records,
        "import": moving.import_records,
    }
    return actions[name](Desk(config, arguments, open_configured_truststore(config), console))


def _say_overview(console: Console) -> int:
    console.say(usage.overview())
    return 0
