"""Programs of the box that would need a whole system around them; these do their part in a namespace."""

from __future__ import annotations

import sys
from pathlib import Path

_SCRIPTS = {
    "sudo": 'exec "$@"',
    # The settings in /usr are for a whole machine, which here would be the one that the tests run on.
    "sysctl": """\
[ "$*" = --system ] || exit 1
sed -n 's/ *= */ /p' /etc/sysctl.d/* | while read -r name value; do
  echo "$value" >"/proc/sys/$(echo "$name" | tr . /)" || exit
done""",
    "timedatectl": "",  # the clock is this machine's, and nobody's to set
    "nmcli": f'exec {sys.executable} {Path(__file__).with_name("nmcli.py")} "$@"',
}


def put_into(directory: Path) -> None:
    """Write the programs into ``directory``."""
    directory.mkdir(parents=True)
    for name, script in _SCRIPTS.items():
        program = directory / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
