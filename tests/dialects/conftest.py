"""Clients of the dialects, which hold each answer against the dialect's OpenAPI document."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from broadcasts import sending, syncing
from broadcasts.models import Broadcast, Channel, Organization, Segment
from tests.api.described import compare
from tests.cloud_api import CloudApi, template
from tests.make import make_broadcast, make_token
from tests.sending.steps import pump


class InDialect:
    """A client of one dialect, with a token."""

    def __init__(self, name: str, key: str) -> None:
        self.name = name
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, url: str, **kwargs):
        return self._ask("GET", url, **kwargs)

    def post(self, url: str, body: object = None, **kwargs):
        return self._ask("POST", url, body, **kwargs)

    def put(self, url: str, body: object = None, **kwargs):
        return self._ask("PUT", url, body, **kwargs)

    def patch(self, url: str, body: object = None, **kwargs):
        return self._ask("PATCH", url, body, **kwargs)

    def delete(self, url: str, **kwargs):
        return self._ask("DELETE", url, **kwargs)

    def raw(self, url: str, body: str | bytes, kind: str, method: str = "POST", headers: dict[str, str] | None = None):
        """Send a body as it stands."""
        response = self.client.generic(method, url, body, kind, headers=self.headers | (headers or {}))
        compare(method, url.partition("?")[0], response, self.name)
        return response

    def form(self, url: str, fields: dict[str, str], kind: str):
        """Send a form, `urlencoded` or `multipart`."""
        if kind == "urlencoded":
            return self.raw(url, urlencode(fields), "application/x-www-form-urlencoded")
        return self.raw(url, encode_multipart(BOUNDARY, fields), MULTIPART_CONTENT)

    def _ask(self, method: str, url: str, body: object = None, headers: dict[str, str] | None = None):
        text = "" if body is None else json.dumps(body)
        return self.raw(url, text, "application/json", method, headers)


def finish() -> None:
    """Let the supervisor and the workers do what there is to do now."""
    sending.tick()
    for broadcast in Broadcast.objects.filter(status="SENDING"):
        sending.expand(broadcast.pk, seconds=60)
        pump(broadcast)


@pytest.fixture
def make_segment(club):
    def make(name: str, organization: Organization = club, **fields) -> Segment:
        return Segment.objects.create(organization=organization, name=name, **{"rules": {"language": "en"}, **fields})

    return make


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def photo(rapidpro) -> dict[str, Any]:
    """A picture that was uploaded by RapidPro's API."""
    file = SimpleUploadedFile("photo.png", PIXEL, "image/png")
    body = encode_multipart(BOUNDARY, {"file": file})
    return rapidpro.raw("/api/v2/media.json", body, MULTIPART_CONTENT).json()


@pytest.fixture
def rapidpro(admin) -> InDialect:
    client = InDialect("rapidpro", "")
    client.headers = {"Authorization": f"Token {make_token(admin)}"}
    return client


@pytest.fixture
def sent_broadcast(mail) -> Broadcast:
    return make_broadcast(mail, status="SENT")


BUTTONS = {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Map", "url": "https://x.example/{{1}}"}]}
HEADER = {"type": "HEADER", "format": "IMAGE"}
BODY = {"type": "BODY", "text": "Hello {{1}}, see you on {{2}}"}


@pytest.fixture
def cloud():
    with CloudApi() as cloud:
        yield cloud


@pytest.fixture
def channel(club, cloud):
    made = Channel(organization=club, name="WhatsApp", kind="whatsapp", is_default=True)
    made.configure(cloud.settings)
    made.save()
    cloud.templates.append(template("offer", "en_US", HEADER, BODY, BUTTONS))
    syncing.sync(made)
    return made
