"""Identity over HTTP: sign-in, sessions and tokens; users and their scopes; departments and posts; the audit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Response, current_app, jsonify, request
from flask_smorest import Blueprint
from sqlalchemy.orm import Session

from cityops import clock
from cityops.db.session import finish
from cityops.errors import Unavailable
from cityops.http import unit
from cityops.http.auth import CSRF_COOKIE, SESSION_COOKIE, presence, viewer
from cityops.http.etag import check_if_match, etag
from cityops.http.paging import decode_cursor, encode_cursor
from cityops.http.unit import reads, writes
from cityops.identity import operations, policy, queries, rules, schemas, sessions
from cityops.identity.checks import CALLER_IP
from cityops.identity.errors import CrossSiteSignIn, NoSuchDepartment, NoSuchUser, OutsideYourScope, TokenCannotIssueTokens
from cityops.identity.models import Department, User
from cityops.identity.rules import Scope
from cityops.identity.tokens import digest
from cityops.identity.vault import Vault
from cityops.identity.viewers import Presence, load_presence

blp = Blueprint("identity", "identity", url_prefix="/api/v1", description="Who works in the city, and what each may see and do.")

USER = f"<int(max={schemas.LARGEST_ID}):user_id>"
DEPARTMENT = f"<int(max={schemas.LARGEST_ID}):department_id>"
WRITE = [schemas.IDEMPOTENCY_KEY, schemas.CSRF]
CHANGE = [schemas.IF_MATCH, *WRITE]


@lru_cache(maxsize=4)
def _vault_of(secret_key: str) -> Vault:
    return Vault(secret_key)


def vault() -> Vault:
    """The vault of this installation."""
    return _vault_of(current_app.extensions["cityops_settings"].secret_key)


def session() -> Session:
    """The session of this request, knowing where the request came from: the audit wants it."""
    db = unit.session()
    db.info[CALLER_IP] = request.remote_addr
    return db


def _caller() -> sessions.Caller:
    return sessions.Caller(request.remote_addr, request.headers.get("User-Agent"))


def _sign_in(login: str, password: str, kind: str, label: str) -> sessions.Issued:
    engine = current_app.extensions.get("cityops_engine")
    if engine is None:
        raise Unavailable(fix="the server was started without a database")
    return sessions.sign_in(engine, login=login, password=password, kind=kind, label=label, caller=_caller(), now=clock.now())


# --- sign-in -----------------------------------------------------------------------------------------------------------


@blp.route("/session", methods=["POST"])
@blp.arguments(schemas.SignInSchema)
@blp.response(200, schemas.SessionSchema)
@blp.doc(security=[])
@blp.alt_response(401, description="login or password wrong, whether the login exists or not")
@blp.alt_response(429, description="too many failed attempts for this login or from this address")
def sign_in(body: dict[str, Any]) -> Response:
    """Sign in at the console.

    Sets the cookie `cityops_session` (HttpOnly) and the readable cookie `cityops_csrf`, whose value every change must send
    back as `X-CSRF-Token`. It takes no Idempotency-Key: a stored answer would be a stored password's worth.
    """
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise CrossSiteSignIn(fix="open the console itself")
    issued = _sign_in(body["login"], body["password"], "cookie", "")
    now = clock.now()
    found = load_presence(current_app.extensions["cityops_engine"], digest(issued.token), now)
    assert found is not None, "the session was committed a moment ago"
    response = jsonify(_session_json(found))
    secure, age = request.is_secure, int((issued.expires_at - now).total_seconds())
    response.set_cookie(SESSION_COOKIE, issued.token, max_age=age, httponly=True, secure=secure, samesite="Lax")
    response.set_cookie(CSRF_COOKIE, issued.csrf or "", max_age=age, httponly=False, secure=secure, samesite="Lax")
    response.headers["Cache-Control"] = "no-store"
    return response


@blp.route("/session", methods=["GET"])
@blp.response(200, schemas.SessionSchema)
@reads
def get_session() -> Response:
    """Who is signed in."""
    response = jsonify(_session_json(presence()))
    response.headers["Cache-Control"] = "no-store"
    return response


@blp.route("/session", methods=["DELETE"])
@blp.response(204)
@blp.doc(parameters=[schemas.CSRF])
@writes
def sign_out() -> Response:
    """End the session this request is made with, and clear its cookies."""
    sessions.revoke(session(), viewer(), presence().session_id, caller=_caller(), now=clock.now())
    response = Response(status=204)
    response.delete_cookie(SESSION_COOKIE, samesite="Lax")
    response.delete_cookie(CSRF_COOKIE, samesite="Lax")
    return response


def _session_json(found: Presence) -> dict[str, Any]:
    """The answer of GET and POST /session. Any: JSON."""
    who = found.viewer
    department = queries.department_by_id(session(), who.department_id) if who.department_id is not None else None
    body: dict[str, Any] = schemas.SessionSchema().dump(
        {
            "user": {
                "id": who.user_id,
                "login": who.login,
                "name": who.name,
                "posts": sorted(who.posts),
                "department": department,
                "divisions": sorted({code for grant in who.grants for code in grant.divisions or ()}),
                "whole_city": any(grant.divisions is None and grant.beat_ids is None for grant in who.grants),
                "beats": sorted({beat for grant in who.grants for beat in grant.beat_ids or ()}),
            },
            "csrf_token": found.csrf,
            "kind": found.kind,
            "expires_at": found.expires_at,
        }
    )
    return body


@blp.route("/tokens", methods=["POST"])
@blp.arguments(schemas.TokenRequestSchema)
@blp.response(201, schemas.TokenSchema)
@blp.doc(parameters=[schemas.CSRF], security=[{}, {"cookie": []}])
@blp.alt_response(401, description="login or password wrong, or nobody is signed in")
@blp.alt_response(429, description="too many failed attempts")
def issue_token(body: dict[str, Any]) -> Response:
    """Make a bearer token (phone, script) or a personal token (desktop GIS: bearer, or HTTP Basic with the login).

    With login and password, or for whoever is signed in at the console. A token cannot make another token, so a stolen one
    dies when it is revoked. It takes no Idempotency-Key, because the answer is shown once and stored nowhere.
    """
    if "login" in body:
        issued = _sign_in(body["login"], body["password"], body["kind"], body["label"])
    else:
        issued = _issue_signed_in(body)
    made = {"id": issued.session_id, "token": issued.token, "kind": body["kind"], "label": body["label"], "expires_at": issued.expires_at}
    response = jsonify(schemas.TokenSchema().dump(made))
    response.status_code = 201
    response.headers["Cache-Control"] = "no-store"
    return response


def _issue_signed_in(body: dict[str, Any]) -> sessions.Issued:
    """A token for the console session of this request. It does its own commit instead of `writes`, which could store the answer."""
    who = presence()
    if who.kind != "cookie":
        raise TokenCannotIssueTokens(fix="send login and password, or use the console")
    db = session()
    issued = sessions.issue_token(db, who.viewer, kind=body["kind"], label=body["label"], caller=_caller(), now=clock.now())
    finish(db)
    return issued


@blp.route("/sessions", methods=["GET"])
@blp.arguments(schemas.SessionsQuerySchema, location="query")
@blp.response(200, schemas.SessionsSchema)
@blp.alt_response(403, description="another user's sessions, without managing that user")
@blp.alt_response(404, description="no such user within what you may see")
@reads
def list_sessions(query: dict[str, Any]) -> Response:
    """The live sessions and tokens of oneself, or of a user one manages."""
    user = _visible(query.get("user_id", viewer().user_id))
    if not sessions.may_see_sessions(session(), viewer(), user):
        raise OutsideYourScope(thing="user", fix="leave user_id out to see your own sessions")
    rows = queries.live_sessions(session(), user.id, clock.now())
    return jsonify(items=[schemas.session_json(row, presence().session_id) for row in rows])


@blp.route(f"/sessions/<int(max={2**62}):session_id>", methods=["DELETE"])
@blp.response(204)
@blp.doc(parameters=WRITE)
@blp.alt_response(404, description="no such session of yours, or of a user you manage")
@writes
def revoke_session(session_id: int) -> Response:
    """End a session or token; its very next request is refused."""
    sessions.revoke(session(), viewer(), session_id, caller=_caller(), now=clock.now())
    return Response(status=204)


# --- users -------------------------------------------------------------------------------------------------------------


def _visible(user_id: int, *, lock: bool = False) -> User:
    user = queries.visible_user(session(), viewer(), user_id, lock=lock)
    if user is None:
        raise NoSuchUser(field="user_id")
    return user


def _user_answer(user: User, status: int = 200) -> Response:
    departments = {d.id: d for d in [queries.department_by_id(session(), user.department_id)] if d} if user.department_id else {}
    response = jsonify(schemas.user_json(user, departments, queries.scopes_of(session(), [user.id])[user.id], vault()))
    response.status_code = status
    response.headers["ETag"] = etag(user.version)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blp.route("/users", methods=["GET"])
@blp.arguments(schemas.UsersQuerySchema, location="query")
@blp.response(200, schemas.UsersSchema)
@reads
def list_users(query: dict[str, Any]) -> Response:
    """Users you may see, by login. Inspectors and handlers see themselves; phone numbers are masked."""
    after = decode_cursor(query["cursor"], (str,))[0] if "cursor" in query else None
    limit = query["limit"]
    found = queries.list_users(
        session(),
        viewer(),
        post=query.get("post"),
        department_id=query.get("department"),
        active=query.get("active"),
        q=query.get("q"),
        after=after,
        limit=limit + 1,
    )
    page = found[:limit]
    departments = {department.id: department for department in queries.departments(session())}
    scopes = queries.scopes_of(session(), [user.id for user in page])
    following = encode_cursor(page[-1].login) if len(found) > limit else None
    return jsonify(items=[schemas.user_json(user, departments, scopes[user.id], vault()) for user in page], next=following)


@blp.route("/users", methods=["POST"])
@blp.arguments(schemas.NewUserSchema)
@blp.response(201, schemas.UserSchema)
@blp.doc(parameters=WRITE)
@blp.alt_response(403, description="you manage no users, or this one would lie or see beyond your scope")
@blp.alt_response(409, description="the login is taken")
@writes
def create_user(body: dict[str, Any]) -> Response:
    """Make a user within your own scope."""
    user = operations.create_user(session(), viewer(), **body, now=clock.now(), vault=vault())
    response = _user_answer(user, 201)
    response.headers["Location"] = f"/api/v1/users/{user.id}"
    return response


@blp.route(f"/users/{USER}", methods=["GET"])
@blp.response(200, schemas.UserSchema)
@blp.alt_response(404, description="no such user within what you may see")
@reads
def get_user(user_id: int) -> Response:
    """One user."""
    response = _user_answer(_visible(user_id))
    response.make_conditional(request)
    return response


@blp.route(f"/users/{USER}", methods=["PATCH"])
@blp.arguments(schemas.UserChangeSchema)
@blp.response(200, schemas.UserSchema)
@blp.doc(parameters=CHANGE)
@blp.alt_response(403, description="beyond your scope, your own rights, or the last administrator of the city")
@blp.alt_response(404, description="no such user within what you may see")
@blp.alt_response(412, description="somebody changed the user since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def change_user(body: dict[str, Any], user_id: int) -> Response:
    """Change name, posts, department, phone or activity. Of oneself only the phone number."""
    user = _visible(user_id, lock=True)
    check_if_match(user.version, required=True)
    operations.change_user(session(), viewer(), user, operations.UserChange(**body), now=clock.now(), vault=vault())
    return _user_answer(user)


@blp.route(f"/users/{USER}/scopes", methods=["PUT"])
@blp.arguments(schemas.ScopesSchema)
@blp.response(200, schemas.UserSchema)
@blp.doc(parameters=CHANGE)
@blp.alt_response(403, description="a scope reaches beyond your own")
@blp.alt_response(404, description="no such user within what you may see")
@blp.alt_response(412, description="somebody changed the user since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def set_scopes(body: dict[str, list[Scope]], user_id: int) -> Response:
    """Replace all scopes of a user; it holds from his next request on."""
    user = _visible(user_id, lock=True)
    check_if_match(user.version, required=True)
    operations.set_scopes(session(), viewer(), user, body["scopes"], now=clock.now())
    return _user_answer(user)


@blp.route(f"/users/{USER}/password", methods=["PUT"])
@blp.arguments(schemas.PasswordSchema)
@blp.response(204)
@blp.doc(parameters=WRITE)
@blp.alt_response(403, description="this user is not within your scope")
@blp.alt_response(404, description="no such user within what you may see")
@writes
def set_password(body: dict[str, Any], user_id: int) -> Response:
    """Set a password: one's own with the present one, or that of a user one manages. Other sessions of the user end."""
    user = _visible(user_id, lock=True)
    operations.set_password(
        session(),
        viewer(),
        user,
        body["password"],
        present=body["present_password"],
        keep_session_id=presence().session_id,
        now=clock.now(),
    )
    return Response(status=204)


@blp.route(f"/users/{USER}/lock", methods=["PUT"])
@blp.arguments(schemas.LockSchema)
@blp.response(204)
@blp.doc(parameters=WRITE)
@blp.alt_response(403, description="this user is not within your scope")
@blp.alt_response(404, description="no such user within what you may see")
@writes
def lock_user(body: dict[str, Any], user_id: int) -> Response:
    """Keep a user out until an instant and end his sessions."""
    operations.lock_user(session(), viewer(), _visible(user_id, lock=True), until=body["until"], now=clock.now())
    return Response(status=204)


@blp.route(f"/users/{USER}/lock", methods=["DELETE"])
@blp.response(204)
@blp.doc(parameters=WRITE)
@blp.alt_response(403, description="this user is not within your scope")
@blp.alt_response(404, description="no such user within what you may see")
@writes
def unlock_user(user_id: int) -> Response:
    """Let a user in again and forget his failed attempts."""
    operations.unlock_user(session(), viewer(), _visible(user_id, lock=True), now=clock.now())
    return Response(status=204)


@blp.route(f"/users/{USER}/phone-disclosure", methods=["POST"])
@blp.arguments(schemas.PurposeSchema)
@blp.response(200, schemas.PhoneSchema)
@blp.doc(parameters=[schemas.CSRF])
@blp.alt_response(403, description="needs a post that calls people")
@blp.alt_response(404, description="no such user within what you may see")
def show_phone(body: dict[str, Any], user_id: int) -> Response:
    """Show a phone number in clear, for a purpose that the audit keeps. It takes no Idempotency-Key: the answer is not stored."""
    db = session()
    phone = operations.show_phone(db, viewer(), _visible(user_id), purpose=body["purpose"], vault=vault(), now=clock.now())
    finish(db)
    response = jsonify(phone=phone)
    response.headers["Cache-Control"] = "no-store"
    return response


# --- departments and posts ---------------------------------------------------------------------------------------------


def _department_answer(department: Department, status: int = 200) -> Response:
    response = jsonify(schemas.DepartmentSchema().dump(department))
    response.status_code = status
    response.headers["ETag"] = etag(department.version)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blp.route("/departments", methods=["GET"])
@blp.arguments(schemas.DepartmentsQuerySchema, location="query")
@blp.response(200, schemas.DepartmentsSchema)
@reads
def list_departments(query: dict[str, Any]) -> Response:
    """All departments by code, each with its parent: names are needed wherever a case is shown, so everybody may read them."""
    viewer()
    rows = queries.departments(session(), active=query.get("active"))
    return jsonify(items=schemas.DepartmentSchema(many=True).dump(rows))


@blp.route(f"/departments/{DEPARTMENT}", methods=["GET"])
@blp.response(200, schemas.DepartmentSchema)
@blp.alt_response(404, description="no such department")
@reads
def get_department(department_id: int) -> Response:
    """One department."""
    viewer()
    department = queries.department_by_id(session(), department_id)
    if department is None:
        raise NoSuchDepartment(field="department_id")
    response = _department_answer(department)
    response.make_conditional(request)
    return response


@blp.route("/departments", methods=["POST"])
@blp.arguments(schemas.NewDepartmentSchema)
@blp.response(201, schemas.DepartmentSchema)
@blp.doc(parameters=WRITE)
@blp.alt_response(403, description="this place in the tree is not within your scope")
@blp.alt_response(409, description="the code is taken")
@writes
def create_department(body: dict[str, Any]) -> Response:
    """Make a department within your own scope."""
    department = operations.create_department(session(), viewer(), **body, now=clock.now())
    response = _department_answer(department, 201)
    response.headers["Location"] = f"/api/v1/departments/{department.id}"
    return response


@blp.route(f"/departments/{DEPARTMENT}", methods=["PATCH"])
@blp.arguments(schemas.DepartmentChangeSchema)
@blp.response(200, schemas.DepartmentSchema)
@blp.doc(parameters=CHANGE)
@blp.alt_response(403, description="not within your scope")
@blp.alt_response(404, description="no such department")
@blp.alt_response(409, description="it still has users or departments below it")
@blp.alt_response(412, description="somebody changed it since you read it")
@blp.alt_response(428, description="If-Match is missing")
@writes
def change_department(body: dict[str, Any], department_id: int) -> Response:
    """Change names, place in the tree, division or activity."""
    viewer()
    department = queries.department_by_id(session(), department_id, lock=True)
    if department is None:
        raise NoSuchDepartment(field="department_id")
    check_if_match(department.version, required=True)
    operations.change_department(session(), viewer(), department, operations.DepartmentChange(**body), now=clock.now())
    return _department_answer(department)


@blp.route("/posts", methods=["GET"])
@blp.response(200, schemas.PostsSchema)
def list_posts() -> Response:
    """The posts somebody can be appointed to."""
    viewer()
    return jsonify(items=schemas.PostSchema(many=True).dump(rules.POSTS))


# --- audit -------------------------------------------------------------------------------------------------------------


@blp.route("/audit", methods=["GET"])
@blp.arguments(schemas.AuditQuerySchema, location="query")
@blp.response(200, schemas.AuditSchema)
@blp.alt_response(403, description="needs the post administrator or supervisor")
@reads
def list_audit(query: dict[str, Any]) -> Response:
    """Sign-ins, changes of permission and refused acts of users within your scope, newest first."""
    refusal = policy.needs(viewer(), policy.READS_AUDIT)
    if refusal:
        raise refusal
    before = decode_cursor(query["cursor"], (int,))[0] if "cursor" in query else None
    limit = query["limit"]
    found = queries.list_audit(
        session(),
        viewer(),
        actor_id=query.get("actor_id"),
        act=query.get("act"),
        outcome=query.get("outcome"),
        subject=query.get("object"),
        since=query.get("since"),
        until=query.get("until"),
        before_id=before,
        limit=limit + 1,
    )
    page = found[:limit]
    following = encode_cursor(page[-1].id) if len(found) > limit else None
    return jsonify(items=schemas.AuditRowSchema(many=True).dump(page), next=following)
