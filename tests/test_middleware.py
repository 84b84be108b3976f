"""What holds for all answers: no cache keeps them, and an outage is told as one."""

import pytest
from django.urls import reverse

from broadcasts import links
from broadcasts.models import Segment
from tests.make import make_broadcast, make_contact, make_delivery

ADD = "/admin/broadcasts/segment/add/"


@pytest.fixture
def signed_in(author, client):
    client.force_login(author.user)
    return client


@pytest.mark.parametrize("path", ["/admin/", "/admin/jsi18n/", "/admin/nowhere/", "/admin/login/", "/u/x/", "/p/x/"])
def test_pages_are_kept_by_no_cache(signed_in, path):
    assert "no-store" in signed_in.get(path)["Cache-Control"]


@pytest.mark.parametrize("path", ["/healthz", "/static/broadcasts/public.css"])
def test_what_is_of_nobody_may_be_kept(client, db, path):
    assert "no-store" not in client.get(path).get("Cache-Control", "")


def test_a_page_that_could_not_be_saved_keeps_what_was_typed(signed_in, club, db_lock):
    db_lock.begin()
    typed = {"organization": club.pk, "name": "<b>Swimmers", "kind": "static", "rules": "{}"}
    answer = signed_in.post(ADD, typed)
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "The database is busy with other work." in answer.text
    assert '<input type="hidden" name="name" value="&lt;b&gt;Swimmers">' in answer.text
    assert not Segment.objects.exists()


def test_what_was_typed_can_be_sent_again(signed_in, club, db_lock):
    db_lock.begin()
    typed = {"organization": club.pk, "name": "Swimmers", "kind": "static", "rules": "{}"}
    assert signed_in.post(ADD, typed).status_code == 503
    db_lock.end()
    assert signed_in.post(ADD, typed).status_code == 302
    assert Segment.objects.get().name == "Swimmers"


def test_a_password_is_never_written_into_the_page(client, viewer, db_lock):
    viewer.user.set_password("between-us-only")
    viewer.user.save()
    db_lock.begin()
    answer = client.post(reverse("admin:login"), {"username": viewer.user.email, "password": "between-us-only"})
    assert answer.status_code == 503
    assert "between-us-only" not in answer.text


def test_pages_are_read_while_nothing_can_be_written(signed_in, db_lock):
    db_lock.begin()
    assert {signed_in.get(path).status_code for path in ("/admin/", ADD, "/admin/broadcasts/segment/")} == {200}


def test_an_opt_out_that_cannot_be_stored_is_503(client, mail, db_lock):
    delivery = make_delivery(make_broadcast(mail), make_contact(mail.organization, email="joe@example.com"))
    db_lock.begin()
    answer = client.post(f"/u/{links.delivery_token(delivery.pk)}/", {"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")


@pytest.mark.parametrize("path", ["/admin/broadcasts/nowhere/", "/admin/broadcasts/segment/add/"])
def test_a_page_of_staff_that_is_not_for_them_leads_back(client, viewer, path):
    client.force_login(viewer.user)
    answer = client.get(path)
    assert answer.status_code == (404 if "nowhere" in path else 403)
    assert "broadcasts/public.css" in answer.text and 'lang="en"' in answer.text
    assert '<a href="/admin/">Back to the overview</a>' in answer.text


def test_a_page_that_does_not_exist_needs_no_database_and_shows_nobody_else_the_way_in(client):
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text and "/admin/" not in answer.text


def test_what_the_api_does_not_have_is_told_in_json(client, viewer):
    client.force_login(viewer.user)
    answer = client.get(f"/api/broadcast-messages/{'0' * 32}/", HTTP_ACCEPT="application/json")
    assert answer["Content-Type"] == "application/json"
    assert answer.status_code in (401, 404)
