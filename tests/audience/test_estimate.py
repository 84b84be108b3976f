"""The numbers before start are those of the rows after it."""

from collections import Counter

import pytest

from broadcasts.audience import Audience, Estimate, Route, estimate, preview, receivers, recipients, survey
from broadcasts.mediums import address_hash
from broadcasts.models import Channel, Contact, Suppression

from ..make import make_contact, make_contacts
from .people import make_segment


@pytest.fixture
def by_phone(club):
    return Channel.objects.create(organization=club, name="Text", kind="console", address_field="phone", rate=2)


@pytest.fixture
def everybody(club):
    return Audience(organization=club, send_to_all=True)


def test_an_estimate_counts_by_reason(club, mail, people):
    bob = people["bob"]
    Suppression.objects.create(organization=club, address_hash=bob.email_hash, reason="hard_bounce")
    spanish = make_segment(club, "Spanish", {"language": "es"})
    audience = Audience(organization=club, send_to_all=True, excluded_ids=[spanish.pk])
    mail.rate = 2
    assert estimate(audience, [Route(channel=mail, languages=["en"])]) == Estimate(
        matched=5,
        will_receive=1,
        skipped={"excluded": 1, "bounced": 1, "no_address": 1, "blocked": 1},
        per_channel={"Newsletter": 1},
        per_language={"en": 1},
        expected_duration_seconds=1,
    )


def test_an_estimate_equals_the_rows_of_the_recipients(club, mail, people):
    one = make_segment(club, "One", {"any": [{"language": "es"}, {"status": "archived"}]})
    two = make_segment(club, "Two", members=[people["ana"], people["bob"], people["dan"]])
    audience = Audience(organization=club, segment_ids=[one.pk, two.pk], excluded_ids=[one.pk])
    route = Route(channel=mail, languages=["en"])
    found = estimate(audience, [route])
    rows = Counter(recipients(audience, route).values_list("skip_reason", flat=True))
    assert found.matched == sum(rows.values()) == 4
    assert {"": found.will_receive, **found.skipped} == dict(rows)


def test_somebody_in_two_segments_counts_once(club, mail, people):
    segments = [make_segment(club, name, members=[people["ana"], people["bob"]]) for name in "AB"]
    audience = Audience(organization=club, segment_ids=[segment.pk for segment in segments])
    found = estimate(audience, [Route(channel=mail, languages=["en"])])
    assert (found.matched, found.will_receive) == (2, 2)


def test_an_estimate_is_one_query_however_many_contacts_and_messages(
    club, mail, by_phone, everybody, django_assert_num_queries
):
    make_contacts(club, 5)
    with django_assert_num_queries(1):
        assert estimate(everybody, [Route(channel=mail), Route(channel=by_phone)]).matched == 5


def test_the_first_channel_that_works_counts_a_contact_once(club, mail, by_phone, people, everybody):
    routes = [Route(channel=mail, languages=["en"]), Route(channel=by_phone, languages=["en"])]
    found = estimate(everybody, routes)
    assert found == Estimate(
        matched=5,
        will_receive=4,
        skipped={"blocked": 1},
        per_channel={"Newsletter": 3, "Text": 1},
        per_language={"en": 4},
        expected_duration_seconds=1,
    )


def test_every_channel_counts_each_row(club, mail, by_phone, people):
    routes = [Route(channel=mail, languages=["en"]), Route(channel=by_phone, languages=["en"])]
    found = estimate(Audience(organization=club, send_to_all=True, channel_policy="every"), routes)
    assert found.matched == 5
    assert found.will_receive == 5
    assert found.skipped == {"blocked": 2, "no_address": 3}
    assert found.per_channel == {"Newsletter": 3, "Text": 2}


def test_the_rows_of_the_messages_share_the_matched_out(club, mail, by_phone, people, everybody):
    routes = [Route(channel=mail, languages=["en"]), Route(channel=by_phone, languages=["en"])]
    shares = [dict(recipients(everybody, one, routes).values_list("full_name", "skip_reason")) for one in routes]
    assert shares == [{"Ana Ruiz": "", "Bob Stone": "", "Chi": "", "Eve": "blocked"}, {"Dan": ""}]


def test_the_expected_duration_is_that_of_the_slowest_channel_rounded_up(club, mail, everybody):
    make_contacts(club, 5)
    mail.rate = 2
    assert estimate(everybody, [Route(channel=mail)]).expected_duration_seconds == 3
    mail.rate = None
    assert estimate(everybody, [Route(channel=mail)]).expected_duration_seconds is None


def test_the_expected_duration_counts_the_days_of_a_warm_up(club, mail, everybody):
    make_contacts(club, 10)
    mail.rate, mail.ramp = 2, {"start": 4, "growth": 2, "since": "2999-01-01"}
    assert estimate(everybody, [Route(channel=mail)]).expected_duration_seconds == 2 * 86_400 + 1


def test_without_a_message_people_match_and_nobody_receives(club, people, everybody):
    assert estimate(everybody, []) == Estimate(5, 0, {}, {}, {}, None)
    assert preview(everybody, []) == []


def test_an_audience_of_nobody_is_all_zeros(club, mail, people):
    assert estimate(Audience(organization=club), [Route(channel=mail)]).matched == 0


def test_a_preview_shows_who_will_receive_it_by_e_mail_in_order(club, mail, people, everybody):
    assert preview(everybody, [Route(channel=mail, languages=["en"])]) == [
        "ana@example.com",
        "Bob@Example.com",
        "chi@example.org",
    ]


def test_a_preview_shows_no_phones(club, by_phone, everybody):
    make_contact(club, phone="+34600000001")
    assert preview(everybody, [Route(channel=by_phone)]) == []


def test_a_preview_stops_at_a_hundred(club, mail, everybody, django_assert_num_queries):
    contacts = make_contacts(club, 102)
    with django_assert_num_queries(1):
        found = preview(everybody, [Route(channel=mail, languages=["en"])])
    assert found == [one.email for one in contacts[:100]]


def test_the_recipients_page_by_name_in_sql(club, mail, everybody, django_assert_num_queries):
    for name in ("Zoe", "Ada", "Mia"):
        make_contact(club, full_name=name)
    found = recipients(everybody, Route(channel=mail, languages=["en"])).filter(skip_reason="")
    with django_assert_num_queries(1):
        assert [one.full_name for one in found.order_by("full_name", "pk")[:2]] == ["Ada", "Mia"]


def test_addresses_that_nobody_has_yet_count_as_the_contacts_they_will_be(club):
    make_contact(club, "known@example.com")
    Suppression.objects.create(organization=club, address_hash=address_hash("no@example.com"), reason="complaint")
    addresses = [f"mailto:{name}@example.com" for name in ("known", "new", "no")] + ["tel:+34600000001"]
    told = estimate(Audience(organization=club, addresses=addresses), [Route()])
    assert (told.matched, told.will_receive, told.skipped) == (4, 2, {"complained": 1, "no_address": 1})
    assert preview(Audience(organization=club, addresses=addresses), [Route()]) == [
        "known@example.com",
        "new@example.com",
    ]
    assert Contact.objects.count() == 1


def test_of_two_equal_messages_the_first_gets_everybody(club, mail, people):
    audience = Audience(organization=club, send_to_all=True, channel_policy="first")
    routes = [Route(channel=mail, languages=["en"]), Route(channel=mail, languages=["en"])]
    reached = [recipients(audience, one, routes).filter(skip_reason="").count() for one in routes]
    assert (reached, [receivers(audience, one, routes).count() for one in routes]) == ([3, 0], [3, 0])


@pytest.mark.parametrize("policy", ["first", "fallback", "every"])
def test_receivers_are_the_recipients_that_are_not_skipped(club, mail, by_phone, people, policy):
    audience = Audience(organization=club, send_to_all=True, channel_policy=policy)
    routes = [Route(channel=by_phone, languages=["en"]), Route(channel=mail, languages=["en", "es"])]
    columns = ("pk", "send_address", "send_language")
    for one in routes:
        told = recipients(audience, one, routes).filter(skip_reason="").order_by("pk").values_list(*columns)
        assert list(receivers(audience, one, routes).order_by("pk").values_list(*columns)) == list(told) != []


@pytest.mark.parametrize("policy", ["first", "fallback", "every"])
def test_a_survey_counts_as_the_estimate_does(club, mail, by_phone, people, policy):
    audience = Audience(organization=club, send_to_all=True, channel_policy=policy)
    routes = [Route(channel=by_phone, languages=["en"]), Route(channel=mail, languages=["en", "es"])]
    found, reached = survey(audience, routes, None)
    assert (found, found.by_message) == ((known := estimate(audience, routes)), known.by_message)
    assert sum(n * len(group.messages) for group, n in reached.items()) == found.will_receive
