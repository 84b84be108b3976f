"""What nobody should send: refused with its path, never an SQL error, never an empty audience."""

import math

import pytest
from django.db import connection

from broadcasts.audience import Audience, Route, compile_query, estimate, matched, recipients, validate
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Attribute, Segment

from .people import chosen, make_segment


def refusal(query, club) -> str:
    with pytest.raises(InvalidInput) as error:
        validate(query, club)
    error.value.errors["query"].encode()  # or no answer could be written with it
    return error.value.errors["query"]


def nested(levels: int, inside=None, key: str = "all"):
    query = inside or {"language": "es"}
    for _ in range(levels - 1):
        query = {"not": query} if key == "not" else {"status": "active", key: [{"language": "en"}, query]}
    return query


TRICKS = ["plan'", 'plan"', "plan$", "$.plan", "..", "pl.an", "plan%", "%s", "__class__", "plan__class__", "plan__", "",
          "PLAN", "plán", "plan\x00", "\ud800", "p" * 64, "plan__regex", "plan__iregex", "plan__in__x", "plan[0]",
          "plan->x"]  # fmt: skip
COLUMNS = ["organization", "organization__name", "pk", "id", "email_key", "email__regex", "__class__", "\ud800",
           "x\x00", "x" * 10_000, ""]  # fmt: skip
WRONG = [None, True, {}, {"x": 1}, [[]], [{}], math.nan, math.inf, 10**400, 10**5000, "\ud800", "x\x00",
         nested(900, key="not")]  # fmt: skip
KEYS = ["language", "full_name", "attributes__plan", "attributes__tags", "attributes__age", "uuid", "segment",
        "created__gte", "created__within", "attendance", "engagement", "consent", "suppressed", "activity"]  # fmt: skip


def test_a_trick_in_the_name_of_an_attribute_is_an_unknown_key(club, people):
    for trick in TRICKS:
        assert refusal({f"attributes__{trick}": "x"}, club).startswith("query.attributes__")


def test_a_column_is_no_key(club):
    for column in COLUMNS:
        assert refusal({"all": [{column: "x"}]}, club).startswith("query.all[0].")


@pytest.mark.parametrize("key", KEYS)
def test_a_value_of_the_wrong_type_is_refused(club, people, key):
    for wrong in WRONG:
        assert refusal({"any": [{key: wrong}]}, club).startswith(f"query.any[0].{key}")


def test_ten_thousand_values_are_too_many(club):
    many = ["00000000-0000-0000-0000-000000000001"] * 10_000
    for key in ("uuid", "contact", "segment", "activity"):
        assert refusal({key: many}, club) == f"query.{key}: 10,000 values; 1,000 at most"
    assert refusal({"attendance": {"activity": many}}, club).startswith("query.attendance.activity: 10,000 values")
    assert refusal({"attendance": [{"series": ["x"] * 1000}] * 6}, club).endswith(
        "too many values; 5,000 at most in all, those of segments included"
    )


@pytest.mark.parametrize("levels", [13, 50, 900])
def test_a_rule_many_levels_deep_is_refused(club, levels):
    for key in ("not", "any", "all"):
        message = refusal(nested(levels, key=key), club)
        assert message.startswith(f"query.{key}")
        assert message.endswith("nested too deeply; 12 levels at most, those of segments included")


def test_the_levels_of_segments_count_as_well(club):
    deep = make_segment(club, "Deep", nested(11))
    wide = make_segment(club, "Wide", {"segment": str(deep.uuid)})
    assert chosen({"segment": str(deep.uuid)}, club) == ""
    assert refusal({"segment": str(wide.uuid)}, club).endswith("12 levels at most, those of segments included")


def test_a_circle_of_segments_is_told(club):
    one = make_segment(club, "One", {"language": "es"})
    two = make_segment(club, "Two", {"not": {"segment": str(one.uuid)}})
    Segment.objects.filter(pk=one.pk).update(rules={"any": [{"segment": str(two.uuid)}]})
    assert refusal({"segment": str(one.uuid)}, club).endswith("circle: “One” → “Two” → “One”")


WIDEST = [
    {"email__icontains": ["é[" * 500] * 499},
    {"full_name": ["x"] * 1000, "attributes__plan": ["y"] * 1000, "external_id": [str(n) for n in range(1000)],
     "attributes__age": list(range(1000)), "time_zone": ["UTC"] * 900},
]  # fmt: skip


@pytest.fixture
def as_elsewhere():
    """Only as many variables as SQLite takes where nobody raised its limit."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        limit = connection.connection.setlimit(9, 32_766)  # SQLITE_LIMIT_VARIABLE_NUMBER
        yield
        connection.connection.setlimit(9, limit)
    else:
        yield


@pytest.mark.parametrize("query", WIDEST, ids=lambda query: next(iter(query)))
def test_the_widest_query_runs_in_every_place(club, people, mail, as_elsewhere, query):
    assert refusal({"all": [query, query, {"any": [query] * 6}]}, club)
    excluded = make_segment(club, "Excluded", query)
    wanted = Audience(organization=club, query=query, excluded_ids=[excluded.pk])
    routes = [Route(channel=mail), Route(), Route()]
    assert compile_query(query, club).count() == matched(wanted).count()
    found = estimate(wanted, routes)
    assert found.matched == matched(wanted).count()
    assert recipients(wanted, routes[2], routes).count() <= found.matched


@pytest.mark.parametrize("key", ["not", "any", "all"])
def test_the_deepest_query_runs_in_every_place(club, people, mail, key):
    inside = {"attributes__tags": 5, "attributes__age__gt": 5, "search": "5", "engagement": {"type": "not_opened"}}
    query = nested(12, inside, key)
    excluded = make_segment(club, "Excluded", nested(12, inside, key))
    wanted = Audience(organization=club, query=query, excluded_ids=[excluded.pk])
    routes = [Route(channel=mail), Route(), Route()]
    found = estimate(wanted, routes)
    assert found.matched == matched(wanted).count()
    assert recipients(wanted, routes[2], routes).count() <= found.matched


def test_what_is_asked_for_together_has_the_limits_of_one(club, people):
    wide = {"email__icontains": ["a"] * 300}
    wanted = Audience(organization=club, query=wide, segment_ids=[make_segment(club, "Wide", wide).pk])
    with pytest.raises(InvalidInput, match="too many conditions; 500 at most"):
        matched(wanted)


def test_an_attribute_that_is_gone_is_told(club, people):
    Attribute.objects.filter(key="plan").delete()
    assert "query.attributes__plan: there is no such attribute" in refusal({"attributes__plan": "pro"}, club)
