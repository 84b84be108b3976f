import re
from html import unescape

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from broadcasts import health, links
from broadcasts.models import Consent, ConsentChange, Delivery, Suppression
from broadcasts.public.texts import TEXTS
from broadcasts.public.views import masked
from broadcasts.tasks import beat
from tests.make import make_broadcast, make_contact, make_delivery

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def strict():
    """A caller without cookies, whom no CSRF token protects."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def delivery(mail):
    return make_delivery(make_broadcast(mail), make_contact(mail.organization, email="joe@example.com"))


@pytest.fixture
def url(delivery):
    return f"/u/{links.delivery_token(delivery.pk)}/"


def test_opening_the_link_asks_and_unsubscribes_nobody(strict, url, delivery):
    page = strict.get(url)
    assert page.status_code == 200 and "Swimming Club" in page.text and "j***@example.com" in page.text
    assert '<form method="post">' in page.text and "joe@" not in page.text
    strict.head(url)
    delivery.refresh_from_db()
    assert delivery.unsubscribed_at is None and not Suppression.objects.exists()


@pytest.mark.parametrize(("body", "source"), [(ONE_CLICK, "one-click"), ({}, "page")])
def test_posting_unsubscribes_at_once_without_cookie_token_or_login(strict, url, delivery, body, source):
    response = strict.post(url, body)
    delivery.refresh_from_db()
    assert response.status_code == 200 and not response.cookies and delivery.unsubscribed_at
    assert Suppression.objects.get().source == source and Consent.objects.get().state == "withdrawn"
    assert {"time", "ip", "broadcast"} <= set(ConsentChange.objects.get().evidence)


def test_a_form_encoded_one_click_post_is_understood(strict, url):
    strict.post(url, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert Suppression.objects.get().source == "one-click"


def test_posting_twice_is_as_good_as_once(strict, url):
    assert [strict.post(url, ONE_CLICK).status_code for _ in range(2)] == [200, 200]
    assert Suppression.objects.count() == 1


def test_the_link_works_after_the_person_was_erased(strict, url, delivery):
    Delivery.objects.filter(pk=delivery.pk).update(contact=None, address="")
    assert strict.get(url).status_code == strict.post(url, ONE_CLICK).status_code == 200


@pytest.mark.parametrize("token", ["x", "AAAAAAAAAAAA", "ñ", "%3Cscript%3E", "%00"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_bad_link_is_a_plain_404(strict, db, token, method):
    response = getattr(strict, method)(f"/u/{token}/")
    assert response.status_code == 404 and "This link does not work" in response.text


def test_the_link_of_a_pruned_delivery_is_a_plain_404(strict, db):
    assert strict.post(f"/u/{links.delivery_token(10**9)}/").status_code == 404


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_link_of_a_test_send_says_so_and_does_nothing(strict, db, method):
    response = getattr(strict, method)(f"/u/{links.delivery_token(0)}/", headers={"Accept-Language": "es-ES,es"})
    assert response.status_code == 200 and "Era una prueba" in response.text
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("language", [*TEXTS, "pt-BR", "zh"])
def test_the_page_speaks_the_language_of_the_delivery(strict, url, delivery, language):
    Delivery.objects.update(language=language)
    spoken = language.partition("-")[0] if language != "zh" else "en"
    text = unescape(strict.get(url).text)
    assert f'<html lang="{spoken}">' in text and TEXTS[spoken]["button"] in text


def test_every_language_says_everything():
    assert len({frozenset(words) for words in TEXTS.values()}) == 1


def test_pages_are_kept_out_of_search_engines_and_caches_and_hold_nothing_inline(strict, url):
    response = strict.get(url)
    assert "noindex" in response["X-Robots-Tag"] and "no-store" in response["Cache-Control"]
    assert "script-src 'self'" in response["Content-Security-Policy"] and not response.cookies
    assert not re.search(r"<script|<style|style=|onclick", response.text)


def test_pages_have_an_icon_that_is_there(strict, url):
    page = strict.get(url).content.decode()
    assert '<link rel="icon" href="/static/broadcasts/icon' in page
    assert finders.find("broadcasts/icon.svg")


def test_the_organization_s_name_cannot_bring_markup(strict, url, club):
    club.name = "<script>{0}{address}"
    club.save()
    assert "<script>" not in strict.get(url).text


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(strict, url, method):
    assert getattr(strict, method)(url).status_code == 405


@pytest.mark.parametrize(
    ("address", "shown"),
    [("joe@example.com", "j***@example.com"), ("250788123123", "250***23"), ("", ""), ("12", "***")],
)
def test_addresses_are_masked(address, shown):
    assert masked(address) == shown


def test_the_front_door_leads_to_the_admin(client):
    assert client.get("/")["Location"] == reverse("admin:index")


def test_a_living_process_says_so_without_the_database(client):
    assert client.get("/healthz").text == "ok"


def test_readyz_says_what_is_wrong_while_no_worker_lives(client, db):
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["heartbeat"]["level"] == "fail"


def test_readyz_is_ready_when_the_queue_beats(client, db):
    beat(health.CLUSTER, timezone.now().isoformat())
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["ready"] is True
