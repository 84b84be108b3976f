"""Segments: by rule, by membership, within each other."""

import pytest

from broadcasts.audience import Audience, count_segment, matched, segment_contacts, validate, validate_rules
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Segment

from ..make import make_contact
from .people import chosen, make_segment, names


def inside(segment: Segment) -> dict:
    return {"segment": str(segment.uuid)}


def test_a_segment_chooses_by_rule_or_by_membership(club, people):
    spanish = make_segment(club, "Spanish", {"language": "es"})
    members = make_segment(club, "Members", members=[people["bob"], people["dan"]])
    assert chosen(inside(spanish), club) == "ana"
    assert chosen(inside(members), club) == "bob dan"
    assert chosen({"segment": [str(spanish.uuid), members.uuid.hex]}, club) == "ana bob dan"
    assert chosen({"not": inside(members)}, club) == "ana chi eve"


def test_customers_and_offerings_are_segments_as_written_or_as_read_back(club, people):
    one = make_segment(club, "One", members=[people["ana"], people["bob"]])
    two = make_segment(club, "Two", members=[people["bob"], people["chi"]])
    assert chosen({"customers": [one.uuid.hex], "offerings": []}, club) == "ana bob"
    assert chosen({"customers": [{"name": "One", "uuid": str(one.uuid)}], "offerings": [str(two.uuid)]}, club) == "bob"


def test_rules_may_name_other_segments(club, people):
    members = make_segment(club, "Members", members=[people["ana"], people["bob"]])
    inner = make_segment(club, "Inner", {"all": [inside(members), {"language": "es"}]})
    outer = make_segment(club, "Outer", {"any": [inside(inner), {"external_id": "d-1"}]})
    validate_rules(outer)
    assert names(segment_contacts(outer)) == "ana dan"


def test_rules_that_lead_back_to_their_segment_are_refused_with_the_way(club):
    first = make_segment(club, "First", {"language": "es"})
    second = make_segment(club, "Second", inside(first))
    first.rules = {"not": inside(second)}
    with pytest.raises(InvalidInput) as error:
        validate_rules(first)
    assert error.value.errors == {
        "rules": "rules.not.segment: segments go round in a circle: “First” → “Second” → “First”"
    }


def test_a_circle_that_is_already_stored_is_refused_where_it_is_used(club):
    segment = make_segment(club, "Self", {})
    Segment.objects.filter(pk=segment.pk).update(rules=inside(segment))
    with pytest.raises(InvalidInput, match=r"query\.segment: segments go round in a circle: “Self” → “Self”"):
        validate(inside(segment), club)
    with pytest.raises(InvalidInput, match="segments: Segments go round in a circle"):
        matched(Audience(organization=club, segment_ids=[segment.pk]))


def test_the_same_segment_twice_is_no_circle(club, people):
    spanish = make_segment(club, "Spanish", {"language": "es"})
    twice = make_segment(club, "Twice", {"any": [inside(spanish), {"all": [inside(spanish)]}]})
    validate_rules(twice)
    assert names(segment_contacts(twice)) == "ana"


def test_broken_rules_name_the_segment_and_the_path(club):
    broken = make_segment(club, "Broken", {"any": [{"langauge": "es"}]})
    with pytest.raises(InvalidInput) as error:
        validate({"not": inside(broken)}, club)
    message = error.value.errors["query"]
    assert message.startswith(
        "query.not.segment: segment “Broken” cannot be used, because of its rules.any[0].langauge"
    )
    with pytest.raises(InvalidInput, match=r"rules\.any\[0\]\.langauge: unknown; accepted: "):
        validate_rules(broken)
    with pytest.raises(InvalidInput, match="rules: segment “Broken” cannot be used"):
        segment_contacts(broken)


def test_a_segment_without_rules_is_nobody(club, people):
    assert segment_contacts(make_segment(club, "Empty", {})).count() == 0
    assert segment_contacts(make_segment(club, "Alone")).count() == 0


def test_counting_keeps_the_count_with_its_time(club, elsewhere, people):
    make_contact(elsewhere, language="es")
    segment = make_segment(club, "Spanish", {"language": ["es", "es-MX"]})
    assert count_segment(segment) == 2
    segment.refresh_from_db()
    assert segment.contacts_count == 2
    assert segment.counted_at is not None
