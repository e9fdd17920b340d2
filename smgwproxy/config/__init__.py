"""The options, each defined once: flag, environment variable, key of the configuration file, default, help.

Where an option is given more than once, the flag wins over the environment, the environment over the file,
and the file over the default. The flag is ``--name`` (or ``-name``, as in the original Go program), the
environment variable ``SMGWPROXY_NAME`` with ``_`` for ``-``, the key of the TOML file ``name``, spelt as the
flag is. Some options hold several values: their flag may be repeated, one text may hold several with commas
between them, and the file may have an array of texts. An empty environment variable or text of the file counts
as not set. Each table ``[[gateway]]`` of the file has the options of one gateway, and a ``name``; what stands
before the tables holds for all that say nothing else. Paths are relative to the working directory, wherever
they are given.

Nothing is read when this package is imported; `load` and `resolve` read the configuration file and nothing
else.
"""

from __future__ import annotations

from smgwproxy.config.commandline import add_options, build_parser, parse
from smgwproxy.config.loading import Config, Program, load, resolve
from smgwproxy.config.options import ENVIRONMENT_PREFIX, OPTIONS, Option
from smgwproxy.config.values import LOG_LEVELS

__all__ = [
    "ENVIRONMENT_PREFIX",
    "LOG_LEVELS",
    "OPTIONS",
    "Config",
    "Option",
    "Program",
    "add_options",
    "build_parser",
    "load",
    "parse",
    "resolve",
]
