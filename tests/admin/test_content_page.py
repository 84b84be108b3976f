"""The content page: words in each language, saved or refused with everything that was typed."""

import json

import pytest
from django.urls import reverse

from tests.make import make_broadcast

from .conftest import messages_of, sign_in

BLOCKS = [{"type": "text", "html": "<p>Hello {{ contact.name }}</p>"}, {"type": "divider"}]


@pytest.fixture
def broadcast(mail):
    return make_broadcast(mail)


@pytest.fixture
def message(broadcast):
    return broadcast.first_message()


@pytest.fixture
def client(author):
    return sign_in(author.user)


def url(owner, what="content", *more):
    return reverse(f"admin:broadcasts_{owner._meta.model_name}_{what}", args=[owner.pk, *more])


def typed(client, owner, number=0, **changed):
    """What the page of an owner posts, with some fields of one language changed."""
    context = client.get(url(owner)).context
    forms = [context["choices"], *context["formset"].forms, context["formset"].management_form]
    data = {}
    for form in forms:
        for field in form:
            value = field.value()
            data[field.html_name] = "" if value is None or value is False else getattr(value, "pk", value)
    data |= {"seen": context["seen"], "organization": context["organization"].pk}
    for name, value in changed.items():
        key = name if name in data or name.startswith("_") else f"translations-{number}-{name}"
        data[key] = value if isinstance(value, str) else json.dumps(value)
    return data


def save(client, owner, **changed):
    return client.post(url(owner), typed(client, owner, **changed), follow=True)


def test_the_page_shows_what_is_stored(client, message):
    page = client.get(url(message)).content.decode()
    assert "Pool closed" in page and "Hello {{ contact.name }}" in page
    assert "English" in page


def test_blocks_are_saved_and_their_html_is_made(client, message):
    response = save(client, message, format="blocks", blocks=BLOCKS, subject="Pool open", text="")
    assert messages_of(response) == f"The content of “{message}” was saved."
    stored = message.translations.get()
    assert (stored.format, stored.blocks, stored.subject) == ("blocks", BLOCKS, "Pool open")
    assert "Hello {{ contact.name }}" in stored.html and stored.html.startswith("<!DOCTYPE html>")


def test_an_error_in_a_block_is_told_at_its_place_and_nothing_is_lost(client, message):
    blocks = [*BLOCKS, {"type": "button", "text": "Go", "href": "javascript:alert(1)"}]
    response = save(client, message, format="blocks", blocks=blocks, subject="Typed")
    page = response.content.decode()
    assert "blocks[2].href" in page and "Not saved yet" in page
    form = response.context["formset"].forms[0]
    assert json.loads(form["blocks"].value()) == blocks and form["subject"].value() == "Typed"
    assert message.translations.get().subject == "Pool closed"


def test_liquid_that_is_wrong_is_told_at_the_block_where_it_stands(client, message):
    blocks = [BLOCKS[0], {"type": "text", "html": "<p>{{ contact.nmae }}</p>"}]
    response = save(client, message, format="blocks", blocks=blocks)
    assert "did you mean contact.name?" in response.context["formset"].forms[0].told["blocks[1].html"]
