"""How people call this very program, in the commands that it tells them to run."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

_SUDO_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # Debian's secure_path, see sudoers(5)


def own_program() -> str:
    """Return how to call this program, for sudo as well, whose PATH is its own."""
    script = Path(sys.argv[0]).absolute()
    if script.name != "smgwproxy":
        return f"{shlex.quote(sys.executable)} -m smgwproxy"
    found = shutil.which(script.name, path=_SUDO_PATH)
    return script.name if found is not None and script.samefile(found) else shlex.quote(str(script))
