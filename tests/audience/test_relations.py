"""What contacts did and said: attendance in time, engagement, consent, suppression."""

from datetime import UTC, datetime, timedelta

import pytest

from broadcasts.audience import validate, values
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Attendance, Channel, Consent, DeliveryEvent, Link, Suppression

from .people import attend, chosen, make_activity, make_earlier, make_segment

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(values.timezone, "now", lambda: NOW)


@pytest.fixture
def attendances(club, people):
    """Ana came on 1 April and 20 May, Bob will come in three days, of Chi nobody knows when."""
    april, coming, unknown = make_activity(club), make_activity(club, "Polo"), make_activity(club)
    april.starts_at, coming.starts_at = datetime(2026, 4, 1, 9, tzinfo=UTC), NOW + timedelta(days=3)
    april.save()
    coming.save()
    attend(april, people["ana"])
    Attendance.objects.create(
        activity=unknown, contact=people["ana"], status="attended", at=datetime(2026, 5, 20, tzinfo=UTC)
    )
    attend(coming, people["bob"], "booked")
    attend(unknown, people["chi"])
    return april, coming, unknown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"since": "2026-04-01"}, "ana bob"),
        ({"since": "2026-04-02", "status": "attended"}, "ana"),
        ({"since": "2026-04-02", "at_least": 2}, ""),
        ({"since": "2026-04-01T09:00:00Z", "at_least": 2}, "ana"),
        ({"until": "2026-04-01"}, "ana"),
        ({"until": "2026-03-31"}, ""),
        ({"within": "30d"}, "ana"),
        ({"within": "1w"}, ""),
        ({"within_next": "3d"}, "bob"),
        ({"within_next": "71h"}, ""),
        ({"series": ["Polo", "Chess"], "status": ["booked", "attended"]}, "bob"),
    ],
)
def test_an_attendance_is_at_its_own_time_or_at_its_activitys(club, attendances, value, expected):
    assert chosen({"attendance": value}, club) == expected


def test_activities_of_an_attendance_may_be_a_list(club, attendances, django_assert_num_queries):
    with django_assert_num_queries(2):
        assert chosen({"attendance": {"activity": [str(one.uuid) for one in attendances]}}, club) == "ana bob chi"


@pytest.fixture
def earlier(mail, people):
    """Two broadcasts by a service that reports opens: ten days ago to Ana and Bob, yesterday to Ana, Chi and Dan."""
    Channel.objects.filter(pk=mail.pk).update(kind="email_service")
    old, new = NOW - timedelta(days=10), NOW - timedelta(days=1)
    first = make_earlier(
        mail,
        {
            people["ana"]: {"sent_at": old, "opened_at": old, "clicked_at": old},
            people["bob"]: {"sent_at": old, "replied_at": new},
        },
    )
    second = make_earlier(
        mail,
        {
            people["ana"]: {"sent_at": new},
            people["chi"]: {"status": "failed", "sent_at": None, "created": new},
            people["dan"]: {"status": "skipped", "sent_at": None},
        },
    )
    return first, second


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "sent"}, "ana bob"),
        ({"type": "sent", "within": "1w"}, "ana"),
        ({"type": "opened", "within": "2w"}, "ana"),
        ({"type": "opened", "within": "1w"}, ""),
        ({"type": "not_opened"}, "bob"),
        ({"type": "not_opened", "within": "1w"}, "ana"),
        ({"type": "replied", "within": "1w"}, "bob"),
        ({"type": "failed"}, "chi"),
        ({"type": "failed", "within": "2h"}, ""),
        ([{"type": "failed"}, {"type": "clicked"}], "ana chi"),
    ],
)
def test_engagement_may_be_with_any_broadcast_and_of_some_time(club, earlier, value, expected):
    assert chosen({"engagement": value}, club) == expected


def test_engagement_of_some_time_with_one_broadcast(club, earlier):
    first, _ = earlier
    assert chosen({"engagement": {"broadcast": str(first.uuid), "type": "opened", "within": "2w"}}, club) == "ana"
    assert chosen({"engagement": {"broadcast": str(first.uuid), "type": "opened", "within": "1w"}}, club) == ""


def test_a_click_may_be_asked_for_by_its_link(club, people, earlier):
    first, _ = earlier
    message = first.messages.get()
    pool, bar = (Link.objects.create(message=message, url=f"https://club.example/{one}", digest=one) for one in "pb")
    ana, bob = message.deliveries.order_by("id")
    DeliveryEvent.objects.create(delivery=ana, type="clicked", at=NOW - timedelta(days=10), link=pool)
    DeliveryEvent.objects.create(delivery=bob, type="clicked", at=NOW, link=pool, machine=True)
    DeliveryEvent.objects.create(delivery=bob, type="clicked", at=NOW, link=bar)
    clicked = {"broadcast": str(first.uuid), "type": "clicked"}
    assert chosen({"engagement": {**clicked, "link": pool.url}}, club) == "ana"
    assert chosen({"engagement": {**clicked, "link": pool.url, "within": "1w"}}, club) == ""
    assert chosen({"engagement": [{**clicked, "link": one.url} for one in (pool, bar)]}, club) == "ana bob"


@pytest.fixture
def consents(people):
    states = {"ana": "granted", "bob": "withdrawn", "chi": "unknown"}
    for name, state in states.items():
        Consent.objects.create(contact=people[name], medium="email", use_case="marketing", state=state)
    Consent.objects.create(contact=people["dan"], medium="sms", use_case="marketing", state="granted")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("granted", "ana"),
        (["granted", "withdrawn"], "ana bob"),
        ("unknown", "chi dan eve"),
        (["unknown", "granted"], "ana chi dan eve"),
        ("pending", ""),
    ],
)
def test_a_consent_is_unknown_where_none_is_written_down(club, consents, state, expected):
    consent = {"medium": "email", "use_case": "marketing", "state": state}
    assert chosen({"consent": consent}, club) == expected


def test_suppressed_asks_for_addresses_of_a_kind_whatever_the_reason(club, elsewhere, people):
    def suppress(organization, kind, digest, reason):
        Suppression.objects.create(
            organization=organization, medium=kind, address_hash=digest, reason=reason, use_case="marketing"
        )

    suppress(club, "email", people["ana"].email_hash, "unsubscribe")
    suppress(club, "email", people["ana"].email_hash, "hard_bounce")
    suppress(club, "sms", people["bob"].phone_hash, "stop")
    suppress(elsewhere, "email", people["chi"].email_hash, "manual")
    assert chosen({"suppressed": "email"}, club) == "ana"
    assert chosen({"suppressed": ["email", "sms"]}, club) == "ana bob"
    assert chosen({"not": {"suppressed": "email"}}, club) == "bob chi dan eve"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"attendance": {"since": "May"}}, "query.attendance.since: “May” is not a date or time"),
        ({"attendance": {"within": "soon"}}, "query.attendance.within: “soon” is not a span of time"),
        ({"attendance": {"within": "1d", "until": "2026-01-01"}}, "query.attendance.within: give since and until, or"),
        ({"attendance": {"activity": []}}, "query.attendance.activity: an empty list"),
        ({"attendance": {"series": [" "]}}, "query.attendance.series[0]: blank"),
        ({"engagement": {"type": "opened", "within": 5}}, "query.engagement.within: 5 is not text"),
        ({"engagement": {"type": "opened", "link": "x"}}, "query.engagement.link: give it beside a broadcast and the"),
        ({"consent": {"medium": "email"}}, "query.consent.use_case: missing; give medium and use_case and"),
        (
            {"consent": {"medium": "fax", "use_case": "marketing", "state": "granted"}},
            "query.consent.medium: “fax” is not a medium; accepted: email, sms, whatsapp, webhook",
        ),
        ({"suppressed": "fax"}, "query.suppressed: “fax” is not a medium; accepted: email"),
        ({"suppressed": True}, "query.suppressed: true is not a medium"),
        ({"suppressed": [{}]}, "query.suppressed[0]: {} is not a medium"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_path(club, query, message):
    with pytest.raises(InvalidInput) as error:
        validate(query, club)
    assert error.value.errors["query"].startswith(message)


def test_a_link_of_no_message_is_refused_with_those_there_are(club, earlier):
    first, _ = earlier
    Link.objects.create(message=first.messages.get(), url="https://club.example/pool", digest="p")
    clicked = {"broadcast": str(first.uuid), "type": "clicked", "link": "https://club.example/"}
    with pytest.raises(InvalidInput) as error:
        validate({"engagement": clicked}, club)
    assert error.value.errors["query"].endswith("its links: https://club.example/pool")


def test_the_new_conditions_work_inside_a_segment(club, consents, earlier):
    consent = {"medium": "email", "use_case": "marketing", "state": "granted"}
    segment = make_segment(club, "Keen", {"consent": consent, "engagement": {"type": "opened"}})
    assert chosen({"segment": str(segment.uuid)}, club) == "ana"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"series": True}, "series: true is neither the name of a series, a text, nor its id, a whole number"),
        ({"place": [1.5]}, "place[0]: 1.5 is neither the name of a place, a text, nor its id, a whole number"),
        ({"series": 0}, "series: 0 is not the id of a series"),
        ({"series": [10**18, 10**19]}, "series[1]: 10000000000000000000 is not the id of a series"),
        ({"place": 999}, "place: there is no place 999"),
    ],
)
def test_a_wrong_id_of_a_series_or_place_is_told_in_words(club, asked, told):
    with pytest.raises(InvalidInput) as refusal:
        chosen({"attendance": asked}, club)
    assert f"query.attendance.{told}" in str(refusal.value.errors)


def test_blanks_in_the_name_of_a_series_count_once(club, people):
    make_attendance = make_activity(club, "Early birds").attendances.create
    make_attendance(contact=people["ana"], status="booked")
    assert chosen({"attendance": {"series": " Early   birds"}}, club) == "ana"
