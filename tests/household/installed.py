"""The program as people install it in the box: in a virtual environment where all may enter."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import smgwproxy

PYTHON = "/pi/python"
"""Where the box has the Python that the tests run with."""

ENVIRONMENT = "/pi/.venv"
SMGWPROXY = f"{ENVIRONMENT}/bin/smgwproxy"

_SCRIPT = f"""\
#!{ENVIRONMENT}/bin/python
import sys
from smgwproxy.cli import main
sys.exit(main())
"""


def install(root: Path) -> None:
    """Write the virtual environment into the file system at ``root``; its packages are those of the tests."""
    environment = root / ENVIRONMENT.lstrip("/")
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))
    (environment / "bin").mkdir(parents=True)
    packages.mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text(f"home = {PYTHON}/bin\n")
    interpreter = Path(sys.executable).resolve().relative_to(Path(sys.base_prefix).resolve())
    (environment / "bin/python").symlink_to(Path(PYTHON, interpreter))
    places = [str(Path(smgwproxy.__file__).parent.parent)]
    places += [place for place in sys.path if Path(place).name in {"site-packages", "dist-packages"}]
    (packages / "tests.pth").write_text("".join(f"{place}\n" for place in dict.fromkeys(places)))
    script = root / SMGWPROXY.lstrip("/")
    script.write_text(_SCRIPT)
    script.chmod(0o755)
