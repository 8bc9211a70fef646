"""Tokens: 256 random bits with a prefix that says what they are; only their SHA-256 is kept.

A plain SHA-256 is right here and argon2 would not be: a token cannot be guessed, so there is nothing to slow down, and it
is looked up on every request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

PREFIX = {"cookie": "cityops-c-", "bearer": "cityops-b-", "personal": "cityops-p-"}
"""A prefix lets a secret scanner find a token that was committed by mistake."""


def new_token(kind: str) -> str:
    """A token of this kind (cookie, bearer, personal)."""
    return PREFIX[kind] + secrets.token_urlsafe(32)


def new_csrf() -> str:
    """The second half of a cookie session, readable by our own pages only."""
    return secrets.token_urlsafe(24)


def digest(token: str) -> bytes:
    """What is stored of a token: 32 bytes."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same(one: str, other: str) -> bool:
    """Comparison that takes the same time wherever the two differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
