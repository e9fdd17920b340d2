"""Compares what smgwproxy, HAProxy and nginx make of the table's rows, and prints the differences.

``python -m tests.door.differential`` prints the section of docs/lan-door.md.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

from tests.door.explained import CLOSES, EXPLAINED, OTHER, PASSES, VERSIONS, WAITS, Difference
from tests.door.mature import Taken
from tests.door.vectors import VECTORS, Vector

PROGRAMS = {"haproxy": "HAProxy", "nginx": "nginx"}
ROWS = {vector.claim: vector for vector in VECTORS if vector.only != "https"}
"""The rows by their claims; those for plain HTTP, as the other programs are asked over that."""

_UPSTREAM_FAILED = {502, 504}  # to a program that has begun to pass on a body without end
_CLIENT_WAITED_FOR = 408


def our_bodies(vector: Vector) -> tuple[bytes, ...]:
    """Return the bodies of the requests that smgwproxy passes on of a row and the request behind it."""
    bodies = [request.partition(b"\r\n\r\n")[2] for request in vector.seen]
    return (*bodies, *([b""] if vector.lives_on else []))


def our_verdict(vector: Vector) -> str:
    """Return what becomes of a row here: a status, or that it is passed on."""
    return str(vector.refused or PASSES)


def verdict(vector: Vector, taken: Taken) -> str:
    """Return what another program makes of a row: a status, `PASSES`, or one of the other words.

    What passes has the very bodies that smgwproxy passes on, unless smgwproxy refuses it.
    """
    ours = our_bodies(vector)
    if len(taken.bodies) > len(ours) or (taken.bodies == ours and not vector.refused and not taken.statuses):
        return PASSES
    if len(taken.bodies) == len(ours) and taken.bodies != ours:
        return f"passes other bodies: {taken.bodies!r}"
    status = next(iter(taken.statuses), None)
    if status is not None and status not in {*_UPSTREAM_FAILED, _CLIENT_WAITED_FOR}:
        return str(status)
    if not vector.refused:
        return CLOSES
    return OTHER if taken.said and status is None else WAITS


def as_known(told: str, known: str) -> str:
    """Return ``known`` where that leaves room for the verdict ``told``."""
    return known if told in known.split(" or ") else told


def explained(program: str) -> dict[str, str]:
    """Return the known verdicts of ``program``, by the claims of the rows that it takes in another way."""
    place = list(PROGRAMS).index(program)
    return {
        claim: verdicts[place]
        for difference in EXPLAINED
        for verdicts, claims in difference.rows.items()
        for claim in claims
        if verdicts[place] != our_verdict(ROWS[claim])
    }


def passed_by_us_alone(program: str) -> set[str]:
    """Return the claims of the rows that smgwproxy passes on, and ``program`` is known not to."""
    return {claim for claim in explained(program) if our_verdict(ROWS[claim]) == PASSES}


# --- the documentation ----------------------------------------------------------------------------------


def section() -> str:
    """Write what docs/lan-door.md has under its heading."""
    told = {claim for program in PROGRAMS for claim in explained(program)}
    more = {claim for program in PROGRAMS for claim in passed_by_us_alone(program)}
    seen_with = " and ".join(f"{name} {VERSIONS[program]}" for program, name in PROGRAMS.items())
    intro = (
        f"Seen with {seen_with}, with the limits of smgwproxy where they have a setting for them and with their "
        f"defaults otherwise: of {len(ROWS)} rows they take {len(told)} in another way, nearly always because "
        "they pass on what smgwproxy refuses. What smgwproxy passes on and one of them does not "
        f"({len(more)} rows) is in the last {_number_of_wider()} lines. A number is the status of a refusal; one "
        "in brackets tells of how many rows it holds."
    )
    lines = [
        "## What HAProxy and nginx do differently",
        "",
        intro,
        "",
        "| what was sent | smgwproxy | HAProxy | nginx | why |",
        "|---|---|---|---|---|",
        *map(_line, EXPLAINED),
    ]
    return "\n".join(lines) + "\n"


def _number_of_wider() -> int:
    return sum(next(_ours(difference)) == PASSES for difference in EXPLAINED)


def _line(difference: Difference) -> str:
    columns = [
        Counter(_ours(difference)),
        *(Counter(_theirs(difference, place)) for place in range(len(PROGRAMS))),
    ]
    cells = [difference.sent, *map(_cell, columns), difference.why]
    return f"| {' | '.join(cells)} |"


def _cell(verdicts: Counter[str]) -> str:
    if len(verdicts) == 1:
        return next(iter(verdicts))
    return ", ".join(f"{told} ({rows})" for told, rows in verdicts.most_common())


def _ours(difference: Difference) -> Iterator[str]:
    return (our_verdict(ROWS[claim]) for claims in difference.rows.values() for claim in claims)


def _theirs(difference: Difference, place: int) -> Iterator[str]:
    return (verdicts[place] for verdicts, claims in difference.rows.items() for _ in claims)


if __name__ == "__main__":
    sys.stdout.write(section())
