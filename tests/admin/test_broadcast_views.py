"""Estimate, recipients, preview and progress of a broadcast: pages that only show."""

import pytest
from django.db import transaction

from broadcasts import sending
from broadcasts.models import Broadcast, Channel, Contact, Layout, Message
from tests.make import make_broadcast, make_contact
from tests.recorder import Recorder

from .conftest import address, make_log, sign_in


def test_the_estimate_says_why_each_of_the_others_is_left_out(author, draft):
    make_contact(draft.organization, "")
    make_contact(draft.organization, status="blocked")
    response = sign_in(author.user).get(address(draft, "recipients"))
    assert response.context["estimate"].matched == 3
    assert {reason: n for reason, _, n in response.context["reasons"]} == {"blocked": 1, "no_address": 1}
    people = sign_in(author.user).get(address(draft, "people"), {"reason": "blocked"}).context["people"]
    assert [one.status for one in people] == ["blocked"]


def test_the_expected_recipients_are_listed_page_after_page(author, draft, monkeypatch):
    monkeypatch.setattr("broadcasts.admin.broadcast_views.PAGE", 1)
    make_contact(draft.organization, "second@example.com")
    client = sign_in(author.user)
    first = client.get(address(draft, "people"))
    second = client.get(f"{address(draft, 'people')}?{first.context['more']}")
    assert [one.email for one in second.context["people"]] == ["second@example.com"]
    assert not second.context["more"]


def test_a_preview_shows_what_one_contact_would_read(author, mail):
    contact = make_contact(mail.organization, full_name="Zoë", language="es")
    spanish = {"es": {"subject": "Cerrada", "text": "Hola {{ contact.name }}"}}
    broadcast = make_broadcast(mail, translations=spanish)
    response = sign_in(author.user).get(address(broadcast, "preview"), {"contact": contact.pk})
    assert "Hola Zoë" in response.content.decode()
    assert "Cerrada" in response.content.decode()


def test_the_html_of_a_preview_is_served_in_a_sandbox(author, mail):
    make_contact(mail.organization)
    broadcast = make_broadcast(mail, html="<script>alert(1)</script><p>Hi</p>")
    response = sign_in(author.user).get(address(broadcast, "preview_html"))
    assert response["Content-Security-Policy"] == "sandbox; script-src 'none'; frame-ancestors 'self'"
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert "<p>Hi</p>" in response.content.decode()


def test_a_preview_and_a_test_follow_a_layout_that_was_changed(author, mail, monkeypatch):
    layout = Layout.objects.create(organization=mail.organization, name="Club")
    draft = make_broadcast(mail)
    message = draft.first_message()
    Message.objects.filter(pk=message.pk).update(layout=layout)
    message.translations.update(format="blocks", blocks=[{"type": "text", "html": "<p>Hi</p>"}], html="<p>Hi</p>")
    Layout.objects.update(header=[{"type": "text", "html": "<p>New header</p>"}])
    shown = sign_in(author.user).get(address(draft, "preview_html"))
    assert "New header" in shown.content.decode()
    recorder = Recorder()
    monkeypatch.setattr(Channel, "transport", lambda self: recorder)
    sending.send_test(draft, ["joe@example.com"])
    assert "New header" in str(recorder.received[0])


def test_a_contact_of_another_organization_cannot_be_previewed(author, draft, elsewhere):
    foreign = make_contact(elsewhere, full_name="Foreign Person")
    response = sign_in(author.user).get(address(draft, "preview"), {"contact": foreign.pk})
    assert "Foreign Person" not in response.content.decode()


def test_the_strip_reads_its_numbers_as_json(viewer, mail):
    broadcast, _ = make_log(mail, ("sent", "sent", "failed", "pending"), status="SENDING", completed_at=None)
    news = sign_in(viewer.user).get(address(broadcast, "progress")).json()
    assert (news["done"], news["recipients"], news["finished"]) == (3, 4, False)
    assert {one["name"]: one["value"] for one in news["numbers"]}["failed"] == 1


def test_every_number_on_the_strip_leads_to_its_rows(viewer, mail):
    broadcast, _ = make_log(mail, ("sent", "sent", "failed"))
    client = sign_in(viewer.user)
    for one in client.get(address(broadcast, "progress")).json()["numbers"]:
        assert len(client.get(one["url"]).context["cl"].result_list) == one["value"]


def test_a_page_that_only_shows_makes_no_change(sender, draft):
    with transaction.atomic():
        sign_in(sender.user).get(address(draft, "recipients"))
    assert Contact.objects.count() == 1
    assert Broadcast.objects.get().modified == draft.modified


@pytest.mark.parametrize("name", ["send", "recipients", "people"])
def test_a_long_count_is_announced_before_it_is_made(sender, draft, monkeypatch, name):
    monkeypatch.setattr("broadcasts.admin.broadcast_views.AT_ONCE", 0)
    client = sign_in(sender.user)
    announced = client.get(address(draft, name))
    assert "Counting exactly who will receive it" in announced.content.decode()
    assert "Counting" not in client.get(announced.context["goal"]).content.decode()
