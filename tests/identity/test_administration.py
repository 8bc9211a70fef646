"""Who may manage whom: within his division and never beyond what he holds himself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from cityops.db.session import unit_of_work
from cityops.errors import CityopsError
from cityops.identity import operations, queries, sessions
from cityops.identity.errors import (
    DepartmentCodeTaken,
    DepartmentStillUsed,
    DepartmentTreeHasCycle,
    DepartmentUnknown,
    DivisionCodeNotWellFormed,
    GrantsMoreThanHeld,
    LastAdministrator,
    LoginNotWellFormed,
    LoginTaken,
    NameMissing,
    OutsideYourScope,
    OwnRightsAreFixed,
    PasswordTooWeak,
    PhoneNotUnderstood,
    PostMissing,
    PostUnknown,
    PurposeMissing,
    VaultKeyChanged,
)
from cityops.identity.models import Department, User
from cityops.identity.operations import DepartmentChange, UserChange
from cityops.identity.rules import POST_IDS, Scope
from cityops.identity.vault import Vault
from cityops.identity.visibility import Viewer
from tests.factories.identity import NOW, PASSWORD, make_department, make_user, make_viewer, saved_user

WANCHENG, WOLONG = "411302", "411303"


@pytest.fixture
def city_admin(session: Session) -> Viewer:
    return make_viewer(session, "administrator", scopes=[Scope()])


@pytest.fixture
def admin(session: Session) -> Viewer:
    """The administrator of Wolong district."""
    return make_viewer(session, "administrator", scopes=[Scope(division_code=WOLONG)])


def _new(session: Session, actor: Viewer | None, **kwargs: object) -> User:
    wanted: dict[str, object] = {
        "login": "new.user",
        "name": "新人",
        "posts": ["acceptor"],
        "department_id": None,
        "password": PASSWORD,
        "scopes": [Scope(division_code=WOLONG)],
        "now": NOW,
        **kwargs,
    }
    return operations.create_user(session, actor, **wanted)  # type: ignore[arg-type]  # the test's own dictionary


# --- making users ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("post", sorted(POST_IDS - {"administrator"}))
def test_only_administrators_make_users(session: Session, post: str) -> None:
    with pytest.raises(PostMissing):
        _new(session, make_viewer(session, post, scopes=[Scope()]))


def test_an_administrator_of_a_district_makes_users_of_his_district(session: Session, admin: Viewer) -> None:
    user = _new(session, admin, scopes=[Scope(division_code=WOLONG + "001"), Scope(division_code=WOLONG + "002")])
    assert user.division_code == WOLONG
    assert queries.visible_user(session, admin, user.id) is not None


@pytest.mark.parametrize(
    "scopes",
    [
        [Scope()],
        [Scope(division_code=WANCHENG)],
        [Scope(division_code=WOLONG), Scope(division_code=WANCHENG + "001")],
        [Scope(beat_id=5)],
        [Scope(department_id=-1)],
        [Scope(layer="cases")],
    ],
)
def test_nobody_gives_a_scope_beyond_his_own(session: Session, admin: Viewer, scopes: list[Scope]) -> None:
    department = make_department(session)
    scopes = [Scope(s.division_code, s.beat_id, department.id if s.department_id else None, s.layer) for s in scopes]
    with pytest.raises((GrantsMoreThanHeld, OutsideYourScope)):
        _new(session, admin, scopes=scopes)
    user = _new(session, admin, login="inside.one")
    with pytest.raises((GrantsMoreThanHeld, OutsideYourScope)):
        operations.set_scopes(session, admin, user, scopes, now=NOW)


def test_a_beat_is_given_together_with_a_division_one_holds(session: Session, admin: Viewer) -> None:
    user = _new(session, admin, posts=["inspector"], scopes=[Scope(division_code=WOLONG, beat_id=5)])
    assert user.division_code == WOLONG


def test_a_department_can_be_a_way_to_see_more_and_is_checked_like_a_scope(session: Session, admin: Viewer) -> None:
    """A handler without a scope sees his department's rows in the whole city, which a district's administrator cannot give."""
    department = make_department(session, division_code=WOLONG)
    with pytest.raises(GrantsMoreThanHeld):
        _new(session, admin, posts=["handler"], department_id=department.id, scopes=[])
    user = _new(session, admin, posts=["handler"], department_id=department.id)
    assert user.division_code == WOLONG


def test_a_department_of_another_district_is_out_of_reach(session: Session, admin: Viewer) -> None:
    other = make_department(session, division_code=WANCHENG)
    with pytest.raises(OutsideYourScope):
        _new(session, admin, department_id=other.id)


def test_an_administrator_of_a_department_manages_its_subtree(session: Session) -> None:
    top = make_department(session)
    below, beside = make_department(session, parent=top), make_department(session)
    head = make_viewer(session, "administrator", scopes=[Scope(department_id=top.id)])
    user = _new(session, head, posts=["handler"], department_id=below.id, scopes=[])
    with pytest.raises(OutsideYourScope):
        _new(session, head, login="other.one", posts=["handler"], department_id=beside.id, scopes=[])
    with pytest.raises(OutsideYourScope):
        operations.change_user(session, head, user, UserChange(department_id=beside.id), now=NOW)


# --- taking over users -------------------------------------------------------------------------------------------------


def test_somebody_who_sees_more_than_his_administrator_cannot_be_taken_over(session: Session, admin: Viewer) -> None:
    """He belongs to a department of the district, so the district's administrator sees him; but he looks at the whole city."""
    department = make_department(session, division_code=WOLONG)
    planner = make_user(session, "planner", department=department, scopes=[Scope()])
    assert queries.visible_user(session, admin, planner.id) is not None
    with pytest.raises(GrantsMoreThanHeld):
        operations.set_password(session, admin, planner, "a brand new one", now=NOW)
    with pytest.raises(GrantsMoreThanHeld):
        operations.change_user(session, admin, planner, UserChange(name="x"), now=NOW)
    with pytest.raises(GrantsMoreThanHeld):
        operations.lock_user(session, admin, planner, until=NOW + timedelta(days=1), now=NOW)
    assert not sessions.may_see_sessions(session, admin, planner)


def test_giving_a_post_can_be_giving_sight(session: Session, admin: Viewer) -> None:
    """An inspector with a scope that means nothing to inspectors would see the whole city as a planner."""
    department = make_department(session, division_code=WOLONG)
    user = make_user(session, "inspector", department=department, scopes=[Scope()])
    with pytest.raises(GrantsMoreThanHeld):
        operations.change_user(session, admin, user, UserChange(posts=["planner"]), now=NOW)


def test_nobody_changes_his_own_rights(session: Session, city_admin: Viewer) -> None:
    me = session.get_one(User, city_admin.user_id)
    for change in (UserChange(posts=["planner"]), UserChange(active=False), UserChange(department_id=None), UserChange(name="x")):
        with pytest.raises(OwnRightsAreFixed):
            operations.change_user(session, city_admin, me, change, now=NOW)
    with pytest.raises(OwnRightsAreFixed):
        operations.set_scopes(session, city_admin, me, [], now=NOW)
    with pytest.raises(OwnRightsAreFixed):
        operations.lock_user(session, city_admin, me, until=NOW + timedelta(days=1), now=NOW)


def test_everybody_changes_his_own_phone_number_and_nothing_else(session: Session) -> None:
    viewer = make_viewer(session, "handler")
    me, vault = session.get_one(User, viewer.user_id), Vault("a secret")
    operations.change_user(session, viewer, me, UserChange(phone="138 1234-5678"), now=NOW, vault=vault)
    assert vault.masked(me.phone_enc) == "138****5678"
    with pytest.raises(OwnRightsAreFixed):
        operations.change_user(session, viewer, me, UserChange(phone="1380000", name="x"), now=NOW, vault=vault)
    with pytest.raises(PostMissing):
        operations.change_user(session, viewer, make_user(session, "handler"), UserChange(phone="1380000"), now=NOW, vault=vault)


# --- the last administrator --------------------------------------------------------------------------------------------


def test_the_last_administrator_of_the_city_stays(session: Session, city_admin: Viewer, admin: Viewer) -> None:
    """Not even the system itself removes him; the administrator of a district does not count."""
    last = session.get_one(User, city_admin.user_id)
    attempts = (
        lambda: operations.change_user(session, None, last, UserChange(active=False), now=NOW),
        lambda: operations.change_user(session, None, last, UserChange(posts=["planner"]), now=NOW),
        lambda: operations.set_scopes(session, None, last, [Scope(division_code=WOLONG)], now=NOW),
        lambda: operations.lock_user(session, None, last, until=NOW + timedelta(days=1), now=NOW),
    )
    for attempt in attempts:
        with pytest.raises(LastAdministrator), session.begin_nested():
            attempt()
    second = make_viewer(session, "administrator", scopes=[Scope()])
    session.expire_all()
    operations.change_user(session, second, session.get_one(User, last.id), UserChange(active=False), now=NOW)


def test_two_administrators_who_remove_each_other_at_once_leave_one(database: Engine) -> None:
    for _ in range(5):
        with unit_of_work(database) as session:
            for old in session.scalars(select(User).where(User.posts.contains(["administrator"]))):
                old.active = False
        pair = [saved_user(database, "administrator", scopes=[Scope()]) for _ in range(2)]

        with unit_of_work(database) as session:
            viewers = [queries.load_viewer(session, user.id) for user in pair]

        def remove(viewer: Viewer, victim: User) -> str:
            try:
                with unit_of_work(database) as session:
                    locked = queries.user_by_id(session, victim.id, lock=True)
                    assert locked is not None
                    operations.change_user(session, viewer, locked, UserChange(active=False), now=NOW)
            except CityopsError as error:
                return type(error).__name__
            return "removed"

        with ThreadPoolExecutor(2) as pool:
            answers = sorted(pool.map(remove, viewers, reversed(pair)))
        assert answers == ["LastAdministrator", "removed"], answers
        with unit_of_work(database) as session:
            assert queries.administrators_of_the_city(session, NOW) == 1


# --- what is visible of users ------------------------------------------------------------------------------------------


def test_users_are_seen_within_ones_scope_and_by_posts_that_work_with_colleagues(session: Session, admin: Viewer) -> None:
    mine, other = make_department(session, division_code=WOLONG), make_department(session, division_code=WANCHENG)
    inside, outside = make_user(session, "handler", department=mine), make_user(session, "handler", department=other)
    logins = {user.login for user in queries.list_users(session, admin, limit=1000)}
    assert logins == {admin.login, inside.login}
    handler = queries.load_viewer(session, outside.id)
    assert handler is not None
    assert [user.id for user in queries.list_users(session, handler)] == [outside.id]
    head = make_viewer(session, "department_head", department=other)
    assert {user.id for user in queries.list_users(session, head)} == {outside.id, head.user_id}
    for viewer in (admin, handler, head):
        listed = {user.id for user in queries.list_users(session, viewer, limit=1000)}
        found = {user.id for user in session.scalars(select(User)) if queries.visible_user(session, viewer, user.id)}
        assert listed == found, "list and detail agree"


def test_users_are_filtered_and_paged(session: Session, city_admin: Viewer) -> None:
    top = make_department(session)
    below = make_department(session, parent=top)
    made = [make_user(session, "handler", login=f"page{n:02d}", department=below if n % 2 else top, active=n != 4) for n in range(10)]
    first = queries.list_users(session, city_admin, department_id=top.id, limit=4)
    rest = queries.list_users(session, city_admin, department_id=top.id, after=first[-1].login, limit=50)
    assert [user.login for user in [*first, *rest]] == [user.login for user in made]
    assert len(queries.list_users(session, city_admin, department_id=below.id)) == 5
    assert [u.login for u in queries.list_users(session, city_admin, q="PAGE0", active=False)] == ["page04"]
    assert queries.list_users(session, city_admin, q="page", post="planner") == []
    assert queries.list_users(session, city_admin, q="%") == []


# --- input -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "field"),
    [
        ({"login": "Ünï"}, LoginNotWellFormed, "login"),
        ({"login": "a"}, LoginNotWellFormed, "login"),
        ({"name": "   "}, NameMissing, "name"),
        ({"name": "a\x00b"}, NameMissing, "name"),
        ({"posts": ["king"]}, PostUnknown, "posts"),
        ({"department_id": 2_000_000_000}, DepartmentUnknown, "department_id"),
        ({"password": "short"}, PasswordTooWeak, "password"),
        ({"scopes": [Scope(division_code="4113")]}, DivisionCodeNotWellFormed, "scopes.division_code"),
        ({"scopes": [Scope(division_code="４１１３０３")]}, DivisionCodeNotWellFormed, "scopes.division_code"),
        ({"phone": "ring me", "vault": Vault("k")}, PhoneNotUnderstood, "phone"),
    ],
)
def test_wrong_input_names_the_field_and_the_fix(
    session: Session, city_admin: Viewer, wrong: dict[str, object], error: type[CityopsError], field: str
) -> None:
    with pytest.raises(error) as caught:
        _new(session, city_admin, **wrong)
    assert caught.value.field == field and caught.value.fix


def test_a_login_is_taken_once(session: Session, city_admin: Viewer) -> None:
    _new(session, city_admin)
    with pytest.raises(LoginTaken):
        _new(session, city_admin, login="NEW.user")


# --- phone numbers -----------------------------------------------------------------------------------------------------


def test_a_phone_number_is_encrypted_and_shown_for_a_purpose_that_is_kept(session: Session, city_admin: Viewer) -> None:
    vault = Vault("a secret")
    user = _new(session, city_admin, phone="13812345678", vault=vault)
    other = _new(session, city_admin, login="other.user", phone="13812345678", vault=vault)
    assert user.phone_enc is not None and b"138" not in user.phone_enc and user.phone_enc != other.phone_enc
    dispatcher = make_viewer(session, "dispatcher", scopes=[Scope()])
    with pytest.raises(PurposeMissing):
        operations.show_phone(session, dispatcher, user, purpose="  ", vault=vault, now=NOW)
    assert operations.show_phone(session, dispatcher, user, purpose="burst pipe", vault=vault, now=NOW) == "13812345678"
    with pytest.raises(PostMissing):
        operations.show_phone(session, make_viewer(session, "evaluator", scopes=[Scope()]), user, purpose="x", vault=vault, now=NOW)
    line = queries.list_audit(session, city_admin, act="phone-shown")[0]
    assert (line.actor_id, line.object, line.detail) == (dispatcher.user_id, f"user:{user.id}", {"purpose": "burst pipe"})
    with pytest.raises(VaultKeyChanged):
        Vault("another secret").phone(user.phone_enc)


# --- departments -------------------------------------------------------------------------------------------------------


def _department(session: Session, actor: Viewer | None, code: str, **kwargs: object) -> Department:
    wanted: dict[str, object] = {"code": code, "name_zh": "部门", "name_en": "Department", "now": NOW, **kwargs}
    return operations.create_department(session, actor, **wanted)  # type: ignore[arg-type]  # the test's own dictionary


def test_departments_are_managed_within_ones_scope(session: Session, admin: Viewer, city_admin: Viewer) -> None:
    mine = _department(session, admin, "W1", division_code=WOLONG)
    with pytest.raises(OutsideYourScope):
        _department(session, admin, "W2")
    with pytest.raises(OutsideYourScope):
        _department(session, admin, "W3", division_code=WANCHENG)
    with pytest.raises(PostMissing):
        _department(session, make_viewer(session, "supervisor", scopes=[Scope()]), "W4")
    operations.change_department(session, admin, mine, DepartmentChange(name_zh="新名"), now=NOW)
    assert (mine.name_zh, mine.version) == ("新名", 2)
    for change in (DepartmentChange(division_code=None), DepartmentChange(division_code=WANCHENG)):
        with pytest.raises(OutsideYourScope), session.begin_nested():
            operations.change_department(session, admin, session.get_one(Department, mine.id), change, now=NOW)
    session.expire_all()
    with pytest.raises(DepartmentCodeTaken):
        _department(session, city_admin, "W1")


def test_only_somebody_with_the_whole_city_moves_a_department(session: Session, admin: Viewer, city_admin: Viewer) -> None:
    """The head above the new place would see its rows in every district."""
    one, other = _department(session, admin, "M1", division_code=WOLONG), _department(session, admin, "M2", division_code=WOLONG)
    with pytest.raises(OutsideYourScope):
        operations.change_department(session, admin, one, DepartmentChange(parent_id=other.id), now=NOW)
    operations.change_department(session, city_admin, one, DepartmentChange(parent_id=other.id), now=NOW)
    for parent in (one, other):
        with pytest.raises(DepartmentTreeHasCycle):
            operations.change_department(session, city_admin, other, DepartmentChange(parent_id=parent.id), now=NOW)


def test_a_department_in_use_is_not_closed(session: Session, city_admin: Viewer) -> None:
    top = _department(session, city_admin, "C1")
    below = _department(session, city_admin, "C2", parent_id=top.id)
    user = make_user(session, "handler", department=below)
    for department in (top, below):
        with pytest.raises(DepartmentStillUsed):
            operations.change_department(session, city_admin, department, DepartmentChange(active=False), now=NOW)
    user.active = False
    session.flush()
    for department in (below, top):
        operations.change_department(session, city_admin, department, DepartmentChange(active=False), now=NOW)
    with pytest.raises(DepartmentUnknown):
        _new(session, city_admin, department_id=below.id)


def test_users_follow_their_department_to_its_new_administrator(session: Session, city_admin: Viewer, admin: Viewer) -> None:
    department = _department(session, city_admin, "F1", division_code=WANCHENG)
    user = make_user(session, "handler", department=department)
    assert queries.visible_user(session, admin, user.id) is None
    operations.change_department(session, city_admin, department, DepartmentChange(division_code=WOLONG), now=NOW)
    assert queries.visible_user(session, admin, user.id) is not None


# --- bulk and demo -----------------------------------------------------------------------------------------------------


def test_users_loaded_in_bulk_see_what_they_would_see_made_one_by_one(session: Session) -> None:
    department = make_department(session, division_code=WOLONG)
    rows: list[operations.UserRow] = [
        {
            "login": f"bulk{n}",
            "name": f"监督员{n}",
            "posts": ["inspector"],
            "department_id": department.id,
            "scopes": [Scope(beat_id=n), Scope(beat_id=n + 1)],
        }
        for n in range(300)
    ]
    ids = operations.create_users_bulk(session, NOW, rows)
    assert list(ids) == [f"bulk{n}" for n in range(300)]
    viewer = queries.load_viewer(session, ids["bulk7"])
    assert viewer is not None
    assert [grant.beat_ids for grant in viewer.grants] == [(7, 8)]
    assert session.get_one(User, ids["bulk7"]).division_code == WOLONG
    assert operations.create_users_bulk(session, NOW, []) == {}


def test_the_demo_accounts_are_made_once_and_cover_every_post(session: Session) -> None:
    departments = {name: make_department(session).id for name in ("centre", "command", "drainage", "sanitation")}
    made = operations.create_demo_accounts(session, NOW, departments=departments, division_code=WOLONG, beat_ids=[1, 2])
    assert {post for account in made for post in account.posts} == POST_IDS
    again = operations.create_demo_accounts(session, NOW, departments=departments, division_code=WOLONG, beat_ids=[1, 2])
    assert again == made == operations.demo_accounts(session)
    users = {user.login: user for user in session.scalars(select(User).where(User.login.in_([a.login for a in made])))}
    assert len(users) == 11
    for user in users.values():
        viewer = queries.load_viewer(session, user.id)
        assert viewer is not None and viewer.grants, user.login
    operations.set_password(session, None, users["admin"], "not the printed one", now=NOW)
    assert "admin" not in [account.login for account in operations.demo_accounts(session)]
