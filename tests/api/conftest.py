"""Clients of the cast, each with a token of its own."""

import sys
from importlib.util import find_spec
from types import ModuleType

import pytest
from django.utils import timezone

from broadcasts.models import ApiToken
from tests.make import make_token

from .described import DescribedClient

URL = "/api/broadcast-messages/"

# The package of the published client's models imports all 1,900 of them, for seconds in every test process; with an
# empty package in its place, only those that a test names are imported.
if (client := find_spec("waldur_api_client")) and client.submodule_search_locations:
    models = ModuleType("waldur_api_client.models")
    models.__path__ = [f"{folder}/models" for folder in client.submodule_search_locations]
    sys.modules.setdefault(models.__name__, models)


def client_of(member, scopes=("read", "write", "send", "manage")) -> DescribedClient:
    client = DescribedClient()
    key = make_token(member, scopes)
    ApiToken.objects.update(last_used_at=timezone.now())  # which an answer notes once a minute, in queries of its own
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    return client


@pytest.fixture
def api(admin, mail) -> DescribedClient:
    """May everything in the club."""
    return client_of(admin)


@pytest.fixture
def outsider(stranger) -> DescribedClient:
    """May everything elsewhere, and nothing here."""
    return client_of(stranger)


@pytest.fixture
def draft(api):
    """Write a draft through the API; its fields are what came back."""

    def write(client=api, **fields):
        answer = client.post(URL, {"subject": "Pool closed", "body": "Hello", "query": {"all_users": True}, **fields})
        assert answer.status_code == 201, answer.json()
        return answer.json()

    return write
