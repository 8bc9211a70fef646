"""What can go wrong with identities; each docstring is the message."""

from __future__ import annotations

from cityops.errors import Conflict, Invalid, NotFound, Refused, TooMany, Unauthenticated, Unavailable


class SignInFailed(Unauthenticated):
    """The login or the password is not right."""


class SignInPaused(TooMany):
    """Too many failed attempts; wait {wait_s} seconds."""


class SignInBusy(Unavailable):
    """Too many people are signing in at this moment."""


class SessionEnded(Unauthenticated):
    """This session or token is not valid, or not any more."""


class CsrfTokenMissing(Refused):
    """A change made with the session cookie needs the header X-CSRF-Token."""


class CrossSiteSignIn(Refused):
    """Another site tried to sign you in here."""


class TokenCannotIssueTokens(Refused):
    """A token cannot make further tokens; sign in with the password."""


class PostMissing(Refused):
    """This needs one of the posts: {posts}."""


class OutsideYourScope(Refused):
    """This {thing} is not within your own scope."""


class GrantsMoreThanHeld(Refused):
    """Nobody can give a scope that reaches beyond his own."""


class OwnRightsAreFixed(Refused):
    """Nobody changes his own posts, department, scopes or activity."""


class LastAdministrator(Refused):
    """The city would be left without an administrator for the whole city."""


class PurposeMissing(Invalid):
    """Showing personal data needs a purpose."""


class NoSuchUser(NotFound):
    """There is no such user within what you may see."""


class NoSuchSession(NotFound):
    """There is no such session."""


class NoSuchDepartment(NotFound):
    """There is no such department."""


class DepartmentUnknown(Invalid):
    """There is no active department with the id {department_id}."""


class DepartmentTreeHasCycle(Invalid):
    """A department cannot stand below itself."""


class DepartmentStillUsed(Conflict):
    """The department still has {users} active users and {children} active departments below it."""


class DepartmentCodeTaken(Conflict):
    """Another department has the code {department_code}."""


class LoginTaken(Conflict):
    """Another user has the login {login}."""


class LoginNotWellFormed(Invalid):
    """A login is 2 to 64 characters: letters a-z, digits, dot, hyphen, underscore, beginning with a letter or digit."""


class NameMissing(Invalid):
    """A name is 1 to 100 visible characters."""


class PostUnknown(Invalid):
    """There is no post called {post}."""


class DivisionCodeNotWellFormed(Invalid):
    """A division code has 6 (district), 9 (street) or 12 (community) digits, not {division_code}."""


class PasswordTooWeak(Invalid):
    """This password is too easy: {why}."""


class PasswordNotRight(Invalid):
    """The present password is not right."""


class PhoneNotUnderstood(Invalid):
    """A phone number is 3 to 20 digits, with an optional + in front."""


class VaultMissing(Unavailable):
    """Personal data cannot be stored without the secret key."""


class VaultKeyChanged(Unavailable):
    """Personal data was stored under another secret key."""
