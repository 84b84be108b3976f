"""Relative times: in the last N, in the coming N, counted from one moment."""

from datetime import UTC, datetime, timedelta

import pytest

from broadcasts.audience import validate, values
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Contact

from ..make import make_contact
from .people import chosen

NOW = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)  # in Madrid it is the 2nd already


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(values.timezone, "now", lambda: NOW)


@pytest.mark.parametrize(
    ("within", "expected"), [("12h", "ana"), ("2d", "ana bob"), ("1w", "ana bob chi"), (["1h", "2d"], "ana bob")]
)
@pytest.mark.parametrize("field", ["created", "last_seen_at"])
def test_contacts_made_or_seen_in_the_last_hours_days_or_weeks(club, people, field, within, expected):
    ago = {"ana": 12, "bob": 48, "chi": 7 * 24, "dan": 7 * 24 + 1}
    Contact.objects.update(created=NOW - timedelta(days=999))
    for name, hours in ago.items():
        Contact.objects.filter(pk=people[name].pk).update(**{field: NOW - timedelta(hours=hours)})
    assert chosen({f"{field}__within": within}, club) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"within": "1d"}, "today yesterday"),
        ({"within": "1h"}, "today"),
        ({"within": "1w"}, "today yesterday"),
        ({"within_next": "1d"}, "today tomorrow"),
        ({"within_next": ["1h", "5w"]}, "july today tomorrow"),
    ],
)
def test_a_date_is_compared_with_the_day_it_is_in_the_organizations_zone(club, query, expected):
    club.time_zone = "Europe/Madrid"
    days = {"Yesterday": "2026-06-01", "Today": "2026-06-02", "Tomorrow": "2026-06-03", "July": "2026-07-01"}
    for name, day in days.items():
        make_contact(club, full_name=name, attributes={"renewal": day})
    make_contact(club, full_name="Never", attributes={"renewal": "soon"})
    assert chosen({f"attributes__renewal__{lookup}": value for lookup, value in query.items()}, club) == expected


def test_a_moment_among_the_attributes_is_compared_as_one(club):
    make_contact(club, full_name="Just", attributes={"joined": "2026-06-01T22:31:00Z"})
    make_contact(club, full_name="Before", attributes={"joined": "2026-06-01T22:29:00Z"})
    make_contact(club, full_name="Coming", attributes={"joined": "2026-06-02 00:10:00"})
    assert chosen({"attributes__joined__within": "1h"}, club) == "just"
    assert chosen({"attributes__joined__within_next": "1h"}, club) == "coming"


@pytest.mark.parametrize(
    "value", ["", "30", "d", "0d", "-1d", "1.5d", "30 days", "٣d", "36526d", "999999w", 30, None, {}]
)
def test_what_is_no_span_of_time_is_refused(club, value):
    with pytest.raises(InvalidInput) as error:
        validate({"created__within": value}, club)
    assert error.value.errors["query"].startswith("query.created__within: ")
