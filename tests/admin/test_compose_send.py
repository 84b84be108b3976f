"""The step Send: one confirmation, to send now or at the time of the step When."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import formats, sending
from broadcasts.admin import confirmations
from broadcasts.models import Broadcast
from tests.make import make_broadcast

from .conftest import accept_warnings, address, messages_of, sign_in

Status = Broadcast.Status


@pytest.fixture
def checked(draft):
    """A draft whose check holds nothing open."""
    accept_warnings(draft)
    return draft


def step(broadcast):
    return address(broadcast, "compose", "send")


def answer(client, broadcast, **answers):
    form = client.get(step(broadcast)).context["form"]
    shown = {field.name: field.value() for field in form.hidden_fields()}
    return client.post(step(broadcast), {**shown, **answers}, follow=True)


def test_it_shows_what_will_be_sent_to_how_many_and_as_whom(sender, checked):
    page = sign_in(sender.user).get(step(checked))
    html = page.content.decode()
    assert page.context["estimate"].will_receive == 1
    assert "The first copies leave in 60 seconds. You can stop it until then." in html
    assert "from Swimming Club &lt;news@club.example&gt;" in html and "as Joe (joe@example.com)" in html


def test_sent_now_it_leads_to_its_page_with_the_countdown(sender, checked):
    response = answer(sign_in(sender.user), checked, how="now")
    assert response.redirect_chain[-1][0] == address(checked, "change")
    assert "data-undo-left" in response.content.decode()
    assert Broadcast.objects.get().is_undoable


def test_without_a_time_there_is_only_now(sender, checked):
    form = sign_in(sender.user).get(step(checked)).context["form"]
    assert [value for value, _ in form.fields["how"].choices] == ["now"]
    assert answer(sign_in(sender.user), checked, how="at").context["form"].errors["how"]


def test_a_time_that_lies_ahead_is_offered_in_words_and_taken(sender, checked):
    at = timezone.now() + timedelta(days=3)
    Broadcast.objects.update(scheduled_at=at)
    client = sign_in(sender.user)
    form = client.get(step(checked)).context["form"]
    assert form.fields["how"].choices[1] == ("at", formats.planned(at))
    assert form["how"].value() == "at"
    response = answer(client, checked, how="at")
    assert "in 3 days" in messages_of(response)
    assert Broadcast.objects.values_list("status", "scheduled_at", "undo_until").get() == ("SCHEDULED", at, None)


def test_a_time_that_has_passed_is_not_offered(sender, checked):
    Broadcast.objects.update(scheduled_at=timezone.now() - timedelta(days=3))
    assert len(sign_in(sender.user).get(step(checked)).context["form"].fields["how"].choices) == 1


def test_what_is_scheduled_can_be_sent_now_instead(sender, checked):
    sending.schedule(checked, timezone.now() + timedelta(days=3))
    client = sign_in(sender.user)
    page = client.get(step(checked))
    assert "It is scheduled for" in page.content.decode()
    answer(client, checked, how="now")
    checked.refresh_from_db()
    assert checked.is_undoable and checked.own_time > timezone.now() + timedelta(days=2)


@pytest.mark.parametrize("how", ["now", "at"])
def test_a_large_number_is_typed_however_it_is_sent(sender, checked, monkeypatch, how):
    monkeypatch.setattr(confirmations, "TYPED_ABOVE", 0)
    Broadcast.objects.update(scheduled_at=timezone.now() + timedelta(days=3))
    client = sign_in(sender.user)
    assert answer(client, checked, how=how).context["form"].errors["typed"]
    assert answer(client, checked, how=how, typed="2").context["form"].errors["typed"]
    assert Broadcast.objects.get().status == Status.DRAFT
    answer(client, checked, how=how, typed="1")
    assert Broadcast.objects.get().status == Status.SCHEDULED


def test_while_the_check_holds_something_open_it_cannot_be_sent(sender, draft):
    client = sign_in(sender.user)
    draft.messages.get().translations.update(subject="")
    html = client.get(step(draft)).content.decode()
    assert "The check still holds" in html and "Send now to" not in html
    response = client.post(step(draft), {"how": "now", "expected": "1", "seen": confirmations.stamp(draft)})
    assert confirmations.CHECK_FIRST in response.content.decode()
    assert Broadcast.objects.get().status == Status.DRAFT


def test_within_the_undo_window_it_counts_down_and_sends_nothing_twice(sender, checked):
    client = sign_in(sender.user)
    sent = {"how": "now", "expected": "1", "seen": confirmations.stamp(checked)}
    client.post(step(checked), sent)
    until = Broadcast.objects.get().undo_until
    response = client.post(step(checked), sent)
    assert 'form="undo"' in response.content.decode()
    assert Broadcast.objects.get().undo_until == until


def test_an_author_is_told_that_it_takes_somebody_who_may_send(author, checked):
    client = sign_in(author.user)
    assert "It takes somebody who may send" in client.get(step(checked)).content.decode()
    assert client.post(step(checked), {"how": "now"}).status_code == 403


def test_a_stranger_finds_no_such_step(stranger, checked):
    assert sign_in(stranger.user).get(step(checked)).status_code == 404


def test_what_cannot_be_counted_leads_to_the_check(sender, mail):
    broadcast = make_broadcast(mail, send_to_all=False, query={"nonsense": 1})
    response = sign_in(sender.user).get(step(broadcast), follow=True)
    assert response.redirect_chain[-1][0] == address(broadcast, "compose", "check")
    assert "nonsense" in messages_of(response)
