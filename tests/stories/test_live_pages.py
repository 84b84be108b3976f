"""Pages that follow what happens, in a real browser: nobody has to load them again."""

import socket

import pytest

from .browser import DRIVER
from .installation import Installation

pytestmark = [
    pytest.mark.story,
    pytest.mark.one_database,
    pytest.mark.skipif(DRIVER is None, reason="needs Chromium and its driver"),
]

STAFF = """
from broadcasts.models import *
club, _ = Organization.objects.get_or_create(slug="club", defaults={"name": "Club"})
user = User.objects.create_user("you@club.example", "swordfish-12345", full_name="You")
Member.objects.create(user=user, organization=club, role="admin")
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory, migrated):
    """One for all these stories: to start one takes longer than to follow a page."""
    made = Installation(tmp_path_factory.mktemp("installation"))
    made.copy(migrated)
    yield made
    made.drop()


@pytest.fixture(scope="module")
def site(installation):
    """The address of an installation that is up, with its workers and somebody who may sign in."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    installation.start("up", "--port", str(port), "--workers", "1", BASE_URL=f"http://localhost:{port}")
    installation.run("shell", "-v0", stdin=STAFF)
    installation.wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
    return f"http://localhost:{port}/admin"


@pytest.fixture(scope="module")
def first_tab(site, chromium):
    chromium.open(f"{site}/login/")
    chromium.fill(username="you@club.example", password="swordfish-12345")
    chromium.click("[type=submit]")
    chromium.wait_for("document.querySelector('#user-tools')")
    assert chromium.errors == []
    return chromium.call("GET", "/window")


@pytest.fixture
def signed_in(chromium, first_tab):
    """A tab of its own, which nothing that an earlier story did to a page has reached."""
    chromium.forget_errors()
    chromium.call("POST", "/window", handle=chromium.call("POST", "/window/new", type="tab")["handle"])
    yield chromium
    chromium.call("DELETE", "/window")
    chromium.call("POST", "/window", handle=first_tab)


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


@pytest.fixture
def draft(seed, inbox):
    inbox.pause = 0.02
    return seed(200)


def test_a_broadcast_is_followed_to_its_end(draft, signed_in, site, installation, inbox):
    """It comes first, since it goes to everybody: the next stories import people."""
    pk = installation.value("SELECT id FROM broadcasts_broadcast")
    installation.run("send_broadcast", draft)
    installation.wait_for(lambda: len(inbox.recipients) > 5)
    signed_in.open(f"{site}/broadcasts/broadcast/{pk}/change/")
    signed_in.wait_for("document.querySelector('[data-count=sent]').textContent === '200'")
    signed_in.wait_for_words("Sent")
    signed_in.wait_for("!document.querySelector('.acts').innerText.includes('Pause')")
    assert signed_in.errors == []


def test_contacts_are_imported_without_loading_a_page_again(signed_in, site, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("mail,name\n" + "".join(f"member{n}@example.com,P {n}\n" for n in range(3000)) + "bad,x\n")
    assert import_file(signed_in, site, "contacts", file) == {"created": "3,000", "unchanged": "0", "invalid": "1"}
    assert "it has no @" in signed_in.text()
    assert signed_in.errors == []


def test_suppressions_are_imported_without_loading_a_page_again(signed_in, site, tmp_path, installation):
    file = tmp_path / "list.csv"
    file.write_text("email\n" + "".join(f"gone{n % 2000}@example.com\n" for n in range(3000)))
    counts = import_file(signed_in, site, "suppressions", file)
    assert counts == {"created": "2,000", "unchanged": "1,000", "invalid": "0"}
    assert installation.value("SELECT COUNT(*) FROM broadcasts_suppression") == 2000
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
