"""Each act on a broadcast asks first, then does one thing and says what happened."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from broadcasts import drafting
from broadcasts.admin import broadcast_actions, confirmations
from broadcasts.models import Broadcast, Segment
from tests.make import make_broadcast, make_contact

from .conftest import address, confirm, make_log, messages_of, sign_in


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


@pytest.mark.parametrize("name", ["send", "schedule", "unschedule", "pause", "resume", "cancel", "reopen", "retry"])
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


def test_sending_shows_the_exact_number_and_then_sends(sender, draft, without_undo):
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
def test_a_large_number_is_typed(sender, draft, without_undo, monkeypatch, name, after, status):
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


def test_a_time_that_a_draft_keeps_is_told_before_it_is_sent_at_once(sender, draft, without_undo):
    client = sign_in(sender.user)
    Broadcast.objects.update(scheduled_at="2030-01-01T09:00Z")
    told = client.get(address(draft, "send")).context["question"]
    assert told.startswith("It begins at once. It does not wait until 1 Jan 2030, 09:00 UTC, in ")
    Broadcast.objects.update(scheduled_at="2020-01-01T09:00Z")
    assert client.get(address(draft, "send")).context["question"] == "It begins at once."


def test_an_empty_audience_is_told_in_words(sender, mail):
    broadcast = make_broadcast(mail, send_to_all=False)
    response = confirm(sign_in(sender.user), broadcast, "send")
    assert response.status_code == 200
    assert "matches nobody" in response.content.decode()
    assert Broadcast.objects.get().status == "DRAFT"


@pytest.mark.parametrize(
    ("matched", "said"),
    [(0, "The audience is empty: it matches nobody."), (1, "everyone it matches is left out.")],
)
def test_neither_sending_nor_scheduling_is_offered_for_nobody(sender, mail, matched, said):
    if matched:
        make_contact(mail.organization, status="blocked")
    broadcast, client = make_broadcast(mail), sign_in(sender.user)
    for name in ("send", "schedule"):
        page = client.get(address(broadcast, name)).content.decode()
        assert said in page and '<input type="submit"' not in page


def test_a_rule_that_cannot_be_read_any_more_is_told_in_words(sender, mail):
    segment = Segment.objects.create(organization=mail.organization, name="Odd", rules={"nonsense": 1})
    broadcast = make_broadcast(mail, send_to_all=False)
    broadcast.segments.add(segment)
    for name in ("send", "recipients", "people"):
        response = sign_in(sender.user).get(address(broadcast, name), follow=True)
        assert response.status_code == 200
        assert "Odd" in messages_of(response)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("unschedule", "SCHEDULED", "DRAFT"),
        ("pause", "SENDING", "PAUSED"),
        ("resume", "PAUSED", "SENDING"),
        ("cancel", "SENDING", "CANCELLED"),
        ("cancel", "SCHEDULED", "CANCELLED"),
    ],
)
def test_an_action_moves_the_broadcast_on(sender, mail, name, before, after):
    broadcast = make_broadcast(mail, status=before, scheduled_at="2030-01-01T09:00Z", started_at="2026-01-01T09:00Z")
    response = sign_in(sender.user).post(address(broadcast, name), follow=True)
    assert Broadcast.objects.get().status == after
    assert messages_of(response)


@pytest.fixture
def never_began(mail):
    return make_broadcast(mail, status="CANCELLED", scheduled_at="2030-01-01T09:00Z", completed_at="2026-05-01T09:00Z")


def test_one_that_never_began_says_so_and_offers_to_reopen_it(sender, never_began):
    page = sign_in(sender.user).get(address(never_began, "change"))
    assert [action["label"] for action in page.context["actions_now"]] == ["Reopen", "Send a test to me", "Duplicate"]
    assert "before it began: nothing was sent" in page.content.decode()
    response = sign_in(sender.user).post(address(never_began, "reopen"), follow=True)
    assert "is a draft again" in messages_of(response)
    assert Broadcast.objects.get().status == "DRAFT"


def test_one_that_never_began_is_not_edited_before_it_is_reopened(sender, never_began):
    response = sign_in(sender.user).post(address(never_began, "change"), {"name": "Other"}, follow=True)
    assert "was cancelled: reopen it first" in messages_of(response)


def test_one_that_began_is_not_offered_to_be_reopened(sender, mail):
    broadcast = make_broadcast(mail, status="CANCELLED", started_at="2026-05-01T09:00Z")
    offered = sign_in(sender.user).get(address(broadcast, "change")).context["actions_now"]
    assert "Reopen" not in [action["label"] for action in offered]


def test_a_retry_leads_to_its_child(sender, mail):
    broadcast, _ = make_log(mail, ("sent", "failed"))
    response = sign_in(sender.user).post(address(broadcast, "retry"), follow=True)
    child = Broadcast.objects.get(origin="retry")
    assert response.redirect_chain[-1][0] == address(child, "compose", "check")


def test_a_duplicate_is_a_draft_that_opens_at_its_check(author, draft):
    answer = sign_in(author.user).post(address(draft, "duplicate"))
    copy = Broadcast.objects.get(origin="duplicate")
    assert (copy.status, answer.url) == ("DRAFT", address(copy, "compose", "check"))


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
    assert response.redirect_chain[0][0] == address(child, "compose", "check")
    assert (child.status, len(child.audience_preview)) == ("DRAFT", 1)


def test_only_what_was_started_can_be_looked_up_to_retarget(author, mail):
    make_broadcast(mail, subject="Draft")
    make_broadcast(mail, subject="Sent", status="SENT")
    asked = {"app_label": "broadcasts", "model_name": "broadcast", "field_name": "retarget_of", "term": ""}
    found = sign_in(author.user).get(reverse("admin:autocomplete"), asked).json()["results"]
    assert [row["text"] for row in found] == ["Sent"]
