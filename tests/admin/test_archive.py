"""The public archive in the admin: its switches, the public address, and what takes a broadcast in and out."""

import pytest
from django.urls import reverse
from django.utils import timezone

from broadcasts import links, sending
from broadcasts.models import Broadcast, Organization
from tests.make import make_broadcast, make_delivery

from .conftest import address, confirm, messages_of, sign_in


@pytest.fixture
def public(mail):
    Organization.objects.update(has_archive=True)
    return mail


@pytest.fixture
def sent(public):
    return make_broadcast(public, status="SENT", started_at=timezone.now(), completed_at=timezone.now())


def page(client, broadcast):
    return client.get(reverse("admin:broadcasts_broadcast_change", args=[broadcast.pk])).content.decode()


def test_a_broadcast_that_was_sent_is_published_and_taken_back(sender, sent):
    client = sign_in(sender.user)
    assert "Public address" not in page(client, sent) and "Publish in the archive" in page(client, sent)
    assert "is in the public archive" in messages_of(confirm(client, sent, "archive"))
    assert links.archived_url("club", sent.uuid) in page(client, sent)
    assert "is out of the public archive" in messages_of(confirm(client, sent, "unarchive"))
    assert "Public address" not in page(client, sent)


def test_an_author_does_not_publish(author, sent):
    assert sign_in(author.user).post(address(sent, "archive")).status_code == 403
    assert not Broadcast.objects.get().in_archive


def test_nothing_is_offered_without_an_archive_or_before_the_start(sender, mail):
    draft = make_broadcast(mail)
    client = sign_in(sender.user)
    assert 'name="in_archive"' not in page(client, draft)
    Organization.objects.update(has_archive=True)
    assert 'name="in_archive"' in page(client, draft)
    assert "Publish in the archive" not in page(client, draft)


def test_the_step_when_has_the_switch_where_there_is_an_archive(author, mail):
    draft = make_broadcast(mail)
    when = reverse("admin:broadcasts_broadcast_compose", args=[draft.pk, "when"])
    client = sign_in(author.user)
    assert 'name="in_archive"' not in client.get(when).content.decode()
    Organization.objects.update(has_archive=True)
    shown = client.get(when)
    assert 'name="in_archive"' in shown.content.decode()
    form = {"way": "now", "in_archive": "on", "expires_at_0": "", "expires_at_1": ""}
    client.post(when, form)
    draft.refresh_from_db()
    assert draft.in_archive


def test_a_copy_for_some_of_its_people_is_not_published_again(sender, sent):
    Broadcast.objects.update(in_archive=True)
    make_delivery(sent, status="failed", sent_at=None)
    retry = sending.retry(Broadcast.objects.get(), starts=False)
    assert not retry.in_archive and sending.duplicate(Broadcast.objects.get(pk=sent.pk)).in_archive


def test_an_admin_opens_the_archive_and_sees_its_address(admin, author):
    edit = reverse("admin:broadcasts_organization_change", args=[admin.organization_id])
    shown = sign_in(admin.user).get(edit)
    assert 'name="has_archive"' in shown.content.decode() and 'name="undo_seconds"' in shown.content.decode()
    Organization.objects.update(has_archive=True)
    assert links.archive_url("club") in sign_in(admin.user).get(edit).content.decode()
    assert 'name="has_archive"' not in sign_in(author.user).get(edit).content.decode()
