"""Values that exist, for whoever types one into a rule."""

import pytest

from broadcasts.audience import suggest, suggestions
from broadcasts.models import Link

from ..make import make_broadcast, make_contact
from .people import make_activity, make_segment


def values(club, of, text="", beside=""):
    return [value for value, _ in suggest(club, of, text, beside)]


def test_values_of_an_attribute_that_begin_so_the_most_common_first(club, people):
    assert values(club, "attributes__plan") == ["pro", "Basic"]
    assert values(club, "attributes__plan", "b") == ["Basic"]
    assert values(club, "attributes__tags") == ["swim", "yoga"]
    assert values(club, "attributes__tags", "Y") == ["yoga"]


def test_languages_and_time_zones_that_somebody_has(club, people):
    assert values(club, "language", "es") == ["es", "es-MX"]
    assert values(club, "time_zone") == ["Europe/Madrid"]


def test_rows_are_found_by_part_of_their_name_and_by_uuid(club, mail):
    segment = make_segment(club, "Spanish", {"language": "es"})
    yoga, news = make_activity(club), make_broadcast(mail, subject="News of May", status="SENT")
    draft = make_broadcast(mail, subject="News of maybe")
    assert suggest(club, "segment", "PAN") == [(str(segment.uuid), "Spanish")]
    assert suggest(club, "activity", str(yoga.uuid)) == [(str(yoga.uuid), "Yoga")]
    assert suggest(club, "broadcast", "may") == [(str(news.uuid), "News of May")]  # of a draft nothing has become yet
    assert suggest(club, "broadcast", str(draft.uuid)) == [(str(draft.uuid), "News of maybe")]
    assert values(club, "series", "yo") == ["Yoga"]


def test_links_are_those_of_the_broadcast_beside(club, mail):
    one, other = make_broadcast(mail), make_broadcast(mail)
    Link.objects.create(message=one.first_message(), url="https://example.com/a", digest="a")
    Link.objects.create(message=other.first_message(), url="https://example.com/b", digest="b")
    assert values(club, "link", beside=str(one.uuid)) == ["https://example.com/a"]
    assert values(club, "link") == []


@pytest.mark.parametrize("of", ["", "password", "attributes__", "attributes__plan'", "attributes__nothing"])
def test_nothing_is_suggested_for_what_nobody_knows(club, people, of):
    assert suggest(club, of) == []


@pytest.mark.parametrize("of", ["language", "attributes__plan", "attributes__tags", "segment", "activity", "series"])
def test_values_of_another_organization_are_not_suggested(elsewhere, club, people, of):
    make_segment(club, "Spanish", {"language": "es"})
    make_activity(club)
    make_contact(elsewhere, attributes={"plan": None, "tags": []})
    assert suggest(elsewhere, of) == []


def test_only_the_newest_contacts_are_looked_through(club, people, monkeypatch):
    monkeypatch.setattr(suggestions, "NEWEST", 2)
    assert values(club, "language") == []
    assert values(club, "time_zone") == ["Europe/Madrid"]
