"""What a request names of another organization is answered like what does not exist.

Every operation of the documents is asked, with ids in every place of its path, its parameters and its body where an id
could be, so that a new operation is covered by itself.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client

from broadcasts import apis, uploading
from broadcasts.dialects.views import PerMinute
from broadcasts.models import Activity, Channel, Organization, Segment, Template, TemplateTranslation
from tests.api.described import document
from tests.make import make_broadcast, make_contact, make_delivery, make_token

from .conftest import PIXEL

pytestmark = pytest.mark.django_db
MARK = "Zanzibar"  # in the names of all that the other organization has
# What the parameter after a word of a path is the id of.
NOUNS = {"broadcast_messages": "broadcast", "templates": "message", "customers": "contact"}
# Parameters and keys that hold texts, numbers and times, and no ids.
TEXTS = {
    *("page", "page_size", "limit", "take", "cursor", "format", "fields", "expand", "folder", "deleted", "reverse"),
    *("before", "after", "startDate", "endDate", "scheduleDateTime", "scheduled_at", "age_gte", "age_lte"),
    *("event_starts_at_gte", "event_starts_at_lte", "event_local_starts_at_gte", "event_local_starts_at_lte"),
    *("search", "searchText", "query", "autocomplete", "username", "email", "is_admin", "unsubscribed", "text"),
    *("message", "use_case", "language", "base_language", "quick_replies", "notes", "stage", "tags", "status", "type"),
    *("headerMediaUrl", "headerTextParameters", "bodyTextParameters", "buttonUrlParameters", "locationParameters"),
    *("flowParameters", "targetClassStatus", "retargetEngagementType", "phone", "phoneNumber", "label", "value_type"),
    *("can_delete", "family", "active_memberships", "manual_only", "key", "action", "event_applicable_to"),
}
Schema = dict[str, Any]
Request = dict[str, Any]
Hole = Callable[[str], Any]
Place = tuple[str, str, str, Callable[[str], Request]]  # where, method, the kind that a path names, value -> request


def things(organization: Organization, first: int, phone: str) -> dict[str, Any]:
    """A row of each kind that a dialect could name, with ids from `first` on."""
    ids, owner = iter(range(first, first + 20)), {"organization": organization}
    named = {**owner, "name": f"{organization.name} things"}
    mail = Channel.objects.create(id=next(ids), kind="console", is_default=True, **owner)
    template = Template.objects.create(
        channel=Channel.objects.create(kind="whatsapp", is_default=True, **named), medium="whatsapp", **named
    )
    TemplateTranslation.objects.create(template=template, language="en", text="Hello")
    contact = make_contact(organization, id=next(ids), phone=phone, full_name=named["name"])
    sent = make_broadcast(mail, id=next(ids), subject=named["name"], status="SENT", started_at="2030-01-01T00:00:00Z")
    made = {
        "channel": mail,
        "contact": contact,
        "sent": sent,
        "broadcast": make_broadcast(mail, id=next(ids), subject=named["name"]),
        "segment": Segment.objects.create(id=next(ids), kind="static", contacts_count=0, **named),
        "activity": Activity.objects.create(id=next(ids), **named),
        "media": uploading.store(organization, SimpleUploadedFile("photo.png", PIXEL, "image/png")),
    }
    make_delivery(sent, contact, id=next(ids))
    return made | {"message": made["broadcast"].messages.get()}


def resolved(schema: Schema, components: Schema) -> Schema:
    return components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def least(schema: Schema, components: Schema) -> Any:
    """Return the smallest value that a schema allows."""
    schema = resolved(schema, components)
    if choices := schema.get("oneOf") or schema.get("allOf"):
        return least(choices[0], components)
    if "enum" in schema:
        return schema["enum"][0]
    if "object" in schema.get("type", ""):
        return {name: least(schema["properties"][name], components) for name in schema.get("required", [])}
    return {"array": [], "integer": 1, "boolean": True}.get(str(schema.get("type")), "x")


def holes(schema: Schema, components: Schema) -> Iterator[Hole]:
    """Yield, for each place of a body where an id could be, what makes a body with a value there."""
    schema = resolved(schema, components)
    if choices := schema.get("oneOf") or schema.get("allOf"):
        for choice in choices:
            yield from holes(choice, components)
    elif "array" in schema.get("type", ""):
        yield from (lambda value, hole=hole: [hole(value)] for hole in holes(schema["items"], components))
    elif "object" in schema.get("type", ""):
        others = schema.get("additionalProperties")
        inside = schema.get("properties", {}) | ({"eng": others} if isinstance(others, dict) else {})
        found = least(schema, components)
        for name in inside.keys() - TEXTS if "query_type" not in inside else ["query"]:
            for hole in holes(inside[name], components):
                yield lambda value, name=name, hole=hole: {**found, name: hole(value)}
    elif "enum" not in schema:
        yield lambda value: value


def places(name: str, own: dict[str, Any]) -> Iterator[Place]:
    """Yield the places in all requests of a dialect."""
    bodies: set[str] = set()  # each kind of body is walked once: one that changes a thing has the parts that make it
    for path, operations in document(name)["paths"].items():
        for method, operation in operations.items():
            yield from places_of(name, own, path, method, operation, bodies)


def places_of(
    name: str, own: dict[str, Any], path: str, method: str, operation: Schema, bodies: set[str]
) -> Iterator[Place]:
    components = document(name)["components"]["schemas"]
    given = {(one["name"], one["in"]): one["schema"] for one in operation.get("parameters", [])}
    kinds = {key: kind_of(path, key) for key, part in given if part == "path" and key != "org"}
    ids = {"org": "c"} | {key: id_of(name, own[kind]) for key, kind in kinds.items()}
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    asked: Request = {"path": path.format(**ids), "data": json.dumps(least(content, components))}
    where = f"{method.upper()} {path}"
    for key, kind in kinds.items():
        yield f"{where} {key}", method, kind, lambda v, key=key: asked | {"path": path.format(**ids | {key: v})}
    for key, part in sorted(given):
        if part == "query" and key not in TEXTS and "enum" not in given[key, part]:
            yield f"{where} ?{key}", method, "", lambda v, key=key: asked | {"query_params": {key: v}}
    body = content.get("$ref", where).replace("Patched", "")
    for hole in holes(content, components) if content and body not in bodies else ():
        yield f"{where} {hole('…')}", method, "", lambda v, hole=hole: asked | {"data": json.dumps(hole(v))}
    bodies.add(body)


def kind_of(path: str, key: str) -> str:
    noun = path.partition(f"/{{{key}}}")[0].rpartition("/")[2]
    return NOUNS.get(noun, noun.removesuffix("s"))


def id_of(name: str, row: Any) -> str:
    return str(row.pk if name == "teamup" else row.uuid)


def forms(name: str, theirs: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return (what names nothing, what names rows of theirs), for each form in which a dialect names rows."""
    ids = [id_of(name, row) for kind, row in theirs.items() if kind not in ("broadcast", "message")]
    more = {
        "teamup": [],
        "invent": [],
        "whautomate": [("Nowhere things", [f"{MARK} things"])],
        "rapidpro": [("tel:+34600333000", ["tel:+34600222000"]), ("9000000", [str(theirs["sent"].pk), "7000006"])],
    }
    return [("9000000" if name == "teamup" else str(uuid4()), ids), *more[name]]


@pytest.mark.parametrize("name", sorted(apis.DIALECTS))
def test_what_another_organization_has_does_not_exist(name, admin, elsewhere, monkeypatch):
    monkeypatch.setattr(PerMinute, "allow_request", lambda *args: True)
    elsewhere.name = MARK
    own, theirs = things(admin.organization, 3_000_000, "+34600111000"), things(elsewhere, 7_000_000, "+34600222000")
    client = Client(raise_request_exception=False, headers={"Authorization": f"Token {make_token(admin)}"})

    def ask(method: str, request: Request, value: str) -> tuple[int, str]:
        with transaction.atomic():
            answer = client.generic(method.upper(), content_type="application/json", **request)
            transaction.set_rollback(True)
        text = answer.content.decode() if method == "get" or answer.status_code >= 400 else ""
        return answer.status_code, text.replace(value, "ID").replace(value.replace("-", ""), "ID")

    asked = 0
    for where, method, kind, make in places(name, own):
        for twin, values in forms(name, theirs) if not kind else [("", [id_of(name, theirs[kind])])]:
            shape = apis.at(make("")["path"]).shape(404, "Not found.")
            expected = ask(method, make(twin), twin) if not kind else (404, json.dumps(shape, separators=(",", ":")))
            assert expected[0] < 500, (where, twin, expected)
            for value in values:
                told = ask(method, make(value), value)
                assert told == expected, (where, value)
                assert MARK not in told[1], (where, value)
                asked += 1
    assert asked > 50
