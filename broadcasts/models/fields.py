"""Columns with a rule of their own."""

import json
from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet(
        [Fernet(urlsafe_b64encode(blake2b(key.encode(), digest_size=32, person=b"secrets").digest())) for key in keys]
    )


class EncryptedJSONField(models.TextField):
    """A JSON object that is encrypted at rest with ENCRYPTION_KEYS: the newest writes, all of them read."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def get_prep_value(self, value):
        if value is None:
            return None
        return _cipher(tuple(settings.ENCRYPTION_KEYS)).encrypt(json.dumps(value).encode()).decode()

    def from_db_value(self, value, expression, connection):
        if value is None:
            return None
        try:
            return json.loads(_cipher(tuple(settings.ENCRYPTION_KEYS)).decrypt(value.encode()))
        except InvalidToken:
            raise ImproperlyConfigured(
                "A secret in the database was encrypted with a key that ENCRYPTION_KEYS no longer holds; "
                "add the old key after the new one."
            ) from None

    def to_python(self, value):
        return json.loads(value) if isinstance(value, str) else value

    def value_to_string(self, obj):
        return ""  # a dump never carries secrets


class VocabularyField(models.CharField):
    """A column that holds one of the words in `choices`.

    Migrations see plain text of `max_length` characters: the database never knew the words, so that a vocabulary
    grows without a migration.
    """

    def deconstruct(self):
        name, _, args, kwargs = super().deconstruct()
        kwargs.pop("choices", None)
        return name, "django.db.models.CharField", args, kwargs
