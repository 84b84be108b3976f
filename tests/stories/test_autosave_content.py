"""What is typed on the content page is stored or kept within five seconds, whatever happens to tab, line or server."""

import json
import os
import signal
import time

import pytest
from django.conf import settings
from django.urls import reverse

from broadcasts.management import serving
from broadcasts.models import Editing
from tests.admin.conftest import sign_in
from tests.make import make_broadcast, make_contact, make_member

from .browser import DRIVER, Browser

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]

SUBJECT = "#id_translations-0-subject"
NOTICE = ".compose-notice:not([hidden])"
TEXT = "#id_translations-0-text"
SAID = "document.querySelector('[data-saved]').textContent"
MJML = "<mjml><mj-body>\\n<mj-nonsense/>\\n</mj-body></mjml>"
SIGNED_IN = """
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from broadcasts.models import *
club = Organization.objects.create(slug="club", name="Club")
mail = Channel.objects.create(organization=club, name="Mail", kind="console", is_default=True)
user = User.objects.create_user("ann@club.example", "swordfish-and-chips")
Member.objects.create(user=user, organization=club, role="author")
broadcast = Broadcast.objects.create(organization=club, name="News", send_to_all=True)
message = Message.objects.create(broadcast=broadcast, channel=mail)
MessageTranslation.objects.create(message=message, language="en", subject="Old", text="Hello")
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.save()
print(session.session_key, message.pk)
"""


@pytest.fixture
def message(mail):
    make_contact(mail.organization, "joe@example.com", full_name="Joe Doe")
    return make_broadcast(mail).first_message()


@pytest.fixture
def address(live_server, message):
    return live_server.url + reverse("admin:broadcasts_message_content", args=[message.pk])


@pytest.fixture
def page(browser, live_server, address):
    browser.call("POST", "/window/rect", width=1400, height=1400)
    browser.open(address)
    browser.wait_for(SAID)
    browser.errors.clear()  # of the page that the browser signs in at
    yield browser
    offline(browser, False)
    leave(browser, f"{live_server.url}/healthz")


@pytest.fixture
def colleague(club, live_server):
    """The browser of somebody else."""
    other = Browser()
    cookie = sign_in(make_member(club, "author").user).cookies[settings.SESSION_COOKIE_NAME]
    other.open(f"{live_server.url}/healthz")
    other.call("POST", "/cookie", cookie={"name": cookie.key, "value": cookie.value})
    other.errors.clear()
    yield other
    other.close()


def leave(browser, goal):
    """Go elsewhere though the page may ask whether to leave."""
    browser.run(
        f"addEventListener('beforeunload', (event) => event.stopImmediatePropagation(), true); location = '{goal}'"
    )
    if browser.is_asked:
        browser.answer(True)
    browser.wait(lambda: browser.url == goal)


def offline(browser, is_off):
    rates = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    params = {"offline": is_off, **rates}
    browser.call("POST", "/goog/cdp/execute", cmd="Network.enable", params={})
    browser.call("POST", "/goog/cdp/execute", cmd="Network.emulateNetworkConditions", params=params)


def close_tab(browser):
    """Close the tab without waiting for anything, as the button of a browser's window does not; go on in a new one."""
    old = browser.call("GET", "/window")
    new = browser.call("POST", "/window/new", type="tab")["handle"]
    browser.call("POST", "/window", handle=old)
    browser.call("DELETE", "/window")
    browser.call("POST", "/window", handle=new)


def typed(browser, css):
    return browser.value(f"document.querySelector({json.dumps(css)}).value")


def subject_of(message):
    return message.translations.get().subject


def test_words_are_stored_while_somebody_types_and_the_cursor_stays(page, message):
    page.run("window.isSame = true")
    page.write(SUBJECT, "Pool open")
    page.run(f"document.querySelector('{SUBJECT}').setSelectionRange(4, 4)")
    page.wait(lambda: subject_of(message) == "Pool open", 6)
    page.wait_for(f"{SAID}.includes('Saved')")
    page.keys("s")
    page.wait(lambda: subject_of(message) == "Pools open", 6)
    page.wait_for("document.querySelector('.content-shown').textContent.includes('Pools open')")
    where = page.value(
        f"[window.isSame, document.activeElement.id, document.querySelector('{SUBJECT}').selectionStart]"
    )
    assert where == [True, "id_translations-0-subject", 5]
    assert page.errors == []


def test_words_survive_a_tab_that_is_closed(page, address, message):
    page.write(SUBJECT, "Half a thought")
    page.wait(lambda: subject_of(message) == "Half a thought", 6)
    page.write(SUBJECT, "Half a thought more")
    close_tab(page)
    page.wait(lambda: subject_of(message) == "Half a thought more", 6)  # sent as the page was left
    page.open(address)
    assert typed(page, SUBJECT) == "Half a thought more"
    assert page.errors == []


def test_wrong_liquid_is_kept_and_stands_there_again_with_its_error(page, address, message):
    page.run("document.querySelector('.content-text').open = true")
    page.write(TEXT, "Hello {{ contact.nmae }}")
    page.wait_for(f"{SAID}.includes('Not saved yet')")
    assert "did you mean contact.name?" in page.value(SAID)
    assert message.translations.get().text == "Hello {{ contact.name }}"
    close_tab(page)
    page.open(address)
    assert typed(page, TEXT) == "Hello {{ contact.nmae }}"
    assert "did you mean contact.name?" in page.text(NOTICE)
    page.write(TEXT, "Hello {{ contact.name }}!")
    page.wait(lambda: message.translations.get().text == "Hello {{ contact.name }}!", 6)
    page.wait_for(f"{SAID}.includes('Saved')")
    assert not Editing.objects.exclude(form="").exists()
    assert page.errors == []


def test_wrong_mjml_stands_there_again_with_its_error_at_the_line(page, address, message):
    page.run(
        "const format = document.getElementById('id_translations-0-format'); format.value = 'mjml';"
        "format.dispatchEvent(new Event('change', {bubbles: true}));"
        f"const area = document.querySelector('[data-source]'); area.value = '{MJML}';"
        "area.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    page.wait_for(f"{SAID}.includes('mj-nonsense')")
    close_tab(page)
    page.open(address)
    page.wait_for("document.querySelector('.source-error')")
    assert "ine 2" in page.text(".source-errors") and "mj-nonsense" in page.text(".source-errors")
    assert message.translations.get().format == "html"
    page.click(f"{NOTICE} [name=_discard]")
    page.wait_for("document.getElementById('id_translations-0-format').value === 'html'")
    assert page.errors == []


def test_a_block_that_is_not_finished_is_kept_by_its_editor(page, address, message):
    message.translations.update(format="blocks", blocks=[{"type": "text", "html": "<p>Hello</p>"}], text="")
    page.open(address)
    page.wait_for("document.querySelector('.blocks-add')")
    page.run("document.querySelector('.blocks-end .blocks-add').focus()")
    page.keys("enter", "b", "enter")
    page.wait_for(f"{SAID}.includes('Not saved yet')")
    close_tab(page)
    page.open(address)
    page.wait_for("document.querySelectorAll('.block').length === 2")
    assert page.text(".block.is-wrong .field-error:not([hidden])")
    assert page.errors == []


def test_a_language_that_was_added_is_stored_once_however_often_it_is_saved(page, message):
    page.run("document.querySelector('[name=new_language]').closest('details').open = true")
    page.run("document.querySelector('[name=new_language]').value = 'es'")
    page.click("button[value=language]")
    page.wait_for("document.querySelector('#tab-1[aria-selected=true]')")
    for words in ("Cerrado", "Piscina cerrada"):
        page.write("#id_translations-1-subject", words)
        page.wait(lambda words=words: [one.subject for one in message.translations.all()][1:] == [words], 6)
    assert page.errors == []


def test_without_a_connection_the_page_says_so_and_saves_when_it_is_back(page, message):
    offline(page, True)
    page.write(SUBJECT, "Typed in a tunnel")
    page.wait_for(f"{SAID}.includes('Not saved: no connection')")
    page.write(SUBJECT, "Typed in a long tunnel")
    offline(page, False)
    page.wait(lambda: subject_of(message) == "Typed in a long tunnel", 15)
    page.wait_for(f"{SAID}.includes('Saved')")
    assert [one for one in page.errors if "ERR_INTERNET_DISCONNECTED" not in one] == []


def test_two_people_see_each_other_and_neither_overwrites_the_other(page, colleague, address, message):
    colleague.open(address)
    colleague.errors.clear()
    colleague.wait_for("document.querySelector('[data-others]').textContent.includes('is on step What')")
    page.write(SUBJECT, "Mine")
    page.wait(lambda: subject_of(message) == "Mine", 6)
    colleague.write(SUBJECT, "Theirs")
    colleague.wait_for("!document.querySelector('[data-conflict]').hidden")
    assert subject_of(message) == "Mine"
    assert "saved this step after you opened it" in colleague.text("[data-conflict]")
    colleague.open(address)
    assert typed(colleague, SUBJECT) == "Theirs"
    colleague.click("[data-conflict] [name=over]")
    colleague.wait(lambda: subject_of(message) == "Theirs")
    page.write(SUBJECT, "Mine again")
    page.wait_for("!document.querySelector('[data-conflict]').hidden")
    page.click(f"{NOTICE} [name=_discard]")
    page.wait_for(f"document.querySelector('{SUBJECT}').value === 'Theirs'")
    assert subject_of(message) == "Theirs"
    assert page.errors == [] and colleague.errors == []


def test_the_policy_is_saved_and_changed_back_without_the_page_being_loaded(page, message):
    broadcast = message.broadcast
    page.run("document.querySelector('.content-channels').open = true")
    for value in ("true", "unknown", "false"):
        page.run(
            f"const one = document.querySelector('#id_channels-track_opens'); one.value = '{value}';"
            "one.dispatchEvent(new Event('change', {bubbles: true}))"
        )
        goal = {"true": True, "false": False}.get(value)
        page.wait(lambda goal=goal: type(broadcast).objects.get(pk=broadcast.pk).track_opens is goal, 6)
        page.wait_for(f"{SAID}.includes('Saved')")
    assert page.errors == []


# A whole installation, whose web process dies.


@pytest.fixture
def server(installation):
    port = serving.free_port("127.0.0.1", 22000 + os.getpid() % 10_000)
    installation.env |= {"BASE_URL": f"http://127.0.0.1:{port}"}
    key, pk = installation.run("shell", "-v0", stdin=SIGNED_IN).split()[-2:]
    installation.start("up", "--port", str(port), "--workers", "1")
    installation.wait_for(lambda: "Listening" in (installation.room / "up.log").read_text())
    return f"http://127.0.0.1:{port}", key, f"/admin/broadcasts/message/{pk}/content/"


def kill_web(installation):
    for found in installation.leftovers():
        if "broadcasts.web" in found:
            os.kill(int(found.split()[0]), signal.SIGKILL)


def test_nothing_typed_more_than_five_seconds_ago_is_lost_while_web_processes_are_killed(
    chromium, installation, server
):
    home, key, path = server
    chromium.open(f"{home}/healthz")
    chromium.call("POST", "/cookie", cookie={"name": settings.SESSION_COOKIE_NAME, "value": key})
    chromium.open(home + path)
    chromium.wait_for(SAID)
    stored = "SELECT subject FROM broadcasts_messagetranslation"
    for n in range(4):
        chromium.write(SUBJECT, f"Words {n}")
        time.sleep(1.3 + 0.15 * n)  # so that some die before they are asked, and some while they save
        kill_web(installation)
        installation.wait_for(lambda n=n: installation.value(stored) == f"Words {n}", 40)
        chromium.wait_for(f"{SAID}.includes('Saved')")
    assert chromium.value("document.querySelector('[data-conflict]').hidden")
    assert installation.value("SELECT COUNT(*) FROM broadcasts_messagetranslation") == 1
    violations = [one for one in chromium.errors if "Content Security Policy" in one]
    assert violations == []
    leave(chromium, f"{home}/healthz")
