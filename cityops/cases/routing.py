"""Which department is responsible for a problem, and why. Pure: candidates in, decision with its proof out.

Rules in order: the maintainer of the component, the department named by the filing condition, the class's default
department within the district, the street of the place. The first that names an active department wins; the proof keeps
every other one with what it would have said and why it lost, so that a decision can be explained and replayed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RULE_VERSION = 1

RULES: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "component_maintainer",
        "部件的养护单位",
        "the component's maintainer",
        "案卷没有关联部件，或部件未登记养护单位",
        "no component is linked, or it names no maintainer",
    ),
    (
        "condition_department",
        "立案条件规定的部门",
        "the department named by the filing condition",
        "立案条件未规定部门",
        "the filing condition names no department",
    ),
    (
        "class_department",
        "该类别在本区的默认部门",
        "the class's default department in this district",
        "该类别在本区没有默认部门",
        "the class has no default department in this district",
    ),
    ("street", "所在街道", "the street of the place", "所在街道没有登记部门", "the street of the place has no department"),
)
"""Rule, its name in zh and en, and why it says nothing when it says nothing, in zh and en. The order is the precedence."""


@dataclass(frozen=True)
class Candidate:
    """What one rule would say."""

    rule: str
    department_id: int
    name_zh: str
    name_en: str


def decide(candidates: Sequence[Candidate], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The decision with its proof, as the JSON that is stored (hence Any).

    `inputs` are the values the rules looked at (component, condition, class, cell). `department_id` is null when no rule
    names a department; then the dispatcher has to choose.
    """
    by_rule = {candidate.rule: candidate for candidate in candidates}
    winner: tuple[str, str, str, Candidate] | None = None
    losers: list[dict[str, Any]] = []
    for rule, zh, en, silent_zh, silent_en in RULES:
        candidate = by_rule.get(rule)
        if candidate is None:
            losers.append({"rule": rule, "department_id": None, "outcome": "silent", "why_zh": silent_zh, "why_en": silent_en})
        elif winner is None:
            winner = (rule, zh, en, candidate)
        else:
            losers.append(
                {
                    "rule": rule,
                    "department_id": candidate.department_id,
                    "department_zh": candidate.name_zh,
                    "department_en": candidate.name_en,
                    "outcome": "outranked",
                    "why_zh": f"{zh}是{candidate.name_zh}，但{winner[1]}优先",
                    "why_en": f"{en} would be {candidate.name_en}, but {winner[2]} comes first",
                }
            )
    proof: dict[str, Any] = {"version": RULE_VERSION, "inputs": dict(inputs), "losers": losers}
    if winner is None:
        return proof | {
            "rule": None, "department_id": None,
            "why_zh": "没有规则能确定责任部门，请派遣员选择", "why_en": "no rule names a responsible department; the dispatcher chooses",
        }  # fmt: skip
    rule, zh, en, candidate = winner
    return proof | {
        "rule": rule,
        "department_id": candidate.department_id,
        "department_zh": candidate.name_zh,
        "department_en": candidate.name_en,
        "why_zh": f"按{zh}，由{candidate.name_zh}负责",
        "why_en": f"{candidate.name_en} is responsible by {en}",
    }


def override(proof: Mapping[str, Any], department_id: int, name_zh: str, name_en: str) -> dict[str, Any]:
    """The proof after a dispatcher chose another department than the rules: what they said moves to the losers."""
    losers = [dict(loser) for loser in proof.get("losers", ())]
    if proof.get("department_id") is not None:
        losers.insert(
            0,
            {
                "rule": proof.get("rule"),
                "department_id": proof["department_id"],
                "department_zh": proof.get("department_zh"),
                "department_en": proof.get("department_en"),
                "outcome": "overruled",
                "why_zh": f"{proof.get('why_zh')}；派遣员另行指定",
                "why_en": f"{proof.get('why_en')}; the dispatcher chose another",
            },
        )
    return {
        **proof,
        "rule": "dispatcher",
        "department_id": department_id,
        "department_zh": name_zh,
        "department_en": name_en,
        "why_zh": f"由派遣员指定{name_zh}",
        "why_en": f"{name_en} was chosen by the dispatcher",
        "losers": losers,
    }
