"""Root's writing is not led elsewhere by who may write to a directory on the way."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from smgwproxy.installation.tree import Tree
from tests.installation.conftest import Card, as_root

STRANGER = 4711


def give(directory: Path) -> None:
    os.chown(directory, STRANGER, STRANGER)


@as_root
def test_link_in_another_users_directory_is_not_followed_when_writing(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / "theirs/way").symlink_to("/target")
    give(tmp_path / "theirs")
    tree = Tree(tmp_path)
    changes: list[Callable[[], None]] = [
        lambda: tree.write("/theirs/way/file", b"x", 0o600, None),
        lambda: tree.make_directory("/theirs/way/directory", 0o700, (STRANGER, STRANGER)),
        lambda: tree.remove("/theirs/way/file"),
        lambda: tree.remove_directory("/theirs/way/directory"),
    ]
    for change in changes:
        with pytest.raises(OSError, match="made by another user"):
            change()
    assert list((tmp_path / "target").iterdir()) == []


@as_root
def test_service_that_was_broken_into_cannot_make_install_write_elsewhere(card: Card) -> None:
    card.put_original()
    card.install("--from", "none")
    account = card.path("/var/lib/smgwproxy").stat()
    card.path("/var/lib/smgwproxy/certs").rmdir()
    card.path("/var/lib/smgwproxy/certs").symlink_to("/etc")
    before = card.snapshot()
    ended = card.install("--from", "reverse_proxy")
    assert ended.code == 1
    assert card.snapshot() == before
    assert card.path("/etc").stat().st_uid != account.st_uid


def test_temporary_file_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("as it was")
    (tmp_path / ".file.tmp").symlink_to("victim")
    (tmp_path / "file").symlink_to("victim")
    Tree(tmp_path).write("/file", b"new", 0o600, None)
    assert (tmp_path / "victim").read_text() == "as it was"
    assert (tmp_path / "file").read_text() == "new"
    assert not (tmp_path / "file").is_symlink()


def test_links_and_dots_stay_within_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "inside").mkdir(parents=True)
    (tmp_path / "secret").write_text("outside")
    (root / "up").symlink_to("../../..")
    (root / "inside/up").symlink_to(tmp_path)
    tree = Tree(root)
    for path in ("/../secret", "/up/secret", "/inside/up/secret", "/inside/../../secret"):
        assert tree.look(path) is None
        with pytest.raises(FileNotFoundError):
            tree.read(path, 100)


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="Too many levels"):
        Tree(tmp_path).read("/a/file", 100)


def test_only_regular_files_of_a_size_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("four")
    (tmp_path / "link").symlink_to("file")
    tree = Tree(tmp_path)
    assert tree.read("/file", 4) == b"four"
    for path, told in (("/pipe", "not a regular file"), ("/file", "more than 3"), ("/link", "symbolic links")):
        with pytest.raises(OSError, match=told):
            tree.read(path, 3)


def test_file_that_is_gone_already_need_not_be_removed(tmp_path: Path) -> None:
    Tree(tmp_path).remove("/file")


def test_file_that_cannot_be_written_leaves_the_old_one_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()  # a file cannot take its place
    with pytest.raises(OSError, match="directory"):
        Tree(tmp_path).write("/file", b"new", 0o600, None)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
