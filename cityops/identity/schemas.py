"""The shapes of room identity on the outside. Unknown fields are refused, so a misspelt one is not silently ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from cityops.http.fields import Instant
from cityops.identity.models import Department, ScopeRow, SessionRow, User
from cityops.identity.rules import POST_IDS, Scope
from cityops.identity.vault import Vault

LARGEST_ID = 2_147_483_647

IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "maxLength": 128},
    "description": "a UUID made by the client; the same request sent again with it gets the stored answer",
}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "the ETag that was read; without it the change is refused with 428, with an old one with 412",
}
CSRF = {
    "in": "header",
    "name": "X-CSRF-Token",
    "schema": {"type": "string"},
    "description": "needed with the session cookie only: the value of the cookie cityops_csrf",
}


class CleanString(fields.String):
    """Text that PostgreSQL can store: no NUL, no half of a surrogate pair, nothing but spaces and printable characters."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        # Any: the signature is marshmallow's.
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not text.isprintable():
            raise ma.ValidationError("Contains characters that cannot be printed.")
        return text


def _id(**kwargs: Any) -> fields.Integer:  # Any: marshmallow's own keyword arguments
    return fields.Integer(strict=True, validate=validate.Range(1, LARGEST_ID), **kwargs)


def _post() -> fields.String:
    return fields.String(validate=validate.OneOf(sorted(POST_IDS)))


class SignInSchema(ma.Schema):
    """Login and password."""

    login = CleanString(required=True, validate=validate.Length(1, 64))
    password = CleanString(required=True, validate=validate.Length(1, 200))


class TokenRequestSchema(ma.Schema):
    """What kind of token, for whom. Without login and password it is for whoever is signed in at the console."""

    login = CleanString(validate=validate.Length(1, 64))
    password = CleanString(validate=validate.Length(1, 200))
    kind = fields.String(
        required=True,
        validate=validate.OneOf(["bearer", "personal"]),
        metadata={"description": "bearer for phones and scripts, personal for desktop GIS"},
    )
    label = CleanString(
        required=True, validate=validate.Length(1, 100), metadata={"description": "what it is for, to recognise it in the list of sessions"}
    )

    @ma.validates_schema
    def _both_or_neither(self, data: Mapping[str, Any], **_: Any) -> None:  # Any: the signature is marshmallow's
        if ("login" in data) != ("password" in data):
            raise ma.ValidationError("Send login and password together, or neither.", "password" if "login" in data else "login")


class TokenSchema(ma.Schema):
    """A new token; it is shown this once."""

    id = fields.Integer(required=True)
    token = fields.String(required=True)
    kind = fields.String(required=True)
    label = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)


class DepartmentRefSchema(ma.Schema):
    """A department by name."""

    id = fields.Integer(required=True)
    code = fields.String(required=True)
    name_zh = fields.String(required=True)
    name_en = fields.String(required=True)


class ScopeSchema(ma.Schema):
    """One permitted combination; what is left out or null is not limited."""

    division_code = CleanString(allow_none=True, load_default=None, validate=validate.Regexp(r"^([0-9]{6}|[0-9]{9}|[0-9]{12})$"))
    beat_id = _id(allow_none=True, load_default=None)
    department_id = _id(allow_none=True, load_default=None)
    layer = CleanString(allow_none=True, load_default=None, validate=validate.Regexp(r"^[a-z][a-z0-9_]{0,30}$"))

    @ma.post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Scope:  # Any: the signature is marshmallow's
        return Scope(**data)


class ScopesSchema(ma.Schema):
    """All scopes of a user."""

    scopes = fields.List(fields.Nested(ScopeSchema), required=True, validate=validate.Length(max=500))


class ViewerSchema(ma.Schema):
    """The signed-in user."""

    id = fields.Integer(required=True)
    login = fields.String(required=True)
    name = fields.String(required=True)
    posts = fields.List(fields.String(), required=True)
    department = fields.Nested(DepartmentRefSchema, allow_none=True)
    divisions = fields.List(
        fields.String(), required=True, metadata={"description": "division codes within his scope; empty when none limits him"}
    )
    whole_city = fields.Boolean(required=True, metadata={"description": "whether some scope is limited to no division and no beat"})
    beats = fields.List(fields.Integer(), required=True)


class SessionSchema(ma.Schema):
    """Who is signed in, and the token that changes need."""

    user = fields.Nested(ViewerSchema, required=True)
    csrf_token = fields.String(allow_none=True, metadata={"description": "null unless signed in by cookie"})
    kind = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)


class SessionRowSchema(ma.Schema):
    """One live session or token."""

    id = fields.Integer(required=True)
    kind = fields.String(required=True)
    label = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    last_seen_at = fields.AwareDateTime(required=True)
    expires_at = fields.AwareDateTime(required=True)
    ip = fields.String(allow_none=True)
    agent = fields.String(allow_none=True)
    current = fields.Boolean(required=True)


class SessionsSchema(ma.Schema):
    """Live sessions, newest first."""

    items = fields.List(fields.Nested(SessionRowSchema), required=True)


class SessionsQuerySchema(ma.Schema):
    """Whose sessions; without it one's own."""

    user_id = fields.Integer(validate=validate.Range(1, LARGEST_ID))


class UserSchema(ma.Schema):
    """A user as colleagues see him; the phone number is masked."""

    id = fields.Integer(required=True)
    login = fields.String(required=True)
    name = fields.String(required=True)
    posts = fields.List(fields.String(), required=True)
    department = fields.Nested(DepartmentRefSchema, allow_none=True)
    division_code = fields.String(allow_none=True, metadata={"description": "the division that administers this user; null is the city"})
    phone_masked = fields.String(allow_none=True)
    active = fields.Boolean(required=True)
    locked_until = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime(required=True)
    version = fields.Integer(required=True)
    scopes = fields.List(fields.Nested(ScopeSchema), required=True)


class UsersSchema(ma.Schema):
    """A page of users."""

    items = fields.List(fields.Nested(UserSchema), required=True)
    next = fields.String(allow_none=True, metadata={"description": "cursor of the next page, or null"})


class UsersQuerySchema(ma.Schema):
    """Which users."""

    post = _post()
    department = fields.Integer(validate=validate.Range(1, LARGEST_ID), metadata={"description": "with all departments below it"})
    active = fields.Boolean()
    q = CleanString(validate=validate.Length(1, 100), metadata={"description": "part of the login or the name"})
    cursor = fields.String()
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))


class NewUserSchema(ma.Schema):
    """A user to be made."""

    login = CleanString(required=True, validate=validate.Length(2, 64))
    name = CleanString(required=True, validate=validate.Length(1, 100))
    posts = fields.List(_post(), required=True, validate=validate.Length(max=10))
    department_id = _id(allow_none=True, load_default=None)
    password = CleanString(required=True, validate=validate.Length(1, 200))
    phone = CleanString(allow_none=True, load_default=None, validate=validate.Length(max=30))
    scopes = fields.List(fields.Nested(ScopeSchema), load_default=list, validate=validate.Length(max=500))


class UserChangeSchema(ma.Schema):
    """What to change; what is left out stays."""

    name = CleanString(validate=validate.Length(1, 100))
    posts = fields.List(_post(), validate=validate.Length(max=10))
    department_id = _id(allow_none=True)
    phone = CleanString(allow_none=True, validate=validate.Length(max=30))
    active = fields.Boolean()


class PasswordSchema(ma.Schema):
    """A new password; one's own needs the present one."""

    password = CleanString(required=True, validate=validate.Length(1, 200))
    present_password = CleanString(load_default=None, allow_none=True, validate=validate.Length(1, 200))


class LockSchema(ma.Schema):
    """Until when somebody stays out."""

    until = Instant(required=True)


class PurposeSchema(ma.Schema):
    """What personal data is needed for; the audit keeps it."""

    purpose = CleanString(required=True, validate=validate.Length(1, 200))


class PhoneSchema(ma.Schema):
    """A phone number in clear."""

    phone = fields.String(allow_none=True, required=True)


class DepartmentSchema(DepartmentRefSchema):
    """A department and its place in the tree."""

    parent_id = fields.Integer(allow_none=True)
    division_code = fields.String(allow_none=True)
    active = fields.Boolean(required=True)
    version = fields.Integer(required=True)


class DepartmentsSchema(ma.Schema):
    """All departments."""

    items = fields.List(fields.Nested(DepartmentSchema), required=True)


class DepartmentsQuerySchema(ma.Schema):
    """Which departments."""

    active = fields.Boolean()


class NewDepartmentSchema(ma.Schema):
    """A department to be made."""

    code = CleanString(required=True, validate=validate.Regexp(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,30}$"))
    name_zh = CleanString(required=True, validate=validate.Length(1, 100))
    name_en = CleanString(required=True, validate=validate.Length(1, 100))
    parent_id = _id(allow_none=True, load_default=None)
    division_code = CleanString(allow_none=True, load_default=None, validate=validate.Length(max=12))


class DepartmentChangeSchema(ma.Schema):
    """What to change; what is left out stays."""

    name_zh = CleanString(validate=validate.Length(1, 100))
    name_en = CleanString(validate=validate.Length(1, 100))
    parent_id = _id(allow_none=True)
    division_code = CleanString(allow_none=True, validate=validate.Length(max=12))
    active = fields.Boolean()


class PostSchema(ma.Schema):
    """A post."""

    id = fields.String(required=True)
    name_zh = fields.String(required=True)
    name_en = fields.String(required=True)


class PostsSchema(ma.Schema):
    """All posts."""

    items = fields.List(fields.Nested(PostSchema), required=True)


class AuditQuerySchema(ma.Schema):
    """Which lines of the audit."""

    actor_id = fields.Integer(validate=validate.Range(1, LARGEST_ID))
    act = CleanString(validate=validate.Length(1, 100))
    outcome = fields.String(validate=validate.OneOf(["ok", "denied", "failed"]))
    object = CleanString(validate=validate.Length(1, 200), metadata={"description": "for example user:7"})
    since = Instant()
    until = Instant()
    cursor = fields.String()
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))


class AuditRowSchema(ma.Schema):
    """One line of the audit."""

    id = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    actor_id = fields.Integer(allow_none=True)
    actor_login = fields.String(allow_none=True)
    actor_name = fields.String(allow_none=True)
    act = fields.String(required=True)
    object = fields.String(required=True)
    outcome = fields.String(required=True)
    reason = fields.String(allow_none=True)
    detail = fields.Dict(required=True)
    ip = fields.String(allow_none=True)


class AuditSchema(ma.Schema):
    """A page of the audit, newest first."""

    items = fields.List(fields.Nested(AuditRowSchema), required=True)
    next = fields.String(allow_none=True)


def user_json(user: User, departments: Mapping[int, Department], scopes: list[Scope] | list[ScopeRow], vault: Vault) -> dict[str, Any]:
    """A user ready for JSON. Any: JSON."""
    body: dict[str, Any] = UserSchema().dump(
        {
            **{
                name: getattr(user, name)
                for name in ("id", "login", "name", "posts", "division_code", "active", "locked_until", "created_at", "version")
            },
            "department": departments.get(user.department_id) if user.department_id is not None else None,
            "phone_masked": vault.masked(user.phone_enc),
            "scopes": scopes,
        }
    )
    return body


def session_json(row: SessionRow, current_id: int) -> dict[str, Any]:
    """A session ready for JSON. Any: JSON."""
    body: dict[str, Any] = SessionRowSchema().dump(row) | {"current": row.id == current_id}
    return body
