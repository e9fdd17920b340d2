"""What a wheel and an sdist must hold, and nothing else.

``python -m tests.release.contents DIRECTORY``, in a git checkout, looks into the wheel and the sdist in
``DIRECTORY``. Exit code 1 when something is missing, or there is something that no user or packager needs.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

_PACKAGE = "smgwproxy/"
_CATALOGUES = {".po", ".pot"}  # what .mo files are made of
_METADATA = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}


def of_wheel(tracked: Collection[str]) -> set[str]:
    """Return what the wheel must hold where git knows the files ``tracked``, its metadata directory left out."""
    package = {name for name in tracked if name.startswith(_PACKAGE)}
    return {name for name in package if PurePosixPath(name).suffix not in _CATALOGUES} | _compiled(package)


def of_sdist(tracked: Collection[str]) -> set[str]:
    """Return what the sdist must hold where git knows the files ``tracked``, its outermost directory left out.

    That is all of them: who packages the program for a distribution runs its tests, and builds its docs.
    """
    return {*tracked, "PKG-INFO"} | _compiled(tracked)


def wheel_faults(names: Collection[str], tracked: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with a wheel that holds the files ``names``."""
    described = {name for name in names if name.partition("/")[0].endswith(".dist-info")}
    yield from _differences("the wheel", set(names) - described, of_wheel(tracked))
    yield from _differences("the wheel's metadata", {name.partition("/")[2] for name in described}, _METADATA)


def sdist_faults(names: Collection[str], tracked: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with an sdist that holds the files ``names``, each below one outermost directory."""
    outermost = {name.partition("/")[0] for name in names}
    if len(outermost) != 1:
        yield f"the sdist has not one outermost directory, but {sorted(outermost)}"
    yield from _differences("the sdist", {name.partition("/")[2] for name in names}, of_sdist(tracked))


def faults_of(directory: Path, tracked: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the wheel and the sdist in ``directory``, and whether there is one of each."""
    wheels, sdists = sorted(directory.glob("*.whl")), sorted(directory.glob("*.tar.gz"))
    if (len(wheels), len(sdists)) != (1, 1) or len(list(directory.iterdir())) != 2:
        yield f"{directory} has not one wheel and one sdist alone"
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            yield from wheel_faults(archive.namelist(), tracked)
    for sdist in sdists:
        with tarfile.open(sdist) as archive:
            yield from (f"{member.name} in the sdist is no plain file" for member in archive if not member.isreg())
            yield from sdist_faults(archive.getnames(), tracked)


def _compiled(tracked: Collection[str]) -> set[str]:
    return {str(PurePosixPath(name).with_suffix(".mo")) for name in tracked if name.endswith(".po")}


def _differences(where: str, found: set[str], due: set[str]) -> Iterator[str]:
    yield from (f"{where} lacks {name}" for name in sorted(due - found))
    yield from (f"{where} holds {name}, which does not belong there" for name in sorted(found - due))


def main(directory: str) -> int:
    """Tell what is wrong on standard error; returns the exit code."""
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
    faults = list(faults_of(Path(directory), set(listed.split("\0")) - {""}))
    sys.stderr.writelines(f"{fault}\n" for fault in faults)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
