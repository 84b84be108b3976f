"""Versions in a real browser: compared side by side, brought back by keyboard, on a phone, in the dark."""

import pytest
from django.urls import reverse

from broadcasts import drafting, versioning
from broadcasts.models import Broadcast
from tests.make import make_contact, make_member

from .browser import DRIVER

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]

BLOCKS = [
    {"type": "heading", "text": "December news", "level": 1},
    {"type": "text", "html": "<p>Dear {{ contact.first_name | default: 'friend' }}, the pool is closed on Monday.</p>"},
    {"type": "button", "text": "See the times", "href": "https://club.example/times"},
]


@pytest.fixture
def message(mail, live_server):
    club = mail.organization
    make_contact(club, "joe@example.com", full_name="Joe Doe")
    ann, joe = (make_member(club, "author").user for _ in range(2))
    content = {"subject": "The pool is closed", "format": "blocks", "blocks": BLOCKS}
    values = {"name": "December", "send_to_all": True, "messages": [{"channel": mail, "translations": {"en": content}}]}
    draft = drafting.save(Broadcast(organization=club), values, by=ann)
    changed = [BLOCKS[0], {**BLOCKS[1], "html": BLOCKS[1]["html"].replace("closed", "open")}, {"type": "divider"}]
    spanish = {"subject": "Piscina abierta", "format": "blocks", "blocks": changed[:1]}
    both = {"en": {**content, "subject": "The pool is open", "blocks": changed}, "es": spanish}
    drafting.save(draft, {"messages": [{"uuid": draft.first_message().uuid, "translations": both}]}, by=joe)
    return draft.first_message()


@pytest.fixture
def page(browser, live_server, message):
    browser.call("POST", "/window/rect", width=1400, height=1400)
    browser.open(live_server.url + reverse("admin:broadcasts_message_versions", args=[message.pk]))
    browser.errors.clear()  # of the page that the browser signs in at
    return browser


def test_a_version_is_found_compared_and_brought_back(page, message):
    page.click(".versions tr:last-child th a")
    page.wait_for("document.querySelector('.version-rows del')")
    words = "[...document.querySelectorAll('.version-rows {}')].map(one => one.textContent).join('; ')"
    assert "removed: closed" in page.value(words.format("del"))
    assert "added: open" in page.value(words.format("ins"))
    assert page.value("[...document.querySelectorAll('h2')].map(one => one.textContent)")[:3] == [
        "English",
        "Spanish, added",
        "How it looks",
    ]
    page.click("a.button.default")
    page.wait_for("document.body.textContent.includes('The current content stays as a version')")
    page.click("input[type=submit].default")
    page.wait_for("document.body.textContent.includes('is the content again')")
    assert message.translations.get().subject == "The pool is closed"
    assert page.value("document.querySelectorAll('.versions tbody tr').length") == 3
    assert page.errors == []


def test_what_was_removed_and_added_is_told_without_colour(page):
    page.click(".versions tr:last-child th a")
    page.wait_for("document.querySelector('.version-rows del')")
    style = "getComputedStyle(document.querySelector('.version-rows {}'){}).{}"
    assert page.value(style.format("del", "", "textDecorationLine")) == "line-through"
    assert page.value(style.format("ins", "", "textDecorationLine")) == "underline"
    assert page.value(style.format("del", ", '::before'", "content")) == '"−"'
    assert page.value(style.format("ins", ", '::before'", "content")) == '"+"'


@pytest.mark.parametrize("name", ["versions", "version", "bring_back"])
def test_no_page_scrolls_sideways_on_a_phone(page, live_server, message, name):
    page.call("POST", "/window/rect", width=320, height=900)
    more = [] if name == "versions" else [message.versions.last().pk]
    page.open(live_server.url + reverse(f"admin:broadcasts_message_{name}", args=[message.pk, *more]))
    assert page.value("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.errors == []


def test_long_lines_of_html_do_not_widen_a_phone(page, live_server, message):
    page.call("POST", "/window/rect", width=320, height=900)
    for word in ("a", "b"):
        message.translations.filter(language="en").update(format="html", blocks=[], html=f"<p>{word * 900}</p>")
        versioning.write([Broadcast.objects.get().first_message()], begins=True)
    address = reverse("admin:broadcasts_message_version", args=[message.pk, message.versions.first().pk])
    page.open(live_server.url + address)
    assert page.value("document.documentElement.scrollWidth <= window.innerWidth")
