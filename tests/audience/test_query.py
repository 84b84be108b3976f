"""The tree: which contacts a query chooses, and how it is refused."""

from datetime import UTC, datetime
from itertools import product
from uuid import uuid4

import pytest

from broadcasts.audience import CONDITIONS, compile_query, query_from, validate
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Contact, Place

from ..make import make_contact
from .people import attend, chosen, make_activity, make_earlier, make_segment


def refusal(query, club) -> str:
    with pytest.raises(InvalidInput) as error:
        validate(query, club)
    assert set(error.value.errors) == {"query"}
    return error.value.errors["query"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ""),
        ({"all_users": True}, "ana bob chi dan eve"),
        ({"all_users": False, "language": "es"}, "ana"),
        ({"all_users": False}, ""),
        ({"email": "BOB@example.COM"}, "bob"),
        ({"email": ["ana@example.com", "chi@example.org"]}, "ana chi"),
        ({"email": ""}, "dan"),
        ({"email__icontains": "example.COM"}, "ana bob eve"),
        ({"phone": "600 000 001"}, "bob"),
        ({"phone": ["+34600000002", ""]}, "ana chi dan eve"),
        ({"whatsapp_id": ""}, "ana bob chi dan eve"),
        ({"external_id": "d-1"}, "dan"),
        ({"full_name": "Chi"}, "chi"),
        ({"full_name__icontains": ["ruiz", "STONE"]}, "ana bob"),
        ({"language": "es"}, "ana"),
        ({"language": ["ES", "es_mx"]}, "ana chi"),
        ({"language": ""}, "dan eve"),
        ({"status": "archived"}, "eve"),
        ({"time_zone": "Europe/Madrid"}, "eve"),
        ({"search": "ruiz"}, "ana"),
        ({"search": "example.org"}, "chi"),
        ({"search": "0600 000 002"}, "dan"),
        ({"customers": [], "offerings": [], "language": "en"}, "bob"),
        ({"customers": []}, ""),
        ({"language": "es", "attributes__plan": "pro"}, "ana"),
        ({"any": [{"language": "en"}, {"external_id": "d-1"}]}, "bob dan"),
        ({"all": [{"language": ["es", "en"]}, {"not": {"email__icontains": "bob"}}]}, "ana"),
        ({"any": [{"language": "en"}, {"language": "es"}], "full_name__icontains": "a"}, "ana"),
        ({"not": {"not": {"language": "es"}}}, "ana"),
        ({"not": {"all_users": True}}, ""),
    ],
)
def test_a_query_chooses(club, people, query, expected):
    assert chosen(query, club) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"not": {"language": "es"}}, "bob chi dan eve"),
        ({"not": {"external_id": "d-1"}}, "ana bob chi eve"),
        ({"not": {"email": "ana@example.com"}}, "bob chi dan eve"),
        ({"not": {"attributes__plan": "pro"}}, "bob dan eve"),
        ({"not": {"attributes__age__gt": 10}}, "bob chi dan eve"),
        ({"not": {"attributes__tags": "swim"}}, "bob chi dan eve"),
        ({"not": {"last_seen_at__gte": "2026-01-01"}}, "ana bob chi dan eve"),
        ({"not": {"any": [{"attributes__plan": "pro"}, {"language": "en"}]}}, "dan eve"),
        ({"not": {"not": {"attributes__plan": "pro"}}}, "ana chi"),
    ],
)
def test_a_negation_includes_those_about_whom_nothing_is_known(club, people, query, expected):
    assert chosen(query, club) == expected


def test_a_uuid_chooses_one_contact_under_both_names(club, people):
    ana, bob = str(people["ana"].uuid), people["bob"].uuid.hex
    assert chosen({"uuid": ana}, club) == "ana"
    assert chosen({"contact": [ana, bob]}, club) == "ana bob"


def test_a_day_counts_whole_in_the_organizations_zone(club, people):
    club.time_zone = "Europe/Madrid"
    moments = {"ana": "2026-03-01T22:30+00:00", "bob": "2026-03-01T23:30+00:00"}
    for name, moment in moments.items():
        Contact.objects.filter(pk=people[name].pk).update(last_seen_at=datetime.fromisoformat(moment))
    assert chosen({"last_seen_at__lte": "2026-03-01"}, club) == "ana"
    assert chosen({"last_seen_at__gt": "2026-03-01"}, club) == "bob"
    assert chosen({"last_seen_at__lt": "2026-03-02"}, club) == "ana"
    assert chosen({"last_seen_at__gte": "2026-03-01T23:30:00Z"}, club) == "bob"


def test_contacts_are_chosen_by_when_they_were_made(club, people):
    Contact.objects.filter(pk=people["ana"].pk).update(created=datetime(2020, 1, 1, tzinfo=UTC))
    assert chosen({"created__lt": "2021-01-01"}, club) == "ana"
    assert chosen({"created__gte": "2021-01-01"}, club) == "bob chi dan eve"


def test_attendance_is_asked_by_activity_series_status_and_number(club, people):
    first, second, other = make_activity(club), make_activity(club), make_activity(club, "Polo")
    attend(first, people["ana"])
    attend(second, people["ana"])
    attend(first, people["bob"], "no_show")
    attend(other, people["bob"])
    assert chosen({"attendance": {"series": "Yoga", "status": "attended", "at_least": 2}}, club) == "ana"
    assert chosen({"attendance": {"series": "Yoga"}}, club) == "ana bob"
    assert chosen({"not": {"attendance": {"at_least": 2}}}, club) == "chi dan eve"
    assert chosen({"activity": str(first.uuid)}, club) == "ana bob"
    assert chosen({"attendance_status": "attended"}, club) == "ana bob"
    assert chosen({"attendance": {"activity": str(other.uuid), "status": ["booked", "attended"]}}, club) == "bob"


def test_an_attendance_status_beside_an_activity_is_of_that_activity(club, people):
    yoga, polo = make_activity(club), make_activity(club, "Polo")
    attend(yoga, people["bob"], "no_show")
    attend(polo, people["bob"], "attended")
    assert chosen({"activity": str(yoga.uuid), "attendance_status": "attended"}, club) == ""
    assert chosen({"activity": str(yoga.uuid), "attendance_status": ["no_show", "attended"]}, club) == "bob"


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("sent", "ana bob"),
        ("delivered", "ana"),
        ("opened", "ana"),
        ("not_opened", "bob"),
        ("clicked", ""),
        ("replied", "bob"),
        ("failed", "chi"),
    ],
)
def test_engagement_asks_what_became_of_an_earlier_broadcast(club, people, mail, type_, expected):
    then = datetime(2026, 1, 1, tzinfo=UTC)
    earlier = make_earlier(
        mail,
        {
            people["ana"]: {"delivered_at": then, "opened_at": then},
            people["bob"]: {"replied_at": then},
            people["chi"]: {"status": "failed", "sent_at": None},
            people["dan"]: {"status": "skipped", "sent_at": None},
        },
    )
    assert chosen({"engagement": {"broadcast": str(earlier.uuid), "type": type_}}, club) == expected


def test_only_the_organizations_own_contacts_are_chosen(club, elsewhere, people):
    make_contact(elsewhere, "ana@example.com", full_name="Stranger")
    assert chosen({"email": "ana@example.com"}, club) == "ana"
    assert chosen({"not": {"language": "es"}}, club) == "bob chi dan eve"


def test_composed_rules_choose_whom_plain_python_chooses(club):
    languages, plans, ages = ("", "es", "en"), (None, "pro", "basic"), (None, 9, 30)
    for language, plan, age in product(languages, plans, ages):
        attributes = {name: value for name, value in (("plan", plan), ("age", age)) if value is not None}
        make_contact(club, language=language, attributes=attributes)

    def spanish(one):
        return one.language == "es"

    def pro(one):
        return one.attributes.get("plan") == "pro"

    def grown(one):
        return (one.attributes.get("age") or 0) >= 18

    conditions = [
        ({"language": "es"}, spanish),
        ({"attributes__plan": "pro"}, pro),
        ({"attributes__age__gte": 18}, grown),
    ]
    for (one, is_one), (two, is_two) in product(conditions, conditions):
        rules = {
            "both": ({"all": [one, {"not": two}]}, lambda c, a=is_one, b=is_two: a(c) and not b(c)),
            "either": ({"any": [{"not": one}, two]}, lambda c, a=is_one, b=is_two: not a(c) or b(c)),
            "neither": ({"not": {"any": [one, two]}}, lambda c, a=is_one, b=is_two: not (a(c) or b(c))),
        }
        for query, holds in rules.values():
            expected = {one.pk for one in Contact.objects.all() if holds(one)}
            assert set(compile_query(query, club).values_list("pk", flat=True)) == expected, query


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (None, 'query: must be an object, such as {"language": "es"}'),
        ([], 'query: must be an object, such as {"language": "es"}'),
        ({"any": [{"language": "es"}, {}]}, "query.any[1]: says nothing; give at least one condition"),
        ({"any": []}, "query.any: must be a list of at least one object"),
        ({"all": {"language": "es"}}, "query.all: must be a list of at least one object"),
        ({"not": {}}, "query.not: says nothing; give at least one condition"),
        ({"not": "es"}, "query.not: must be an object"),
        ({"not": {"customers": []}}, "query.not: says nothing"),
        ({"language": []}, "query.language: an empty list; give at least one value"),
        ({"language": None}, "query.language: null is not text"),
        ({"language": ["es", "klingon!"]}, "query.language[1]: “klingon!” is not a language"),
        ({"email": "joe"}, "query.email: “joe” is not an e-mail address: it has no @."),
        ({"email": "a\x00@example.com"}, "query.email: holds characters that text cannot have"),
        ({"phone": "12"}, "query.phone: “12” is not a phone number"),
        ({"full_name": "x" * 1001}, "query.full_name: 1,001 characters; 1,000 at most"),
        ({"search": " "}, "query.search: blank; give some text to look for"),
        ({"status": "gone"}, "query.status: “gone” is not a status; accepted: active, blocked, archived"),
        ({"time_zone": "Mars/Base"}, "query.time_zone: “Mars/Base” is not a time zone"),
        ({"all_users": "maybe"}, "query.all_users: “maybe” is neither true nor false"),
        ({"uuid": "abc"}, "query.uuid: “abc” is not a uuid"),
        ({"segment": "abc"}, "query.segment: “abc” is not a uuid"),
        ({"created__gte": "soon"}, "query.created__gte: “soon” is not a date or time; accepted: such as 2026-11-21"),
        ({"created__gte": 5}, "query.created__gte: 5 is not text"),
        ({"created__gte": "9999-12-31T23:00-05:00"}, "is too far away"),
        ({"attendance": {}}, "query.attendance: must be an object with some of: series, activity, place"),
        (
            {"attendance": "Yoga"},
            'query.attendance: must be an object, such as {"series": "Yoga", "status": "attended"',
        ),
        ({"engagement": "opened"}, 'query.engagement: must be an object, such as {"broadcast": "<uuid>", "type":'),
        ({"consent": "granted"}, 'query.consent: must be an object, such as {"medium": "email"'),
        ({"attendance": "{"}, "query.attendance: “{” is not JSON"),
        ({"attendance": {"serie": "Yoga"}}, "query.attendance.serie: unknown; accepted: series, activity"),
        ({"attendance": {"at_least": 0}}, "query.attendance.at_least: must be a whole number from 1 to 1000"),
        ({"attendance": {"status": "late"}}, "query.attendance.status: “late” is not an attendance status; accepted:"),
        ({"attendance": {"status": ["late"]}}, "query.attendance.status[0]: “late” is not"),
        ({"attendance_status": "late"}, "query.attendance_status: “late” is not an attendance status"),
        ({"engagement": {"within": "1d"}}, 'query.engagement.type: missing; give type, such as {"broadcast"'),
        ({"engagement": {"broadcast": "abc", "type": "opened"}}, "query.engagement.broadcast: “abc” is not a uuid"),
        ({"engagement": {"broadcast": "abc", "type": "liked"}}, "query.engagement.type: “liked” is not an engagement"),
        ({"page_size": 10}, "query.page_size: unknown; accepted: all, any, not, all_users,"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_path(club, query, message):
    assert message in refusal(query, club)


def test_an_unknown_key_is_refused_with_its_path_and_the_accepted_keys(club):
    message = refusal({"any": [{"language": "es"}, {"langauge": "en"}]}, club)
    assert message.startswith("query.any[1].langauge: unknown; accepted: ")
    for key in [*CONDITIONS, "attributes__<key>", "all", "any", "not"]:
        assert key in message


@pytest.mark.parametrize("key", ["segment", "activity", "customers", "offerings"])
def test_a_uuid_of_nothing_is_an_error_and_not_an_empty_audience(club, key):
    unknown = str(uuid4())
    assert f"there is no {'activity' if key == 'activity' else 'segment'} {unknown}" in refusal({key: [unknown]}, club)


def test_rows_of_another_organization_are_as_good_as_absent(club, elsewhere, mail):
    segment = make_segment(elsewhere, "Theirs", {"all_users": True})
    activity = make_activity(elsewhere)
    mail.organization = elsewhere
    mail.save()
    earlier = make_earlier(mail, {})
    assert f"query.segment: there is no segment {segment.uuid}" in refusal({"segment": str(segment.uuid)}, club)
    assert f"there is no activity {activity.uuid}" in refusal({"activity": str(activity.uuid)}, club)
    engagement = {"broadcast": str(earlier.uuid), "type": "opened"}
    assert f"query.engagement.broadcast: there is no broadcast {earlier.uuid}" in refusal(
        {"engagement": engagement}, club
    )


def test_segments_are_looked_up_once_for_a_list_of_them(club, people, django_assert_num_queries):
    segments = [make_segment(club, f"S{i}", members=[people["ana"]]) for i in range(5)]
    query = {"segment": [str(segment.uuid) for segment in segments]}
    with django_assert_num_queries(2):
        assert chosen(query, club) == "ana"


def test_url_parameters_make_a_query(club, people, rf):
    def query(text):
        return query_from(rf.get(f"/?{text}").GET)

    assert query("page=2&page_size=5&field=email&o=name") == {}
    assert query("language=es&language=en&page=1") == {"language": ["es", "en"]}
    assert chosen(query('query={"not":{"language":"es"}}&status=active'), club) == "bob chi dan"
    assert query('query={"language":"es"}') == {"language": "es"}
    with pytest.raises(InvalidInput, match="query: not JSON"):
        query("query={")


def test_one_attendance_meets_place_and_status_together(club, people):
    north, south = make_activity(club), make_activity(club)
    for activity, place in ((north, "N"), (south, "S")):
        activity.place = Place.objects.create(organization=club, name=place)
        activity.save()
    attend(north, people["ana"], "attended")
    attend(north, people["bob"], "waitlisted")
    attend(south, people["bob"], "attended")
    assert chosen({"attendance": {"place": "N", "status": "attended"}}, club) == "ana"
    assert chosen({"attendance": {"place": ["N", "S"], "status": "attended"}}, club) == "ana bob"
    assert chosen({"attendance": {"place": "N", "status": "waitlisted"}}, club) == "bob"
