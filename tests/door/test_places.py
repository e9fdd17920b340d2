"""Who gets a place at the door, and who has to go for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from smgwproxy.server.places import Places


@dataclass(eq=False)
class Client:
    """A visitor that keeps a record of what happened to it."""

    address: str = "192.0.2.1"
    waiting_since: float | None = None
    hung_up: list[bool] = field(default_factory=list)

    def hang_up(self) -> None:
        self.hung_up.append(True)


def test_there_is_a_place_for_each_up_to_the_number() -> None:
    places = Places(3, 2)
    assert all(places.enter(Client(address)) for address in ("a", "a", "b"))
    assert not places.enter(Client("c"))
    assert places.taken == 3


def test_one_address_has_its_own_number() -> None:
    places = Places(10, 2)
    first, second, third = Client(), Client(), Client()
    assert places.enter(first)
    assert places.enter(second)
    assert not places.enter(third)
    assert places.enter(Client("b"))
    places.leave(first)
    assert places.enter(third)


def test_who_keeps_us_waiting_makes_room() -> None:
    places = Places(2, 2)
    busy, idle, new = Client("a"), Client("b", waiting_since=1.0), Client("c")
    assert places.enter(busy)
    assert places.enter(idle)
    assert places.enter(new)
    assert (busy.hung_up, idle.hung_up, new.hung_up) == ([], [True], [])
    assert places.taken == 2


def test_a_request_that_is_worked_on_is_never_given_up() -> None:
    places = Places(1, 1)
    busy = Client("a")
    assert places.enter(busy)
    assert not places.enter(Client("a"))
    assert not places.enter(Client("b"))
    assert busy.hung_up == []


def test_the_address_with_the_most_visitors_gives_way_first() -> None:
    places = Places(3, 3)
    good = Client("good", waiting_since=1.0)
    greedy = [Client("greedy", waiting_since=since) for since in (3.0, 2.0)]
    for client in (good, *greedy):
        assert places.enter(client)
    assert places.enter(Client("new"))
    assert (good.hung_up, greedy[0].hung_up, greedy[1].hung_up) == ([], [], [True])


def test_of_equals_the_longest_waited_for_gives_way() -> None:
    places = Places(3, 3)
    clients = [Client(address, waiting_since=since) for address, since in (("a", 2.0), ("b", 1.0), ("c", 3.0))]
    for client in clients:
        assert places.enter(client)
    assert places.enter(Client("d"))
    assert [client.hung_up for client in clients] == [[], [True], []]


def test_an_address_with_too_many_makes_room_among_its_own() -> None:
    places = Places(10, 1)
    other, own = Client("b", waiting_since=1.0), Client("a", waiting_since=2.0)
    assert places.enter(other)
    assert places.enter(own)
    assert places.enter(Client("a"))
    assert (other.hung_up, own.hung_up) == ([], [True])


def test_who_had_to_go_does_not_leave_twice() -> None:
    places = Places(1, 1)
    old, new = Client("a", waiting_since=1.0), Client("a")
    assert places.enter(old)
    assert places.enter(new)
    places.leave(old)
    assert places.taken == 1
    assert not places.enter(Client("b"))


def test_who_was_refused_takes_no_place_back() -> None:
    places = Places(1, 1)
    refused = Client("a")
    assert places.enter(Client("a"))
    assert not places.enter(refused)
    places.leave(refused)
    assert places.taken == 1


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans())), st.integers(1, 5), st.integers(1, 5)
)
def test_there_are_never_more_than_there_are_places(
    events: list[tuple[str, bool, bool]], total: int, per_address: int
) -> None:
    places = Places(total, per_address)
    inside: list[Client] = []
    for number, (address, waits, leaves) in enumerate(events):
        if leaves and inside:
            places.leave(inside.pop(0))
        client = Client(address, waiting_since=float(number) if waits else None)
        before = [one for one in inside if not one.hung_up]
        if places.enter(client):
            inside.append(client)
        else:
            assert len([one for one in before if one.address == address]) >= per_address or len(before) >= total
        inside = [one for one in inside if not one.hung_up]
        assert places.taken == len(inside) <= total
        assert all(sum(one.address == name for one in inside) <= per_address for name in "abc")


def test_fewer_places_send_nobody_away_and_more_are_there_at_once() -> None:
    places = Places(3, 3)
    clients = [Client() for _ in range(3)]
    assert all(places.enter(client) for client in clients)
    places.resize(2, 2)
    assert places.taken == 3
    assert not places.enter(Client("b"))
    places.leave(clients[0])
    assert not places.enter(Client("b"))
    places.resize(3, 2)
    assert places.enter(Client("b"))
    assert not any(client.hung_up for client in clients)
