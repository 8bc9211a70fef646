"""Editing class tables: what a class is called, who answers for it by default, how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from cityops.components import policy
from cityops.components.checks import UNSET, Unset, check_text
from cityops.components.errors import ClassInvalid, NothingChanges
from cityops.components.models import Class
from cityops.components.queries import class_of
from cityops.components.rules import GEOMETRIES
from cityops.db.outbox import emit
from cityops.errors import PreconditionFailed
from cityops.identity.visibility import Viewer

TOPIC = "class"

SOURCE_CITY = "L"


class ClassChanged(PreconditionFailed):
    """Somebody changed class {class_code} since you read it."""


@dataclass(frozen=True)
class ClassChange:
    """What is to change about a class; fields left UNSET stay."""

    name_zh: str | Unset = UNSET
    name_en: str | Unset = UNSET
    geometry: str | Unset = UNSET
    department_code: str | Unset | None = UNSET
    icon: str | Unset = UNSET
    mark: str | Unset = UNSET
    note: str | Unset | None = UNSET
    active: bool | Unset = UNSET


def change_class(
    session: Session, actor: Viewer | None, edition: str, kind: str, code: str, change: ClassChange, *, expected: int | None = None
) -> Class:
    """Edit one class; from then on seeds leave it alone and its source mark is L (set by the city).

    Raises ClassNotFound, ClassEditRefused, ClassChanged, ClassInvalid, NothingChanges.
    """
    if actor is not None and (refusal := policy.may_edit_classes(actor)):
        raise refusal
    class_of(session, edition, kind, code)
    found = session.get_one(Class, (edition, kind, code), with_for_update=True, populate_existing=True)
    if expected is not None and expected != found.version:
        raise ClassChanged(class_code=code, field="If-Match", fix="read it again, look at what changed, and repeat")
    values = {name: value for name, value in vars(change).items() if not isinstance(value, Unset) and value != getattr(found, name)}
    if not values:
        raise NothingChanges(fix="send at least one field with another value")
    for name in ("name_zh", "name_en", "icon", "mark"):
        if name in values and not str(values[name]).strip():
            raise ClassInvalid(reason=f"{name} is empty", field=name, fix="write a word")
        check_text(values.get(name), name)
    if len(values.get("mark", "")) > 2:
        raise ClassInvalid(reason="a mark has one or two characters", field="mark", fix="one Chinese character is best")
    if values.get("geometry", GEOMETRIES[0]) not in GEOMETRIES:
        raise ClassInvalid(reason=f"{values['geometry']!r} is no kind of geometry", field="geometry", fix="one of " + ", ".join(GEOMETRIES))
    for name, value in values.items():
        setattr(found, name, value)
    found.source_mark = SOURCE_CITY
    found.version += 1
    session.flush()
    emit(session, TOPIC, f"{edition}/{kind}/{code}", {"act": "class_changed", "fields": sorted(values), "version": found.version})
    return found
