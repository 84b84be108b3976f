"""Each act on a broadcast asks first, then does one thing and says what happened."""

import pytest
from django.contrib.messages import get_messages
from django.core import mail as outbox
from django.db import transaction
from django.urls import reverse

from broadcasts.admin import broadcast_actions
from broadcasts.models import Broadcast, Channel, Contact, Segment
from tests.make import make_broadcast, make_contact

from .conftest import make_log, sign_in


def address(broadcast, name):
    return reverse(f"admin:broadcasts_broadcast_{name}", args=[broadcast.pk])


def messages_of(response):
    return " ".join(str(message) for message in response.context["messages"])


@pytest.mark.parametrize("name", broadcast_actions.ACTIONS)
def test_an_action_asks_first_and_changes_nothing_by_asking(sender, mail, name):
    action = broadcast_actions.ACTIONS[name]
    broadcast = make_broadcast(mail, status=sorted(action.statuses)[0], scheduled_at="2030-01-01T09:00Z")
    response = sign_in(sender.user).get(address(broadcast, name))
    assert response.status_code == 200
    assert "csrfmiddlewaretoken" in response.content.decode()
    assert Broadcast.objects.count() == 1
    assert Broadcast.objects.get().status == broadcast.status


@pytest.mark.parametrize("name", broadcast_actions.ACTIONS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_action_on_a_broadcast_of_another_organization_is_not_found(stranger, draft, name, method):
    assert getattr(sign_in(stranger.user), method)(address(draft, name)).status_code == 404


@pytest.mark.parametrize("name", ["send", "schedule", "unschedule", "pause", "resume", "cancel", "retry"])
def test_an_author_may_not_send(author, draft, name):
    assert sign_in(author.user).post(address(draft, name)).status_code == 403


@pytest.mark.parametrize("name", ["test", "duplicate", "recipients", "people", "preview", "preview_html"])
def test_a_viewer_may_not_write(viewer, draft, name):
    assert sign_in(viewer.user).get(address(draft, name)).status_code == 403


def test_an_author_is_offered_what_an_author_may(author, draft):
    offered = sign_in(author.user).get(address(draft, "change")).context["actions_now"]
    assert [action["label"] for action in offered] == ["Send a test to me", "Duplicate"]


@pytest.mark.parametrize("name", broadcast_actions.ACTIONS)
@pytest.mark.parametrize("status", Broadcast.Status.values)
def test_an_action_in_the_wrong_state_is_an_error_in_words(sender, mail, name, status):
    if status in broadcast_actions.ACTIONS[name].statuses:
        return
    broadcast = make_broadcast(mail, status=status, scheduled_at="2030-01-01T09:00Z")
    response = sign_in(sender.user).post(address(broadcast, name))
    [message] = get_messages(response.wsgi_request)
    assert "is not possible" in str(message)
    assert Broadcast.objects.get().status == status


def test_sending_shows_the_exact_number_and_then_sends(sender, draft):
    client = sign_in(sender.user)
    asked = client.get(address(draft, "send"))
    assert asked.context["estimate"].will_receive == 1
    assert "Pool closed" in asked.content.decode()
    response = client.post(address(draft, "send"), {"expected": 1}, follow=True)
    assert "is being sent" in messages_of(response)
    assert Broadcast.objects.get().status == "SENDING"


def test_a_number_that_changed_meanwhile_is_asked_again(sender, draft):
    client = sign_in(sender.user)
    make_contact(draft.organization)
    response = client.post(address(draft, "send"), {"expected": 1})
    assert "The number has changed meanwhile: it is 2 now" in response.content.decode()
    assert Broadcast.objects.get().status == "DRAFT"
    assert 'name="expected" value="2"' in response.content.decode()


def test_a_large_number_is_typed(sender, draft, monkeypatch):
    monkeypatch.setattr(broadcast_actions, "TYPED_ABOVE", 0)
    client = sign_in(sender.user)
    response = client.post(address(draft, "send"), {"expected": 1, "typed": "2"})
    assert "This is not the number of recipients" in response.content.decode()
    client.post(address(draft, "send"), {"expected": 1, "typed": "1"})
    assert Broadcast.objects.get().status == "SENDING"


def test_an_empty_audience_is_told_in_words(sender, mail):
    broadcast = make_broadcast(mail, send_to_all=False)
    response = sign_in(sender.user).post(address(broadcast, "send"), {"expected": 0}, follow=True)
    assert response.status_code == 200
    assert messages_of(response)
    assert Broadcast.objects.get().status == "DRAFT"


def test_a_rule_that_cannot_be_read_any_more_is_told_in_words(sender, mail):
    segment = Segment.objects.create(organization=mail.organization, name="Odd", rules={"nonsense": 1})
    broadcast = make_broadcast(mail, send_to_all=False)
    broadcast.segments.add(segment)
    for name in ("send", "recipients", "people"):
        response = sign_in(sender.user).get(address(broadcast, name), follow=True)
        assert response.status_code == 200
        assert "Odd" in messages_of(response)


def test_scheduling_takes_a_time_in_the_organizations_zone(sender, draft):
    organization = draft.organization
    organization.time_zone = "Europe/Madrid"
    organization.save()
    data = {"at_0": "2030-07-01", "at_1": "09:00"}
    sign_in(sender.user).post(address(draft, "schedule"), data)
    draft.refresh_from_db()
    assert draft.status == "SCHEDULED"
    assert draft.scheduled_at.isoformat() == "2030-07-01T07:00:00+00:00"


def test_scheduling_without_a_time_says_what_is_missing(sender, draft):
    response = sign_in(sender.user).post(address(draft, "schedule"), {})
    assert response.context["form"].errors["at"]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("unschedule", "SCHEDULED", "DRAFT"),
        ("pause", "SENDING", "PAUSED"),
        ("resume", "PAUSED", "SENDING"),
        ("cancel", "SENDING", "CANCELLED"),
    ],
)
def test_an_action_moves_the_broadcast_on(sender, mail, name, before, after):
    broadcast = make_broadcast(mail, status=before, scheduled_at="2030-01-01T09:00Z", started_at="2026-01-01T09:00Z")
    response = sign_in(sender.user).post(address(broadcast, name), follow=True)
    assert Broadcast.objects.get().status == after
    assert messages_of(response)


def test_a_retry_leads_to_its_child(sender, mail):
    broadcast, _ = make_log(mail, ("sent", "failed"))
    response = sign_in(sender.user).post(address(broadcast, "retry"), follow=True)
    child = Broadcast.objects.get(origin="retry")
    assert response.redirect_chain[-1][0] == address(child, "change")


def test_a_duplicate_is_a_draft(author, draft):
    sign_in(author.user).post(address(draft, "duplicate"))
    assert Broadcast.objects.get(origin="duplicate").status == "DRAFT"


def test_a_test_goes_to_the_author_and_nobody_else(author, draft):
    backend = {"backend": "django.core.mail.backends.locmem.EmailBackend"}
    Channel.objects.update(settings=backend)
    response = sign_in(author.user).post(address(draft, "test"), {"address": "other@example.com"}, follow=True)
    assert messages_of(response) == f"A test was sent to {author.user.email}."
    assert len(outbox.outbox) == 1


def test_a_test_through_an_unreachable_server_is_an_error_in_words(sender, draft):
    response = sign_in(sender.user).post(address(draft, "test"), {"address": sender.user.email}, follow=True)
    assert response.status_code == 200
    assert "could not be sent" in messages_of(response) or "reach" in messages_of(response)


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
    assert response["Content-Security-Policy"] == "sandbox; frame-ancestors 'self'"
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert "<p>Hi</p>" in response.content.decode()


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


def test_a_report_offers_to_retarget_with_numbers_and_leads_to_the_draft(author, mail, tracked):
    broadcast, [opened, *_] = make_log(mail, ["sent", "sent", "failed"])
    broadcast.messages.get().batches.update(opened=1)
    opened.opened_at = opened.sent_at
    opened.save()
    client = sign_in(author.user)
    offered = client.get(address(broadcast, "change")).context["retargets"]
    assert [(one["words"], one["number"]) for one in offered] == [
        ("were sent it", 2),
        ("opened it", 1),
        ("did not open it", 1),
        ("could not be reached", 1),
    ]
    asked = client.get(offered[2]["url"]).content.decode()
    assert 'value="not_opened" required id="id_engagement_2" checked' in asked
    response = client.post(address(broadcast, "retarget"), {"engagement": "not_opened"}, follow=True)
    child = broadcast.children.get()
    assert response.redirect_chain[0][0] == address(child, "change")
    assert (child.status, len(child.audience_preview)) == ("DRAFT", 1)


def test_only_what_was_started_can_be_looked_up_to_retarget(author, mail):
    make_broadcast(mail, subject="Draft")
    make_broadcast(mail, subject="Sent", status="SENT")
    asked = {"app_label": "broadcasts", "model_name": "broadcast", "field_name": "retarget_of", "term": ""}
    found = sign_in(author.user).get(reverse("admin:autocomplete"), asked).json()["results"]
    assert [row["text"] for row in found] == ["Sent"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (0, ""), (59, "59 s"), (61, "1 min 1 s"), (7200, "2 h"), (2 * 86_400 + 7, "2 d")]
)
def test_a_duration_is_told_in_its_two_largest_units(seconds, words):
    assert broadcast_actions.in_words(seconds) == words
