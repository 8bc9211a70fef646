"""Pure decisions about identities: posts, how scopes become grants, what one grant holds of another, back-off, passwords."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from cityops.identity.visibility import Grant


@dataclass(frozen=True)
class Post:
    """What somebody is appointed to do; the words are those of the standard 数字城管 organisation."""

    id: str
    name_zh: str
    name_en: str


POSTS = (
    Post("inspector", "监督员", "Grid inspector"),
    Post("acceptor", "受理员", "Acceptor"),
    Post("shift_leader", "值班长", "Shift leader"),
    Post("dispatcher", "派遣员", "Dispatcher"),
    Post("handler", "处置人员", "Department handler"),
    Post("department_head", "部门负责人", "Department head"),
    Post("supervisor", "督察员", "Supervisor"),
    Post("planner", "规划员", "Planner"),
    Post("evaluator", "评价员", "Evaluator"),
    Post("administrator", "系统管理员", "Administrator"),
)
POST_IDS = frozenset(post.id for post in POSTS)

DEPARTMENT_POSTS = frozenset({"handler", "department_head"})
"""Posts that see the rows of their own department subtree and no others, whatever scope they are given."""
BEAT_POSTS = frozenset({"inspector"})
"""Posts that see their beats only."""

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")
DIVISION = re.compile(r"[0-9]{6}|[0-9]{9}|[0-9]{12}")
PHONE = re.compile(r"\+?[0-9]{3,20}")


@dataclass(frozen=True)
class Scope:
    """One row of identity.scopes: None on an axis means everything on it; all four None is the whole city."""

    division_code: str | None = None
    beat_id: int | None = None
    department_id: int | None = None
    layer: str | None = None


def grants_of(
    posts: Iterable[str],
    own_departments: tuple[int, ...] | None,
    scopes: Iterable[Scope],
    subtrees: Mapping[int, tuple[int, ...]],
) -> tuple[Grant, ...]:
    """What a user with these posts and scopes may see, in as few grants as possible."""
    return merge(separate_grants_of(posts, own_departments, scopes, subtrees))


def separate_grants_of(
    posts: Iterable[str],
    own_departments: tuple[int, ...] | None,
    scopes: Iterable[Scope],
    subtrees: Mapping[int, tuple[int, ...]],
) -> tuple[Grant, ...]:
    """One grant per scope that counts.

    `own_departments` is the subtree of his own department, `subtrees` that of every department named by a scope. Whoever
    holds only narrow posts is held inside them: a handler inside his department, an inspector inside his beats. A
    handler without any scope sees his department's rows everywhere; everyone else without a scope sees nothing.
    """
    held = frozenset(posts) & POST_IDS
    if not held:
        return ()
    broad = held - DEPARTMENT_POSTS - BEAT_POSTS
    grants: list[Grant] = []
    department_scoped = False
    for scope in scopes:
        grant = _grant(scope, subtrees)
        if broad or (scope.beat_id is not None and held & BEAT_POSTS):
            grants.append(grant)
        elif held & DEPARTMENT_POSTS:
            department_scoped = True
            own = own_departments or ()
            allowed = own if grant.department_ids is None else tuple(d for d in own if d in grant.department_ids)
            if allowed:
                grants.append(replace(grant, department_ids=allowed))
    if not broad and held & DEPARTMENT_POSTS and not department_scoped and own_departments:
        grants.append(Grant(department_ids=own_departments))
    return tuple(grants)


def _grant(scope: Scope, subtrees: Mapping[int, tuple[int, ...]]) -> Grant:
    return Grant(
        divisions=None if scope.division_code is None else (scope.division_code,),
        beat_ids=None if scope.beat_id is None else (scope.beat_id,),
        department_ids=None if scope.department_id is None else subtrees.get(scope.department_id, ()),
        layers=None if scope.layer is None else frozenset({scope.layer}),
    )


AXES = ("divisions", "beat_ids", "department_ids", "layers")


def merge(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """Fewer grants that allow exactly the same rows, in a canonical order.

    Two grants that differ on one axis only are one grant with both values on it, because (A × B) ∪ (A' × B) = (A ∪ A') × B.
    """
    todo = [_tidy(grant) for grant in grants]
    done: list[Grant] = []
    while todo:
        grant = todo.pop()
        if any(holds(other, grant) for other in (*todo, *done)):
            continue
        done = [other for other in done if not holds(grant, other)]
        for other in done:
            # Neither holds the other, so on the one axis that differs both are limited.
            differing = [axis for axis in AXES if getattr(grant, axis) != getattr(other, axis)]
            if len(differing) == 1:
                done.remove(other)
                todo.append(_tidy(_joined(grant, other, differing[0])))
                break
        else:
            done.append(grant)
    return tuple(sorted(done, key=lambda grant: repr(grant.key())))


def _joined(one: Grant, other: Grant, axis: str) -> Grant:
    if axis == "divisions":
        return replace(one, divisions=(*(one.divisions or ()), *(other.divisions or ())))
    if axis == "beat_ids":
        return replace(one, beat_ids=(*(one.beat_ids or ()), *(other.beat_ids or ())))
    if axis == "department_ids":
        return replace(one, department_ids=(*(one.department_ids or ()), *(other.department_ids or ())))
    return replace(one, layers=(one.layers or frozenset()) | (other.layers or frozenset()))


def _tidy(grant: Grant) -> Grant:
    """Sorted, without repeats, and without a division that lies inside another one named."""
    divisions = grant.divisions
    if divisions is not None:
        kept: list[str] = []
        for code in sorted(set(divisions)):
            if not kept or not code.startswith(kept[-1]):
                kept.append(code)
        divisions = tuple(kept)
    return Grant(
        divisions=divisions,
        cells=None if grant.cells is None else tuple(sorted(set(grant.cells))),
        beat_ids=None if grant.beat_ids is None else tuple(sorted(set(grant.beat_ids))),
        department_ids=None if grant.department_ids is None else tuple(sorted(set(grant.department_ids))),
        layers=grant.layers,
    )


def holds(holder: Grant, grant: Grant) -> bool:
    """Whether every row that `grant` allows is allowed by `holder` too."""
    if holder.divisions is not None and (grant.divisions is None or not all(code.startswith(holder.divisions) for code in grant.divisions)):
        return False
    for limit, wanted in ((holder.cells, grant.cells), (holder.beat_ids, grant.beat_ids), (holder.department_ids, grant.department_ids)):
        if limit is not None and (wanted is None or not set(wanted) <= set(limit)):
            return False
    return holder.layers is None or (grant.layers is not None and grant.layers <= holder.layers)


def all_held(holders: Sequence[Grant], grants: Iterable[Grant]) -> bool:
    """Whether each of `grants` lies within one of `holders`. Merged grants make this exact for one axis and careful for several."""
    return all(any(holds(holder, grant) for holder in holders) for grant in grants)


def home_division(department_division: str | None, scopes: Sequence[Scope]) -> str | None:
    """The division that administers a user: his department's, else the smallest one that holds all his scopes, else the city."""
    if department_division is not None:
        return department_division
    codes = [scope.division_code for scope in scopes]
    if not codes:
        return None
    for width in (12, 9, 6):
        heads = {code[:width] if code is not None and len(code) >= width else None for code in codes}
        if len(heads) == 1 and (head := heads.pop()) is not None:
            return head
    return None


@dataclass(frozen=True)
class BackOff:
    """How failed attempts are slowed down: the first `free` cost nothing, then each doubles the pause up to `longest`."""

    free: int
    first: timedelta
    longest: timedelta
    forgotten_after: timedelta

    def pause(self, failed: int) -> timedelta:
        """How long to wait after the `failed`-th failure in a row."""
        if failed < self.free:
            return timedelta(0)
        # Sixteen doublings exceed every `longest` in use; the cap keeps the power small.
        return min(self.first * 2 ** min(failed - self.free, 16), self.longest)


ACCOUNT_BACK_OFF = BackOff(free=5, first=timedelta(seconds=15), longest=timedelta(minutes=15), forgotten_after=timedelta(hours=12))
ADDRESS_BACK_OFF = BackOff(free=30, first=timedelta(seconds=15), longest=timedelta(hours=1), forgotten_after=timedelta(hours=1))
"""An address may be a whole office behind one router, so it has more free attempts."""

LIFETIME = {"cookie": timedelta(hours=12), "bearer": timedelta(days=30), "personal": timedelta(days=365)}
"""How long a session of each kind lasts: a shift at the console, a month on a phone, a year in a desktop GIS."""

COMMON = frozenset({"password", "passw0rd", "12345678", "123456789", "1234567890", "qwertyuiop", "administrator", "changeme", "letmein"})


def password_fault(password: str, login: str) -> str | None:
    """Why a password is too easy, or None. Length is what counts; character classes are not asked for."""
    if len(password) < 10:
        return "it has fewer than 10 characters"
    if len(password) > 200:
        return "it has more than 200 characters"
    folded = password.casefold()
    if len(login) >= 4 and login in folded:
        return "it contains the login"
    if len(set(folded)) < 5:
        return "it repeats fewer than 5 different characters"
    if folded.strip("0123456789!?.-_") in COMMON or folded in COMMON:
        return "it is one of the most used passwords"
    return None


def mask_phone(phone: str) -> str:
    """A phone number that can be recognised but not called: 13812345678 becomes 138****5678."""
    if len(phone) < 7:
        return "*" * len(phone)
    shown = min(4, len(phone) - 6)
    return phone[:3] + "*" * (len(phone) - 3 - shown) + phone[-shown:]
