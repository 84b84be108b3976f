"""A person's own pages: what it gets, its data, its deletion."""

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from django.db.models.functions import Now
from django.test import Client

from broadcasts import confirming, consenting, links
from broadcasts.exceptions import WrongState
from broadcasts.models import (
    AuditEntry,
    Consent,
    ConsentChange,
    Contact,
    Delivery,
    Organization,
    PersonalLink,
    Suppression,
)
from broadcasts.public.texts import CONFIRM, DATA, PREFERENCES, TEXTS
from tests.make import make_broadcast, make_contact, make_delivery

BOTH = "email-marketing email-general"


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com", full_name="Joe", language="en")


@pytest.fixture
def delivery(mail, joe):
    return make_delivery(make_broadcast(mail, use_case="marketing"), joe)


@pytest.fixture
def url(delivery):
    return f"/p/{links.delivery_token(delivery.pk)}/"


@pytest.fixture
def data_url(joe, mail):
    confirming.ask_for_data(joe)
    return f"/d/{links.personal_token(PersonalLink.objects.get().pk)}/"


def boxes(page) -> dict[str, bool]:
    """The boxes of a page that give consent, and which of them are ticked."""
    found = re.findall(r'name="get" value="([\w-]+)"( checked)?', page.text)
    return {name: bool(checked) for name, checked in found if name != "no-tracking"}


def state():
    return {(row.medium, row.use_case): row.state for row in Consent.objects.all()}


def test_the_page_shows_what_i_get_by_what_and_in_which_language(client, url):
    page = client.get(url)
    assert page.status_code == 200 and boxes(page) == {"email-marketing": True, "email-general": True}
    assert "j***@example.com" in page.text and "joe@" not in page.text
    assert '<option value="en" lang="en" selected>English' in page.text and "Español" in page.text
    assert not Consent.objects.exists()


def test_kinds_are_shown_where_there_is_an_address_and_a_channel(client, url, joe):
    joe.phone = "+34600000001"
    joe.save()
    assert "sms-marketing" not in boxes(client.get(url))


def test_each_address_is_named_by_its_medium(client, url):
    assert "<legend>E-mail <span" in client.get(url).content.decode()


def test_where_a_yes_is_needed_nothing_said_is_no(client, url):
    Organization.objects.update(consent_required=True)
    assert boxes(client.get(url)) == {"email-marketing": False, "email-general": True}


def test_unticking_withdraws_with_evidence_and_counts_where_it_was_sent_from(client, url, delivery):
    page = client.post(url, {"was": BOTH, "get": "email-general", "language": "en"})
    assert "Your choice is saved" in page.text and boxes(page) == {"email-marketing": False, "email-general": True}
    assert state() == {("email", "marketing"): "withdrawn"}
    change = ConsentChange.objects.get()
    assert change.source == "preference page" and {"time", "ip", "wording_version"} <= set(change.evidence)
    assert Suppression.objects.get().use_case == "marketing"
    delivery.refresh_from_db()
    assert delivery.unsubscribed_at


def test_ticking_grants_and_lifts_my_own_no(client, url, joe):
    consenting.withdraw(joe, "email", "marketing", source="page", evidence={})
    page = client.post(url, {"was": "email-general", "get": ["email-marketing", "email-general"]})
    assert boxes(page)["email-marketing"] and state() == {("email", "marketing"): "granted"}
    assert not Suppression.objects.exists()


def test_saving_a_page_without_a_change_writes_nothing(client, url):
    client.post(url, {"was": BOTH, "get": BOTH.split(), "language": "en"})
    assert not ConsentChange.objects.exists()


def test_an_old_page_does_not_take_back_a_no_said_since(client, url, joe):
    consenting.withdraw(joe, "email", "marketing", source="one-click", evidence={})
    client.post(url, {"was": BOTH, "get": BOTH.split(), "language": "es"})
    assert state() == {("email", "marketing"): "withdrawn"}


def test_a_bounced_address_cannot_be_ticked(client, url, club):
    consenting.suppress(club, "email", "joe@example.com", "hard_bounce")
    page = client.post(url, {"was": "", "get": "email-marketing"})
    assert boxes(page) == {} and "cannot be reached" in page.text and not Consent.objects.exists()


@pytest.mark.parametrize(("chosen", "kept"), [("es", "es"), ("fr", "en"), ("<b>", "en")])
def test_the_language_is_one_of_the_organization_s(client, url, joe, chosen, kept):
    page = client.post(url, {"was": BOTH, "get": BOTH.split(), "language": chosen})
    joe.refresh_from_db()
    assert joe.language == kept and f'<html lang="{kept}">' in page.text


def test_i_can_ask_that_nobody_measures_what_i_open_and_click(client, url, joe):
    client.post(url, {"was": BOTH, "get": [*BOTH.split(), "no-tracking"]})
    joe.refresh_from_db()
    assert joe.no_tracking and 'value="no-tracking" checked' in client.get(url).text
    assert AuditEntry.objects.get().detail == {"fields": ["no_tracking"], "source": "preference page"}
    client.post(url, {"was": f"{BOTH} no-tracking", "get": BOTH.split()})
    joe.refresh_from_db()
    assert not joe.no_tracking


def test_posting_needs_the_page_s_own_token(url):
    assert Client(enforce_csrf_checks=True).post(url, {"was": BOTH}).status_code == 403


def test_a_test_send_says_so(client, db):
    assert "This was a test" in client.get(f"/p/{links.delivery_token(0)}/").text


def erased(joe):
    Delivery.objects.update(contact=None, address="")


def moved(joe):
    joe.email = "new@example.com"
    joe.save()


@pytest.mark.parametrize("what", [erased, moved])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_erased_person_s_link_and_an_old_address_lead_where_an_unknown_one_does(client, url, joe, what, method):
    what(joe)
    answer = getattr(client, method)(url)
    assert answer.status_code == 404 and answer.text == client.get("/p/AAAAAAAAAAAA/").text


@pytest.mark.parametrize("language", [*TEXTS, "pt-BR", "zh"])
def test_the_pages_speak_the_language_of_the_person(client, url, data_url, language):
    Contact.objects.update(language=language)
    spoken = language.partition("-")[0] if language != "zh" else "en"
    assert PREFERENCES[spoken]["save"] in unescape(client.get(url).text)
    assert DATA[spoken]["download"] in unescape(client.get(data_url).text)


@pytest.mark.parametrize("words", [TEXTS, CONFIRM, PREFERENCES, DATA])
def test_every_language_says_everything(words):
    assert set(words) == set(TEXTS) and len({frozenset(each) for each in words.values()}) == 1


@pytest.mark.parametrize("which", ["url", "data_url"])
def test_pages_are_kept_out_of_search_engines_and_caches_and_hold_nothing_inline(client, request, which):
    page = client.get(request.getfixturevalue(which))
    assert "noindex" in page["X-Robots-Tag"] and "no-store" in page["Cache-Control"]
    assert not re.search(r"<script|<style|style=|onclick", page.text)


def test_the_link_to_my_data_goes_to_my_own_address_only(client, url, joe):
    page = client.post(url, {"act": "data"})
    assert "on its way to j***@example.com" in page.text
    link = PersonalLink.objects.get()
    assert (link.purpose, link.contact, bool(link.due_at)) == ("data", joe, True)


def test_asking_for_it_too_often_says_the_same_and_mails_no_more(client, url):
    said = set()
    for _ in range(5):
        said |= set(re.findall(r'role="status">([^<]+)', client.post(url, {"act": "data"}).text))
        PersonalLink.objects.update(created=Now() - timedelta(minutes=20))
    assert len(said) == 1 and PersonalLink.objects.count() == 3


def test_my_data_are_downloaded_by_a_button_and_noted(client, data_url):
    assert "my-data" not in client.get(data_url).headers.get("Content-Disposition", "")
    answer = client.post(data_url, {"act": "download"})
    assert "my-data.json" in answer["Content-Disposition"] and "no-store" in answer["Cache-Control"]
    assert json.loads(b"".join(answer))["profile"]["email"] == "joe@example.com"
    assert AuditEntry.objects.filter(act="export").exists()


def test_deleting_needs_the_tick_and_then_leaves_nothing(client, data_url, delivery):
    page = client.post(data_url, {"act": "delete"})
    assert "tick the box" in page.text and Contact.objects.exists()
    assert "deleted" in client.post(data_url, {"act": "delete", "sure": "yes"}).text
    assert not Contact.objects.exists() and not Delivery.objects.exclude(address="").exists()
    assert client.get(data_url).status_code == client.post(data_url, {"act": "download"}).status_code == 404


def test_deleting_needs_the_page_s_own_token(data_url):
    answer = Client(enforce_csrf_checks=True).post(data_url, {"act": "delete", "sure": "yes"})
    assert answer.status_code == 403 and Contact.objects.exists()


def test_a_no_on_an_old_page_counts_though_the_address_bounced_since(client, url, joe):
    consenting.suppress(joe.organization, "email", joe.email, "hard_bounce")
    client.post(url, {"was": BOTH, "get": "email-general"})
    assert state() == {("email", "marketing"): "withdrawn"}


def test_saving_a_page_with_a_stopped_address_says_neither_yes_nor_no(client, url, joe):
    consenting.suppress(joe.organization, "email", joe.email, "hard_bounce")
    was = re.search(r'name="was" value="([^"]*)"', client.get(url).text)[1]
    client.post(url, {"was": was})
    client.post(url, {"was": was, "get": BOTH.split()})
    assert state() == {}


def test_a_person_who_goes_while_the_page_is_saved_finds_a_link_that_does_not_work(client, url, joe, monkeypatch):
    def gone(*args, **proof):
        raise WrongState("This contact is not there any more.")

    monkeypatch.setattr(consenting, "withdraw", gone)
    assert client.post(url, {"was": BOTH}).status_code == 404
