"""The step Check in a browser: lines that come later, warnings accepted by keyboard, links checked meanwhile."""

import pytest
from django.urls import reverse

from broadcasts.admin import broadcast_views
from broadcasts.checking import answers
from broadcasts.models import Broadcast, MessageTranslation
from tests.checking.site import Site, says
from tests.make import make_broadcast, make_contact

from .browser import DRIVER

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]


@pytest.fixture
def broadcast(mail):
    make_contact(mail.organization, "joe@club.example", full_name="Joe")
    return make_broadcast(mail, html="<p>Hi</p>")


@pytest.fixture
def check(browser, live_server, broadcast):
    def opened():
        browser.open(live_server.url + reverse("admin:broadcasts_broadcast_compose", args=[broadcast.pk, "check"]))

    return opened


def test_what_takes_long_is_counted_after_the_page_is_shown(browser, check, monkeypatch):
    monkeypatch.setattr(broadcast_views, "AT_ONCE", 0)
    check()
    browser.wait(lambda: "1 person will receive it" in browser.run("return document.body.textContent"))
    assert "being counted" not in browser.text()


def test_a_warning_is_accepted_by_keyboard_and_the_way_to_send_opens(browser, check, broadcast):
    check()
    browser.run("document.querySelector('#accept-preheader').focus()")
    browser.keys(" ")
    browser.wait(lambda: "Accepted by" in browser.text())
    assert "preheader" in Broadcast.objects.get(pk=broadcast.pk).accepted_warnings
    assert browser.run("return document.activeElement.textContent") == "Go to Send"


def test_links_that_are_checked_meanwhile_are_told_by_themselves(browser, check):
    with Site() as site:
        MessageTranslation.objects.update(html=f'<a href="{site.at("/gone", says(404))}">Go</a>')
        check()
        assert "Links are being checked" in browser.text()
        answers.ask_due()
        browser.wait(lambda: "There is no such page" in browser.text())
