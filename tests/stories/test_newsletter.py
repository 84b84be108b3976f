"""A newsletter in two languages, from the dashboard to its time: by few clicks."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from broadcasts import starting
from broadcasts.designing import gallery
from broadcasts.models import Broadcast, Organization
from tests.make import make_contact, make_picture

from .browser import DRIVER
from .test_content import FRAME

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]


class Hand:
    """Counts each press of the mouse, those into a field that is typed into as well."""

    def __init__(self, browser):
        self.browser = browser
        self.clicks = 0

    def click(self, css):
        self.clicks += 1
        self.browser.click(css)

    def press(self, words):
        self.clicks += 1
        self.browser.press(words)

    def choose(self, css, words):
        """Click a field and type over what it says."""
        self.click(css)
        self.browser.keys("ctrl+a", *words)


@pytest.fixture
def dashboard(browser, live_server, mail, settings, tmp_path):
    settings.MEDIA_ROOT, settings.BASE_URL = tmp_path, live_server.url
    club = mail.organization
    Organization.objects.filter(pk=club.pk).update(postal_address="1 Pool Street, Valencia")
    make_contact(club, "joe@example.com", full_name="Joe Doe", language="en")
    make_contact(club, "eva@example.com", full_name="Eva Sol", language="es")
    starting.add_template(gallery.listed()["newsletter"], club)
    make_picture(club, "pool.png")  # the newest stands first
    browser.call("POST", "/window/rect", width=1400, height=1400)
    browser.open(live_server.url + reverse("admin:index"))
    browser.errors.clear()  # of the page that the browser signs in at
    yield browser
    browser.call("POST", "/window/rect", width=1200, height=1600)
    browser.run("document.querySelector('form[data-unsaved]')?.dispatchEvent(new Event('submit', {bubbles: true}))")
    browser.open(f"{live_server.url}/healthz")


def block(language, kind, inside):
    """Return where something is in the first block of a kind, in one language."""
    return f"#language-{language} .blocks-list > .block:has(> .block-head .block-toggle use[href$='#{kind}']) {inside}"


def write_words(hand, language, subject, link):
    hand.choose(f"#id_translations-{language}-subject", subject)
    hand.click(block(language, "button", ".block-toggle"))
    hand.choose(block(language, "button", "[data-field=href] input"), link)


def choose_picture(hand, language):
    """Take the club's own picture instead of the template's, and say what it shows."""
    hand.click(block(language, "image", ".block-toggle"))
    hand.click(block(language, "image", ".picture-choose"))
    hand.click(".library-card")
    hand.choose(".library-text textarea", "The pool in December")
    hand.click("dialog.library .acts .default")
    hand.browser.wait_for("!document.querySelector('dialog.library')")


def test_a_newsletter_in_two_languages_is_scheduled_in_under_25_clicks(dashboard):
    browser, hand = dashboard, Hand(dashboard)
    hand.press("New broadcast")
    hand.click("button[name=template]")
    hand.click("#id_send_to_all")
    browser.wait_for("document.querySelector('[data-card]').textContent.includes('2 people')")
    hand.press("Save and go to What")
    browser.wait_for(f"{FRAME} && {FRAME}.body && {FRAME}.body.textContent.includes('Read all the news')")
    write_words(hand, 0, "December at the pool", "https://club.example/december")
    choose_picture(hand, 0)
    hand.click("#tab-1")
    write_words(hand, 1, "Diciembre en la piscina", "https://club.example/diciembre")
    hand.press("Save and go to When")
    hand.click("[name=way][value=at]")
    hand.choose("#id_scheduled_at_0", f"{timezone.localdate() + timedelta(days=1)}")
    hand.choose("#id_scheduled_at_1", "09:00")
    hand.press("Save and go to Check")
    browser.wait_for_words("Links lead to an example address")
    hand.click("[name=accept]")
    browser.wait_for_words("All good. It can be sent.")
    hand.press("Go to Send")
    assert "December at the pool" in browser.text(".first-subject")
    hand.press("Confirm for 2")
    broadcast = Broadcast.objects.get()
    assert broadcast.status == Broadcast.Status.SCHEDULED
    said = {one.language: (one.subject, one.html) for one in broadcast.first_message().translations.all()}
    assert [subject for subject, _ in said.values()] == ["December at the pool", "Diciembre en la piscina"]
    assert "https://club.example/diciembre" in said["es"][1]
    assert 'alt="The pool in December"' in said["en"][1]
    assert hand.clicks < 25
    assert browser.errors == []
