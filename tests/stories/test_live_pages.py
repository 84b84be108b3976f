"""Pages that follow what happens, in a real browser: nobody has to load them again."""

import socket

import pytest

from .browser import DRIVER, Browser

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]

PASSWORD = "swordfish-12345"
STAFF = f"""
from broadcasts.models import *
club = Organization.objects.filter(slug="club").first() or Organization.objects.create(name="Club", slug="club")
user = User.objects.create_user("you@club.example", {PASSWORD!r}, full_name="You")
Member.objects.create(user=user, organization=club, role="admin")
"""


@pytest.fixture
def site(installation):
    """The address of an installation that is up, with its workers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    installation.start("up", "--port", str(port), "--workers", "1", BASE_URL=f"http://localhost:{port}")
    installation.wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
    return f"http://localhost:{port}/admin"


@pytest.fixture
def browser():
    made = Browser()
    yield made
    made.close()


@pytest.fixture
def signed_in(installation, site, browser):
    installation.run("shell", "-v0", stdin=STAFF)
    browser.open(f"{site}/login/")
    browser.fill(username="you@club.example", password=PASSWORD)
    browser.click("[type=submit]")
    browser.wait_for("document.querySelector('#user-tools')")
    return browser


def import_file(browser, site, kind, path):
    """Upload, dry run and import, pressing what the pages offer and loading none of them again."""
    browser.open(f"{site}/broadcasts/importjob/add/?kind={kind}")
    browser.choose_file("file", path)
    browser.press("Upload")
    browser.press("Dry run")
    browser.run("window.isTheSame = true")
    browser.wait_for_words("Done", "Import now", "This was a dry run")
    assert browser.value("window.isTheSame") is True
    browser.press("Import now")
    browser.run("window.isTheSame = true")
    browser.wait_for_words("Done", f"See the {kind}", "Import another file")
    assert browser.value("window.isTheSame") is True
    assert "Stop" not in browser.text()
    return {
        name: browser.value(f"document.querySelector('[data-count={name}]').textContent")
        for name in ("created", "unchanged", "invalid")
    }


def test_contacts_are_imported_without_loading_a_page_again(signed_in, site, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("mail,name\n" + "".join(f"p{n}@example.com,P {n}\n" for n in range(3000)) + "bad,x\n")
    assert import_file(signed_in, site, "contacts", file) == {"created": "3,000", "unchanged": "0", "invalid": "1"}
    assert "it has no @" in signed_in.text()
    assert signed_in.errors == []


def test_suppressions_are_imported_without_loading_a_page_again(signed_in, site, tmp_path, installation):
    file = tmp_path / "list.csv"
    file.write_text("email\n" + "".join(f"p{n % 2000}@example.com\n" for n in range(3000)))
    counts = import_file(signed_in, site, "suppressions", file)
    assert counts == {"created": "2,000", "unchanged": "1,000", "invalid": "0"}
    assert installation.value("SELECT COUNT(*) FROM broadcasts_suppression") == 2000
    assert signed_in.errors == []


@pytest.fixture
def draft(seed, inbox):
    inbox.pause = 0.02
    return seed(200)


def test_a_broadcast_is_followed_to_its_end(draft, signed_in, site, installation, inbox):
    pk = installation.value("SELECT id FROM broadcasts_broadcast")
    installation.run("send_broadcast", draft)
    installation.wait_for(lambda: len(inbox.recipients) > 5)
    signed_in.open(f"{site}/broadcasts/broadcast/{pk}/change/")
    signed_in.wait_for("document.querySelector('[data-count=sent]').textContent === '200'")
    signed_in.wait_for_words("Sent")
    signed_in.wait_for("!document.querySelector('.acts').innerText.includes('Pause')")
    assert signed_in.errors == []


def test_a_strip_that_cannot_be_updated_says_so(signed_in, site, tmp_path, installation):
    file = tmp_path / "people.csv"
    file.write_text("mail\n" + "".join(f"p{n}@example.com\n" for n in range(60_000)))  # so that it is under way
    signed_in.open(f"{site}/broadcasts/importjob/add/")
    signed_in.choose_file("file", file)
    signed_in.press("Upload")
    cut = "window.fetch = () => Promise.reject(new Error('the line is cut'))"
    signed_in.call("POST", "/goog/cdp/execute", cmd="Page.addScriptToEvaluateOnNewDocument", params={"source": cut})
    signed_in.press("Dry run")
    signed_in.wait_for_words("Progress cannot be updated at the moment")
    assert any("the line is cut" in error for error in signed_in.errors)
