"""What somebody types on a page is never lost unseen: buttons save it first, and leaving asks."""

import pytest
from django.urls import reverse

from broadcasts.models import Broadcast, Channel, MessageTranslation, Organization
from tests.admin.conftest import accept_warnings
from tests.make import make_broadcast, make_contact
from tests.recorder import Recorder
from tests.sending import steps

from .browser import DRIVER

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]

SUBJECT = "#id_translations-0-subject"


@pytest.fixture
def broadcast(mail, monkeypatch):
    make_contact(mail.organization, "joe@example.com")
    recorder = Recorder()
    monkeypatch.setattr(Channel, "transport", lambda self: recorder)
    return make_broadcast(mail)


@pytest.fixture
def page(browser, live_server, broadcast):
    address = live_server.url + reverse("admin:broadcasts_broadcast_change", args=[broadcast.pk])
    browser.open(address)
    return address


def test_an_edited_subject_is_what_is_confirmed_and_delivered(browser, page, broadcast, club):
    Organization.objects.filter(pk=club.pk).update(undo_seconds=0)
    accept_warnings(broadcast)
    browser.open(page)
    browser.write(SUBJECT, "Pool open again")
    browser.click("button[value=send]")
    browser.wait(lambda: browser.url.endswith("/send/"))
    assert not browser.is_asked
    assert "Pool open again" in browser.text(".first-copy")
    assert "Pool closed" not in browser.text(".first-copy")
    browser.click(".submit-row .default")
    browser.wait(lambda: "is being sent" in browser.text())
    broadcast.refresh_from_db()
    steps.sending.expand(broadcast.pk, seconds=60)
    steps.pump(broadcast)
    received = Channel.objects.get().transport().received
    assert [(one.address, one.subject) for one in received] == [("joe@example.com", "Pool open again")]


def test_leaving_unsaved_words_asks_and_staying_keeps_them(browser, page):
    browser.write(SUBJECT, "Half a thought")
    browser.click(".breadcrumbs a")
    browser.wait(lambda: browser.is_asked)
    browser.answer(False)
    assert browser.url == page
    assert browser.run(f"return document.querySelector('{SUBJECT}').value") == "Half a thought"
    browser.click(".breadcrumbs a")
    browser.wait(lambda: browser.is_asked)
    browser.answer(True)
    browser.wait(lambda: browser.url != page)
    assert MessageTranslation.objects.get().subject == "Pool closed"


def test_leaving_a_page_on_which_nothing_was_typed_or_all_is_saved_does_not_ask(browser, page):
    browser.write(SUBJECT, "Pool closed")  # as it was
    browser.click(".breadcrumbs a")
    browser.wait(lambda: browser.url != page)
    browser.open(page)
    browser.write(SUBJECT, "Saved")
    browser.click("[name=_continue]")
    browser.wait(lambda: "was changed successfully" in browser.text())
    browser.click(".breadcrumbs a")
    browser.wait(lambda: browser.url != page)
    assert MessageTranslation.objects.get().subject == "Saved"


def test_words_that_were_refused_are_unsaved_too(browser, page):
    browser.write(SUBJECT, "Hello {{ nonsense")
    browser.click("button[value=send]")
    browser.wait(lambda: "correct the error" in browser.text())
    browser.click("main .breadcrumbs a, .breadcrumbs a")
    browser.wait(lambda: browser.is_asked)
    browser.answer(True)
    browser.wait(lambda: "/change/" not in browser.url)
    assert Broadcast.objects.get().status == "DRAFT"


def test_enter_in_a_field_saves_and_asks_nothing(browser, page):
    browser.write(SUBJECT, "By keyboard\n")
    browser.wait(lambda: "was changed successfully" in browser.text())
    assert MessageTranslation.objects.get().subject == "By keyboard"
    assert "/send/" not in browser.url


@pytest.fixture
def refuse(browser, live_server, tmp_path):
    """Upload a file that is refused, with words beside it, and follow a link that leads away."""
    wide = tmp_path / "wide.csv"
    wide.write_text(",".join(f"c{n}" for n in range(400)) + "\n")

    def upload(words: str) -> None:
        browser.open(live_server.url + reverse("admin:broadcasts_importjob_add"))
        browser.choose_file("file", wide)
        browser.write("[name=segment]", words)
        browser.click(".submit-row .default")
        browser.wait(lambda: browser.text(".errorlist"))
        browser.click(".breadcrumbs a")

    return upload


def test_after_a_refused_file_nothing_can_be_lost(browser, refuse):
    refuse("")
    browser.wait(lambda: browser.url.endswith("/admin/"))
    assert not browser.is_asked


def test_words_beside_a_refused_file_are_unsaved(browser, refuse):
    refuse("Swimmers")
    browser.wait(lambda: browser.is_asked)
    browser.answer(True)
