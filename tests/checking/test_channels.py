"""The lines about channels, senders and templates."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts.checking.draft import place_in_words
from broadcasts.models import Broadcast, Channel, Message, Organization, Template, TemplateTranslation
from tests.make import add_channel, make_broadcast

from .asked import details, level, line

pytestmark = pytest.mark.usefixtures("joe")


def test_a_channel_that_can_send_is_fine(mail):
    assert line(make_broadcast(mail), "channel").words == "“Newsletter” can send."


def test_a_message_without_a_channel_takes_the_default_one(mail):
    broadcast = make_broadcast(mail)
    Message.objects.update(channel=None)
    assert level(broadcast, "channel") == "ok"


def test_without_any_channel_it_is_stopped(mail):
    broadcast = make_broadcast(mail)
    Message.objects.update(channel=None)
    Channel.objects.update(is_active=False)
    assert "no e-mail channel" in details(broadcast, "channel")[0]
    assert level(broadcast, "channel") == "stop"


def test_a_channel_that_is_switched_off_stops_it_and_is_linked(mail):
    broadcast = make_broadcast(mail)
    Channel.objects.update(is_active=False)
    found = line(broadcast, "channel")
    assert (found.level, found.detail[0].address) == ("stop", ("broadcasts_channel_change", mail.pk, ""))


def test_a_channel_that_waits_to_be_tried_again_is_warned_of(mail):
    broadcast = make_broadcast(mail)
    Channel.objects.update(backoff_until=timezone.now() + timedelta(seconds=30), last_error="Connection refused")
    assert "tried again" in details(broadcast, "channel")[0]
    assert level(broadcast, "channel") == "warning"


def test_a_channel_that_failed_last_is_warned_of(mail):
    broadcast = make_broadcast(mail)
    Channel.objects.update(health="failing", last_error="Wrong password")
    assert details(broadcast, "channel") == ["“Newsletter” failed when it was last used: Wrong password"]


@pytest.mark.parametrize(("hours", "found"), [(2, "warning"), (30, "ok")])
def test_a_failure_of_today_is_told_though_the_channel_works(mail, hours, found):
    broadcast = make_broadcast(mail)
    at = timezone.now() - timedelta(hours=hours)
    Channel.objects.update(health="good", last_error="Busy", last_error_at=at)
    assert level(broadcast, "channel") == found


def test_another_kind_of_trouble_is_not_what_was_accepted(mail):
    broadcast = make_broadcast(mail)
    Channel.objects.update(backoff_until=timezone.now() + timedelta(seconds=30), last_error="Busy")
    waits = line(broadcast, "channel").digest
    Channel.objects.update(backoff_until=timezone.now() + timedelta(seconds=90), last_error="Still busy")
    assert line(broadcast, "channel").digest == waits
    Channel.objects.update(backoff_until=None, health="failing", last_error="Wrong password")
    assert line(broadcast, "channel").digest != waits


def test_a_suspended_organization_is_stopped(mail):
    broadcast = make_broadcast(mail)
    Organization.objects.update(status="suspended")
    assert level(broadcast, "organization") == "stop"


def test_an_active_organization_is_not_spoken_of(mail):
    assert level(make_broadcast(mail), "organization") is None


@pytest.mark.parametrize(
    ("address", "found"),
    [("news@club.example", "ok"), ("", "stop"), ("club", "stop"), ("club@Gmail.com", "warning")],
)
def test_mail_needs_a_sender_on_a_domain_of_one_s_own(mail, address, found):
    broadcast = make_broadcast(mail)
    Channel.objects.update(from_address=address)
    assert level(broadcast, "sender") == found


def test_an_sms_has_no_domain(texts):
    assert level(make_broadcast(texts), "sender") is None


@pytest.mark.parametrize(("status", "found"), [("APPROVED", "ok"), ("PENDING", "stop")])
def test_a_provider_has_to_approve_its_template(mail, status, found):
    template = Template.objects.create(organization=mail.organization, name="Offer", channel=mail)
    TemplateTranslation.objects.create(template=template, language="en", provider_id="1", status=status)
    broadcast = make_broadcast(mail)
    broadcast.messages.update(template=template)
    assert level(broadcast, "template") == found


def test_without_a_provider_s_template_nothing_is_approved(mail):
    assert level(make_broadcast(mail), "template") is None


def test_one_channel_needs_no_policy(mail):
    assert level(make_broadcast(mail), "policy") is None


def test_the_policy_of_several_channels_is_told(mail):
    broadcast = make_broadcast(mail)
    add_channel(broadcast, name="Console")
    assert "the first channel that works" in line(broadcast, "policy").words


def test_copies_that_cannot_fall_back_are_stopped(mail):
    broadcast = make_broadcast(mail)
    Broadcast.objects.update(channel_policy="fallback")
    assert level(broadcast, "policy") == "stop"


def test_what_a_template_lacks_is_told_by_language_and_linked(mail):
    template = Template.objects.create(organization=mail.organization, name="Offer", channel=mail)
    TemplateTranslation.objects.create(template=template, language="es", provider_id="1", status="approved")
    broadcast = make_broadcast(mail)
    broadcast.messages.update(template=template)
    [found] = line(broadcast, "template").detail
    assert (found.words, found.language) == ("English: The template has no such language; it has es.", "en")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("translations.en.html", "HTML: No."),
        ("translations.pt-br.blocks[2].text", "Block 3, text: No."),
        ("parameters", "Parameters: No."),
        ("translations.en", "No."),
        ("", "No."),
    ],
)
def test_places_are_told_as_pages_call_them(path, said):
    assert place_in_words(path, "No.") == said
