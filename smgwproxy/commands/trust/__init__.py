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
from smgwproxy.language import Language

if TYPE_CHECKING:
    from smgwproxy.commands.console import Console


def trust(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the action that ``words`` name, and return the exit code.

    0 when it is done; 1 when it is not, told in one line on stderr; 141 when nobody reads the output any more, as
    a shell has it for SIGPIPE. Raises `ConfigError` for a wrong option and `SystemExit` after ``--help``.
    """
    if usage.wants_overview(words):
        return _answered(_say_overview, environ)
    action = usage.find(words[0])
    arguments = parse(usage.parser_of(action, Language.of(environ)), words[1:])
    config = resolve_chosen(arguments, environ).only
    return _answered(lambda console: _run(action.name, config, arguments, console), environ)


def _answered(run: Callable[[Console], int], environ: Mapping[str, str]) -> int:
    from smgwproxy.commands.answering import answered  # noqa: PLC0415  # --help does not need it
    from smgwproxy.commands.console import Console  # noqa: PLC0415

    return answered(run, Console.standard(Language.of(environ)))


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
    console.say(usage.overview(console.language))
    return 0
