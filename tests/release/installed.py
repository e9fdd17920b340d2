"""Whether what was installed from a release is whole.

`.ci/release` runs it with the Python that it was installed for. Imports every module, so that each must run with
the dependencies that are installed, and opens the trust stores by name. Exit code 1, with a message, when the
package comes from elsewhere or something in it does not work.
"""

from __future__ import annotations

import pkgutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path

import smgwproxy

_LEFT_OUT = ("smgwproxy.__main__", "smgwproxy.testing")  # the program itself; for plug-in authors, who have pytest


def faults(directory: Path) -> Iterator[str]:
    """Yield what is wrong; ``directory`` is for the stores' files."""
    if not Path(smgwproxy.__file__).is_relative_to(sys.prefix):
        yield f"smgwproxy was imported from {smgwproxy.__file__}"
    if metadata.version("smgwproxy") != smgwproxy.__version__:
        yield f"{metadata.version('smgwproxy')} is installed, and calls itself {smgwproxy.__version__}"
    yield from (f"there is no smgwproxy.{name}" for name in smgwproxy.__all__ if not hasattr(smgwproxy, name))
    for module in pkgutil.walk_packages(smgwproxy.__path__, "smgwproxy."):
        if not module.name.startswith(_LEFT_OUT):
            import_module(module.name)
    names = {entry.name for entry in metadata.entry_points(group="smgwproxy.truststores")}
    if names != {"file", "pinned", "sqlite"}:
        yield f"the trust stores are {sorted(names)}"
    origin = smgwproxy.Origin("192.0.2.1", 443)
    for spec in (f"file:{directory / 'certs'}", f"sqlite:{directory / 'trust.sqlite'}", f"pinned:{'ab' * 32}"):
        pins = smgwproxy.open_truststore(spec).lookup(origin)
        if len(pins) != spec.startswith("pinned:"):
            yield f"{spec} has the pins {pins}"


def main() -> int:
    """Tell what is wrong on standard error; returns the exit code."""
    with tempfile.TemporaryDirectory() as directory:
        found = list(faults(Path(directory)))
    sys.stderr.writelines(f"{fault}\n" for fault in found)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
