"""Whatever happens to what is found at a path is told, and nothing else is."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from smgwproxy.inotify import Inotify


class Bell:
    """Watches one path."""

    def __init__(self, inotify: Inotify, path: Path) -> None:
        self._inotify = inotify
        self._path = path
        self._arrivals = select.poll()
        self._arrivals.register(inotify.handle, select.POLLIN)
        self.marks = self.watch()

    def watch(self) -> set[int]:
        """Watch what is there now."""
        return set(self._inotify.watch(self._path))

    def rang(self) -> bool:
        """Tell whether anything happened since the last time."""
        rang = bool(self._arrivals.poll(0))
        self._inotify.drain()
        return rang


def watched_inodes(handle: int) -> int:
    """Count what the kernel watches for ``handle``, by proc_pid_fdinfo(5)."""
    return Path(f"/proc/self/fdinfo/{handle}").read_text().count("inotify wd:")


@pytest.fixture
def inotify() -> Iterator[Inotify]:
    with closing(Inotify()) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    directory = tmp_path / "one" / "two"
    directory.mkdir(parents=True)
    path = directory / "file"
    path.write_text("before")
    return path


def overwrite(path: Path) -> None:
    path.write_text("after")


def replace(path: Path) -> None:
    path.with_name("new").write_text("after")
    path.with_name("new").rename(path)


def move(path: Path) -> None:
    path.rename(path.with_name("old"))


def move_its_directory(path: Path) -> None:
    path.parent.rename(path.parent.with_name("three"))


def move_far_above(path: Path) -> None:
    path.parent.parent.rename(path.parent.parent.with_name("four"))


def forbid(path: Path) -> None:
    path.chmod(0)


def write_by_another_name(path: Path) -> None:
    path.with_name("other").write_text("after")


CHANGES = [overwrite, replace, move, move_its_directory, move_far_above, forbid, Path.unlink, os.utime]


@pytest.mark.parametrize("change", CHANGES)
def test_what_happens_to_a_file_is_told(inotify: Inotify, file: Path, change: Callable[[Path], None]) -> None:
    bell = Bell(inotify, file)
    assert not bell.rang()
    change(file)
    assert bell.rang()
    assert not bell.rang(), "once"


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("relative", [False, True])
def test_what_happens_where_a_link_leads_to_is_told(
    inotify: Inotify, tmp_path: Path, file: Path, change: Callable[[Path], None], relative: bool
) -> None:
    """Be it the file or a directory on the way, and over two links."""
    leads_to = Path("../one/two") if relative else file.parent
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "first").symlink_to(leads_to, target_is_directory=True)
    (tmp_path / "second").symlink_to("links/first/file")
    bell = Bell(inotify, tmp_path / "second")
    change(file)
    assert bell.rang()


@pytest.mark.parametrize("name", ["links", "links/first", "second"])
def test_link_that_leads_elsewhere_is_told(inotify: Inotify, tmp_path: Path, file: Path, name: str) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "first").symlink_to("../one/two")
    (tmp_path / "second").symlink_to("links/first/file")
    bell = Bell(inotify, tmp_path / "second")
    (tmp_path / "new").symlink_to(file.parent)
    if name == "links":
        (tmp_path / name).rename(tmp_path / "old")
    else:
        (tmp_path / "new").rename(tmp_path / name)
    assert bell.rang()


def test_write_by_another_name_of_the_file_is_told(inotify: Inotify, tmp_path: Path, file: Path) -> None:
    (tmp_path / "hard").hardlink_to(file)
    bell = Bell(inotify, file)
    overwrite(tmp_path / "hard")
    assert bell.rang()


def test_file_that_comes_is_told_and_what_is_written_to_it_then(inotify: Inotify, tmp_path: Path) -> None:
    path = tmp_path / "one" / "file"
    bell = Bell(inotify, path)
    path.parent.mkdir()
    assert bell.rang()
    bell.watch()
    path.touch()
    assert bell.rang()
    bell.watch()
    overwrite(path)
    assert bell.rang()


def test_file_that_is_renamed_into_place_is_told(inotify: Inotify, file: Path) -> None:
    file.rename(file.with_name("other"))
    bell = Bell(inotify, file)
    file.with_name("other").rename(file)
    assert bell.rang()


def test_what_comes_to_a_directory_and_goes_is_told(inotify: Inotify, file: Path) -> None:
    def make_another(path: Path) -> None:
        path.with_name("another").symlink_to("nowhere")

    def move_in(path: Path) -> None:
        path.parent.with_name("outside").symlink_to("nowhere")
        path.parent.with_name("outside").rename(path.with_name("inside"))

    def move_out(path: Path) -> None:
        path.with_name("inside").rename(path.parent.with_name("outside"))

    bell = Bell(inotify, file.parent)
    for change in (overwrite, forbid, make_another, move_in, move_out, Path.unlink):
        change(file)
        assert bell.rang(), change


def test_what_is_watched_for_one_reason_is_still_watched_for_another(inotify: Inotify, file: Path) -> None:
    bell = Bell(inotify, file.parent)
    list(inotify.watch(file))
    file.with_name("another").touch()
    assert bell.rang()


def test_reading_is_not_told_nor_what_happens_beside_the_file(
    inotify: Inotify, tmp_path: Path, file: Path
) -> None:
    """A log may lie there, and directories of many users are on the way."""
    beside = [file.with_name("log"), file.parent.with_name("log"), tmp_path / "log"]
    for one in beside:
        one.write_text("before")
    bell = Bell(inotify, file)
    assert file.read_text() == "before"
    assert list(file.parent.iterdir())
    for one in beside:
        overwrite(one)
        replace(one)
        forbid(one)
        one.unlink()
    assert not bell.rang()


def test_links_that_lead_to_each_other_are_an_error(inotify: Inotify, tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        list(inotify.watch(tmp_path / "one" / "file"))


def test_nothing_is_watched_twice_and_nothing_that_was_forgotten(inotify: Inotify, file: Path) -> None:
    bell = Bell(inotify, file)
    watched = watched_inodes(inotify.handle)
    assert watched == len(file.parts)
    assert bell.watch() == bell.marks
    file.unlink()
    inotify.forget(bell.marks)
    assert watched_inodes(inotify.handle) == 0
    bell.rang()
    move_its_directory(file)
    assert not bell.rang()


def test_descriptor_is_gone_once_it_is_closed(file: Path) -> None:
    before = sorted(Path("/proc/self/fd").iterdir())
    with closing(Inotify()) as inotify:
        list(inotify.watch(file))
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_child_does_not_inherit_it(inotify: Inotify) -> None:
    assert not os.get_inheritable(inotify.handle)


def test_system_without_it_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a Python without ctypes."""
    monkeypatch.setitem(sys.modules, "ctypes", None)
    with pytest.raises(OSError, match="Function not implemented"):
        Inotify()
