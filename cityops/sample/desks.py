"""Who works on a case, and which department it is routed to with what proof."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cityops.cases.routing import Candidate, decide, override
from cityops.exchange.default_organisation import Department, Organisation

if TYPE_CHECKING:
    from cityops.sample.chronicle import Subject

CELL_MARK, COMPONENT_MARK = "@cell@", "@component@"


@dataclass(frozen=True)
class People:
    """User ids by what they do: desks by post, handlers by department, inspectors by beat. Demo accounts come first."""

    desks: Mapping[str, Sequence[int]]
    handlers: Mapping[int, Sequence[int]]
    inspectors: Mapping[int, Sequence[int]]


class Desks:
    """Chooses a person for each act; the same case always meets the same people."""

    def __init__(self, people: People) -> None:
        self._people = people

    def at(self, post: str, case_id: int) -> int:
        """Somebody at a desk of a centre."""
        staff = self._people.desks[post]
        return staff[case_id * 7919 % len(staff)]

    def inspector(self, beat_id: int, case_id: int) -> int:
        """An inspector of the beat."""
        staff = self._people.inspectors[beat_id]
        return staff[case_id * 31 % len(staff)]

    def handler(self, department_id: int, case_id: int) -> int:
        """Somebody of the department who handles."""
        staff = self._people.handlers[department_id]
        return staff[case_id * 17 % len(staff)]

    def reporter(self, subject: Subject, inspector: int) -> int:
        """The inspector who saw it, or the acceptor who took the call."""
        return inspector if subject.source == "inspector" else self.at("acceptor", subject.id)


@dataclass(frozen=True)
class Route:
    """Where a kind of case at a kind of place is sent; the proof is kept once and filled in per case."""

    rule: str
    department_id: int
    proof: str
    other: Department

    def json_for(self, subject: Subject) -> str:
        """The proof with this case's own cell and component, as COPY text."""
        return self.proof.replace(CELL_MARK, subject.cell_code).replace(COMPONENT_MARK, subject.component_code or "")

    def second(self, subject: Subject) -> tuple[int, str, str]:
        """After a return the dispatcher names another department: its id, the rule, and the proof."""
        proof = override(json.loads(self.json_for(subject)), self.other.id, self.other.name_zh, self.other.name_en)
        return self.other.id, str(proof["rule"]), json.dumps(proof, ensure_ascii=False)


class Router:
    """Routes by the rules of `cityops.cases.routing`; equal questions are asked once."""

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self._by_id = {department.id: department for department in organisation.departments}
        self._known: dict[tuple[object, ...], Route] = {}

    def code_of(self, department_id: int) -> str:
        """The code of a department, such as SN-411303."""
        return self._by_id[department_id].code

    def route(
        self, *, edition: str, kind: str, class_code: str, duty: str | None, condition_id: int, condition_duty: str | None,
        maintainer_id: int | None, cell_code: str,
    ) -> Route:  # fmt: skip
        """The route of a case of this class and condition in the street of the cell."""
        key = (edition, kind, class_code, condition_id, maintainer_id, cell_code[:9])
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._decide(edition, kind, class_code, duty, condition_id, condition_duty, maintainer_id, cell_code)
        return found

    def _decide(
        self, edition: str, kind: str, class_code: str, duty: str | None, condition_id: int, condition_duty: str | None,
        maintainer_id: int | None, cell_code: str,
    ) -> Route:  # fmt: skip
        rules: list[tuple[str, Department | None]] = [
            ("component_maintainer", self._by_id.get(maintainer_id or -1)),
            ("condition_department", self._of_duty(condition_duty, cell_code)),
            ("class_department", self._of_duty(duty, cell_code)),
            ("street", self._organisation.street_office(cell_code)),
        ]
        candidates = [Candidate(rule, one.id, one.name_zh, one.name_en) for rule, one in rules if one is not None]
        inputs: dict[str, Any] = {  # Any: codes and ids, as in the decision itself
            "component_code": COMPONENT_MARK if maintainer_id is not None else None,
            "maintainer_id": maintainer_id,
            "condition_id": condition_id,
            "condition_department": condition_duty,
            "edition": edition, "kind": kind, "class_code": class_code, "class_department": duty,
            "cell_code": CELL_MARK, "district": cell_code[:6], "street": cell_code[:9],
        }  # fmt: skip
        proof = decide(candidates, inputs)
        chosen = int(proof["department_id"])
        office = self._organisation.street_office(cell_code)
        other = office if office is not None and office.id != chosen else self._organisation.by_code["UM"]
        return Route(str(proof["rule"]), chosen, json.dumps(proof, ensure_ascii=False), other)

    def _of_duty(self, duty: str | None, cell_code: str) -> Department | None:
        if duty is None:
            return None
        if duty == "ST":
            return self._organisation.street_office(cell_code)
        return self._organisation.responsible(duty, cell_code) if duty in self._organisation.by_code else None
