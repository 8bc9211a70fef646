"""The rows of cases: every event of every case as a link of its hash chain, the row that stands on it, the inspector's tasks.

The texts are built by hand for speed and are exactly what `cityops.cases.chain` would write; a test lets the offline
verifier read every one of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cityops.cases.chain import GENESIS
from cityops.cases.offline_verifier import digest_of
from cityops.cases.workflow import Workflow
from cityops.sample.copying import NULL
from cityops.sample.desks import Desks, Route
from cityops.sample.pictures import Album, Picture
from cityops.sample.timeline import NONE, Step
from cityops.sample.worktime import Instants, iso

CASE_COLUMNS = (
    "id", "number", "version", "state", "stage", "kind", "edition", "class_code", "condition_id", "component_id", "component_code",
    "source", "description", "address", "geom", "accuracy_m", "cell_code", "beat_id", "area_grade", "department_id", "handler_id",
    "assignee_id", "reporter_id", "limit_value", "limit_unit", "reported_at", "filed_at", "dispatched_at", "handled_at", "closed_at",
    "due_at", "soon_at", "state_due_at", "state_soon_at", "rework_count", "return_count", "overdue_count", "verified", "routing",
    "event_count", "head_digest", "updated_at",
)  # fmt: skip
EVENT_COLUMNS = ("case_id", "seq", "at", "act", "actor_id", "actor_post", "from_state", "to_state", "body", "prev_digest", "digest")
TASK_COLUMNS = ("case_id", "kind", "assignee_id", "beat_id", "state", "created_at", "soon_at", "due_at", "done_at", "done_by", "result")
PHOTO_COLUMNS = ("id", "digest", "source_digest", "uploader_id", "phase", "taken_at", "lon", "lat", "created_at")
CASE_PHOTO_COLUMNS = ("case_id", "photo_id", "seq", "phase")
PHOTO_PHASES = {"report": "before", "verify": "verify", "handle": "after", "check": "check"}
TASK_KINDS = {"send_verification": "verify", "send_check": "check"}

RETURN_REASONS = ("不属本部门管养范围", "现场位置属相邻单位", "需先由权属单位确认")
VOID_REASONS = {"absent": "经核实现场无此问题", "refused": "与已受理案卷重复", "unfiled": "未达到立案条件"}


@dataclass(frozen=True)
class Subject:
    """What a case is about: everything that does not change while it is handled."""

    id: int
    number: str
    source: str
    kind: str
    edition: str
    class_code: str
    condition_id: int
    limit_value: str
    limit_unit: str
    component_id: int | None
    component_code: str | None
    description: str
    address: str
    lon: float
    lat: float
    point: str
    accuracy_m: int | None
    cell_code: str
    beat_id: int
    area_grade: str
    route: Route
    with_photos: bool


@dataclass
class Pages:
    """COPY lines collected for one batch."""

    cases: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    photos: list[str] = field(default_factory=list)
    case_photos: list[str] = field(default_factory=list)
    files: list[Picture] = field(default_factory=list)


@dataclass(frozen=True)
class Lives:
    """Cases of one pattern with their times; `length` is how many acts have happened by now."""

    name: str
    pattern: tuple[Step, ...]
    subjects: list[Subject]
    times: Instants
    length: NDArray[np.int64]
    clocks: tuple[list[Instants], list[Instants], list[Instants], list[Instants]]


def _last(member: str) -> str:
    """A member that stands after another instead of before one."""
    return f",{member[:-1]}" if member else ""


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@dataclass
class Camera:
    """Hands in the sample's pictures: numbers the photos and writes their rows."""

    album: Album
    next_id: int = 1

    def take(self, subject: Subject, step: Step, seq: int, actor: int, when: str, pages: Pages) -> str:
        """The member `photos` of an event's body, or nothing; what a photo shows depends on the act."""
        phase = PHOTO_PHASES.get(step.act)
        if phase is None or not subject.with_photos or (step.act == "report" and step.post != "inspector"):
            return ""
        mended = step.act == "handle" or step.result == "pass"
        digest = self.album.picture(subject.kind, subject.class_code, mended=mended, variant=subject.id)
        number, self.next_id = self.next_id, self.next_id + 1
        pages.photos.append(f"{number}\t\\\\x{digest}\t\\\\x{digest}\t{actor}\t{phase}\t{when}\t{subject.lon!r}\t{subject.lat!r}\t{when}")
        pages.case_photos.append(f"{subject.id}\t{number}\t{seq}\t{phase}")
        return f'"photos":[{{"digest":"{digest}","id":{number},"phase":"{phase}"}}],'


def write_lives(lives: Lives, flow: Workflow, desks: Desks, camera: Camera, pages: Pages) -> None:
    """Append the rows of all cases of a pattern."""
    pattern = lives.pattern
    due, soon, disposal, disposal_soon = lives.clocks
    width = lives.times.shape[1]
    # Making texts of times is the dearest part, and most are never written: only where a task begins, a clock starts or a case stands.
    last = {int(count) - 1 for count in np.unique(lives.length)}
    tasks = [k for k in range(width) if k in last or pattern[k].act in TASK_KINDS]
    clocks = [k for k in range(width) if k in last or pattern[k].act == "dispatch" or pattern[k].result == "fail"]
    before = np.column_stack((lives.times[:, :1], *(by[:, None] for by in disposal[: width - 1])))
    for subject, count, at_row, due_row, soon_row, by_row, by_soon_row, in_time in zip(
        lives.subjects,
        lives.length.tolist(),
        zip(*(iso(lives.times[:, k]) for k in range(width)), strict=True),
        zip(*(_texts(column) for column in due), strict=True),
        zip(*_some(soon, tasks), strict=True),
        zip(*_some(disposal, clocks), strict=True),
        zip(*_some(disposal_soon, sorted(last)), strict=True),
        (lives.times <= before).tolist(),
        strict=True,
    ):
        _write_case(
            lives.name, pattern[:count], flow, desks, camera, subject, pages,
            at_row, due_row, soon_row, by_row, by_soon_row[count - 1], in_time,
        )  # fmt: skip


def _some(columns: list[Instants], wanted: list[int]) -> list[list[str | None]]:
    """The texts of the wanted columns; the others are empty."""
    empty: list[str | None] = [None] * len(columns[0])
    return [_texts(column) if k in wanted else empty for k, column in enumerate(columns)]


def _texts(instants: Instants) -> list[str | None]:
    known = instants != NONE
    texts = iso(np.where(known, instants, 0))
    return [text if is_known else None for text, is_known in zip(texts, known.tolist(), strict=True)]


def _write_case(
    name: str,
    steps: tuple[Step, ...],
    flow: Workflow,
    desks: Desks,
    camera: Camera,
    subject: Subject,
    pages: Pages,
    at: Sequence[str],
    due: Sequence[str | None],
    soon: Sequence[str | None],
    disposal: Sequence[str | None],
    disposal_soon: str | None,
    in_time: Sequence[bool],
) -> None:
    case_id, number = subject.id, subject.number
    prev, prev_hex = GENESIS, GENESIS.hex()
    department: int | None = None
    handler: int | None = None
    assignee: int | None = None
    reporter = 0
    filed = dispatched = handled = closed = verified = None
    reworks = returns = overdue = 0
    rule, routing = subject.route.rule, subject.route.json_for(subject)
    inspector = desks.inspector(subject.beat_id, case_id)
    task: tuple[str, int | None, str, str | None, str | None] | None = None
    source_state = "null"
    for k, step in enumerate(steps):
        act, when, state_due = step.act, at[k], due[k]
        tail = f',"state_due_at":"{state_due}"' if state_due else ""
        actor = inspector
        if step.post != "inspector" and step.post != "handler":
            actor = desks.at(step.post, case_id)
        if act == "report":
            reporter = actor = desks.reporter(subject, inspector)
            component = f'"component_code":"{subject.component_code}",' if subject.component_code else ""
            photos = camera.take(subject, step, k + 1, actor, when, pages)
            accuracy = f'"accuracy_m":{subject.accuracy_m},' if subject.accuracy_m else ""
            body = (
                f'{accuracy}"address":"{subject.address}","area_grade":"{subject.area_grade}","beat_id":{subject.beat_id},'
                f'"cell_code":"{subject.cell_code}","class_code":"{subject.class_code}",{component}"condition_id":{subject.condition_id},'
                f'"description":"{subject.description}","edition":"{subject.edition}","kind":"{subject.kind}","lat":{subject.lat!r},'
                f'"lon":{subject.lon!r},{photos}"routed":{{"department_id":{subject.route.department_id},"rule":"{rule}"}},"source":"{subject.source}"{tail}'
            )
        elif act == "accept":
            body = (
                f'"class_code":"{subject.class_code}","condition_id":{subject.condition_id},"edition":"{subject.edition}","kind":"{subject.kind}",'
                f'"limit_unit":"{subject.limit_unit}","limit_value":"{subject.limit_value}",'
                f'"routed":{{"department_id":{subject.route.department_id},"rule":"{rule}"}}{tail}'
            )
        elif act == "dispatch":
            if returns:
                department, rule, routing = subject.route.second(subject)
            else:
                department = subject.route.department_id
            dispatched, handler, handled = when, None, None
            body = (
                f'"department_id":{department},"due_at":"{disposal[k]}","limit_unit":"{subject.limit_unit}","limit_value":"{subject.limit_value}",'
                f'"routed":{{"department_id":{department},"rule":"{rule}"}}{tail}'
            )
        elif act == "receive":
            assert department is not None
            actor = handler = desks.handler(department, case_id)
            body = tail[1:]
        elif act == "handle":
            assert handler is not None
            actor, handled = handler, when
            overdue += not in_time[k]
            photos = camera.take(subject, step, k + 1, actor, when, pages)
            body = f'"in_time":{"true" if in_time[k] else "false"}{_last(photos)}{tail}'
        elif act == "return_case":
            assert handler is not None
            actor = handler
            body = f'"department_id":{department},"reason":{_quoted(RETURN_REASONS[case_id % len(RETURN_REASONS)])}{tail}'
            department, handler, dispatched = None, None, None
            returns += 1
        elif act in TASK_KINDS:
            body = f'"assignee_id":{inspector}{tail}'
            task = (TASK_KINDS[act], inspector, when, soon[k], state_due)
        elif act == "verify":
            verified = step.result
            body = f'{camera.take(subject, step, k + 1, actor, when, pages)}"result":"{step.result}"{tail}'
        elif act == "check":
            photos = camera.take(subject, step, k + 1, actor, when, pages)
            if step.result == "fail":
                reworks, handler, handled = reworks + 1, None, None
                limit = f'"limit_unit":"{subject.limit_unit}","limit_value":"{subject.limit_value}"'
                body = f'"due_at":"{disposal[k]}",{limit},{photos}"result":"fail"{tail}'
            else:
                body = f'{photos}"result":"pass"{tail}'
        elif act == "void":
            body = f'"reason":{_quoted(VOID_REASONS[name])}'
        else:
            if act == "file":
                filed = when
            elif act == "close":
                closed = when
            body = tail[1:]
        assignee = handler if act == "receive" else inspector if act in TASK_KINDS else None
        if task is not None and act in ("verify", "check"):
            kind, who, made, task_soon, task_due = task
            pages.tasks.append(
                f"{case_id}\t{kind}\t{who}\t{subject.beat_id}\tdone\t{made}\t{task_soon}\t{task_due}\t{when}\t{who}\t{step.result}"
            )
            task = None
        text = (
            f'{{"act":"{act}","actor":{actor},"at":"{when}","body":{{{body}}},"from":{source_state},"number":"{number}",'
            f'"post":"{step.post}","seq":{k + 1},"to":"{step.target}"}}'
        )
        digest = digest_of(prev, text)
        digest_hex = digest.hex()
        came_from = step.source or NULL
        pages.events.append(
            f"{case_id}\t{k + 1}\t{when}\t{act}\t{actor}\t{step.post}\t{came_from}\t{step.target}\t{text}"
            f"\t\\\\x{prev_hex}\t\\\\x{digest_hex}"
        )
        prev, prev_hex, source_state = digest, digest_hex, f'"{step.target}"'
    if task is not None:
        kind, who, made, task_soon, task_due = task
        pages.tasks.append(f"{case_id}\t{kind}\t{who}\t{subject.beat_id}\topen\t{made}\t{task_soon}\t{task_due}\t{NULL}\t{NULL}\t{NULL}")
    last = steps[-1]
    count = len(steps)
    state = flow.states[last.target]
    values = (
        case_id, number, count, last.target, state.stage, subject.kind, subject.edition, subject.class_code, subject.condition_id,
        subject.component_id, subject.component_code, subject.source, subject.description, subject.address, subject.point,
        subject.accuracy_m, subject.cell_code, subject.beat_id, subject.area_grade, department, handler, assignee, reporter,
        subject.limit_value, subject.limit_unit, at[0], filed, dispatched, handled, closed, disposal[count - 1], disposal_soon,
        due[count - 1], soon[count - 1] if due[count - 1] else None, reworks, returns, overdue, verified, routing, count,
        f"\\\\x{prev_hex}", at[count - 1],
    )  # fmt: skip
    pages.cases.append("\t".join([NULL if value is None else str(value) for value in values]))
