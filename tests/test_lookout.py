"""Who looks at pins sleeps until something happens to their files, or, where nobody tells, until the next beat."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import gevent
import gevent.event
import pytest

from smgwproxy.certificate import Certificate
from smgwproxy.inotify import Inotify
from smgwproxy.lookout import Lookout
from smgwproxy.testing.samples import ORIGIN, next_number
from smgwproxy.truststores import EditableTrustStore, Pin, StandingPins
from smgwproxy.truststores.base import utc_now
from tests.contract.settled_stores import settled_database, settled_file
from tests.support import PATIENCE
from tests.test_inotify import watched_inodes

NEVER = 1e6  # seconds to the next beat
SOON = 0.01
PINS = (Pin.of(Certificate(b"a certificate"), utc_now()),)
Watch = Callable[..., Lookout]


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Make a lookout, closed at the end."""
    made: list[Lookout] = []

    def make(interval: float, inotify: Callable[[], Inotify] = Inotify) -> Lookout:
        made.append(Lookout(inotify, interval))
        return made[-1]

    yield make
    for lookout in made:
        lookout.close()


@pytest.fixture(params=[settled_file, settled_database])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> EditableTrustStore:
    opened: EditableTrustStore = request.param(str(tmp_path / "store"))
    opened.change(ORIGIN, next_number)
    return opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pins"
    path.touch()
    return path


def refused() -> Inotify:
    raise OSError(errno.EMFILE, "Too many open files")


class Sleeper:
    """One who waits until it is time to look again."""

    def __init__(self, lookout: Lookout, pins: Sequence[Pin], at_rest: Callable[[], bool] = lambda: True) -> None:
        self.stirred = gevent.event.Event()
        self._waiting = gevent.spawn(lookout.wait, self.stirred, pins, at_rest)
        gevent.sleep(0)

    @property
    def rests(self) -> bool:
        """Tell whether nothing wakes it but what it waits for."""
        return bool(self.stirred.linkcount())

    def wakes(self) -> bool:
        """Wait until it is time."""
        self._waiting.join(PATIENCE)
        return bool(self._waiting.successful())

    def kill(self) -> None:
        self._waiting.kill()


def standing(files: Sequence[Path] | None, unchanged: Callable[[], bool] = lambda: True) -> StandingPins:
    return StandingPins(PINS, unchanged, files)


# --- at rest --------------------------------------------------------------------------------------------


def test_change_wakes_without_a_beat(watch: Watch, store: EditableTrustStore) -> None:
    sleeper = Sleeper(watch(NEVER), store.lookup(ORIGIN))
    assert sleeper.rests
    store.change(ORIGIN, next_number)
    assert sleeper.wakes()


def test_change_before_the_files_are_watched_is_not_slept_through(watch: Watch, store: EditableTrustStore) -> None:
    pins = store.lookup(ORIGIN)
    store.change(ORIGIN, next_number)
    sleeper = Sleeper(watch(SOON), pins)
    assert not sleeper.rests
    assert sleeper.wakes()


def test_change_while_the_files_begin_to_be_watched_is_not_slept_through(watch: Watch, file: Path) -> None:
    """It is as if it came right before."""
    changed = False

    class Slow(Inotify):
        def watch(self, path: Path) -> Iterator[int]:
            nonlocal changed
            yield from super().watch(path)
            changed = True

    sleeper = Sleeper(watch(SOON, Slow), standing([file], lambda: not changed))
    assert not sleeper.rests
    assert sleeper.wakes()


def test_somebody_else_may_stir(watch: Watch, file: Path) -> None:
    sleeper = Sleeper(watch(NEVER), standing([file]))
    assert sleeper.rests
    sleeper.stirred.set()
    assert sleeper.wakes()


def test_who_was_stirred_before_it_waited_is_at_rest_all_the_same(watch: Watch, file: Path) -> None:
    """It has looked since."""
    lookout, stirred = watch(NEVER), gevent.event.Event()
    stirred.set()
    waiting = gevent.spawn(lookout.wait, stirred, standing([file]))
    gevent.sleep(0)
    assert stirred.linkcount()
    waiting.kill()


def test_what_never_changes_needs_no_inotify(watch: Watch) -> None:
    sleeper = Sleeper(watch(NEVER, refused), standing([]))
    assert sleeper.rests
    sleeper.kill()


def test_looking_itself_wakes_nobody_for_long(watch: Watch, store: EditableTrustStore) -> None:
    """A look-up of a database makes a log and takes it away; whose pins stand then makes no other."""
    lookout = watch(NEVER)
    pins = store.lookup(ORIGIN)
    sleepers = [Sleeper(lookout, pins) for _ in range(2)]
    assert store.lookup(ORIGIN) == pins  # as after half a minute, or by another program
    for _ in range(2):
        gevent.sleep(0.5)
        sleepers = [one if one.rests else Sleeper(lookout, pins) for one in sleepers]
    assert all(one.rests for one in sleepers)
    for one in sleepers:
        one.kill()


def test_what_was_told_once_is_not_told_again(watch: Watch, file: Path) -> None:
    lookout = watch(NEVER)
    sleeper = Sleeper(lookout, standing([file]))
    file.write_text("changed")
    assert sleeper.wakes()
    sleeper = Sleeper(lookout, standing([file]))
    gevent.sleep(0.2)
    assert sleeper.rests
    sleeper.kill()


def test_much_that_happens_beside_the_files_wakes_no_more_often_than_in_calm_times(file: Path) -> None:
    """Where a file is missing, each other one that comes in its directory may be that one."""
    stirred = gevent.event.Event()
    woken: list[int] = []

    def look() -> None:
        while True:
            lookout.wait(stirred, standing([file.with_name("missing")]))
            woken.append(1)

    with closing(Lookout(interval=NEVER, calm=NEVER)) as lookout:
        looking = gevent.spawn(look)
        for number in range(50):
            file.with_name(f"other-{number}").touch()
            gevent.sleep(SOON)
        gevent.sleep(0.5)
        looking.kill()
    assert woken == [1]


@pytest.mark.parametrize("files", [["a text"], 5, [None]])
def test_files_that_are_no_paths_end_nobodys_watch(watch: Watch, files: Any) -> None:
    pins = standing([])
    pins.files = files
    sleeper = Sleeper(watch(SOON), pins)
    assert not sleeper.rests
    assert sleeper.wakes()


# --- by beats -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pins", [(), PINS, list(PINS), standing(None)])
def test_pins_that_name_no_files_are_looked_at_by_beats(watch: Watch, pins: Sequence[Pin]) -> None:
    sleeper = Sleeper(watch(SOON), pins)
    assert not sleeper.rests
    assert sleeper.wakes()


def test_where_inotify_is_refused_files_are_looked_at_by_beats(watch: Watch, file: Path) -> None:
    sleeper = Sleeper(watch(SOON, refused), standing([file]))
    assert not sleeper.rests
    assert sleeper.wakes()


@pytest.mark.parametrize("name", ["loop/file", "nul\0/file", "relative"])
def test_files_that_cannot_be_watched_are_looked_at_by_beats(watch: Watch, tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    sleeper = Sleeper(watch(SOON), standing([Path(name) if name == "relative" else tmp_path / name]))
    assert not sleeper.rests
    assert sleeper.wakes()


def test_who_is_not_at_rest_looks_by_beats(watch: Watch, file: Path) -> None:
    sleeper = Sleeper(watch(SOON), standing([file]), lambda: False)
    assert not sleeper.rests
    assert sleeper.wakes()


def test_inotify_that_was_refused_may_be_had_later(watch: Watch, file: Path) -> None:
    answers = [Inotify, refused, refused]

    def answer() -> Inotify:
        return answers.pop()()

    lookout = watch(SOON, answer)
    assert Sleeper(lookout, standing([file])).wakes()
    sleeper = Sleeper(lookout, standing([file]))
    assert sleeper.rests
    sleeper.kill()


# --- what is left ---------------------------------------------------------------------------------------


def test_many_who_wait_and_many_changes_leave_one_inotify_and_nothing_twice(watch: Watch, file: Path) -> None:
    opened: list[Inotify] = []

    def counted() -> Inotify:
        opened.append(Inotify())
        return opened[-1]

    lookout = watch(NEVER, counted)
    for _ in range(3):
        sleepers = [Sleeper(lookout, standing([file])) for _ in range(3)]
        file.with_name("new").touch()
        file.with_name("new").rename(file)
        assert all(one.wakes() for one in sleepers)
        for one in sleepers[1:]:
            lookout.leave(one.stirred)
    (inotify,) = opened
    last = Sleeper(lookout, standing([file]))
    assert watched_inodes(inotify.handle) == len(file.parts)
    last.kill()


def test_who_waits_for_another_file_leaves_the_first_one(watch: Watch, tmp_path: Path) -> None:
    """As when a store keeps its pins elsewhere from now on."""
    opened, stirred = Inotify(), gevent.event.Event()
    lookout = watch(NEVER, lambda: opened)
    for name in ("one", "two"):
        (tmp_path / name).touch()
        waiting = gevent.spawn(lookout.wait, stirred, standing([tmp_path / name]))
        gevent.sleep(0)
        assert watched_inodes(opened.handle) == len(tmp_path.parts) + 1
        waiting.kill()


def test_what_nobody_waits_for_any_more_is_not_watched(watch: Watch, tmp_path: Path) -> None:
    opened = Inotify()
    lookout = watch(NEVER, lambda: opened)
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        file.touch()
    sleepers = [Sleeper(lookout, standing([file])) for file in files]
    assert watched_inodes(opened.handle) == len(files[0].parts) + 1
    sleepers[0].kill()
    lookout.leave(sleepers[0].stirred)
    lookout.leave(sleepers[0].stirred)
    assert watched_inodes(opened.handle) == len(files[0].parts)
    assert sleepers[1].rests
    sleepers[1].kill()
    lookout.leave(sleepers[1].stirred)
    assert watched_inodes(opened.handle) == 0


def test_closed_lookout_leaves_no_descriptor(file: Path) -> None:
    gevent.sleep(0)  # the hub's own are there
    before = sorted(Path("/proc/self/fd").iterdir())
    with closing(Lookout(interval=NEVER)) as lookout:
        sleeper = Sleeper(lookout, standing([file]))
        assert sleeper.rests
        sleeper.kill()
    lookout.leave(sleeper.stirred)
    lookout.close()
    assert sorted(Path("/proc/self/fd").iterdir()) == before
