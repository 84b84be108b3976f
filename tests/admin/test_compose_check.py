"""The step Check: stops, warnings to accept, and what is fine."""

import re

import pytest
from django.urls import reverse

from broadcasts.admin import broadcast_views
from broadcasts.audience.estimate import ReasonGroups
from broadcasts.models import Broadcast, Channel, Contact, MessageTranslation, Organization
from broadcasts.rendering import CompiledMessage
from tests.make import add_channel, make_broadcast, make_contact

from .conftest import messages_of, sign_in


@pytest.fixture
def newsletter(mail) -> Broadcast:
    """A draft whose only warning is its preheader."""
    make_contact(mail.organization, "joe@club.example", full_name="Joe")
    return make_broadcast(mail, html="<p>Hi</p>")


def step(broadcast, name="check"):
    return reverse("admin:broadcasts_broadcast_compose", args=[broadcast.pk, name])


def names(response, part) -> list[str]:
    return [one.line.name for one in response.context[part]]


def test_what_is_fine_is_folded_and_a_warning_stands_above(author, newsletter):
    response = sign_in(author.user).get(step(newsletter))
    assert (names(response, "stops"), names(response, "warnings")) == ([], ["preheader"])
    assert "recipients" in names(response, "fine")


def test_a_warning_leads_to_the_language_that_mends_it(author, newsletter):
    goal = reverse("admin:broadcasts_message_content", args=[newsletter.first_message().pk])
    page = sign_in(author.user).get(step(newsletter)).content.decode()
    assert f'href="{goal}#language=en"' in page


def test_a_tick_accepts_a_warning_and_shows_who_did(author, newsletter):
    client = sign_in(author.user)
    line = client.get(step(newsletter)).context["warnings"][0].line
    client.post(step(newsletter), {"accept": ["preheader"], "seen-preheader": line.digest})
    response = client.get(step(newsletter))
    assert (names(response, "warnings"), names(response, "accepted")) == ([], ["preheader"])
    assert f"Accepted by {author.user}" in response.content.decode()
    assert step(newsletter, "send") in response.content.decode()


def test_a_warning_that_changed_since_it_was_shown_is_not_accepted(author, newsletter):
    client = sign_in(author.user)
    response = client.post(step(newsletter), {"accept": ["preheader"], "seen-preheader": "old"}, follow=True)
    assert "says something else by now" in messages_of(response)
    assert Broadcast.objects.get().accepted_warnings == {}


def test_what_changed_is_told_to_the_script_too(author, newsletter):
    response = sign_in(author.user).post(step(newsletter), {"accept": ["preheader"], "seen-preheader": "x", "part": 1})
    assert "says something else by now" in response.content.decode()


def test_a_stop_is_not_accepted_and_keeps_from_sending(author, newsletter):
    MessageTranslation.objects.update(subject="")
    client = sign_in(author.user)
    client.post(step(newsletter), {"accept": ["subject"], "seen-subject": ""})
    response = client.get(step(newsletter))
    assert (names(response, "stops"), response.context["is_open"]) == (["subject"], True)


def test_a_viewer_sees_the_lines_and_accepts_nothing(viewer, newsletter):
    client = sign_in(viewer.user)
    page = client.get(step(newsletter)).content.decode()
    assert ('type="checkbox"' in page, "#language=en" in page) == (False, False)
    assert client.post(step(newsletter), {"accept": ["preheader"]}).status_code == 403


def test_a_viewer_is_offered_nothing_that_is_refused(viewer, newsletter):
    client = sign_in(viewer.user)
    page = client.get(step(newsletter)).content.decode()
    inside = page[page.index('id="content-main"') :]
    goals = set(re.findall(r'(?:href|action)="(/admin/[^"#?]+)', inside))
    assert step(newsletter) in goals
    assert {goal: client.get(goal).status_code for goal in goals} == dict.fromkeys(goals, 200)


def test_a_viewer_gets_the_number_that_is_counted_later(viewer, newsletter, monkeypatch):
    monkeypatch.setattr("broadcasts.admin.broadcast_views.AT_ONCE", 0)
    client = sign_in(viewer.user)
    goal = client.get(step(newsletter)).context["card"]["count_url"]
    assert "</strong> person" in client.get(goal).content.decode()


def test_only_those_who_manage_are_led_to_the_organization(author, admin, newsletter):
    Broadcast.objects.update(use_case="marketing")
    goal = reverse("admin:broadcasts_organization_change", args=[newsletter.organization_id])
    assert f'<a href="{goal}">' in sign_in(admin.user).get(step(newsletter)).content.decode()
    assert f'<a href="{goal}">' not in sign_in(author.user).get(step(newsletter)).content.decode()


def test_with_many_contacts_the_rest_is_shown_at_once_and_counting_waits(author, newsletter, monkeypatch):
    monkeypatch.setattr(broadcast_views, "AT_ONCE", 0)
    response = sign_in(author.user).get(step(newsletter))
    assert ("recipients" in names(response, "fine"), names(response, "warnings")) == (False, ["preheader"])
    assert f'href="{step(newsletter)}?counted=1"' in response.content.decode()


def test_the_script_gets_the_lines_alone_with_all_counted(author, newsletter, monkeypatch):
    monkeypatch.setattr(broadcast_views, "AT_ONCE", 0)
    response = sign_in(author.user).get(step(newsletter), {"part": 1, "counted": 1})
    assert ("recipients" in names(response, "fine"), "<html" in response.content.decode()) == (True, False)
    assert "no-store" in response["Cache-Control"]


def test_links_that_are_being_checked_are_marked_for_the_script(author, newsletter):
    MessageTranslation.objects.update(html='<a href="https://club.org/">Go</a>')
    page = sign_in(author.user).get(step(newsletter)).content.decode()
    assert ("data-pending" in page, "Links are being checked" in page) == (True, True)


def test_hostile_words_are_shown_as_they_are(author, newsletter):
    Channel.objects.update(health="failing", last_error="<script>alert(1)</script>")
    Organization.objects.update(name="<b>Club</b>")
    MessageTranslation.objects.update(html='<a href="javascript:alert(1)"><img src=x alt="<i>">Go</a>')
    page = sign_in(author.user).get(step(newsletter)).content.decode()
    assert ("<script>alert" in page, 'href="javascript:' in page) == (False, False)


def test_the_check_of_another_organization_is_not_found(stranger, newsletter):
    assert sign_in(stranger.user).get(step(newsletter)).status_code == 404


def test_the_number_of_queries_does_not_grow_with_languages(author, newsletter, django_assert_max_num_queries):
    message = newsletter.first_message()
    for position, language in enumerate(["es", "fr", "de", "it", "pt"], 1):
        message.translations.create(language=language, subject="Hi", html="<p>Hi</p>", position=position)
    client = sign_in(author.user)
    with django_assert_max_num_queries(75):
        client.get(step(newsletter))


@pytest.mark.parametrize("name", ["check", "send"])
def test_a_page_counts_the_audience_once_for_all_that_it_says(sender, newsletter, name, monkeypatch):
    counted, groups = [], ReasonGroups.groups
    monkeypatch.setattr(ReasonGroups, "groups", lambda self: counted.append(self) or groups(self))
    page = sign_in(sender.user).get(step(newsletter, name))
    assert (len(counted), page.context["card"]["people"]["number"]) == (1, 1)


@pytest.mark.parametrize("name", ["check", "send"])
def test_a_page_compiles_each_message_once_for_all_that_it_says(sender, newsletter, name, monkeypatch):
    compiled, compile_message = [], CompiledMessage.__init__
    monkeypatch.setattr(
        CompiledMessage, "__init__", lambda self, *args: compiled.append(args[0].pk) or compile_message(self, *args)
    )
    texts = Channel.objects.create(organization=newsletter.organization, name="Texts", kind="sms")
    add_channel(newsletter, channel=texts)
    Contact.objects.update(phone="+34600000001")
    Broadcast.objects.update(channel_policy="every")
    assert sign_in(sender.user).get(step(newsletter, name)).status_code == 200
    assert sorted(compiled) == sorted(newsletter.messages.values_list("pk", flat=True))
