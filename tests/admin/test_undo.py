"""What staff send can be stopped for a while, on the broadcast's page."""

import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from broadcasts import sending
from broadcasts.admin import confirmations
from broadcasts.admin.broadcast_actions import ACTIONS
from broadcasts.admin.content import ELSEWHERE, MOST_READ
from broadcasts.models import AuditEntry, Broadcast
from tests.make import make_broadcast

from .conftest import accept_warnings, address, confirm, make_log, messages_of, sign_in

Status = Broadcast.Status


@pytest.fixture
def waiting(draft):
    """A broadcast that staff sent, within its undo window."""
    sending.send(draft, undo_seconds=60)
    return draft


def test_what_staff_send_waits_for_the_undo_window_of_the_organization(sender, draft, club):
    club.undo_seconds = 300
    club.save()
    response = confirm(sign_in(sender.user), draft, "send")
    assert "will be sent in 5 minutes. You can stop it until then." in messages_of(response)
    draft.refresh_from_db()
    assert draft.is_undoable
    assert AuditEntry.objects.get(act="send with undo").user == sender.user


def test_without_undo_seconds_it_begins_at_once(sender, draft, without_undo):
    assert "is being sent" in messages_of(confirm(sign_in(sender.user), draft, "send"))
    assert Broadcast.objects.get().status == Status.SENDING


def test_its_page_counts_down_and_stops_it_by_one_press(sender, waiting):
    client = sign_in(sender.user)
    page = client.get(address(waiting, "change"))
    html = page.content.decode()
    assert 50 < page.context["undo_left"] <= 60
    assert f'data-undo-left="{page.context["undo_left"]}"' in html
    assert f'<form method="post" id="undo" action="{address(waiting, "undo")}">' in html
    assert '<button type="submit" form="undo" class="button default">Stop</button>' in html
    response = client.post(address(waiting, "undo"), follow=True)
    assert "is a draft again, and nothing was sent" in messages_of(response)
    assert Broadcast.objects.values_list("status", "scheduled_at").get() == (Status.DRAFT, None)


def test_the_countdown_with_stop_is_the_first_thing_on_its_page(sender, waiting):
    html = sign_in(sender.user).get(address(waiting, "change")).content.decode()
    content = html[html.index('id="content-main"') :]
    assert content.index('form="undo"') < content.index('class="object-tools"')
    assert (
        re.search("<(a|input|button|select)[ >]", content).start() == content.index("<button") < content.index("Stop<")
    )


@pytest.mark.parametrize("status", ["SCHEDULED", "SENT"])
def test_content_that_cannot_be_changed_is_shown_as_its_words(sender, draft, status):
    words = "<p>The <b>pool</b> &amp; the sauna</p>" + "<p>are closed</p>" * 300
    draft.first_message().translations.update(text="", html=f"<style>b {{ color: red }}</style>{words}")
    if status == "SCHEDULED":
        sending.send(draft, undo_seconds=60)
    Broadcast.objects.update(status=status)
    html = sign_in(sender.user).get(address(draft, "change")).content.decode()
    assert "The pool &amp; the sauna" in html and ELSEWHERE in html
    assert "&lt;p&gt;" not in html and "color: red" not in html
    assert html.count("are closed") * len("are closed") < MOST_READ


def test_content_that_is_too_costly_to_read_is_left_to_its_own_page(sender, draft):
    draft.first_message().translations.update(text="", html="<b>a</b>" * 30_000)
    sending.send(draft, undo_seconds=60)
    assert ELSEWHERE in sign_in(sender.user).get(address(draft, "change")).content.decode()


def test_a_long_countdown_is_written_for_a_script(sender, draft):
    sending.send(draft, undo_seconds=3600)
    page = sign_in(sender.user).get(address(draft, "change"))
    assert page.context["undo_left"] > 3500
    assert f'data-undo-left="{page.context["undo_left"]}"' in page.content.decode()


def test_its_page_offers_beside_the_countdown_only_what_sends_nothing(sender, waiting):
    offered = sign_in(sender.user).get(address(waiting, "change")).context["actions_now"]
    assert [one["label"] for one in offered] == ["Send a test to me", "Duplicate"]


def test_its_page_is_not_edited_meanwhile(sender, waiting):
    client = sign_in(sender.user)
    assert not client.get(address(waiting, "change")).context["has_change_permission"]
    response = client.post(address(waiting, "change"), {"name": "Other"}, follow=True)
    assert "is about to be sent: stop it first" in messages_of(response)
    response = client.post(address(waiting, "delete"), {"post": "yes"}, follow=True)
    assert Broadcast.objects.get().name == "Pool closed"


@pytest.mark.parametrize("name", ["send", "schedule"])
def test_another_tab_neither_sends_nor_schedules_it_meanwhile(sender, draft, name):
    client = sign_in(sender.user)
    accept_warnings(draft)
    shown = {field.name: field.value() for field in client.get(address(draft, name)).context["form"].hidden_fields()}
    sending.send(draft, undo_seconds=60)
    response = client.post(address(draft, name), {**shown, "at_0": "2040-01-01", "at_1": "09:00"}, follow=True)
    assert "is about to be sent. Stop that first." in messages_of(response)
    assert Broadcast.objects.get().is_undoable


@pytest.mark.parametrize(("name", "after"), [("cancel", Status.CANCELLED), ("unschedule", Status.DRAFT)])
def test_another_tab_may_stop_it_in_its_own_way(sender, waiting, name, after):
    sign_in(sender.user).post(address(waiting, name))
    assert Broadcast.objects.values_list("status", "undo_until").get() == (after, None)


def test_stopped_too_late_it_says_so(sender, waiting):
    client = sign_in(sender.user)
    Broadcast.objects.update(due_from=Now() - timedelta(seconds=1))
    sending.tick()
    response = client.post(address(waiting, "undo"), follow=True)
    assert "Stop is not possible" in messages_of(response)
    assert Broadcast.objects.get().status == Status.SENDING


def test_what_is_scheduled_for_a_time_is_not_stopped_but_unscheduled(sender, mail):
    broadcast = make_broadcast(mail, status="SCHEDULED", scheduled_at="2040-01-01T09:00Z", due_from="2040-01-01T09:00Z")
    client = sign_in(sender.user)
    labels = [one["label"] for one in client.get(address(broadcast, "change")).context["actions_now"]]
    assert "Stop" not in labels and "Unschedule" in labels
    assert "cannot be undone" in messages_of(client.post(address(broadcast, "undo"), follow=True))


def test_stopping_takes_somebody_who_may_send(author, waiting):
    client = sign_in(author.user)
    assert 'form="undo"' not in client.get(address(waiting, "change")).content.decode()
    assert client.post(address(waiting, "undo")).status_code == 403
    assert Broadcast.objects.get().is_undoable


def test_it_is_not_stopped_by_a_link(sender, waiting):
    assert sign_in(sender.user).get(address(waiting, "undo")).status_code == 200
    assert Broadcast.objects.get().is_undoable


def test_the_list_tells_in_words_when_it_is_sent(sender, waiting):
    page = sign_in(sender.user).get("/admin/broadcasts/broadcast/").content.decode()
    assert "UTC, in 60 seconds" in page or "UTC, in 59 seconds" in page


def test_only_sending_and_scheduling_are_refused_within_the_window():
    assert {name for name, action in ACTIONS.items() if action.in_window == "refused"} == {"send", "schedule"}


# What is asked before.


def test_the_confirmation_shows_the_subject_as_the_first_person_will_read_it(sender, mail, draft):
    draft.messages.get().translations.update(subject="Pool closed, {{ contact.name }}")
    page = sign_in(sender.user).get(address(draft, "send"))
    [copy] = page.context["first_copies"]
    assert (copy.subject, copy.person, copy.address) == ("Pool closed, Joe", "Joe", "joe@example.com")
    assert copy.sender == "Swimming Club <news@club.example>"
    assert "Pool closed, Joe" in page.content.decode()


def test_a_subject_that_cannot_be_written_for_the_first_person_says_so(sender, draft):
    draft.messages.get().translations.update(subject="{{ contact.name | unknown }}")
    [copy] = sign_in(sender.user).get(address(draft, "send")).context["first_copies"]
    assert (copy.subject, bool(copy.error)) == ("", True)


@pytest.mark.parametrize("name", ["send", "schedule"])
def test_what_the_check_holds_open_refuses_with_a_link_to_it(sender, draft, name):
    draft.messages.get().translations.update(subject="")
    client = sign_in(sender.user)
    page = client.get(address(draft, name)).content.decode()
    assert "The check still holds" in page and f"{address(draft, 'compose', 'check')}" in page
    assert '<input type="submit"' not in page
    answers = {"at_0": "2040-01-01", "at_1": "09:00", "expected": "1", "seen": confirmations.stamp(draft)}
    response = client.post(address(draft, name), answers)
    assert confirmations.CHECK_FIRST in response.context["form"].non_field_errors()
    assert Broadcast.objects.get().status == Status.DRAFT


def test_a_retry_is_a_draft_until_it_is_sent(sender, mail):
    broadcast, _ = make_log(mail, ("sent", "failed"))
    response = sign_in(sender.user).post(address(broadcast, "retry"), follow=True)
    child = Broadcast.objects.get(origin="retry")
    assert (child.status, len(child.audience_preview)) == (Status.DRAFT, 1)
    assert "check it, then send it" in messages_of(response)
