"""The content page in a real browser: a newsletter in two languages, errors where they stand, the keyboard, a phone."""

import pytest
from django.urls import reverse

from broadcasts.models import Channel, Message
from tests.make import make_broadcast, make_contact, make_picture, picture_file
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


PICTURE = "[data-field=media] .picture-choose"
ALTERNATIVE = ".library-text textarea"


@pytest.fixture
def picture_block(page, message):
    """The page of a message with one block, for a picture, whose fields are open."""
    message.translations.update(blocks=[{"type": "image"}])
    page.run("window.isEarlier = true; location.reload()")
    page.wait_for("!window.isEarlier && document.querySelector('.block-toggle')")
    page.run("document.querySelector('.block-toggle').focus()")
    page.keys("enter")
    page.wait_for(f"document.querySelector('{PICTURE}')?.textContent")
    return page


def test_a_picture_is_chosen_and_described_by_keyboard_alone(picture_block, message):
    page = picture_block
    page.run(f"document.querySelector('{PICTURE}').focus()")
    page.keys("enter")
    page.wait_for("document.querySelector('.library-card')")
    assert page.value("document.activeElement.type") == "search"
    page.keys("tab", " ", "enter")
    page.wait_for("document.querySelector('.library-text .errornote')")  # it asks what the picture shows
    page.keys(*"The pool", "tab", "enter")
    page.wait_for("!document.querySelector('dialog.library')")
    page.wait(lambda: message.translations.get().blocks[0].get("alt") == "The pool", 6)
    assert page.value(f"document.activeElement === document.querySelector('{PICTURE}')")
    assert page.errors == []


def test_the_picture_dialog_is_left_by_escape_and_nothing_changes(picture_block, message):
    page = picture_block
    page.run(f"document.querySelector('{PICTURE}').focus()")
    page.keys("enter")
    page.wait_for("document.querySelector('.library-card')")
    page.keys("tab", " ", "escape")
    page.wait_for("!document.querySelector('dialog.library')")
    assert page.value(f"document.activeElement === document.querySelector('{PICTURE}')")
    assert message.translations.get().blocks == [{"type": "image"}]
    assert page.errors == []


def test_a_picture_that_is_too_large_is_told_beside_its_field(picture_block, tmp_path, settings, live_server):
    page = picture_block
    large = tmp_path / "large.png"
    large.write_bytes(picture_file() + b"\0" * settings.MEDIA_MAX_MB * 10**6)
    page.run(f"document.querySelector('{PICTURE}').click()")
    file = page.find("dialog.library [type=file]")
    page.call("POST", f"/element/{file}/value", text=str(large))
    page.wait_for("document.querySelector('dialog.library .uploads .errors')")
    assert "It is too large: 26 MB. At most 25 MB are possible." in page.text("dialog.library .uploads")
    told = page.value(
        "(field => [field.getAttribute('aria-invalid'), field === document.activeElement,"
        " document.getElementById(field.getAttribute('aria-describedby')).className])"
        "(document.querySelector('dialog.library [type=file]'))"
    )
    assert told == ["true", True, "uploads"]
    page.keys("escape")
    assert page.errors == []


@pytest.fixture
def hook(message):
    club = message.broadcast.organization
    channel = Channel.objects.create(
        organization=club, kind="webhook", name="Hook", settings={"url": "https://x.example"}
    )
    second = Message.objects.create(broadcast=message.broadcast, channel=channel, position=1)
    second.translations.create(language="en", subject="Closed", text="Hello {{ contact.name }}", parameters={"a": 1})
    return second


def test_what_a_webhook_gets_is_written_and_previewed(page, live_server, hook):
    page.open(live_server.url + reverse("admin:broadcasts_message_content", args=[hook.pk]))
    page.write("#id_translations-0-subject", "Open")
    page.click("input[name=view][value=headers]")
    page.wait_for("document.querySelector('pre[data-view=headers]')?.textContent.includes('\"subject\": \"Open\"')")
    assert "Hello Joe Doe" in page.text("pre[data-view=headers]")
    page.write("#id_translations-0-parameters", '{"a": ')
    page.wait_for("document.querySelector('[data-saved]').textContent.includes('not valid JSON')")
    page.write("#id_translations-0-parameters", '{"a": 2}')
    page.wait(lambda: hook.translations.get().parameters == {"a": 2}, 6)
    page.wait_for("document.querySelector('pre[data-view=headers]').textContent.includes('\"a\": 2')")
    assert hook.translations.get().subject == "Open"
    assert page.errors == []


def test_on_a_phone_nothing_is_wider_than_the_screen(page):
    page.run("document.querySelector('.content-channels').open = true")
    page.call("POST", "/window/rect", width=500, height=900)
    width, screen = page.value("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= screen
    assert page.errors == []
