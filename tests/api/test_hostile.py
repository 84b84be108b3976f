"""Moments at the ends of the calendar, and values no parameter has: a 400 or a right answer, never a broken server."""

import json

import pytest

from broadcasts.api.urls import router
from broadcasts.models import Activity, Attribute
from tests.audience.people import make_earlier
from tests.make import make_contact

from .conftest import URL

ENDS = [
    "0001-01-01",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31",
    "9999-12-31T23:59:59.999999-12:00",
    "9999-12-31T23:59:59Z",
]
HOSTILE = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-12:00", "²", "9" * 20, "\0"]
OF_LISTS = ("page", "page_size", "o", "before")


@pytest.fixture
def rows(club, mail):
    """Something that every list has to compare with."""
    joe = make_contact(club, "joe@example.com", attributes={"since": "2026-05-01", "seen": "2026-05-01T09:00:00Z"})
    Attribute.objects.filter(key="since").update(type="date")
    Attribute.objects.filter(key="seen").update(type="datetime")
    Activity.objects.create(organization=club, name="Yoga", starts_at="2026-05-01T09:00Z")
    return make_earlier(mail, {joe: {}})


def lists() -> dict[str, list[str]]:
    """The parameters of each list, by its address."""
    views = {f"/api/{prefix}/": getattr(view, "filterset_class", None) for prefix, view, _ in router.registry}
    return {route: [*(filters.get_filters() if filters else ()), *OF_LISTS] for route, filters in views.items()}


@pytest.mark.parametrize("value", HOSTILE, ids=ascii)
def test_no_parameter_of_a_list_breaks_it(api, rows, value):
    api.raise_request_exception = False
    of_log = f"{URL}{rows.uuid}/logs/"
    asked = {**lists(), of_log: ["created_after", "sent_before", "status", "reason", "channel", *OF_LISTS]}
    assert {"/api/contacts/", "/api/activities/", "/api/deliveries/"} <= set(asked)
    broken = [
        (address, name)
        for address, names in asked.items()
        for name in names
        if api.get(address, {name: value}).status_code >= 500
    ]
    assert broken == []


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/api/activities/", "starts_after"),
        ("/api/deliveries/", "created_before"),
        ("/api/deliveries/", "sent_after"),
    ],
)
def test_a_moment_that_is_none_in_every_zone_is_refused_by_name(api, rows, address, name):
    for value in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        answer = api.get(address, {name: value})
        assert (answer.status_code, answer.json()) == (400, {name: ["This is too far away."]})


def test_a_moment_of_any_offset_is_compared_with(api, rows):
    for day, found in (("2026-04-30", 1), ("2026-05-01", 0)):
        answer = api.get("/api/activities/", {"starts_after": f"{day}T00:00:00-23:59"})
        assert (answer.status_code, len(answer.json())) == (200, found)


CONDITIONS = [
    *({f"created__{lookup}": None} for lookup in ("gt", "gte", "lt", "lte")),
    {"attributes__since__gte": None},
    {"attributes__seen": None},
    {"attributes__seen__lt": None},
    {"attendance": {"since": None}},
    {"attendance": {"until": None}},
]


@pytest.mark.parametrize("value", ENDS)
def test_a_condition_at_the_ends_of_the_calendar_is_answered_or_refused_with_its_path(api, rows, value):
    for condition in CONDITIONS:
        query = json.loads(json.dumps(condition).replace("null", json.dumps(value)))
        answers = [api.get("/api/contacts/", {"query": json.dumps(query)})]
        answers.append(api.post("/api/segments/", {"name": json.dumps(query), "rules": query}))
        assert {answer.status_code for answer in answers} <= {200, 201, 400}, (query, answers)
        assert len({answer.status_code < 400 for answer in answers}) == 1
        assert answers[0].status_code == 200 or "too far away" in str(answers[0].json())


def test_a_day_at_an_end_of_the_calendar_is_before_or_after_everything(api, rows):
    for condition, found in (
        ({"attributes__since__lt": "9999-12-31"}, 1),
        ({"attributes__since__lt": "0001-01-01"}, 0),
        ({"created__gt": "0002-01-01"}, 1),
    ):
        assert len(api.get("/api/contacts/", {"query": json.dumps(condition)}).json()) == found
