"""Who may open and change each page of composing: by role, from elsewhere, signed out, and without a form's token."""

import pytest
from django.test import Client
from django.urls import reverse

from broadcasts import versioning
from broadcasts.models import MessageVersion
from tests.make import make_broadcast, make_contact

from .conftest import sign_in

READ = ("compose_entry", "card", "progress")
STEPS = ("who", "what", "when", "check", "send")


@pytest.fixture
def draft(mail):
    make_contact(mail.organization)
    return make_broadcast(mail)


@pytest.fixture
def addresses(draft):
    """The addresses of the pages of composing, by their names."""
    message = draft.messages.get()
    versioning.begin(draft)
    version = MessageVersion.objects.get(message=message)
    broadcast = {name: ("broadcast", name, draft.pk) for name in ("compose_entry", "card", "test_to_me", "progress")}
    content = {name: ("message", name, message.pk) for name in ("content", "render", "people", "versions")}
    steps = {step: ("broadcast", "compose", draft.pk, step) for step in STEPS}
    back = {name: ("message", name, message.pk, version.pk) for name in ("version", "version_shown", "bring_back")}
    named = {**broadcast, **content, **steps, **back}
    return {
        name: reverse(f"admin:broadcasts_{model}_{page}", args=args) for name, (model, page, *args) in named.items()
    }


def answers(client: Client, addresses: dict[str, str], method: str) -> dict[str, int]:
    return {name: getattr(client, method)(address).status_code for name, address in addresses.items()}


@pytest.mark.parametrize("method", ["get", "post"])
def test_other_organizations_find_none_of_them(addresses, stranger, method):
    found = answers(sign_in(stranger.user), addresses, method)
    assert set(found.values()) <= {403, 404, 405}, found


@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_is_not_signed_in_is_led_to_the_sign_in(addresses, method):
    client = Client()
    for name, address in addresses.items():
        response = getattr(client, method)(address)
        assert (name, response.status_code) == (name, 302)
        assert response["Location"].startswith(reverse("admin:login"))


def test_without_the_token_of_a_form_nothing_is_taken(addresses, admin):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin.user)
    assert set(answers(client, addresses, "post").values()) == {403}


def test_viewers_change_nothing(addresses, viewer):
    found = answers(sign_in(viewer.user), addresses, "post")
    for name in READ:  # which take nothing
        found.pop(name)
    assert set(found.values()) <= {403, 405}, found


def test_viewers_see_the_card_and_the_check(addresses, viewer):
    found = answers(sign_in(viewer.user), addresses, "get")
    assert {name for name, code in found.items() if code < 400} == {*READ, "check"}


@pytest.mark.parametrize("role", ["author", "sender", "admin"])
def test_whoever_writes_opens_all_of_them(addresses, request, role):
    found = answers(sign_in(request.getfixturevalue(role).user), addresses, "get")
    assert {name for name, code in found.items() if code >= 400} == {"test_to_me", "render"}  # which are posted to


def test_an_author_does_not_send(addresses, author, draft):
    response = sign_in(author.user).post(addresses["send"], {"confirm": "1"})
    draft.refresh_from_db()
    assert (response.status_code, draft.status) == (403, "DRAFT")
