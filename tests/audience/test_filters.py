"""ContactFilter: the same conditions as URL parameters, strictly."""

import pytest
from django.http import QueryDict

from broadcasts.audience.filters import ContactFilter
from broadcasts.models import Contact

from ..make import make_contact
from .people import attend, make_activity, make_segment, names


def filtered(text: str, club) -> str:
    found = ContactFilter(QueryDict(text), organization=club)
    assert found.is_valid(), found.errors
    return names(found.qs)


def errors(text: str, club) -> dict:
    found = ContactFilter(QueryDict(text), organization=club)
    assert not found.is_valid()
    return {name: " ".join(messages) for name, messages in found.errors.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "ana bob chi dan eve"),
        ("page=2&page_size=1&field=email&o=-created", "ana bob chi dan eve"),
        ("language=es", "ana"),
        ("language=es&language=en", "ana bob"),
        ("language=es&attributes__plan=basic", ""),
        ("language=", "dan eve"),
        ("all_users=true&status=archived", "eve"),
        ("search=stone", "bob"),
        ("attributes__age__gte=9&attributes__member=false", "bob"),
        ("attributes__plan__in=pro,Basic", "ana bob chi"),
        ('query={"not":{"language":"es"}}&status=active', "bob chi dan"),
        ("customers=", None),
    ],
)
def test_parameters_filter_as_the_query_does(club, people, text, expected):
    if expected is None:
        assert errors(text, club) == {"customers": "“” is not a uuid"}
    else:
        assert filtered(text, club) == expected


def test_segments_and_objects_come_as_text(club, people):
    activity = make_activity(club)
    attend(activity, people["bob"])
    one, two = make_segment(club, "One", {"language": "es"}), make_segment(club, "Two", members=[people["dan"]])
    assert filtered(f"segment={one.uuid}&segment={two.uuid.hex}", club) == "ana dan"
    assert filtered('attendance={"series":"Yoga"}', club) == "bob"
    assert filtered(f"activity={activity.uuid}&attendance_status=no_show", club) == ""
    assert filtered(f"activity={activity.uuid}&attendance_status=attended", club) == "bob"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("langauge=es", "langauge", "unknown; accepted: all_users, search, uuid,"),
        ("all=1", "all", "unknown; accepted: "),
        ("attributes__plann=x", "attributes__plann", "there is no such attribute; accepted: attributes__age, "),
        ("attributes__age__icontains=x", "attributes__age__icontains", "unknown; accepted for an attribute of type"),
        ("status=gone", "status", "“gone” is not a status; accepted: active, blocked, archived"),
        ("segment=abc&segment=def", "segment", "[0]: “abc” is not a uuid"),
        ("search=", "search", "blank"),
        ("attendance={}", "attendance", "must be an object"),
        ('attendance={"serie":1}', "attendance", ".serie: unknown; accepted: series"),
        ('query={"langauge":1}', "query", "query.langauge: unknown; accepted: "),
        ("query=x", "query", "query: not JSON"),
    ],
)
def test_an_unknown_parameter_or_value_is_an_error_under_its_name(club, people, text, name, message):
    found = errors(f"{text}&language=es", club)
    assert set(found) == {name}
    assert message in found[name]


def test_the_organization_may_come_with_the_request(club, elsewhere, rf):
    make_contact(club, full_name="Ours")
    make_contact(elsewhere, full_name="Theirs")
    request = rf.get("/?page=1")
    request.organization = club
    assert names(ContactFilter(request.GET, request=request).qs) == "ours"
    assert names(ContactFilter(request.GET, Contact.objects.for_organization(elsewhere), request=request).qs) == (
        "theirs"
    )
