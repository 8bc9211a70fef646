"""Personal data at rest: phone numbers are encrypted with a key derived from the installation's secret.

Fernet (AES-128-CBC with HMAC-SHA256, random IV): two equal numbers give different bytes, so the column can neither be
read nor compared. The key is derived and not the secret itself, so that another use of the secret cannot read phones.
"""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cityops.identity.errors import PhoneNotUnderstood, VaultKeyChanged
from cityops.identity.rules import PHONE, mask_phone


class Vault:
    """Encrypts and decrypts with one installation's key; cheap to keep, a millisecond to make."""

    def __init__(self, secret_key: str) -> None:
        key = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"cityops personal data 1").derive(secret_key.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def lock_phone(self, phone: str) -> bytes:
        """The encrypted number; spaces and hyphens are dropped first. Raises PhoneNotUnderstood."""
        plain = phone.replace(" ", "").replace("-", "")
        if not PHONE.fullmatch(plain) or not plain.isascii():
            raise PhoneNotUnderstood(field="phone", fix="write digits only, for example 13800000000")
        return self._fernet.encrypt(plain.encode())

    def phone(self, phone_enc: bytes) -> str:
        """The number in clear; raises VaultKeyChanged when it was stored under another secret."""
        try:
            return self._fernet.decrypt(bytes(phone_enc)).decode()
        except InvalidToken as error:
            raise VaultKeyChanged(fix="start with the secret key the data was stored with") from error

    def lock_text(self, text: str) -> bytes:
        """Any personal text, encrypted."""
        return self._fernet.encrypt(text.encode())

    def text(self, text_enc: bytes) -> str:
        """The text in clear; raises VaultKeyChanged when it was stored under another secret."""
        try:
            return self._fernet.decrypt(bytes(text_enc)).decode()
        except InvalidToken as error:
            raise VaultKeyChanged(fix="start with the secret key the data was stored with") from error

    def masked(self, phone_enc: bytes | None) -> str | None:
        """The number as it is shown without a purpose."""
        return None if phone_enc is None else mask_phone(self.phone(phone_enc))
