"""The page where somebody who was asked says yes."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db.models.functions import Now
from django.test import Client

from broadcasts import confirming, links
from broadcasts.models import Consent, ConsentChange, Contact, Organization, PersonalLink
from broadcasts.public.texts import CONFIRM, TEXTS
from tests.make import make_contact


@pytest.fixture
def strict():
    """A caller without cookies, as mail apps are."""
    return Client(enforce_csrf_checks=True, headers={"User-Agent": "Mail/1.0"})


@pytest.fixture
def joe(club, mail):
    contact = make_contact(club, "joe@example.com", full_name="Joe")
    confirming.ask(contact, "marketing", source="sign-up form", evidence={"form": "https://club.example/join"})
    return contact


@pytest.fixture
def url(joe):
    return f"/c/{links.personal_token(PersonalLink.objects.get().pk)}/"


def version(page) -> dict[str, str]:
    """What the page's button posts."""
    return {"wording": re.search(r'name="wording" value="(\w+)"', page.text)[1]}


def test_opening_the_link_shows_the_words_and_says_no_yes(strict, url):
    page = strict.get(url)
    strict.head(url)
    assert page.status_code == 200 and "Yes, Swimming Club may send me newsletters" in page.text
    assert "j***@example.com" in page.text and "joe@" not in page.text
    assert Consent.objects.get().state == "pending"


def test_the_button_is_the_yes_with_its_evidence_beside_that_of_the_question(strict, url):
    page = strict.post(url, version(strict.get(url)))
    assert page.status_code == 200 and "Thank you" in page.text and not page.cookies
    asked, said = ConsentChange.objects.order_by("pk")
    assert asked.evidence == {"form": "https://club.example/join"}
    assert (said.state, said.source) == ("granted", "confirm page")
    assert set(said.evidence) == {"time", "form", "ip", "user_agent", "wording", "wording_version"}
    assert (said.evidence["ip"], said.evidence["user_agent"]) == ("127.0.0.1", "Mail/1.0")


def test_pressing_it_again_is_as_good_as_once(strict, url):
    body = version(strict.get(url))
    assert [strict.post(url, body).status_code for _ in range(2)] == [200, 200]
    assert ConsentChange.objects.filter(state="granted").count() == 1


def test_nobody_agrees_to_words_that_were_not_on_the_page(strict, url):
    body = version(strict.get(url))
    Organization.objects.update(consent_wording={"en": "Yes, to everything"})
    assert "Yes, to everything" in strict.post(url, body).text and Consent.objects.get().state == "pending"
    assert strict.post(url).status_code == 200 and Consent.objects.get().state == "pending"


def old(joe):
    PersonalLink.objects.update(created=Now() - timedelta(days=8))


def moved(joe):
    joe.email = "new@example.com"
    joe.save()


def gone(joe):
    joe.delete()


def withdrawn(joe):
    Consent.objects.update(state="withdrawn")


@pytest.mark.parametrize("what", [old, moved, gone, withdrawn])
def test_a_link_that_works_no_more_is_the_same_plain_404_as_one_that_never_did(strict, url, joe, what):
    body = version(strict.get(url))
    what(joe)
    answer, never = strict.post(url, body), strict.get("/c/AAAAAAAAAAAA/")
    assert answer.status_code == never.status_code == 404 and answer.text == never.text
    assert not ConsentChange.objects.filter(state="granted").exists()


@pytest.mark.parametrize("token", ["x", "ñ", "%3Cscript%3E", "%00"])
def test_a_bad_link_is_a_plain_404(strict, db, token):
    assert strict.get(f"/c/{token}/").status_code == strict.get(f"/d/{token}/").status_code == 404


def test_pages_are_kept_out_of_search_engines_and_caches_and_hold_nothing_inline(strict, url):
    page = strict.get(url)
    assert "noindex" in page["X-Robots-Tag"] and "no-store" in page["Cache-Control"]
    assert not re.search(r"<script|<style|style=|onclick", page.text)


@pytest.mark.parametrize("language", [*TEXTS, "pt-BR", "zh"])
def test_the_page_speaks_the_language_of_the_person(strict, url, language):
    Contact.objects.update(language=language)
    spoken = language.partition("-")[0] if language != "zh" else "en"
    text = unescape(strict.get(url).text)
    assert f'<html lang="{spoken}">' in text and CONFIRM[spoken]["button"] in text


def test_behind_a_proxy_the_network_address_is_what_the_proxy_saw(strict, url, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    told = {"X-Forwarded-For": "10.0.0.1, 192.0.2.9"}
    strict.post(url, version(strict.get(url)), headers=told)
    assert ConsentChange.objects.latest("pk").evidence["ip"] == "192.0.2.9"
