"""The page that says why somebody did, or did not, get a broadcast, and the ways to it."""

import pytest
from django.urls import reverse

from tests.make import make_broadcast, make_contact, make_delivery

from .conftest import sign_in

EXPLAIN = "admin:broadcasts_contact_explain"


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com", full_name="Joe", attributes={"plan": "free"})


@pytest.fixture
def viewing(viewer):
    return sign_in(viewer.user)


def ask(client, contact, broadcast):
    return client.get(reverse(EXPLAIN), {"contact": contact.pk, "broadcast": broadcast.pk})


def test_the_answer_stands_in_a_sentence_above_the_parts(viewing, joe, mail):
    response = ask(viewing, joe, make_broadcast(mail, send_to_all=False, query={"attributes__plan": "pro"}))
    shown = response.content.decode()
    assert "Not in the audience. Plan must be “pro”; it is “free”." in shown
    assert "✗ no" in shown


def test_what_the_log_says_leads_to_its_row(viewing, joe, mail):
    broadcast = make_broadcast(mail, status="SENT")
    delivery = make_delivery(broadcast, joe)
    shown = ask(viewing, joe, broadcast).content.decode()
    assert reverse("admin:broadcasts_delivery_change", args=[delivery.pk]) in shown
    assert "part by part" not in shown


def test_nothing_is_told_of_other_organizations(viewing, stranger, elsewhere, joe, mail):
    broadcast, theirs = make_broadcast(mail), make_contact(elsewhere)
    assert "contact" in ask(viewing, theirs, broadcast).context["form"].errors
    assert set(ask(sign_in(stranger.user), joe, broadcast).context["form"].errors) == {"contact", "broadcast"}


def test_a_superuser_cannot_mix_organizations(root, elsewhere, mail):
    response = ask(sign_in(root), make_contact(elsewhere), make_broadcast(mail))
    assert "belongs to another organization" in str(response.context["form"].errors)


def test_without_a_question_it_asks_and_nonsense_is_an_error(viewing, client):
    assert viewing.get(reverse(EXPLAIN)).context["told"] is None
    assert viewing.get(reverse(EXPLAIN), {"contact": "x", "broadcast": "9" * 30}).status_code == 200
    assert client.get(reverse(EXPLAIN)).status_code == 302


def test_the_pages_of_a_contact_and_a_broadcast_lead_there(viewing, joe, mail):
    broadcast = make_broadcast(mail, status="SENT")
    for name, row in (("contact", joe), ("broadcast", broadcast)):
        shown = viewing.get(reverse(f"admin:broadcasts_{name}_change", args=[row.pk])).content.decode()
        assert f'<form method="get" id="ask" action="{reverse(EXPLAIN)}">' in shown
        assert f'<input type="hidden" name="{name}" value="{row.pk}">' in shown
        assert 'form="ask"' in shown and "autocomplete.js" in shown


def test_the_history_of_a_contact_is_paged(viewing, joe, mail, monkeypatch):
    monkeypatch.setattr("broadcasts.explaining.PAGE", 1)
    for subject in ("First", "Second"):
        make_delivery(make_broadcast(mail, subject=subject, status="SENT"), joe)
    address = reverse("admin:broadcasts_contact_change", args=[joe.pk])
    page = viewing.get(address)
    assert [broadcast.name for broadcast, _ in page.context["told"]] == ["Second"]
    older = viewing.get(address, {"before": page.context["older"]})
    assert [broadcast.name for broadcast, _ in older.context["told"]] == ["First"]
    assert viewing.get(address, {"before": "x"}).status_code == 200


def test_a_question_takes_few_queries(viewing, joe, mail, django_assert_max_num_queries):
    broadcast = make_broadcast(mail)
    with django_assert_max_num_queries(22):
        assert ask(viewing, joe, broadcast).context["told"].verdict == "would_receive"
