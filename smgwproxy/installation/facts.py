"""What is known of a machine before something is changed on it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from smgwproxy.config import Program
from smgwproxy.installation import layout
from smgwproxy.installation.configuration import Texts
from smgwproxy.installation.original import Original
from smgwproxy.installation.tree import Entry, Ids


@dataclass(frozen=True, slots=True)
class Found:
    """What is there.

    ``entries`` has everything in our own directories, and ``texts`` the files among them that installing writes.
    ``program`` is what the configuration says, None where there is none. ``account`` are the numbers of our user.
    ``root`` is the directory that is installed to, None for the running system. ``commands`` tells that systemd
    runs there, ``privileged`` that this user is root, ``enabled`` that our service is; ``active`` that it has run
    since its files were written last, ``outdated`` that systemd has read another unit than is there.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)
    texts: Mapping[str, bytes] = field(default_factory=dict)
    program: Program | None = None
    account: Ids | None = None
    root: str | None = None
    commands: bool = False
    privileged: bool = False
    enabled: bool = False
    active: bool = False
    outdated: bool = False

    @property
    def complete(self) -> bool:
        """Whether an installation got as far as its last file; before that, the original is to be taken over."""
        return self.program is not None and self.ours(layout.UNIT)

    def below(self, directory: str) -> list[str]:
        """Return the paths of what is in ``directory``."""
        return sorted(path for path in self.entries if path.rpartition("/")[0] == directory)

    def ours(self, path: str) -> bool:
        """Tell whether the file at ``path`` says that install wrote it."""
        return self.texts.get(path, b"").startswith(MARK)


MARK = b"# Written by `smgwproxy install`"


@dataclass(frozen=True, slots=True)
class Wish:
    """What an installation is to be.

    ``program`` is the command line of the proxy, and ``in_home`` tells that it lies below /home. ``given`` are the
    options that the person gave, ``options`` these and those that are taken over. ``pins`` are records to take
    over, by the names of their files, ``secrets`` what is in the files of options that only the gateway is shown.
    ``original`` is the unit in whose place this one comes, ``others`` are those of the original that start with
    the machine nevertheless.
    """

    program: tuple[str, ...]
    in_home: bool = False
    given: Texts = field(default_factory=dict)
    options: Texts = field(default_factory=dict)
    pins: Mapping[str, bytes] = field(default_factory=dict)
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    original: Original | None = None
    others: tuple[str, ...] = ()


def credential(option: str) -> str:
    """Return where the file of a secret option is kept."""
    return f"{layout.CREDENTIALS}/{option}"
