"""Drafts that say nothing yet, and what other APIs keep with them."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from broadcasts import drafting, sending
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Delivery, Media, Message, Template
from broadcasts.sending.readiness import BLANK, NO_MESSAGE
from broadcasts.transports import TransportError
from tests.make import make_broadcast, make_contacts
from tests.sending.steps import send


def save(organization, **values) -> Broadcast:
    return drafting.save(Broadcast(organization=organization), {"send_to_all": True, **values})


def errors(broadcast: Broadcast, act=sending.send, *args) -> dict[str, str]:
    """What an act says is missing, having changed nothing."""
    with pytest.raises(InvalidInput) as refused:
        act(Broadcast.objects.get(pk=broadcast.pk), *args)
    assert Broadcast.objects.get(pk=broadcast.pk).status == "DRAFT"
    return refused.value.errors


@pytest.fixture
def people(mail):
    return make_contacts(mail.organization, 3)


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], {"messages": NO_MESSAGE}),
        ([{}], {"body": BLANK}),
        ([{"translations": {}}], {"body": BLANK}),
        ([{"translations": {"en": {"subject": "Only that", "text": " "}}}], {"body": BLANK}),
        ([{"translations": {"en": {"text": "Hi"}, "es": {}}}], {"messages": f"0.translations.es: {BLANK}"}),
        ([{"translations": {"en": {"text": "Hi"}}}, {}], {"messages": f"1.translations: {BLANK}"}),
    ],
)
def test_a_draft_may_say_nothing_and_is_neither_sent_nor_scheduled_so(club, mail, people, messages, told):
    draft = save(club, messages=messages)
    assert errors(draft) == told
    assert errors(draft, sending.schedule, timezone.now() + timedelta(days=1)) == told


def test_a_draft_may_be_made_of_nothing(club, mail):
    draft = drafting.save(Broadcast(organization=club), {})
    assert draft.messages.get().translations.count() == 0


def test_content_that_lacks_the_base_language_is_still_refused_when_it_is_saved(club, mail):
    with pytest.raises(InvalidInput, match="has nothing in the base language, en"):
        save(club, base_language="en", messages=[{"translations": {"es": {"text": "Hola"}}}])


def test_a_test_of_nothing_is_not_sent(club, mail, server):
    draft = save(club, messages=[{"translations": {"en": {"subject": "Only that"}}}])
    assert errors(draft, sending.send_test, ["joe@example.com"]) == {"body": BLANK}
    assert not server.received


def test_an_attachment_needs_no_text(club, mail, people, server, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    media = Media.objects.create(organization=club, file=ContentFile(b"%PDF-1.7", name="x"), filename="plan.pdf")
    content = {"subject": "The plan", "attachments": [{"media": str(media.uuid)}]}
    broadcast = send(save(club, messages=[{"translations": {"en": content}}]))
    assert (broadcast.status, Delivery.objects.filter(status="sent").count()) == ("SENT", 3)
    assert b"plan.pdf" in server.received[0].mime


def test_a_template_that_the_provider_keeps_needs_no_text(club, mail, people, server):
    template = Template.objects.create(organization=club, name="Reminder", channel=mail)
    template.translations.create(language="en", parameters={"body": ["{{ contact.name }}"]})
    draft = save(club, messages=[{"template": template}])
    sending.schedule(draft, timezone.now() + timedelta(days=1))
    assert send(draft).status == "SENT"


def test_a_template_of_ours_without_text_is_blank(club, mail, people):
    template = Template.objects.create(organization=club, name="Reminder")
    template.translations.create(language="en")
    draft = make_broadcast(mail)
    Message.objects.filter(broadcast=draft).update(template=template)
    draft.messages.get().translations.all().delete()
    assert errors(draft) == {"body": BLANK}


EXTRA = {"legacy_id": 7, "flow": {"name": "welcome"}}


@pytest.fixture
def kept(club, mail, people, server) -> Broadcast:
    """Something that was sent, with what another API must give back."""
    server.answers[people[0].email] = TransportError("550 no", permanent=True)
    return send(save(club, extra=EXTRA, messages=[{"translations": {"en": {"text": "Hi"}}, "extra": {"wa": 1}}]))


def test_what_another_api_must_give_back_is_kept_and_changed(club, mail):
    draft = save(club, extra=EXTRA, messages=[{"extra": {"wa": 1}}])
    assert (Broadcast.objects.get().extra, Message.objects.get().extra) == (EXTRA, {"wa": 1})
    drafting.save(draft, {"extra": {"legacy_id": 8}})
    drafting.save(draft, {"name": "Renamed"})
    assert (Broadcast.objects.get().extra, Message.objects.get().extra) == ({"legacy_id": 8}, {"wa": 1})


@pytest.mark.parametrize(
    "copied", [sending.duplicate, sending.retry, lambda broadcast: sending.retarget(broadcast, "sent")]
)
def test_no_copy_takes_over_what_another_api_must_give_back(kept, copied):
    child = copied(kept)
    assert (child.extra, child.messages.get().extra) == ({}, {})
    kept.refresh_from_db()
    assert (kept.extra, kept.messages.get().extra) == (EXTRA, {"wa": 1})
