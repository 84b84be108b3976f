"""Each act on a broadcast asks first, then does one thing and says what happened."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.core import mail as outbox
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from broadcasts import consenting, drafting
from broadcasts.admin import broadcast_actions, confirmations
from broadcasts.models import Broadcast, Channel, Contact, Organization, Segment
from tests.make import make_broadcast, make_contact

from .conftest import make_log, sign_in


def address(broadcast, name):
    return reverse(f"admin:broadcasts_broadcast_{name}", args=[broadcast.pk])


def messages_of(response):
    return " ".join(str(message) for message in response.context["messages"])


def confirm(client, broadcast, name, **answers):
    """Look at what an action asks, and answer it."""
    asked = client.get(address(broadcast, name)).context["form"]
    shown = {field.name: field.value() for field in asked.hidden_fields()}
    return client.post(address(broadcast, name), {**shown, **answers}, follow=True)


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
    response = confirm(client, draft, "send")
    assert "is being sent" in messages_of(response)
    assert Broadcast.objects.get().status == "SENDING"


def test_a_number_that_changed_meanwhile_is_asked_again(sender, draft):
    client = sign_in(sender.user)
    make_contact(draft.organization)
    response = client.post(address(draft, "send"), {"expected": 1})
    assert "The number has changed meanwhile: it is 2 now" in response.content.decode()
    assert Broadcast.objects.get().status == "DRAFT"
    assert 'name="expected" value="2"' in response.content.decode()


@pytest.mark.parametrize("status", ["DRAFT", "SCHEDULED"])
@pytest.mark.parametrize(("name", "after"), [("send", "SENDING"), ("schedule", "SCHEDULED")])
def test_a_large_number_is_typed(sender, draft, monkeypatch, name, after, status):
    monkeypatch.setattr(confirmations, "TYPED_ABOVE", 0)
    Broadcast.objects.update(status=status, scheduled_at="2030-01-01T09:00Z")
    client, moment = sign_in(sender.user), {"at_0": "2031-01-01", "at_1": "09:00"}
    response = confirm(client, draft, name, typed="2", **moment)
    assert "This is not the number of recipients" in response.content.decode()
    assert Broadcast.objects.values_list("status", "scheduled_at__year").get() == (status, 2030)
    confirm(client, draft, name, typed="1", **moment)
    assert Broadcast.objects.get().status == after


@pytest.mark.parametrize("name", ["send", "schedule", "test"])
def test_what_was_changed_since_it_was_shown_is_shown_again_and_not_sent(sender, draft, name, mailoutbox):
    client, answers = sign_in(sender.user), {"addresses": "me@example.com", "at_0": "2031-01-01", "at_1": "09:00"}
    shown = {"expected": "1", "seen": confirmations.stamp(draft)}
    drafting.save(draft, {"subject": "Pool open"})
    response = client.post(address(draft, name), shown | answers)
    assert "was changed since you looked" in response.content.decode()
    assert "Pool open" in response.content.decode()
    assert (Broadcast.objects.get().status, mailoutbox) == ("DRAFT", [])
    assert confirm(client, draft, name, **answers).redirect_chain


def test_a_further_channel_that_changes_meanwhile_is_a_change_of_its_broadcast(sender, draft, mail):
    client, seen = sign_in(sender.user), confirmations.stamp(draft)
    data = {"broadcast": draft.pk, "channel": mail.pk, "position": 1, "syntax": "plain"}
    data |= {"translations-TOTAL_FORMS": 1, "translations-INITIAL_FORMS": 0, "translations-0-language": "en"}
    client.post(reverse("admin:broadcasts_message_add"), data | {"translations-0-text": "Closed"})
    response = client.post(address(draft, "send"), {"expected": "1", "seen": seen})
    assert "was changed since you looked" in response.content.decode()
    assert "Newsletter, en" in response.content.decode()


def test_a_time_that_a_draft_keeps_is_told_before_it_is_sent_at_once(sender, draft):
    client = sign_in(sender.user)
    Broadcast.objects.update(scheduled_at="2030-01-01T09:00Z")
    told = client.get(address(draft, "send")).context["question"]
    assert told == "It is sent at once, and not at 1 Jan 2030, 09:00 UTC."
    Broadcast.objects.update(scheduled_at="2020-01-01T09:00Z")
    assert client.get(address(draft, "send")).context["question"] == "It is sent at once."


def test_an_empty_audience_is_told_in_words(sender, mail):
    broadcast = make_broadcast(mail, send_to_all=False)
    response = confirm(sign_in(sender.user), broadcast, "send")
    assert response.status_code == 200
    assert "matches nobody" in messages_of(response)
    assert Broadcast.objects.get().status == "DRAFT"


@pytest.mark.parametrize(
    ("matched", "said"),
    [(0, "The audience is empty: it matches nobody."), (1, "everyone it matches is left out.")],
)
def test_sending_to_nobody_is_not_offered_and_scheduling_says_so(sender, mail, matched, said):
    if matched:
        make_contact(mail.organization, status="blocked")
    broadcast, client = make_broadcast(mail), sign_in(sender.user)
    page = client.get(address(broadcast, "send")).content.decode()
    assert said in page and "Send now to" not in page and '<input type="submit"' not in page
    page = client.get(address(broadcast, "schedule")).content.decode()
    assert f"{said} So nobody would get it now" in page and 'value="Schedule"' in page


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
    response = confirm(sign_in(sender.user), draft, "schedule", at_0="2030-07-01", at_1="09:00")
    draft.refresh_from_db()
    assert draft.status == "SCHEDULED"
    assert draft.scheduled_at.isoformat() == "2030-07-01T07:00:00+00:00"
    assert "is scheduled for 1 Jul 2030, 09:00 Europe/Madrid" in messages_of(response)


@pytest.mark.parametrize(
    ("clock", "understood"),
    [
        (("2030-03-31", "02:30"), "31 Mar 2030, 03:30 Europe/Madrid"),  # left out: the clocks go forward
        (("2030-10-27", "02:30"), "27 Oct 2030, 02:30 Europe/Madrid (UTC+02:00)"),  # the first of two
    ],
)
def test_a_time_where_the_clocks_change_is_taken_and_told_as_it_was_understood(sender, draft, clock, understood):
    Organization.objects.update(time_zone="Europe/Madrid")
    response = confirm(sign_in(sender.user), draft, "schedule", at_0=clock[0], at_1=clock[1])
    assert f"is scheduled for {understood}." in messages_of(response)


@pytest.mark.parametrize("day", ["2020-01-01", "0001-01-01", "9999-12-31"])
def test_a_time_that_has_passed_or_is_out_of_reach_is_an_error_at_its_field(sender, draft, day):
    Organization.objects.update(time_zone="Europe/Madrid")
    response = confirm(sign_in(sender.user), draft, "schedule", at_0=day, at_1="09:00")
    told = "1 Jan 2020, 09:00 Europe/Madrid has passed: choose a time that is still to come."
    assert response.context["form"].errors["at"] == [told if day == "2020-01-01" else "This is too far away."]
    assert Broadcast.objects.values_list("status", "scheduled_at").get() == ("DRAFT", None)


def test_the_send_hour_of_today_is_scheduled_as_it_is_stored_and_not_when_it_is_typed(sender, draft):
    now = timezone.now()
    hour = now.replace(hour=0, minute=0, second=0, microsecond=0)
    Organization.objects.update(default_send_hour=0)
    client = sign_in(sender.user)
    typed = {"at_0": f"{hour:%Y-%m-%d}", "at_1": "00:00:00"}
    refused = confirm(client, draft, "schedule", **typed).context["form"].errors.get("at", [])
    assert bool(refused) == (now - hour > timedelta(minutes=5))
    Broadcast.objects.update(scheduled_at=hour, status="DRAFT")
    confirm(client, draft, "schedule", **typed)
    assert Broadcast.objects.get().status == "SCHEDULED"


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


@pytest.fixture
def in_memory(draft, settings):
    """Mail goes nowhere; tests read it in `outbox`."""
    settings.EMAIL_BACKENDS = {"Memory": "django.core.mail.backends.locmem.EmailBackend"}
    Channel.objects.update(settings={"backend": "Memory"})


def test_a_test_goes_to_the_author_and_nobody_else(author, draft, in_memory):
    response = confirm(sign_in(author.user), draft, "test", addresses="other@example.com")
    assert messages_of(response) == f"A test was sent to {author.user.email}."
    assert len(outbox.outbox) == 1


def test_a_test_through_an_unreachable_server_is_an_error_in_words(sender, draft):
    response = confirm(sign_in(sender.user), draft, "test", addresses=sender.user.email)
    assert f"No test was sent to {sender.user.email}" in messages_of(response)


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("me@example.com, nonsense", "“nonsense”"),
        (" ".join(f"a{n}@example.com" for n in range(11)), "Give 1 to 10 addresses."),
    ],
)
def test_addresses_that_cannot_be_taken_stand_there_again_with_the_error(sender, draft, in_memory, written, error):
    response = confirm(sign_in(sender.user), draft, "test", addresses=written)
    assert response.redirect_chain == [] and outbox.outbox == []
    form = response.context["form"]
    assert form["addresses"].value() == written
    assert error in form.errors["addresses"][0]


def test_of_several_addresses_those_that_are_refused_are_told_and_the_others_get_it(sender, draft, in_memory):
    Contact.objects.filter(email="joe@example.com").update(status="blocked")
    consenting.suppress(draft.organization, "email", "gone@example.com", "hard_bounce")
    written = "joe@example.com, me@example.com\ngone@example.com"
    response = confirm(sign_in(sender.user), draft, "test", addresses=written)
    assert [(message.level_tag, str(message)) for message in response.context["messages"]] == [
        ("success", "A test was sent to me@example.com."),
        (
            "error",
            "No test was sent to joe@example.com: contact is blocked or archived. "
            "No test was sent to gone@example.com: the address bounced before.",
        ),
    ]
    assert [message.to for message in outbox.outbox] == [["me@example.com"]]


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
