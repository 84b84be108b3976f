"""Why somebody did, or did not, get a broadcast, in one sentence."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from broadcasts.audience import Audience, recipients, routes_of
from broadcasts.explaining import explain, history
from broadcasts.models import (
    Attendance,
    Channel,
    Consent,
    ConsentChange,
    Contact,
    Delivery,
    SoftBounce,
    Suppression,
)
from broadcasts.tracking import suppress

from .audience.people import make_activity, make_earlier, make_segment
from .make import add_channel, make_broadcast, make_contact, make_delivery

THEN = datetime(2026, 5, 4, 9, tzinfo=UTC)
LATER = datetime(2090, 5, 4, 8, tzinfo=UTC)


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com", full_name="Joe", language="en", attributes={"plan": "free"})


@pytest.fixture
def draft(mail):
    return make_broadcast(mail, use_case="marketing")


def started(mail, **fields):
    """A broadcast that was sent to somebody else."""
    fields = {"status": "SENT", "started_at": THEN, "expanded_at": THEN, "expanded_to": 10**9, **fields}
    broadcast = make_broadcast(mail, **fields)
    make_delivery(broadcast)
    return broadcast


# Suppressions that end.


@pytest.fixture
def softly(mail, joe):
    """A broadcast that left Joe out, since his mail had bounced softly."""
    broadcast = started(mail)
    broadcast.completed_at = timezone.now()
    broadcast.save()
    make_delivery(broadcast, joe, status="skipped", reason="bounced", sent_at=None)
    place = {"organization": mail.organization, "address_hash": joe.email_hash}
    for n in range(2):
        SoftBounce.objects.create(**place, delivery=n, at=THEN)
    return broadcast


def test_soft_bounces_are_named_with_the_end_of_the_suppression(softly, joe):
    suppress(joe.organization, "email", joe.email, "soft_bounce", source="5 soft bounces", expires_at=LATER)
    Suppression.objects.update(created=THEN)
    since, until = "since 4 May 2026, 09:00 UTC", "until 4 May 2090, 08:00 UTC"
    told = f"Soft bounces, on the suppression list {since} {until} (5 soft bounces)"
    assert told in explain(joe, softly).sentence


def test_soft_bounces_are_named_after_their_suppression_has_ended(softly, joe):
    told = "2 soft bounces, the last one 4 May 2026, 09:00 UTC; that suppression has ended since"
    assert told in explain(joe, softly).sentence


# Without a row, after the start.


def test_a_log_that_was_deleted_says_so_with_its_totals(mail, joe):
    broadcast = started(mail)
    Delivery.objects.all().delete()
    told = explain(joe, broadcast)
    assert told.verdict == "log_deleted"
    assert "In all: 1 in the audience, 1 sent, 0 left out" in told.sentence


def test_somebody_outside_the_audience_is_told_the_rule(mail, joe):
    broadcast = started(mail, send_to_all=False)
    pros = {"all": [{"language": "en"}, {"attributes__plan": "pro"}]}
    broadcast.segments.add(make_segment(joe.organization, "Pros", pros))
    Contact.objects.filter(pk=joe.pk).update(created=THEN - timedelta(days=1))
    joe.refresh_from_db()
    told = explain(joe, broadcast)
    assert told.verdict == "not_matched"
    assert told.rule == "segment “Pros”: rules.all[1]: plan must be “pro”; it is “free”"
    assert told.sentence == "Not in the audience. Segment “Pros”: plan must be “pro”; it is “free”."
    assert [(depth, part.words(), part.holds) for depth, part in told.lines()] == [
        (0, "in segment “Pros”", False),
        (1, "all of these", False),
        (2, "language must be “en”", True),
        (2, "plan must be “pro”", False),
    ]


def test_somebody_who_joined_later_is_told_so(mail, joe):
    told = explain(joe, started(mail))
    assert told.verdict == "joined_later"
    assert told.sentence.endswith("after the recipients were settled 4 May 2026, 09:00 UTC.")
    outside = explain(joe, started(mail, send_to_all=False, query={"language": "es"}))
    assert outside.verdict == "not_matched"
    assert outside.sentence.startswith("Added ")


def test_somebody_who_fits_only_now_is_told_so(mail, joe):
    broadcast = started(mail)
    Contact.objects.filter(pk=joe.pk).update(created=THEN - timedelta(days=1))
    joe.refresh_from_db()
    assert explain(joe, broadcast).verdict == "changed_since"


def test_while_recipients_are_written_down_it_is_not_yet(mail, joe):
    assert explain(joe, started(mail, status="SENDING", expanded_at=None, expanded_to=0)).verdict == "not_yet"


def test_an_audience_that_cannot_be_read_says_so(mail, joe):
    told = explain(joe, started(mail, query={"attributes__gone": 1}, send_to_all=False))
    assert told.verdict == "unreadable"
    assert "there is no such attribute" in told.sentence


# Before the start.


def test_who_would_receive_a_draft_is_told_how(draft, joe):
    told = explain(joe, draft)
    assert told.verdict == "would_receive"
    assert told.sentence == "Would receive it by Newsletter at joe@example.com, in en."


def test_a_clock_time_is_foretold_where_they_are(draft, joe):
    joe.time_zone = "America/New_York"
    joe.save()
    draft.local_time, draft.scheduled_at = True, LATER
    assert explain(joe, draft).sentence.endswith("in en, not before 4 May 2090, 12:00 UTC.")
    draft.expires_at = LATER + timedelta(hours=3)
    told = explain(joe, draft)
    assert (told.verdict, told.reason) == ("would_be_skipped", "expired")
    assert told.sentence.endswith("It expires 4 May 2090, 11:00 UTC, before their turn.")


def test_an_expiry_to_come_is_told_as_such(draft, joe):
    draft.local_time, draft.scheduled_at = True, LATER
    draft.expires_at = LATER - timedelta(days=1)
    draft.save()
    assert "It expires 3 May 2090, 08:00 UTC, before their turn." in explain(joe, draft).sentence


def test_a_draft_without_a_message_is_told(draft, joe):
    draft.messages.all().delete()
    assert explain(joe, draft).verdict == "matched"


def excluded_by_segment(draft, joe):
    draft.excluded_segments.add(make_segment(joe.organization, "Masters", members=[joe]))
    draft.excluded_segments.add(make_segment(joe.organization, "Free", {"attributes__plan": "free"}))
    return "they are in the segment “Free”; they are in the segment “Masters”"


def excluded_by_broadcast(draft, joe):
    draft.excluded_broadcasts.add(make_earlier(Channel.objects.get(), {joe: {"sent_at": THEN}}))
    return "“Pool closed” was sent 4 May 2026, 09:00 UTC"


def excluded_by_a_broadcast_that_may_have_arrived(draft, joe):
    draft.excluded_broadcasts.add(make_earlier(Channel.objects.get(), {joe: {"status": "unknown", "sent_at": None}}))
    return "“Pool closed” may have reached them: its outcome is unknown"


def blocked(draft, joe):
    joe.status = "blocked"
    joe.save()
    return "the contact is blocked"


def no_address(draft, joe):
    joe.email = ""
    joe.save()
    return "the contact has no e-mail"


def invalid_address(draft, joe):
    joe.email = "jöe@example.com"
    joe.save()
    return "“jöe@example.com” has letters before its @"


def bounced(draft, joe):
    suppress(joe.organization, medium="email", address=joe.email_key, reason="hard_bounce", source="")
    Suppression.objects.update(created=THEN)
    return "hard bounce, on the suppression list since 4 May 2026, 09:00 UTC"


def unsubscribed(draft, joe):
    Consent.objects.create(contact=joe, medium="email", use_case="marketing", state="withdrawn")
    change = {"medium": "email", "use_case": "marketing", "state": "withdrawn", "source": "one-click"}
    ConsentChange.objects.create(contact=joe, created=THEN, **change)
    return "the consent to marketing by email is “withdrawn” since 4 May 2026, 09:00 UTC (one-click)"


def no_consent(draft, joe):
    joe.organization.consent_required = True
    joe.organization.save()
    return "this person was never asked for marketing by email"


def frequency_cap(draft, joe):
    joe.organization.frequency_cap = 1
    joe.organization.save()
    for hours in (1, 2):
        make_earlier(Channel.objects.get(), {joe: {"sent_at": timezone.now() - timedelta(hours=hours)}})
    return "at most 1 in 7 days; counted: “Pool closed”"


def frequency_cap_by_what_waits(draft, joe):
    joe.organization.frequency_cap = 2
    joe.organization.save()
    for status in ("pending", "unknown"):
        make_earlier(Channel.objects.get(), {joe: {"status": status, "sent_at": None}})
    return "“Pool closed” is about to be sent, “Pool closed” may have been sent"


def no_translation(draft, joe):
    draft.messages.get().translations.update(language="fr")
    draft.base_language = "de"
    draft.save()
    return "it is written in fr only"


def expired(draft, joe):
    draft.expires_at = THEN
    draft.save()
    return "it expired 4 May 2026, 09:00 UTC"


def no_template(draft, joe):
    draft.messages.update(channel=Channel.objects.create(organization=draft.organization, name="W", kind="whatsapp"))
    type(joe).objects.filter(pk=joe.pk).update(whatsapp_id="34600111222")
    return "they have not written to the channel within 24 hours"


@pytest.mark.parametrize(
    ("arrange", "reason"),
    [
        (no_template, "no_template"),
        (excluded_by_segment, "excluded"),
        (excluded_by_broadcast, "excluded"),
        (excluded_by_a_broadcast_that_may_have_arrived, "excluded"),
        (blocked, "blocked"),
        (no_address, "no_address"),
        (invalid_address, "invalid_address"),
        (bounced, "bounced"),
        (unsubscribed, "unsubscribed"),
        (no_consent, "no_consent"),
        (frequency_cap, "frequency_cap"),
        (frequency_cap_by_what_waits, "frequency_cap"),
        (no_translation, "no_translation"),
        (expired, "expired"),
    ],
)
def test_each_reason_is_foretold_with_what_is_behind_it(draft, joe, arrange, reason):
    said = arrange(draft, joe)
    draft = type(draft).objects.get(pk=draft.pk)
    joe = type(joe).objects.get(pk=joe.pk)
    told = explain(joe, draft)
    assert (told.verdict, told.reason) == ("would_be_skipped", reason)
    assert said.lower() in told.sentence.lower()
    [route] = routes_of(draft)
    assert recipients(Audience.of(draft), route).get(pk=joe.pk).skip_reason == reason


def test_a_channel_that_the_one_before_uses_the_cap_up_for_is_not_foretold(draft, joe):
    add_channel(draft, name="Text", address_field="phone")
    joe.phone, joe.organization.frequency_cap = "+34600000001", 1
    joe.save()
    joe.organization.save()
    type(draft).objects.update(channel_policy="every")
    told = explain(joe, type(draft).objects.get(pk=draft.pk))
    assert (told.verdict, "+34600000001" in told.sentence) == ("would_receive", False)


def test_the_first_channel_that_works_is_foretold(draft, joe):
    add_channel(draft, name="Text", address_field="phone")
    joe.email, joe.phone = "", "+34600000001"
    joe.save()
    assert explain(joe, draft).sentence == "Would receive it by Text at +34600000001, in en."
    joe.phone = ""
    joe.save()
    assert explain(joe, draft).sentence == (
        "Would not receive it: no address for this channel. The contact has no e-mail."
    )


# How much it asks.


def test_an_explanation_takes_few_queries(draft, mail, joe, django_assert_max_num_queries):
    draft.segments.add(*(make_segment(joe.organization, f"S{n}", {"language": "es"}) for n in range(5)))
    draft.excluded_segments.add(make_segment(joe.organization, "Masters", members=[joe]))
    activity = make_activity(joe.organization)
    Attendance.objects.create(activity=activity, contact=joe)
    with django_assert_max_num_queries(30):
        assert explain(joe, draft).reason == "excluded"
    sent = started(mail)
    make_delivery(sent, joe)
    with django_assert_max_num_queries(2):
        explain(joe, sent)


def test_a_history_is_paged_and_takes_one_query(mail, joe, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("broadcasts.explaining.PAGE", 2)
    for name in "abc":
        make_delivery(make_broadcast(mail, subject=name, status="SENT"), joe)
    with django_assert_num_queries(1):
        told, before = history(joe)
    assert [broadcast.name for broadcast, _ in told] == ["c", "b"]
    rest, end = history(joe, before)
    assert ([broadcast.name for broadcast, _ in rest], end) == (["a"], None)
