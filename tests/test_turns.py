"""The queue before the gateway, between threads and between greenlets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import gevent
import gevent.event
import gevent.pool
import pytest

from smgwproxy.turns import Event, Turns

LONG = 20.0
NOW = 0.0


class Started:
    """What can be asked of a thread or greenlet that runs ``function``."""

    def __init__(self, join: Callable[[], object], results: list[object]) -> None:
        self._join = join
        self._results = results

    @property
    def result(self) -> object:
        self._join()
        return self._results[0]


class Threads:
    """Turns between threads."""

    event = threading.Event

    def start(self, function: Callable[[], object]) -> Started:
        results: list[object] = []
        thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
        thread.start()
        return Started(lambda: thread.join(LONG), results)


class Greenlets:
    """Turns between greenlets."""

    event = gevent.event.Event

    def start(self, function: Callable[[], object]) -> Started:
        results: list[object] = []
        greenlet = gevent.spawn(lambda: results.append(function()))
        gevent.sleep(0)  # lets it run to where it waits
        return Started(lambda: greenlet.join(LONG), results)


World = Threads | Greenlets


@pytest.fixture(params=[Threads, Greenlets], ids=["threads", "greenlets"])
def world(request: pytest.FixtureRequest) -> World:
    made: World = request.param()
    return made


class Watched:
    """Makes events that tell when somebody begins to wait, and what to do just before and after."""

    def __init__(self, world: World) -> None:
        self.waiting = world.event()
        self.before: Callable[[], None] = self.waiting.set
        self.after: Callable[[], None] = lambda: None
        self._make = world.event

    def __call__(self) -> Event:
        return _WatchedEvent(self, self._make())


class _WatchedEvent:
    def __init__(self, watched: Watched, event: Event) -> None:
        self._watched = watched
        self._event = event

    def set(self) -> None:
        self._event.set()

    def clear(self) -> None:
        self._event.clear()

    def wait(self, timeout: float) -> bool:
        self._watched.before()
        try:
            return self._event.wait(timeout)
        finally:
            self._watched.after()


def test_as_many_as_there_are_places_enter_at_once(world: World) -> None:
    turns = Turns(2, world.event)
    assert [turns.enter(NOW) for _ in range(4)] == [True, True, False, False]
    turns.leave()
    assert [turns.enter(NOW), turns.enter(NOW)] == [True, False]


def test_who_waited_in_vain_is_forgotten(world: World) -> None:
    turns = Turns(1, world.event)
    assert turns.enter(NOW)
    assert not turns.enter(NOW)
    turns.leave()
    assert turns.enter(NOW)  # the place went to nobody who has given up


def test_who_waits_gets_the_turn_that_is_given_back(world: World) -> None:
    watched = Watched(world)
    turns = Turns(1, watched)
    assert turns.enter(NOW)
    waiter = world.start(lambda: turns.enter(LONG))
    assert watched.waiting.wait(LONG)
    turns.leave()
    assert waiter.result is True
    assert not turns.enter(NOW)  # it is the waiter's, until it leaves
    turns.leave()
    assert turns.enter(NOW)


def test_first_come_first_served(world: World) -> None:
    watched = Watched(world)
    turns = Turns(1, watched)
    order: list[int] = []
    assert turns.enter(NOW)

    def one(number: int) -> None:
        assert turns.enter(LONG)
        order.append(number)
        turns.leave()

    started = []
    for number in range(10):
        watched.waiting = world.event()
        watched.before = watched.waiting.set
        started.append(world.start(partial(one, number)))
        assert watched.waiting.wait(LONG)
    turns.leave()
    for each in started:
        assert each.result is None
    assert order == list(range(10))


def test_nobody_overtakes_who_has_been_handed_the_turn(world: World) -> None:
    watched = Watched(world)
    turns = Turns(1, watched)
    assert turns.enter(NOW)
    hold, entered = world.event(), world.event()

    def waiter() -> bool:
        came = turns.enter(LONG)
        entered.set()
        return came

    watched.after = lambda: assert_(hold.wait(LONG))
    started = world.start(waiter)
    assert watched.waiting.wait(LONG)
    turns.leave()  # handed over, though the waiter has not noticed yet
    watched.before = watched.after = lambda: None
    assert not turns.enter(NOW)
    hold.set()
    assert started.result is True
    assert entered.is_set()


def assert_(condition: bool) -> None:
    assert condition


def test_a_turn_handed_over_at_the_moment_of_time_out_is_taken(world: World) -> None:
    """The wait has ended without the event, and before this is noticed the turn comes."""
    watched = Watched(world)
    turns = Turns(1, watched)
    assert turns.enter(NOW)
    watched.after = turns.leave
    assert turns.enter(NOW)
    watched.after = lambda: None
    assert not turns.enter(NOW)
    turns.leave()
    assert turns.enter(NOW)


@pytest.mark.parametrize("handed_over", [False, True], ids=["still-waiting", "already-handed-over"])
def test_who_is_interrupted_while_waiting_takes_no_place_along(world: World, handed_over: bool) -> None:
    watched = Watched(world)
    turns = Turns(1, watched)
    assert turns.enter(NOW)

    def interrupt() -> None:
        if handed_over:
            turns.leave()
        raise KeyboardInterrupt

    watched.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        turns.enter(LONG)
    if not handed_over:
        turns.leave()
    watched.before = lambda: None
    assert [turns.enter(NOW), turns.enter(NOW)] == [True, False]


def test_a_greenlet_killed_while_it_waits_gives_its_place_back() -> None:
    turns = Turns(1, gevent.event.Event)
    assert turns.enter(NOW)
    waiting = [gevent.spawn(turns.enter, LONG) for _ in range(2)]
    gevent.sleep(0)
    waiting[0].kill()
    turns.leave()
    assert waiting[1].get(timeout=LONG) is True
    turns.leave()
    assert [turns.enter(NOW), turns.enter(NOW)] == [True, False]


def test_a_greenlet_killed_after_it_was_handed_the_turn_gives_it_to_the_next() -> None:
    turns = Turns(1, gevent.event.Event)
    assert turns.enter(NOW)
    inside = gevent.event.Event()

    def visit() -> None:
        assert turns.enter(LONG)
        try:
            inside.wait(LONG)
        finally:
            turns.leave()

    waiting = [gevent.spawn(visit) for _ in range(2)]
    gevent.sleep(0)
    turns.leave()  # handed to the first, which has not run since
    waiting[0].kill(block=False)
    inside.set()
    waiting[1].get(timeout=LONG)
    assert [turns.enter(NOW), turns.enter(NOW)] == [True, False]


class Room:
    """Counts who is inside."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.most = self.visits = self._inside = 0
        self._lock = threading.Lock()

    def visit(self, timeout: float, yield_to_others: Callable[[], object]) -> None:
        if not self.turns.enter(timeout):
            return
        with self._lock:
            self._inside += 1
            self.visits += 1
            self.most = max(self.most, self._inside)
        yield_to_others()
        with self._lock:
            self._inside -= 1
        self.turns.leave()


@pytest.mark.parametrize("places", [1, 3])
def test_never_more_than_the_places_are_inside_and_none_is_lost(places: int) -> None:
    room = Room(Turns(places))
    pause = threading.Event()
    with ThreadPoolExecutor(16) as pool:
        for _ in range(200):
            pool.submit(room.visit, LONG, lambda: pause.wait(0.0001))
    assert room.most == places
    assert room.visits == 200
    assert [room.turns.enter(NOW) for _ in range(places + 1)] == [True] * places + [False]


def test_time_outs_and_hand_overs_that_meet_lose_no_place() -> None:
    room = Room(Turns(2))
    pause = threading.Event()
    with ThreadPoolExecutor(16) as pool:
        for number in range(2000):
            pool.submit(room.visit, number % 7 * 0.00005, lambda: pause.wait(0.00005))
    assert room.most <= 2
    assert [room.turns.enter(NOW) for _ in range(3)] == [True, True, False]


def test_greenlets_that_come_go_time_out_and_die_lose_no_place() -> None:
    room = Room(Turns(2, gevent.event.Event))
    greenlets = [
        gevent.spawn(room.visit, number % 5 * 0.0005, lambda: gevent.sleep(0.0002)) for number in range(500)
    ]
    gevent.joinall(greenlets, timeout=LONG)
    assert room.most == 2
    assert all(greenlet.successful() for greenlet in greenlets)
    waiting = [gevent.spawn(room.turns.enter, LONG) for _ in range(20)]
    gevent.sleep(0)
    gevent.killall(waiting[2:])  # the first two are inside
    room.turns.leave()
    room.turns.leave()
    assert [room.turns.enter(NOW) for _ in range(3)] == [True, True, False]


def test_more_places_are_for_those_who_waited_longest(world: World) -> None:
    watched = Watched(world)
    turns = Turns(1, watched)
    assert turns.enter(NOW)
    waiter = world.start(lambda: turns.enter(LONG))
    assert watched.waiting.wait(LONG)
    turns.resize(3)
    assert waiter.result is True
    assert [turns.enter(NOW), turns.enter(NOW)] == [True, False]


def test_fewer_places_come_about_as_turns_are_given_back(world: World) -> None:
    turns = Turns(3, world.event)
    assert all(turns.enter(NOW) for _ in range(3))
    turns.resize(1)
    turns.leave()
    turns.leave()
    assert not turns.enter(NOW)
    turns.leave()
    assert [turns.enter(NOW), turns.enter(NOW)] == [True, False]
