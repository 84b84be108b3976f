"""Buttons beside a form save what was typed before they do anything."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from broadcasts import formats
from broadcasts.models import AuditEntry, Broadcast, Channel, MessageTranslation, Segment
from tests.make import make_broadcast

from .conftest import sign_in
from .test_broadcast_form import change, content, form


def posted(broadcast, subject="Closed", **fields):
    one = MessageTranslation.objects.get()
    data = form(broadcast.organization, name=broadcast.name, **fields)
    return data | content(("en", subject, "Hello {{ contact.name }}"), initial=1, ids=[one.pk])


def goal(broadcast, name):
    return reverse(f"admin:broadcasts_broadcast_{name}", args=[broadcast.pk])


@pytest.mark.parametrize("name", ["send", "schedule", "test", "duplicate", "preview", "recipients"])
def test_a_button_saves_and_leads_to_a_page_that_shows_what_was_typed(sender, draft, name):
    response = sign_in(sender.user).post(change(draft), posted(draft, "Open again", _then=name), follow=True)
    assert response.redirect_chain[0][0] == goal(draft, name)
    assert MessageTranslation.objects.get().subject == "Open again"
    assert "Open again" in response.content.decode() or name in ("duplicate", "recipients")
    assert Broadcast.objects.get().status == "DRAFT"


def test_where_nothing_was_typed_nothing_is_saved(sender, draft):
    channel = draft.first_message().channel_id
    data = posted(draft, "Pool closed", channel=channel, _then="send")
    response = sign_in(sender.user).post(change(draft), data)
    assert response.url == goal(draft, "send")
    assert Broadcast.objects.get().modified == draft.modified
    assert not AuditEntry.objects.exclude(act="sign in").exists()


def test_what_cannot_be_saved_is_shown_again_and_the_button_does_nothing(sender, draft):
    response = sign_in(sender.user).post(change(draft), posted(draft, "Open", query="{", _then="send"))
    assert "query" in response.context["adminform"].form.errors
    assert MessageTranslation.objects.get().subject == "Pool closed"


def test_a_button_that_the_user_is_not_offered_only_saves(author, draft):
    response = sign_in(author.user).post(change(draft), posted(draft, "Open again", _then="send"))
    assert response.url == reverse("admin:broadcasts_broadcast_changelist")
    assert MessageTranslation.objects.get().subject == "Open again"


def test_what_somebody_else_changed_meanwhile_is_not_written_over_unseen(sender, draft):
    client = sign_in(sender.user)
    seen = client.get(change(draft)).context["seen"]
    Broadcast.objects.get().save()
    response = client.post(change(draft), posted(draft, "Mine", seen=seen, _then="send"))
    assert "was changed after you opened this page" in response.content.decode()
    assert MessageTranslation.objects.get().subject == "Pool closed"
    again = response.context["seen"]
    client.post(change(draft), posted(draft, "Mine", seen=again, _then="send"))
    assert MessageTranslation.objects.get().subject == "Mine"


def test_enter_in_a_field_saves_and_presses_no_other_button(sender, draft):
    text = sign_in(sender.user).get(change(draft)).content.decode()
    page = text[text.index('id="broadcast_form"') :]
    assert page.index('name="_save"') < page.index('name="_then"')


def test_once_it_is_on_its_way_its_actions_are_links(sender, mail):
    broadcast = make_broadcast(mail, status="SENDING", started_at="2026-01-01T09:00Z")
    text = sign_in(sender.user).get(change(broadcast)).content.decode()
    assert 'name="_then"' not in text
    assert f'href="{goal(broadcast, "pause")}"' in text


def test_the_check_of_a_channel_tries_what_was_typed(admin, mail, monkeypatch):
    tried = []
    monkeypatch.setattr(Channel, "transport", lambda self: tried.append(self.settings["port"]) or self)
    monkeypatch.setattr(Channel, "check", lambda self: None, raising=False)
    client, page = sign_in(admin.user), reverse("admin:broadcasts_channel_change", args=[mail.pk])
    shown = client.get(page).context["adminform"].form
    data = {field.html_name: value for field in shown if (value := field.value()) not in (None, False)}
    data |= {"domain_rates": "{}", "ramp": "{}", "setting_port": "2525", "_then": "check"}
    response = client.post(page, data, follow=True)
    assert [str(message) for message in response.context["messages"]] == [
        "“Newsletter” is saved.",
        "“Newsletter” is ready: the connection works.",
    ]
    assert tried == [2525]


def test_a_segment_is_frozen_by_the_rules_that_were_typed(author, club):
    segment = Segment.objects.create(organization=club, name="Spanish", rules={"language": "es"})
    data = {"name": "French", "rules": '{"language": "fr"}', "_then": "freeze"}
    response = sign_in(author.user).post(reverse("admin:broadcasts_segment_change", args=[segment.pk]), data)
    assert response.url == reverse("admin:broadcasts_segment_freeze", args=[segment.pk])
    assert Segment.objects.get().rules == {"language": "fr"}


@pytest.mark.parametrize("field", ["scheduled_at", "expires_at"])
def test_a_time_that_has_passed_is_told_at_its_field_unless_it_is_stored(author, draft, field):
    client, past = sign_in(author.user), {f"{field}_0": "2020-01-01", f"{field}_1": "09:00:00"}
    response = client.post(change(draft), posted(draft, **past))
    assert response.context["adminform"].form.errors[field] == [
        "1 Jan 2020, 09:00 UTC has passed: choose a time that is still to come."
    ]
    Broadcast.objects.update(**{field: "2020-01-01T09:00:00.5Z"})
    assert client.post(change(draft), posted(draft, "Later", **past)).status_code == 302
    assert getattr(Broadcast.objects.get(), field).microsecond == 500_000


def test_a_time_that_was_typed_is_told_as_it_was_understood(author, draft, club):
    club.time_zone = "Europe/Madrid"
    club.save()
    typed = {"scheduled_at_0": "2030-03-31", "scheduled_at_1": "02:30"}
    response = sign_in(author.user).post(change(draft), posted(draft, **typed), follow=True)
    said = [str(message) for message in response.context["messages"]]
    assert said[0].startswith("Saved as a draft with the time 31 Mar 2030, 03:30 Europe/Madrid, in ")
    assert said[0].endswith(" days. It is not scheduled yet: that takes somebody who may send.")


def test_a_draft_with_a_time_never_says_that_it_is_to_be_sent(sender, draft):
    client, typed = sign_in(sender.user), {"scheduled_at_0": "2030-12-20", "scheduled_at_1": "10:00"}
    response = client.post(change(draft), posted(draft, _continue="1", **typed), follow=True)
    planned = formats.planned(datetime(2030, 12, 20, 10, tzinfo=UTC))
    told = f"the time {planned}. It is not scheduled yet: press Schedule."
    assert str(next(iter(response.context["messages"]))) == f"Saved as a draft with {told}"
    assert f"with {told}" in client.get(change(draft)).content.decode()


@pytest.mark.parametrize("name", ["send", "schedule"])
def test_a_button_that_saves_a_time_first_says_nothing_of_a_draft(sender, draft, name):
    typed = {"scheduled_at_0": "2030-12-20", "scheduled_at_1": "10:00", "_then": name}
    response = sign_in(sender.user).post(change(draft), posted(draft, **typed), follow=True)
    assert [str(message) for message in response.context["messages"]] == [f"“{draft}” is saved."]
