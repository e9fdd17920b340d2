"""What a release holds is looked at: whatever is missing or too much is told."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.release.contents import faults_of, sdist_faults, wheel_faults

TRACKED = {
    "LICENSE",
    "pyproject.toml",
    "smgwproxy/__init__.py",
    "smgwproxy/locale/de/LC_MESSAGES/smgwproxy.po",
    "smgwproxy/py.typed",
    "tests/test_cli.py",
}
METADATA = {
    f"smgwproxy-1.dist-info/{name}"
    for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
}
COMPILED = "smgwproxy/locale/de/LC_MESSAGES/smgwproxy.mo"
WHEEL = METADATA | {"smgwproxy/__init__.py", COMPILED, "smgwproxy/py.typed"}
SDIST = {f"smgwproxy-1/{name}" for name in {*TRACKED, COMPILED, "PKG-INFO"}}


def test_package_with_compiled_catalogues_is_a_good_wheel() -> None:
    assert not list(wheel_faults(WHEEL, TRACKED))


@pytest.mark.parametrize(
    "name",
    [
        "smgwproxy/py.typed",
        COMPILED,
        "smgwproxy-1.dist-info/entry_points.txt",
        "smgwproxy-1.dist-info/licenses/LICENSE",
    ],
)
def test_what_a_wheel_lacks_is_told(name: str) -> None:
    (fault,) = wheel_faults(WHEEL - {name}, TRACKED)
    assert fault.endswith(f"lacks {name.removeprefix('smgwproxy-1.dist-info/')}")


@pytest.mark.parametrize(
    "name",
    [
        "tests/test_cli.py",
        "smgwproxy/__pycache__/cli.cpython-313.pyc",
        "smgwproxy/locale/de/LC_MESSAGES/smgwproxy.po",
        "smgwproxy/notes.txt",
        "smgwproxy-1.dist-info/licenses/NOTICE",
    ],
)
def test_what_does_not_belong_into_a_wheel_is_told(name: str) -> None:
    (fault,) = wheel_faults(WHEEL | {name}, TRACKED)
    assert f"holds {name.removeprefix('smgwproxy-1.dist-info/')}," in fault


def test_sdist_holds_all_that_git_knows() -> None:
    assert not list(sdist_faults(SDIST, TRACKED))
    assert list(sdist_faults(SDIST - {"smgwproxy-1/tests/test_cli.py"}, TRACKED)) == [
        "the sdist lacks tests/test_cli.py"
    ]


@pytest.mark.parametrize("name", [".coverage", ".pytest_cache/README.md", "tests/__pycache__/a.pyc", "notes.txt"])
def test_what_does_not_belong_into_an_sdist_is_told(name: str) -> None:
    (fault,) = sdist_faults(SDIST | {f"smgwproxy-1/{name}"}, TRACKED)
    assert f"holds {name}," in fault


def release(directory: Path, wheel: set[str], sdist: set[str]) -> None:
    with zipfile.ZipFile(directory / "smgwproxy-1-py3-none-any.whl", "w") as archive:
        for name in wheel:
            archive.writestr(name, "")
    with tarfile.open(directory / "smgwproxy-1.tar.gz", "w:gz") as archive:
        for name in sdist:
            archive.addfile(tarfile.TarInfo(name))


def test_archives_are_read(tmp_path: Path) -> None:
    release(tmp_path, WHEEL, SDIST)
    assert not list(faults_of(tmp_path, TRACKED))
    release(tmp_path, WHEEL - {"smgwproxy/py.typed"}, SDIST - {"smgwproxy-1/LICENSE"})
    assert list(faults_of(tmp_path, TRACKED)) == ["the wheel lacks smgwproxy/py.typed", "the sdist lacks LICENSE"]


def test_release_without_a_wheel_or_beside_another_is_told(tmp_path: Path) -> None:
    assert list(faults_of(tmp_path, TRACKED)) == [f"{tmp_path} has not one wheel and one sdist alone"]
    release(tmp_path, WHEEL, SDIST)
    (tmp_path / "smgwproxy-0-py3-none-any.whl.asc").touch()
    assert list(faults_of(tmp_path, TRACKED)) == [f"{tmp_path} has not one wheel and one sdist alone"]


def test_link_in_an_sdist_is_told(tmp_path: Path) -> None:
    release(tmp_path, WHEEL, SDIST)
    with tarfile.open(tmp_path / "smgwproxy-1.tar.gz", "w:gz") as archive:
        for name in SDIST:
            member = tarfile.TarInfo(name)
            member.type = tarfile.SYMTYPE if name.endswith("LICENSE") else tarfile.REGTYPE
            archive.addfile(member)
    assert list(faults_of(tmp_path, TRACKED)) == ["smgwproxy-1/LICENSE in the sdist is no plain file"]
