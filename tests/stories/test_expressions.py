"""Wrong expressions are marked while somebody types them, within JSON too, in a real browser."""

import json

import pytest
from django.urls import reverse

from broadcasts.models import Channel
from tests.make import make_broadcast

from .browser import DRIVER

pytestmark = [pytest.mark.story, pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver")]


def test_wrong_expressions_are_marked_while_somebody_types(browser, live_server, club):
    hook = Channel.objects.create(organization=club, name="Hook", kind="webhook", settings={"url": "https://x.example"})
    broadcast = make_broadcast(hook, body="Hello")
    broadcast.messages.update(syntax="expressions")
    browser.open(live_server.url + reverse("admin:broadcasts_broadcast_change", args=[broadcast.pk]))
    browser.write("[name=translations-0-text]", "Hi\n@(uppr(contact.name))")
    browser.write("[name=translations-0-parameters]", json.dumps({"body": ["Hi", "@contact.nme"]}))
    browser.wait_for_words(
        "line 2, column 3: uppr is not known; did you mean upper?",
        "parameters[body][1]: line 1, column 10: contact.nme is not known; did you mean contact.name?",
    )
    browser.write("[name=translations-0-parameters]", json.dumps({"body": ["Hi", "@contact.name"]}))
    browser.wait(lambda: "contact.nme is not known" not in browser.text("#content"))
    browser.click(".field-text .expressions li button")
    assert browser.value("document.querySelector('[name=translations-0-text]').value") == "Hi\n@(upper(contact.name))"
    browser.wait(lambda: "uppr is not known" not in browser.text("#content"))
    assert [error for error in browser.errors if "favicon" not in error] == []  # signing in leads to no page
