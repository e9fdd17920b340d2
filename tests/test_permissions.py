"""What is told of a store that others may write to: on real files, with real owners where this is root."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from smgwproxy.truststores.permissions import writable_by_others

WRITABLE = "may be written by other users"
FOREIGN = "belongs to another user"
NOBODY = 65534


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory of ours with the file ``record``."""
    directory = tmp_path / "certs"
    directory.mkdir(mode=0o700)
    (directory / "record").touch(mode=0o600)
    return directory


@pytest.fixture
def give_away(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Make a file another user's; who is not root becomes another user instead."""

    def give_away(path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
        else:
            monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    return give_away


def test_nothing_is_told_of_what_is_ours_alone(place: Path) -> None:
    assert writable_by_others([place, place / "record"]) == []


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o644, 0o700, 0o755, 0o1711, 0o444])
def test_who_can_only_read_is_not_told(place: Path, mode: int) -> None:
    for path in (place / "record", place):
        path.chmod(mode)
        assert writable_by_others([path]) == []
    place.chmod(0o700)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o720, 0o702, 0o777, 0o1777, 0o020, 0o002])
@pytest.mark.parametrize("name", ["record", ""])
def test_who_can_write_is_told_with_the_remedy(place: Path, name: str, mode: int) -> None:
    path = place / name
    path.chmod(mode)
    (told,) = writable_by_others([path])
    path.chmod(0o700)
    assert told.startswith(f"{path} {WRITABLE}")
    assert told.endswith(f": chmod go-w {path}")


def test_the_remedy_can_be_pasted_whatever_the_name_is(place: Path) -> None:
    path = place / "[fe80::1%..]; touch $HOME 'x'.json"
    path.touch()
    path.chmod(0o666)
    (told,) = writable_by_others([path])
    assert shlex.split(told.rpartition("chmod ")[2]) == ["go-w", str(path)]


@pytest.mark.parametrize("name", ["record", ""])
def test_what_belongs_to_another_user_is_told(place: Path, give_away: Callable[[Path], None], name: str) -> None:
    give_away(place / name)
    (told,) = writable_by_others([place / name])
    assert told.startswith(f"{place / name} {FOREIGN}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of root")
def test_what_belongs_to_root_is_not_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert writable_by_others([place, place / "record"]) == []
    os.chown(place, 1000, 1000)
    assert writable_by_others([place, place / "record"]) == []


def test_each_is_named_for_each_trouble(place: Path, give_away: Callable[[Path], None]) -> None:
    for path in (place, place / "record"):
        path.chmod(0o777)
        give_away(path)
    told = writable_by_others([place, place / "record"])
    assert [line.split(",")[0].split(":")[0] for line in told] == [
        f"{place} {WRITABLE}",
        f"{place} {FOREIGN}",
        f"{place / 'record'} {WRITABLE}",
        f"{place / 'record'} {FOREIGN}",
    ]


def test_a_link_is_told_as_what_it_leads_to(place: Path) -> None:
    (place / "link").symlink_to(place / "record")
    assert writable_by_others([place / "link"]) == []  # although the link itself has mode 0777
    (place / "record").chmod(0o666)
    (told,) = writable_by_others([place / "link"])
    assert told.startswith(f"{place / 'link'} {WRITABLE}")


def test_what_cannot_be_looked_at_is_passed_over(place: Path) -> None:
    """Whoever reads it is told; a warning that fails would hide the others."""
    (place / "itself").symlink_to(place / "itself")
    (place / "record").chmod(0o666)
    paths = [place / "gone", place / "itself", place / "record" / "below", place / ("x" * 300), place / "record"]
    (told,) = writable_by_others(paths)
    assert told.startswith(str(place / "record"))
