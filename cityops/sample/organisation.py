"""The people of the sample: the desks of the two centres, handlers and heads of departments, inspectors of beats. All invented."""

from __future__ import annotations

from dataclasses import dataclass

from cityops.exchange.default_organisation import CITY_ROOT, COMMAND, SUPERVISION, Organisation
from cityops.sample import names


@dataclass(frozen=True)
class Person:
    """A user to be made; `beat` is the index of the beat an inspector walks."""

    login: str
    name: str
    posts: tuple[str, ...]
    department_id: int
    beat: int | None = None


DESKS = {"XS": (2, 1, 2), "S": (8, 3, 5), "M": (24, 8, 14), "L": (80, 24, 40), "XL": (120, 36, 60)}
"""Acceptors, shift leaders and dispatchers by size of city."""


def build_people(organisation: Organisation, size: str, beats: int, inspectors_per_beat: int) -> list[Person]:
    """Everybody who works in the city besides the demo accounts; handlers sit in every department below the duties."""
    made: list[Person] = []

    def add(kind: str, posts: tuple[str, ...], department_id: int, beat: int | None = None) -> None:
        number = len(made) + 1
        made.append(Person(f"{kind}{number:05d}", names.person(number * 13), posts, department_id, beat))

    supervision, command = organisation.by_code[SUPERVISION].id, organisation.by_code[COMMAND].id
    acceptors, leaders, dispatchers = DESKS[size]
    for _ in range(acceptors):
        add("acceptor", ("acceptor",), supervision)
    for _ in range(leaders):
        add("leader", ("shift_leader",), supervision)
    for _ in range(dispatchers):
        add("dispatcher", ("dispatcher",), command)
    for department in organisation.departments:
        if department.code in (CITY_ROOT, SUPERVISION, COMMAND, "ST"):
            continue
        for _ in range(2 if "-" in department.code else 3):
            add("handler", ("handler",), department.id)
        if "-" not in department.code:
            add("head", ("department_head",), department.id)
    for beat in range(beats):
        for _ in range(inspectors_per_beat):
            add("inspector", ("inspector",), supervision, beat)
    return made
