"""An audience taken apart for one contact agrees with whom it matches, and names the rule that leaves others out."""

from datetime import UTC, datetime

import pytest

from broadcasts.audience import Audience, match_contact, matched
from broadcasts.exceptions import InvalidInput

from ..make import make_broadcast
from .people import attend, make_activity, make_earlier, make_segment


@pytest.fixture
def rule(club, people):
    """The rule that leaves somebody out."""

    def ask(name, **fields):
        return match_contact(Audience(organization=club, **fields), people[name]).rule()

    return ask


@pytest.mark.parametrize(
    ("name", "query", "said"),
    [
        ("bob", {"attributes__plan": "pro"}, "query: plan must be “pro”; it is “Basic”"),
        ("dan", {"attributes__plan": "pro"}, "query: plan must be “pro”; it is not known"),
        ("bob", {"attributes__age__gte": 18}, "query: age must be at least 18; it is 9"),
        ("ana", {"attributes__tags": "run"}, "query: tags must be “run”; it is “swim” or “yoga”"),
        ("dan", {"attributes__plan__exists": True}, "query: plan must be known; it is not known"),
        ("bob", {"language": ["es", "fr"]}, "query: language must be “es” or “fr”; it is “en”"),
        ("dan", {"email__icontains": "@"}, "query: e-mail must contain “@”; it is not known"),
        ("eve", {"status": "active"}, "query: status must be “active”; it is “archived”"),
        ("bob", {"not": {"language": "en"}}, "query.not: language must not be “en”; it is “en”"),
        (
            "bob",
            {"all": [{"language": "en"}, {"attributes__plan": "pro"}]},
            "query.all[1]: plan must be “pro”; it is “Basic”",
        ),
        (
            "bob",
            {"any": [{"language": "es", "attributes__plan": "pro"}, {"attributes__age__gt": 10}]},
            "query.any[1]: age must be more than 10; it is 9",
        ),
        ("bob", {"not": {"time_zone": ["", ""]}}, "query.not: time zone must not be blank; it is not known"),
        (
            "bob",
            {"consent": {"medium": "email", "use_case": "marketing", "state": ["granted", "pending"]}},
            "query: they must have “Granted” or “Asked, not confirmed” as their consent to marketing by email",
        ),
        (
            "bob",
            {"engagement": [{"type": "clicked", "within": "30d"}, {"type": "not_opened"}]},
            "query: they must have clicked in a broadcast, in the last 30 days or have been sent a broadcast and "
            "not opened it",
        ),
        ("bob", {"last_seen_at__within": "30d"}, "query: last seen at must be in the last 30 days; it is not known"),
        ("bob", {"all_users": False}, "query: nobody is chosen, as nothing is asked for"),
    ],
)
def test_the_nearest_failing_condition_is_named_with_the_persons_value(rule, name, query, said):
    assert rule(name, query=query) == said


def test_a_moment_is_told_in_the_organizations_zone(club, people):
    club.time_zone = "Europe/Madrid"
    ana = people["ana"]
    ana.created = datetime(2026, 1, 1, 23, 30, tzinfo=UTC)
    found = match_contact(Audience(organization=club, query={"created__gt": "2090-01-01"}), ana).rule()
    assert found == "query: created must be after “2090-01-01”; it is 2 Jan 2026, 00:30 Europe/Madrid"


def test_a_rule_inside_a_segment_is_named_by_the_segment(club, rule):
    spanish = make_segment(club, "Spanish", {"language": "es"})
    both = make_segment(club, "Both", {"all": [{"segment": str(spanish.uuid)}, {"attributes__plan": "pro"}]})
    assert rule("bob", segment_ids=[both.pk]) == "segment “Spanish”: rules: language must be “es”; it is “en”"


def test_a_rule_is_nearer_than_being_named(club, rule, people):
    members = make_segment(club, "Masters", members=[people["ana"]])
    everything = {"contact_ids": [people["ana"].pk], "addresses": ["mailto:a@example.com"], "segment_ids": [members.pk]}
    assert rule("bob", query={"language": "es"}, **everything).startswith("query: language must be")
    assert rule("bob", segment_ids=[members.pk]) == "segments: they must be a member of segment “Masters”"
    assert rule("bob", contact_ids=[people["ana"].pk]) == "contacts: they must be one of the contacts that are named"
    assert rule("bob", addresses=["mailto:a@example.com"]) == "addresses: they must have the address a@example.com"
    two = ["mailto:a@example.com", "tel:+34600000009"]
    assert "they must have one of the 2 addresses that are named" in rule("bob", addresses=two)


def test_attendance_and_engagement_are_told_with_what_there_is(club, rule, people, mail):
    activity = make_activity(club)
    attend(activity, people["bob"], "booked")
    uuid = str(activity.uuid)
    three = {"attendance": {"series": "Yoga", "status": "attended", "at_least": 3}}
    assert rule("bob", query=three) == (
        "query: they must have at least 3 places in “Yoga” with the status “Attended”; they have 1 booked"
    )
    assert rule("ana", query={"activity": uuid}) == "query: they must have a place in “Yoga”; they have no place there"
    assert rule("bob", query={"activity": uuid, "attendance_status": "attended"}) == (
        "query: they must have a place in “Yoga” that is “attended”; they have 1 booked"
    )
    assert rule("bob", activity_id=activity.pk, attendance_status="attended") == (
        "activity: they must have a place in “Yoga” with the status “Attended”; they have 1 booked"
    )
    earlier = make_earlier(mail, {people["bob"]: {}})
    opened = {"engagement": {"broadcast": str(earlier.uuid), "type": "opened"}}
    assert rule("bob", query=opened) == (
        "query: they must have opened “Pool closed” (not measured yet); for them it was sent"
    )
    assert rule("ana", send_to_all=True, retarget_of_id=earlier.pk, retarget_engagement="opened") == (
        "retarget_of: they must have opened “Pool closed” (not measured yet); they were not among its recipients"
    )
    assert rule("ana", send_to_all=True, retarget_of_id=earlier.pk, retarget_engagement="failed") == (
        "retarget_of: they must be somebody whom “Pool closed” failed to reach; they were not among its recipients"
    )


def audiences(club, people, mail):
    """Audiences of every kind, alone and together."""
    activity = make_activity(club)
    attend(activity, people["bob"], "no_show")
    members = make_segment(club, "Members", members=[people["dan"]])
    spanish = make_segment(club, "Spanish", {"any": [{"language": "es"}, {"segment": str(members.uuid)}]})
    earlier = make_earlier(mail, {people["ana"]: {}, people["bob"]: {"status": "failed", "sent_at": None}})
    queries = [
        {},
        {"all_users": True},
        {"not": {"attributes__plan": "pro"}},
        {"any": [{"attributes__age__gt": 10}, {"all": [{"language": "en"}, {"not": {"status": "archived"}}]}]},
        {"activity": str(activity.uuid), "attendance_status": ["booked", "no_show"]},
        {"customers": [], "offerings": [str(members.uuid), str(spanish.uuid)], "language": ["", "es"]},
        {"not": {"engagement": {"broadcast": str(earlier.uuid), "type": "sent"}}, "attributes__plan__exists": True},
        {"engagement": {"type": "sent"}},
        {"consent": {"medium": "email", "use_case": "marketing", "state": "granted"}},
        {"not": {"suppressed": "email"}, "attendance": {"series": ["Yoga", "Swim"], "since": "2020-01-01"}},
        {"created__within": "30d"},
    ]
    yield from ({"query": query} for query in queries)
    yield {"send_to_all": True, "retarget_of_id": earlier.pk, "retarget_engagement": "failed"}
    yield {"retarget_of_id": earlier.pk, "retarget_engagement": "sent"}
    yield {
        "segment_ids": [spanish.pk, members.pk],
        "contact_ids": [people["chi"].pk],
        "addresses": ["mailto:bob@example.com"],
        "activity_id": activity.pk,
        "query": {"status": "archived"},
        "excluded_ids": [members.pk],
        "excluded_broadcast_ids": [earlier.pk],
    }


def test_the_parts_agree_with_the_whole(club, people, mail):
    for fields in audiences(club, people, mail):
        audience = Audience(organization=club, **fields)
        inside = set(matched(audience).values_list("pk", flat=True))
        excluded = audience.excluded()
        left_out = set() if excluded is None else set(matched(audience).filter(excluded).values_list("pk", flat=True))
        for name, contact in people.items():
            found = match_contact(audience, contact)
            assert found.matched == found.tree.holds == (contact.pk in inside), (name, fields)
            assert bool(found.rule()) != found.matched
            if found.matched:
                assert found.excluded.holds == (contact.pk in left_out)


def test_a_large_tree_takes_few_queries(club, people, django_assert_max_num_queries):
    query = {"any": [{"attributes__age__gt": age} for age in range(100, 200)]}
    with django_assert_max_num_queries(7):
        assert (
            match_contact(Audience(organization=club, query=query), people["ana"])
            .rule()
            .startswith("query.any[0]: age")
        )


def test_what_cannot_be_read_is_refused(club, people, mail):
    circle = make_segment(club, "Circle", {})
    circle.rules = {"segment": str(circle.uuid)}
    circle.save()
    for fields in ({"segment_ids": [circle.pk]}, {"query": {"favourite": 1}}, {"excluded_ids": [circle.pk]}):
        with pytest.raises(InvalidInput):
            match_contact(Audience(organization=club, **fields), people["ana"])


def test_a_saved_broadcast_is_asked_the_same(club, people, mail):
    broadcast = make_broadcast(mail, send_to_all=False, query={"language": "es"})
    assert match_contact(Audience.of(broadcast), people["ana"]).matched
    assert match_contact(Audience.of(broadcast), people["bob"]).rule() == "query: language must be “es”; it is “en”"


def test_what_a_broadcasts_channel_measures_is_told_without_a_mark(rule, people, mail, tracked):
    earlier = make_earlier(mail, {people["bob"]: {}})
    unopened = {"engagement": {"broadcast": str(earlier.uuid), "type": "not_opened"}}
    assert rule("ana", query=unopened).startswith("query: they must have been sent “Pool closed” and not opened it;")
