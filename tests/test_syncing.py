"""Templates that a provider stores: read, kept up to date, and marked when they are gone."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from broadcasts import syncing, tasks
from broadcasts.models import Channel, Template, TemplateTranslation
from broadcasts.transports import TemplateNews, TransportError, whatsapp
from tests.cloud_api import CloudApi, template


@pytest.fixture
def cloud():
    with CloudApi() as cloud:
        yield cloud


@pytest.fixture
def channel(club, cloud):
    made = Channel(organization=club, name="WhatsApp", kind="whatsapp")
    made.configure(cloud.settings)
    made.save()
    return made


def known():
    return {(one.template.name, one.tag): one for one in TemplateTranslation.objects.select_related("template")}


def test_a_sync_reads_names_languages_and_states(channel, cloud):
    cloud.templates.extend([template("offer", "en"), template("offer", "pt_BR", status="PENDING")])
    assert (syncing.sync(channel).templates, syncing.sync(channel).changed) == (1, 0)
    stored = known()["offer", "pt_BR"]
    assert (stored.language, stored.status, stored.provider_id) == ("pt-BR", "PENDING", "offer-pt_BR")
    assert stored.template.channel == channel


def test_what_is_removed_is_marked_and_comes_back(channel, cloud):
    cloud.templates.append(template("offer", "en"))
    syncing.sync(channel)
    kept = cloud.templates.pop()
    assert syncing.sync(channel).removed == 1
    assert known()["offer", "en"].removed_at
    assert syncing.sync(channel).removed == 0
    cloud.templates.append(kept)
    assert (syncing.sync(channel).changed, known()["offer", "en"].removed_at) == (1, None)


def test_an_error_changes_nothing(channel, cloud):
    cloud.templates.append(template("offer", "en"))
    syncing.sync(channel)
    cloud.templates.append({"name": "no id"})
    with pytest.raises(TransportError):
        syncing.sync(channel)
    assert known()["offer", "en"].removed_at is None


def test_a_page_of_more_than_was_asked_for_is_refused(channel, cloud, monkeypatch):
    monkeypatch.setattr(whatsapp.templates, "page", lambda answer: ([None] * 51, ""))
    with pytest.raises(TransportError, match="A page of the list has 51 templates"):
        syncing.sync(channel)


def test_two_tags_of_one_language_are_stored_once(channel, cloud):
    cloud.templates.extend([template("offer", "en_US"), template("offer", "en-US")])
    assert syncing.sync(channel).languages == 1


def test_the_name_of_a_template_of_our_own_or_of_another_channel_is_free(club, channel, cloud):
    Template.objects.create(organization=club, name="Offer")
    second = Channel(organization=club, name="Second", kind="whatsapp")
    second.configure(cloud.settings)
    second.save()
    cloud.templates.append(template("offer", "en"))
    for one in (channel, second):
        syncing.sync(one)
    assert Template.objects.filter(name__iexact="offer").count() == 3


def test_null_characters_are_dropped(channel, cloud):
    cloud.templates.append(template("offer", "en", {"type": "BODY", "text": "Hi\0 {{1}}"}))
    syncing.sync(channel)
    assert known()["offer", "en"].structure["body"]["text"] == "Hi {{1}}"


def test_news_change_what_they_tell_in_each_channel_of_the_organization(club, channel, cloud, elsewhere):
    cloud.templates.append(template("offer", "en"))
    other = Channel(organization=elsewhere, name="Other", kind="whatsapp")
    other.configure(cloud.settings)
    other.save()
    for one in (channel, other):
        syncing.sync(one)
    assert syncing.take_news(channel, TemplateNews("offer-en", "offer", "en", quality="RED"))
    assert dict(TemplateTranslation.objects.values_list("template__channel", "quality")) == {
        channel.pk: "RED",
        other.pk: "",
    }


def test_the_command_syncs_each_channel_and_says_which_failed(club, channel, cloud):
    cloud.templates.append(template("offer", "en"))
    broken = Channel(organization=club, name="Broken", kind="whatsapp")
    broken.configure({**cloud.settings, "access_token": "old"})
    broken.save()
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1 of 2 channels"):
        call_command("sync_templates", stdout=out, stderr=err)
    assert "Templates: 1. Languages: 1 (new or changed: 1" in out.getvalue()
    assert "Broken: The access token is wrong, has expired" in err.getvalue()


def test_the_daily_task_syncs_each_active_channel(channel, cloud, django_capture_on_commit_callbacks, monkeypatch):
    called = []
    monkeypatch.setattr("broadcasts.queue.async_task", lambda *task, broker: called.append(task))
    with django_capture_on_commit_callbacks(execute=True):
        tasks.sync_templates()
    assert called == [("broadcasts.tasks.sync_channel", channel.pk)]
    cloud.templates.append(template("offer", "en"))
    tasks.sync_channel(channel.pk)
    assert len(known()) == 1
