"""The guided page: five steps, each at an address of its own, in one frame."""

import re

import pytest
from django.urls import reverse

from broadcasts.models import Broadcast

from .conftest import accept_warnings, address, sign_in


def step(broadcast, name):
    return reverse("admin:broadcasts_broadcast_compose", args=[broadcast.pk, name])


@pytest.mark.parametrize("name", ["who", "when", "check", "send"])
def test_each_step_shows_the_bar_of_steps_and_the_card(author, draft, name):
    page = sign_in(author.user).get(step(draft, name)).content.decode()
    assert page.count('class="compose-card"') == 1
    assert [page.count(f'href="{step(draft, each)}"') >= 1 for each in ("who", "what", "when", "check", "send")] == [
        True
    ] * 5


def test_the_step_what_is_the_content_page_of_the_first_message(author, draft):
    goal = reverse("admin:broadcasts_message_content", args=[draft.first_message().pk])
    assert sign_in(author.user).get(step(draft, "what")).url == goal


@pytest.mark.parametrize(("name", "following"), [("who", "what"), ("what", "when"), ("when", "check")])
def test_the_main_button_of_a_step_saves_it_and_leads_to_the_next(author, draft, name, following):
    page = sign_in(author.user).get(step(draft, name), follow=True).content.decode()
    assert re.findall('type="submit" class="default" name="([^"]*)"', page) == [f"_{following}"]


def test_a_check_without_anything_open_leads_to_send(author, draft):
    accept_warnings(draft)
    page = sign_in(author.user).get(step(draft, "check")).content.decode()
    assert f'class="button default" href="{step(draft, "send")}"' in page


def test_an_unknown_step_is_not_found(author, draft):
    assert sign_in(author.user).get(step(draft, "why")).status_code == 404


@pytest.mark.parametrize("name", ["who", "what", "when", "check", "send"])
def test_a_broadcast_that_began_has_no_steps(author, draft, name):
    Broadcast.objects.filter(pk=draft.pk).update(status="SENT")
    assert sign_in(author.user).get(step(draft, name)).url == address(draft, "change")


def test_a_viewer_sees_the_check_and_no_other_step(viewer, draft):
    client = sign_in(viewer.user)
    assert client.get(step(draft, "check")).status_code == 200
    assert client.get(step(draft, "who")).status_code == 403


def test_the_steps_of_another_organization_are_not_found(stranger, draft):
    assert sign_in(stranger.user).get(step(draft, "who")).status_code == 404
