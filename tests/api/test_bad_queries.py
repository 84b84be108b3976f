"""What nobody should send as a query, at every door: a 400 that names the path."""

import json

import pytest

from broadcasts.models import Broadcast
from tests.audience.people import make_activity, make_segment
from tests.make import make_contact

from .conftest import URL

NOBODY = "00000000-0000-0000-0000-00000000000a"


def deep(levels: int) -> dict:
    rule: dict = {"language": "es"}
    for _ in range(levels):
        rule = {"not": rule}
    return rule


def doors(api, query):
    """Answer a query at each door: (field that the fault is told under, answer)."""
    text = json.dumps(query)
    yield "query", api.get("/api/contacts/", {"query": text})
    yield "query", api.get(f"{URL}recipients/", {"query": text})
    yield "rules", api.post("/api/segments/", {"name": "New", "rules": query}, format="json")
    yield "query", api.post(URL, {"subject": "x", "body": "x", "query": query}, format="json")
    yield "query", api.post(f"{URL}estimate/", {"query": query}, format="json")


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"langauge": "es"}, ".langauge: unknown; accepted: "),
        ({"any": [{"language": 5}]}, ".any[0].language: 5 is not text"),
        ({"attributes__plan') OR 1=1 --": "x"}, ".attributes__plan') OR 1=1 --: there is no such attribute"),
        ({"attributes__plan__regex": ".*"}, ".attributes__plan__regex: unknown; accepted for an attribute of type"),
        ({"attributes____class__": "x"}, ".attributes____class__: there is no such attribute"),
        ({"attributes__" + "p" * 80: "x"}, ".attributes__ppp"),
        ({"attributes__age": 10**400}, ".attributes__age: 1000"),
        ({"attributes__age": "NaN"}, ".attributes__age: “NaN” is not a number"),
        ({"attendance": {"at_least": 10**30}}, ".attendance.at_least: must be a whole number"),
        ({"attendance": {"within": "99999999d"}}, ".attendance.within: “99999999d” is not a span of time"),
        ({"consent": {"medium": []}}, ".consent.use_case: missing"),
        ({"uuid": [NOBODY] * 10_000}, ".uuid: 10,000 values; 1,000 at most"),
        (deep(50), ".not.not.not.not.not.not.not.not.not.not.not.not: nested too deeply; 12 levels at most"),
    ],
    ids=lambda value: None if isinstance(value, str) else "query",
)
def test_it_is_refused_with_its_path_at_every_door(api, club, query, path):
    make_contact(club, attributes={"plan": "pro", "age": 30})
    for field, answer in doors(api, query):
        assert answer.status_code == 400, answer.content
        message = str(answer.json()[field])
        assert f"{field}{path}" in message


def test_rows_of_another_organization_are_as_good_as_absent_at_every_door(api, elsewhere):
    segment, activity = make_segment(elsewhere, "Theirs", {"all_users": True}), make_activity(elsewhere)
    broadcast = Broadcast.objects.create(organization=elsewhere, name="Theirs")
    queries = {
        f"there is no segment {segment.uuid}": {"segment": str(segment.uuid)},
        f"there is no activity {activity.uuid}": {"attendance": {"activity": str(activity.uuid)}},
        f"there is no broadcast {broadcast.uuid}": {"engagement": {"type": "sent", "broadcast": str(broadcast.uuid)}},
    }
    for message, query in queries.items():
        for field, answer in doors(api, query):
            assert answer.status_code == 400
            assert message in str(answer.json()[field])


def test_a_circle_is_refused_at_every_door(api, club):
    segment = make_segment(club, "Round", {"all_users": True})
    segment.rules = {"not": {"segment": str(segment.uuid)}}
    segment.save()
    for field, answer in doors(api, {"segment": str(segment.uuid)}):
        assert answer.status_code == 400
        assert "“Round” → “Round”" in str(answer.json()[field])


@pytest.mark.parametrize(
    "text",
    [
        '{"not":' * 10_000 + "{}" + "}" * 10_000,
        "[" * 10_000 + "]" * 10_000,
        '{"attributes__age": NaN}',
        '{"attributes__age": 1e999}',
        '{"attributes__age": -Infinity}',
        '{"attributes__age": ' + "9" * 5000 + "}",
        '{"language": "\\ud800"}',
        '{"\\ud800": 1}',
        '{"status": "\\udfff"}',
        '{"attendance": {"\\ud800": 1}}',
        '{"full_name": "a\\u0000b"}',
        '{"\\u0000": 1}',
    ],
    ids=lambda text: text[:30].encode("unicode_escape").decode(),
)
def test_json_that_is_an_attack_is_a_400_at_every_door(api, club, text):
    make_contact(club, attributes={"age": 30})
    answers = [api.get(path, {"query": text}) for path in ("/api/contacts/", f"{URL}recipients/")]
    for path, field in ((URL, "query"), (f"{URL}estimate/", "query"), ("/api/segments/", "rules")):
        body = f'{{"name": "New", "subject": "x", "body": "x", "{field}": {text}}}'
        answers.append(api.generic("POST", path, body, content_type="application/json"))
    assert [answer.status_code for answer in answers] == [400] * 5
    assert all(answer.json() for answer in answers)


def test_parameters_that_are_an_attack_are_a_400(api, club):
    make_contact(club, attributes={"age": 30})
    parameters = [
        ("attributes__age", "nan"), ("attributes__age%00", "1"), ("attributes__age", "1\0"), ("created__within", "1y"),
        ("attributes__age__regex", "^"), ("x" * 5000, "1"), ("consent", "{}"), ("consent", "[" * 10_000),
        ("suppressed", ""), ("engagement", '{"type": "\\ud800"}'), ("uuid", "x\ud7ff"),
        ("organization__slug", "elsewhere"),
    ]  # fmt: skip
    for name, value in parameters:
        for path in ("/api/contacts/", f"{URL}recipients/"):
            answer = api.get(path, {name: value})
            assert answer.status_code == 400, (name, value)
            assert answer.json()


def test_the_new_conditions_are_parameters_of_the_list_too(api, club):
    make_contact(club, full_name="Ana")
    consent = json.dumps({"medium": "email", "use_case": "marketing", "state": ["unknown"]})
    assert len(api.get("/api/contacts/", {"consent": consent, "created__within": "1d"}).json()) == 1
    assert api.get("/api/contacts/", {"suppressed": "email"}).json() == []
    assert api.get("/api/contacts/", {"engagement": '{"type": "opened", "within": "90d"}'}).json() == []
