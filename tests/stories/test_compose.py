"""A draft made step by step in a real browser: by keyboard, on a phone, without a connection, by two people at once."""

import os
import signal
import time

import pytest
from django.conf import settings
from django.urls import reverse

from broadcasts.management import serving
from broadcasts.models import Broadcast, User
from tests.admin.conftest import accept_warnings, sign_in
from tests.admin.steps_of import typed
from tests.make import make_broadcast, make_contact, make_member

from .browser import DRIVER
from .test_web_server import processes

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]


@pytest.fixture
def draft(mail):
    make_contact(mail.organization, "joe@example.com", full_name="Joe", language="en")
    return make_broadcast(mail, send_to_all=False)


@pytest.fixture
def at(browser, live_server):
    """Open a step of a broadcast, or a page by its name."""

    def opened(name, *args):
        browser.open(live_server.url + reverse(f"admin:{name}", args=args))
        browser.errors.clear()
        return browser

    yield opened
    browser.call("POST", "/window/rect", width=1200, height=1600)
    offline(browser, False)
    # So that leaving what is not saved asks nothing.
    browser.run("document.querySelector('form[data-unsaved]')?.dispatchEvent(new Event('submit', {bubbles: true}))")
    browser.open(f"{live_server.url}/healthz")


@pytest.fixture
def who(at, draft):
    return at("broadcasts_broadcast_compose", draft.pk, "who")


def offline(browser, is_offline):
    """Cut the connection of the browser, or mend it."""
    conditions = {"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    for cmd, params in (("Network.enable", {}), ("Network.emulateNetworkConditions", conditions)):
        browser.call("POST", "/goog/cdp/execute", cmd=cmd, params=params)


def says(browser, words):
    browser.wait_for(f"document.querySelector('[data-saved]').textContent.includes({words!r})")


def tab_to(browser, css, most=60):
    """Go on from where the focus is by the tabulator alone."""
    for _ in range(most):
        browser.keys("tab")
        if browser.value(f"document.activeElement.matches({css!r})"):
            return
    raise AssertionError(f"the tabulator does not reach {css}")


def skip_to_content(browser):
    """Press what is first on every page."""
    browser.keys("tab", "enter")
    browser.wait_for("document.activeElement.id === 'content-start'")


def press_enter(browser, css, goal):
    tab_to(browser, css)
    browser.keys("enter")
    browser.wait(lambda: goal in browser.url)
    browser.wait_for("document.readyState === 'complete'")


def test_a_whole_draft_is_made_by_keyboard_alone(at, mail):
    make_contact(mail.organization, "joe@example.com", full_name="Joe")
    browser = at("index")
    press_enter(browser, ".dashboard-acts a", "/start/")
    skip_to_content(browser)
    press_enter(browser, "button[formaction]", "/compose/who/")
    tab_to(browser, "#id_name")
    browser.keys("ctrl+a", *"December news")
    tab_to(browser, "#id_send_to_all")
    browser.keys(" ")
    says(browser, "Saved")
    browser.wait_for("document.querySelector('[data-card]').textContent.includes('1 person')")
    press_enter(browser, "[name=_what]", "/content/")
    tab_to(browser, "[name$=-subject]", most=120)
    browser.keys(*"The pool is open")
    tab_to(browser, ".blocks-end button", most=120)
    browser.keys("enter", *"text", "enter")
    browser.wait_for("document.activeElement.closest('.rich-words')")
    browser.keys(*"Come and swim.")
    press_enter(browser, "[name=_when]", "/compose/when/")
    press_enter(browser, "[name=_check]", "/compose/check/")
    broadcast = Broadcast.objects.get()
    content = broadcast.first_message().translations.get()
    assert (broadcast.name, broadcast.send_to_all, content.subject) == ("December news", True, "The pool is open")
    assert "Come and swim." in content.html
    assert browser.errors == []


def test_it_is_sent_and_stopped_in_the_countdown_by_keyboard_alone(at, draft):
    Broadcast.objects.update(send_to_all=True)
    accept_warnings(draft)
    browser = at("broadcasts_broadcast_compose", draft.pk, "send")
    press_enter(browser, ".compose-step .submit-row [type=submit]", "/change/")
    assert Broadcast.objects.get().is_undoable
    tab_to(browser, "[form=undo]", most=1)
    browser.keys("enter")
    browser.wait(lambda: "is a draft again, and nothing was sent" in browser.text(".messagelist"))
    assert Broadcast.objects.get().status == Broadcast.Status.DRAFT
    assert browser.errors == []


def test_each_step_fits_a_phone_of_320_pixels(at, draft):
    for name in ("who", "what", "when", "check", "send"):
        browser = at("broadcasts_broadcast_compose", draft.pk, name)
        browser.call("POST", "/window/rect", width=320, height=700)
        browser.wait_for("innerWidth === 320")
        assert browser.value("document.documentElement.scrollWidth") <= 320, name
        assert browser.errors == []


def test_what_is_typed_is_saved_by_itself_and_leaving_asks_nothing(who, draft):
    who.write("#id_name", "December news")
    says(who, "Saving…")
    who.click(".breadcrumbs a")
    who.wait(lambda: who.url.endswith("/admin/"))
    assert not who.is_asked
    assert Broadcast.objects.get().name == "December news"


def test_rows_of_the_builder_are_saved_too(who, draft):
    who.click(".rules-add button")
    who.wait_for("document.querySelector('.rules-line select')")
    who.run(
        "const area = document.getElementById('id_query');"
        "area.value = '{\"language\": \"en\"}'; area.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    who.wait(lambda: Broadcast.objects.get().query == {"language": "en"})
    who.wait_for("document.querySelector('[data-steps]').textContent.includes('1 person')")


def test_without_a_connection_it_says_so_and_saves_once_it_is_back(who, draft):
    offline(who, True)
    who.write("#id_name", "Typed in a tunnel")
    says(who, "Not saved: no connection. Trying again…")
    who.click(".breadcrumbs a")
    who.wait(lambda: who.is_asked)
    who.answer(False)
    assert Broadcast.objects.get().name == draft.name
    offline(who, False)
    says(who, "Saved")
    assert Broadcast.objects.get().name == "Typed in a tunnel"
    assert "Network" not in " ".join(who.errors).replace("net::ERR_INTERNET_DISCONNECTED", "")


def test_who_is_signed_out_signs_in_elsewhere_and_loses_nothing(who, draft):
    cookie = who.call("GET", f"/cookie/{settings.SESSION_COOKIE_NAME}")
    who.call("DELETE", f"/cookie/{settings.SESSION_COOKIE_NAME}")
    who.write("#id_name", "Typed after lunch")
    says(who, "Not saved: you are signed out. Sign in in another window. Trying again…")
    who.call("POST", "/cookie", cookie={"name": cookie["name"], "value": cookie["value"]})
    says(who, "Saved")
    assert Broadcast.objects.get().name == "Typed after lunch"


def test_what_is_not_valid_yet_is_there_again_after_the_window_was_closed(who, at, draft):
    who.run("document.querySelectorAll('.compose-part details').forEach((one) => { one.open = true; })")
    who.write("#id_addresses", "half-an-address")
    says(who, "Not saved yet: Addresses:")
    again = at("broadcasts_broadcast_compose", draft.pk, "who")
    assert again.value("document.getElementById('id_addresses').value") == "half-an-address"
    assert "Everything you typed is kept." in again.text(".compose-notice:not([hidden])")
    again.click(".compose-notice:not([hidden]) [name=_discard]")
    again.wait_for("document.getElementById('id_addresses').value === ''")


@pytest.fixture
def ada(club):
    user = make_member(club, "author").user
    User.objects.filter(pk=user.pk).update(full_name="Ada Lovelace")
    return sign_in(user)


def test_two_people_see_each_other_and_choose_whose_words_stay(who, ada, draft):
    typed(ada, draft, "who", name="Hers")
    who.write("#id_name", "Mine")
    who.wait_for("!document.querySelector('[data-conflict]').hidden")
    assert "Ada Lovelace saved this step after you opened it." in who.text("[data-conflict]")
    assert "Ada Lovelace is on step Who." in who.text("[data-others]")
    assert Broadcast.objects.get().name == "Hers"
    who.press("Save mine instead")
    assert Broadcast.objects.get().name == "Mine"
    assert who.text("h1") == "Mine"
    assert who.errors == []


def test_the_card_sends_a_test_of_what_was_just_typed(who, draft, server):
    who.write("#id_name", "Tested")
    who.click("[data-key=test]")
    who.wait_for("document.querySelector('[data-tested]').textContent.includes('A test was sent to')")
    assert Broadcast.objects.get().name == "Tested"
    assert [one.subject for one in server.received] == ["[Test] Pool closed"]


SEED = """
from broadcasts.models import *
club = Organization.objects.create(name="Club", slug="club")
user = User.objects.create_user("ada@club.example", "swordfish", full_name="Ada")
Member.objects.create(organization=club, user=user, role="author")
broadcast = Broadcast.objects.create(organization=club, name="News")
from django.test import Client
client = Client()
client.force_login(user)
print(broadcast.pk, client.cookies["sessionid"].value)
"""


def test_nothing_typed_is_lost_while_web_workers_are_killed(chromium, installation):
    pk, session = installation.run("shell", "-v0", stdin=SEED).split()[-2:]
    port = serving.free_port("127.0.0.1", 22000 + os.getpid() % 10_000)
    installation.start("up", "--port", str(port), "--workers", "1")
    installation.wait_for(lambda: "Listening" in (installation.room / "up.log").read_text())
    chromium.open(f"http://127.0.0.1:{port}/healthz")
    chromium.call("POST", "/cookie", cookie={"name": "sessionid", "value": session})
    chromium.open(f"http://127.0.0.1:{port}/admin/broadcasts/broadcast/{pk}/compose/who/")
    chromium.find("#id_name")
    for n in range(3):
        chromium.write("#id_name", f"Typed while a worker dies {n}")
        time.sleep(1.4)  # about when it is sent
        for process in processes(installation):
            os.kill(process, signal.SIGKILL)
        installation.wait_for(
            lambda n=n: installation.value("SELECT name FROM broadcasts_broadcast") == f"Typed while a worker dies {n}"
        )
    says(chromium, "Saved")
    assert chromium.value("document.querySelector('[data-conflict]').hidden")


def test_many_contacts_are_counted_after_the_page_and_again_only_when_the_audience_changes(at, draft, monkeypatch):
    monkeypatch.setattr("broadcasts.admin.broadcast_views.AT_ONCE", 0)
    Broadcast.objects.update(send_to_all=True)
    browser = at("broadcasts_broadcast_compose", draft.pk, "who")
    number = "document.querySelector('[data-number]').textContent"
    counts = "performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/compose/card/')).length"
    browser.wait_for(f"{number} === '1' && !document.querySelector('[data-counting]')")
    browser.write("#id_name", "Renamed")
    browser.wait_for("document.querySelector('h1').textContent === 'Renamed'")
    assert browser.value(f"[{number}, {counts}]") == ["1", 1]
    browser.click("#id_use_case_0")
    browser.wait_for(f"{counts} === 2 && !document.querySelector('[data-counting]')")
