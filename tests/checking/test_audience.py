"""The lines about who gets it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts import checking
from broadcasts.checking import people
from broadcasts.checking.lines import coarse
from broadcasts.models import Broadcast, Consent, Contact, Organization
from tests.make import add_channel, make_broadcast, make_contact, make_contacts, make_delivery

from .asked import fresh, level, line

SPANISH = {"es": {"subject": "Hola", "text": "Hola"}}


def test_the_number_of_recipients_is_told(mail):
    make_contacts(mail.organization, 3)
    assert line(make_broadcast(mail), "recipients").words == "3 people will receive it."


def test_copies_are_told_where_each_gets_several(mail):
    make_contacts(mail.organization, 3)
    broadcast = make_broadcast(mail, channel_policy="every")
    add_channel(broadcast, name="Console")
    assert line(broadcast, "recipients").words == "6 copies will be sent."


def test_those_left_out_are_told_by_reason_and_linked(mail, joe):
    make_contact(mail.organization, "", phone="+34600000001")
    found = line(make_broadcast(mail), "recipients")
    assert found.detail[0].words == "1 left out: No address for this channel"
    assert found.detail[0].address[2] == "reason=no_address"


def test_an_audience_of_nobody_is_stopped(mail):
    found = line(make_broadcast(mail, send_to_all=False), "recipients")
    assert (found.level, found.step, "matches nobody" in found.words) == ("stop", "who", True)


def test_an_audience_that_is_left_out_is_stopped(mail):
    make_contact(mail.organization, "", phone="+34600000001")
    found = line(make_broadcast(mail), "recipients")
    assert (found.level, "left out" in found.words) == ("stop", True)


def test_an_audience_that_cannot_be_read_is_stopped(mail, joe):
    broadcast = make_broadcast(mail, send_to_all=False, query={"nothing": 1})
    assert "cannot be read" in line(broadcast, "recipients").words


def test_nothing_else_is_counted_where_nobody_receives_it(mail):
    assert level(make_broadcast(mail, send_to_all=False), "schedule") is None


def test_without_a_required_consent_nothing_is_told(mail, joe, marketing):
    assert level(marketing(make_broadcast(mail)), "consent") is None


def agree(contact):
    Consent.objects.create(contact=contact, medium="email", use_case="marketing", state="granted")


def test_where_all_agreed_consent_is_fine(mail, joe, marketing):
    Organization.objects.update(consent_required=True)
    agree(joe)
    assert line(marketing(make_broadcast(mail)), "consent").words == "Everybody in the audience agreed to marketing."


@pytest.mark.parametrize(("others", "found"), [(1, "ok"), (3, "warning")])
def test_many_without_consent_are_warned_of(mail, joe, marketing, others, found):
    Organization.objects.update(consent_required=True)
    agree(joe)
    make_contacts(mail.organization, others)
    assert level(marketing(make_broadcast(mail)), "consent") == found


def test_people_who_read_what_is_there_are_fine(mail, joe):
    make_contact(mail.organization, language="es-MX")
    assert level(make_broadcast(mail, translations=SPANISH), "languages") == "ok"


def test_a_language_of_the_organization_without_content_is_warned_of(mail, joe):
    make_contact(mail.organization, language="es")
    found = line(make_broadcast(mail), "languages")
    assert (found.level, found.step) == ("warning", "what")
    assert found.detail[0].words == "1 person reads Spanish: they get English"


def test_few_readers_of_another_language_are_told_and_fine(mail):
    make_contacts(mail.organization, 30, language="en")
    make_contact(mail.organization, language="fi")
    found = line(make_broadcast(mail), "languages")
    assert (found.level, "1 person gets another" in found.words) == ("ok", True)


def test_many_readers_of_another_language_are_warned_of(mail):
    make_contacts(mail.organization, 3, language="en")
    make_contact(mail.organization, language="fi")
    assert level(make_broadcast(mail), "languages") == "warning"


def test_people_who_get_nothing_for_want_of_their_language_are_warned_of(mail, club):
    make_contact(club, language="fi")
    make_contact(club, language="en")
    broadcast = make_broadcast(mail, base_language="fi", subject="Moi", body="Moi")
    Organization.objects.update(languages=["sv"])
    Broadcast.objects.update(base_language="sv")
    found = line(broadcast, "languages")
    assert (found.level, "gets nothing" in found.words) == ("warning", True)


def test_all_values_are_there(mail, joe):
    assert level(make_broadcast(mail), "missing_values") == "ok"


def test_people_without_a_value_are_warned_of_and_linked(mail, joe):
    Contact.objects.update(full_name="")
    found = line(make_broadcast(mail), "missing_values")
    assert (found.level, found.detail[0].words) == ("warning", "1 without name (en.text)")
    assert found.detail[0].address == ("broadcasts_broadcast_lacking", Broadcast.objects.get().pk, "field=contact.name")


def test_content_that_names_nobody_needs_no_values(mail, joe):
    assert level(make_broadcast(mail, body="Hi"), "missing_values") is None


def test_people_who_got_nothing_lately_are_fine(mail, joe):
    assert level(make_broadcast(mail), "recent") == "ok"


def sent(mail, contact, **ago) -> Broadcast:
    at = timezone.now() - timedelta(**ago)
    other = make_broadcast(mail, subject="Yesterday's news", status="SENT", started_at=at, completed_at=at)
    make_delivery(other, contact, sent_at=at)
    return other


def test_people_who_got_another_broadcast_lately_are_counted_and_it_is_named(mail, joe):
    other = sent(mail, joe, hours=30)
    make_contact(mail.organization)
    found = line(make_broadcast(mail), "recent")
    assert (found.level, found.words.startswith("1 of these people (50%)")) == ("warning", True)
    assert (found.detail[0].words, found.detail[0].address[1]) == ("“Yesterday's news”", other.pk)


def test_what_was_sent_three_days_ago_is_no_matter(mail, joe):
    sent(mail, joe, hours=72)
    assert level(make_broadcast(mail), "recent") == "ok"


def test_what_was_sent_long_before_the_time_of_sending_is_no_matter(mail, joe):
    sent(mail, joe, hours=1)
    later = timezone.now() + timedelta(days=3)
    assert level(make_broadcast(mail, scheduled_at=later), "recent") == "ok"


def test_what_another_organization_sent_is_no_matter(mail, joe, elsewhere):
    other = sent(mail, joe, hours=1)
    Broadcast.objects.filter(pk=other.pk).update(organization=elsewhere)
    assert level(make_broadcast(mail), "recent") == "ok"


def test_people_of_several_channels_are_counted_once(mail, joe):
    sent(mail, joe, hours=1)
    broadcast = make_broadcast(mail, channel_policy="every")
    add_channel(broadcast, name="Console")
    assert line(broadcast, "recent").words.startswith("1 of these people (100%)")


@pytest.mark.parametrize(("n", "rounded"), [(0, 0), (7, 7), (14, 10), (4_213, 4_000), (96, 100)])
def test_numbers_that_change_by_themselves_are_remembered_by_their_first_digit(n, rounded):
    assert coarse(n) == rounded


def count(broadcast) -> people.People:
    return people.count(checking.read(fresh(broadcast)))


def two_equal_messages(mail, policy="first") -> Broadcast:
    broadcast = make_broadcast(mail, channel_policy=policy)
    add_channel(broadcast, channel=mail)
    return broadcast


@pytest.mark.parametrize(("policy", "copies"), [("first", [2, 0]), ("every", [2, 2])])
def test_of_two_messages_that_reach_the_same_people_each_has_its_own(mail, joe, policy, copies):
    make_contact(mail.organization, language="es")
    counted = count(two_equal_messages(mail, policy))
    assert [one.total() for one in counted.zones] == copies
    assert counted.number == 2


def test_people_are_counted_once_where_messages_reach_different_ones(mail, texts, joe):
    make_contact(mail.organization, "", phone="+34600000001")
    broadcast = make_broadcast(mail, channel_policy="first")
    add_channel(broadcast, channel=texts)
    counted = count(broadcast)
    assert ([one.total() for one in counted.zones], counted.number) == ([1, 1], 2)


def test_people_are_counted_by_one_query_however_many_messages(mail, texts, joe):
    broadcast = two_equal_messages(mail)
    with CaptureQueriesContext(connection) as two:
        count(broadcast)
    add_channel(broadcast, channel=texts)
    with CaptureQueriesContext(connection) as three:
        count(broadcast)
    reading = 'COUNT("broadcasts_contact"."id")'
    assert [sum(reading in one["sql"] for one in found.captured_queries) for found in (two, three)] == [1, 1]
