"""The content page in a real browser: a newsletter in two languages, errors where they stand, the keyboard, a phone."""

import pytest
from django.urls import reverse

from broadcasts.models import Channel
from tests.make import make_broadcast, make_contact, make_picture
from tests.recorder import Recorder

from .browser import DRIVER

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]

NEWSLETTER = [
    {"type": "heading", "text": "December news", "level": 1},
    {"type": "text", "html": '<p>Dear {{ contact.first_name | default: "friend" }},</p>'},
    {
        "type": "columns",
        "columns": [
            {"blocks": [{"type": "text", "html": "<p>Left</p>"}]},
            {"blocks": [{"type": "text", "html": "<p>Right</p>"}]},
        ],
    },
    {"type": "button", "text": "See the times", "href": "https://club.example/times"},
]
FRAME = "document.querySelector('.content-frame iframe:not(.is-coming)').contentDocument"


@pytest.fixture
def message(mail, monkeypatch, settings, tmp_path, live_server):
    settings.MEDIA_ROOT, settings.BASE_URL = tmp_path, live_server.url
    make_contact(mail.organization, "joe@example.com", full_name="Joe Doe")
    make_contact(mail.organization, "ann@example.com", full_name="")
    recorder = Recorder()
    monkeypatch.setattr(Channel, "transport", lambda self: recorder)
    blocks = [*NEWSLETTER, {"type": "image", "media": str(make_picture(mail.organization).uuid), "alt": "The pool"}]
    broadcast = make_broadcast(mail, subject="December", body="")
    broadcast.first_message().translations.update(format="blocks", blocks=blocks)
    return broadcast.first_message()


@pytest.fixture
def page(browser, live_server, message):
    browser.call("POST", "/window/rect", width=1400, height=1400)
    browser.open(live_server.url + reverse("admin:broadcasts_message_content", args=[message.pk]))
    browser.wait_for(f"{FRAME} && {FRAME}.body && {FRAME}.body.textContent.includes('December news')")
    browser.errors.clear()  # of the page that the browser signs in at
    yield browser
    # So that leaving what is not saved asks nothing.
    browser.run("document.getElementById('content_form').dispatchEvent(new Event('submit', {bubbles: true}))")
    browser.open(f"{live_server.url}/healthz")


def framed(browser, words):
    browser.wait_for(f"{FRAME}.body && {FRAME}.body.textContent.includes({words!r})")


def test_a_newsletter_in_two_languages_is_written_previewed_tested_and_saved(page, message):
    page.write("#id_translations-0-subject", "December at the pool")
    page.wait_for("document.querySelector('.content-shown').textContent.includes('December at the pool')")
    framed(page, "Dear Joe")
    assert page.value(f"{FRAME}.images.length") == 1
    page.run("document.querySelector('[name=new_language]').closest('details').open = true")
    page.run("document.querySelector('[name=new_language]').value = 'es'")
    page.run("document.querySelector('[name=copy_from]').value = 'en'")
    page.click("button[value=language]")
    page.wait_for("document.querySelector('#tab-1[aria-selected=true]')")
    page.write("#id_translations-1-subject", "Diciembre en la piscina")
    page.wait_for("document.querySelector('.content-shown').textContent.includes('Diciembre en la piscina')")
    page.run("document.getElementById('tests').open = true")
    page.write("#id_test_addresses", "me@example.com")
    page.click("#tests input[value=es]")
    page.click("button[value=test]")
    page.wait_for("document.body.textContent.includes('A test was sent to me@example.com')")
    assert [one.subject for one in Channel.objects.get().transport().received] == ["[Test] Diciembre en la piscina"]
    assert [(one.language, one.subject, len(one.blocks)) for one in message.translations.all()] == [
        ("en", "December at the pool", 5),
        ("es", "Diciembre en la piscina", 5),
    ]
    assert page.errors == []


def test_errors_of_liquid_and_of_mjml_stand_at_their_places_while_typing(page, message):
    page.run(
        "const area = document.querySelector('[data-blocks]');"
        "area.value = JSON.stringify([{type: 'text', html: '<p>{{ contact.nmae }}</p>'}]);"
        "area.dispatchEvent(new Event('blocks-read')); area.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    page.wait_for("document.querySelector('.content-errors').textContent.includes('did you mean contact.name?')")
    assert "Block 1" in page.text(".content-errors")
    page.run(
        "const format = document.getElementById('id_translations-0-format');"
        "format.value = 'mjml'; format.dispatchEvent(new Event('change', {bubbles: true}));"
        "const area = document.querySelector('[data-source]');"
        "area.value = '<mjml><mj-body>\\n<mj-nonsense/>\\n</mj-body></mjml>';"
        "area.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    page.wait_for("document.querySelector('.content-errors').textContent.includes('mj-nonsense')")
    assert "line 2" in page.text(".content-errors").lower()
    page.click(".submit-row [name=_save]")
    page.wait_for("document.querySelector('.compose-notice li')")
    assert "mj-nonsense" in page.value("document.querySelector('[data-source]').value")
    assert message.translations.get().format == "blocks"
    assert page.errors == []


def test_the_preview_follows_person_scheme_and_view_and_keeps_its_place(page):
    page.click("input[name=view][value=phone]")
    page.wait_for("document.querySelector('.content-frame.is-phone')")
    page.click("input[name=dark]")
    page.wait_for("document.querySelector('.content-frame iframe:not(.is-coming)').src.endsWith('scheme=dark')")
    person = page.find("[aria-label='Preview as']")
    page.call("POST", f"/element/{person}/value", text="\ue009a\ue000lacks first")  # Control and A, then typed over it
    page.wait_for("document.querySelector('.content-person [role=option]')")
    page.call("POST", f"/element/{person}/value", text="\ue015\ue007")  # arrow down, Enter
    framed(page, "Dear friend")
    page.click("input[name=view][value=headers]")
    assert "Subject: December" in page.text("pre[data-view=headers]")
    assert page.errors == []


def test_the_page_is_used_by_keyboard_alone(page, message):
    page.run("document.getElementById('tab-0').focus()")
    page.run("document.getElementById('id_translations-0-subject').focus()")
    keys = {"control": "\ue009", "end": "\ue010"}
    field = page.find("#id_translations-0-subject")
    page.call("POST", f"/element/{field}/value", text=f"{keys['end']} news")
    page.call("POST", f"/element/{field}/value", text=f"{keys['control']}s")
    page.wait(lambda: message.translations.get().subject == "December news")
    page.wait_for("document.querySelector('[data-saved]').dataset.kind === 'saved'")
    assert page.value("document.activeElement.id") == "id_translations-0-subject"
    assert page.errors == []


def test_on_a_phone_nothing_is_wider_than_the_screen(page):
    page.run("document.querySelector('.content-channels').open = true")
    page.call("POST", "/window/rect", width=500, height=900)
    width, screen = page.value("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= screen
    assert page.errors == []
