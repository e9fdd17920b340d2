"""The box's own file system: what a fresh machine has in /etc and /var; all else is this machine's, to be read."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients.conftest import missing
from tests.household.installed import PYTHON

HOME = "/pi"
"""The directory that its user works in."""

_DIRECTORIES = ("etc/sysctl.d", "etc/systemd/system", "var/lib", "var/log", "var/tmp", "run", HOME.lstrip("/"))
_OWN = {"proc", *(name.partition("/")[0] for name in _DIRECTORIES)}
_FILES = {
    # The only user that there is in the namespaces has two names, so that the service has one of its own.
    "etc/passwd": "root:x:0:0:root:/pi:/bin/sh\nsmgwproxy:x:0:0::/var/lib/smgwproxy:/bin/false\n",
    "etc/group": "root:x:0:\nsmgwproxy:x:0:\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
_TAKEN = ("ld.so.cache",)  # of /etc: where this machine's programs have their libraries
_TO_BE_WRITTEN = ("dev", "sys")


@contextmanager
def file_system(root: Path) -> Iterator[tuple[str, ...]]:
    """Let ``root``, an empty directory, be a machine's own, and yield what a command begins with that runs there.

    The machine's programs see each other and no others. Its mounts are in a namespace of their own: whoever clears
    ``root`` away must not find this machine there. The test is skipped where there can be no such namespaces.
    """
    for name in _DIRECTORIES:
        (root / name).mkdir(parents=True)
    for name, text in _FILES.items():
        (root / name).write_text(text)
    for name in _TAKEN:
        if (taken := Path("/etc", name)).exists():
            shutil.copy(taken, root / "etc")
    script = (
        "set -e",
        "read -r pid rest </proc/self/stat",  # as it is called outside
        *_mounts(root),
        f'exec chroot {shlex.quote(str(root))} sh -c "cd {HOME} && echo $pid && exec cat"',
    )
    with subprocess.Popen(
        ("unshare", "--mount", "--pid", "--fork", "sh", "-c", "\n".join(script)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as keeper:  # until the end of its input; all other programs there end with it
        assert keeper.stdout is not None
        said = keeper.stdout.readline().strip()
        if not said.isdigit():
            missing(f"a machine cannot have files of its own here: {said}")
        yield ("nsenter", "--target", said, "--mount", "--pid", "--root", "--wd")


def _mounts(root: Path) -> Iterator[str]:
    """Link what is linked in this machine's root directory; yield the commands that mount the rest."""
    yield f"mount -t proc proc {_made(root / 'proc')}"
    yield from _read_only(Path(sys.base_prefix), root / PYTHON.lstrip("/"))
    for there in Path("/").iterdir():
        here = root / there.name
        if there.name in _OWN:
            continue
        if there.is_symlink():
            here.symlink_to(there.readlink())
        elif there.name in _TO_BE_WRITTEN:
            yield f"mount --rbind {there} {_made(here)}"
        elif there.is_dir():
            yield from _read_only(there, here)


def _read_only(there: Path, here: Path) -> Iterator[str]:
    target = _made(here)
    yield f"mount --rbind {shlex.quote(str(there))} {target}"
    yield f"mount -o remount,bind,ro {target}"


def _made(directory: Path) -> str:
    """Make a directory, and return it as a shell reads it."""
    directory.mkdir(exist_ok=True)
    return shlex.quote(str(directory))
