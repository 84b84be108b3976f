"""Event subscriptions: their page, its buttons, and the log of calls."""

import re

import pytest
from django.db.models.functions import Now
from django.urls import reverse

from broadcasts.models import AuditEntry, EventCall, EventSubscription
from tests.telling.receiver import EventReceiver

from .conftest import messages_of, sign_in
from .test_other_pages import page

FORM = {"name": "Shop", "url": "https://shop.example/events", "types": ["opened", "sent"], "is_active": "on"}


@pytest.fixture
def staff(admin):
    return sign_in(admin.user)


@pytest.fixture
def made(staff, club) -> EventSubscription:
    staff.post(page("eventsubscription", "add"), {**FORM, "organization": club.pk})
    return EventSubscription.objects.get()


@pytest.fixture
def call(made) -> EventCall:
    event = ["evt_1", "opened", 1_777_885_200_000, 0, 0, 1]
    return EventCall.objects.create(
        subscription=made, types=",opened,", events=[event], size=1, state="failed", due_at=None, error="500"
    )


def press(staff, made, button, **fields):
    data = {**FORM, "organization": made.organization_id, "_then": button, **fields}
    return staff.post(page("eventsubscription", "change", made.pk), data, follow=True)


def test_one_is_added_and_its_secret_shown_once(staff, club):
    data = {**FORM, "organization": club.pk}
    answer = staff.post(page("eventsubscription", "add"), data, follow=True)
    made = EventSubscription.objects.get()
    assert f"<code>{made.secrets['signing_secret']}</code>" in messages_of(answer)
    assert made.types == ["sent", "opened"]
    shown = staff.get(page("eventsubscription", "change", made.pk)).content.decode()
    assert "Not called yet" in shown
    assert "whsec_" not in shown


def test_a_closed_address_is_told_at_its_field(staff, club):
    answer = staff.post(page("eventsubscription", "add"), {**FORM, "organization": club.pk, "url": "http://10.0.0.1/"})
    assert "a private network" in str(answer.context["adminform"].form.errors["url"])


def test_a_test_event_says_what_the_receiver_answered(staff, made):
    with EventReceiver() as receiver:
        receiver.secret = made.secrets["signing_secret"]
        words = messages_of(press(staff, made, "test", url=receiver.url))
    assert re.search(r"The receiver took the test event: it answered 204 in \d+ ms\.", words)
    words = messages_of(press(staff, made, "test", url="http://127.0.0.1:2/"))
    assert "The receiver did not take the test event: The server 127.0.0.1:2 could not be reached" in words


def test_its_secret_is_changed(staff, made):
    asked = press(staff, made, "new-secret")
    assert "The old secret" in asked.content.decode()
    answer = staff.post(page("eventsubscription", "new-secret", made.pk), {"old": "cut"}, follow=True)
    made.refresh_from_db()
    assert made.secrets["signing_secret"] in messages_of(answer)
    assert made.previous_until is None


def test_calls_are_sent_again_since_a_moment(staff, made, call):
    address = page("eventsubscription", "replay", made.pk)
    late = staff.post(address, {"since_0": "2090-01-01", "since_1": "00:00"})
    assert "No call since then has ended" in late.content.decode()
    answer = staff.post(address, {"since_0": "2026-01-01", "since_1": "00:00"}, follow=True)
    assert "1 call is sent again" in messages_of(answer)
    assert AuditEntry.objects.filter(act="replay").exists()


def test_one_call_is_shown_with_its_body_and_sent_again(staff, call):
    shown = staff.get(page("eventcall", "change", call.pk)).content.decode()
    assert "&quot;type&quot;: &quot;opened&quot;" in shown
    answer = staff.post(page("eventcall", "again", call.pk), follow=True)
    assert "It is sent again, as this new call." in messages_of(answer)
    assert list(EventCall.objects.order_by("pk").values_list("state", flat=True)) == ["failed", "waiting"]


def test_the_log_is_filtered_by_event(staff, call):
    def found(**asked):
        return staff.get(page("eventcall", "changelist"), asked).context["cl"].result_count

    assert [found(type="opened"), found(type="sent"), found(state="failed"), found(state="waiting")] == [1, 0, 1, 0]


def test_only_admins_send_again_or_change(sender, stranger, made, call):
    for user, status in ((sender.user, 404), (stranger.user, 404)):
        client = sign_in(user)
        assert client.post(page("eventcall", "again", call.pk)).status_code == status
        assert client.get(page("eventsubscription", "replay", made.pk)).status_code == status
        assert client.post(page("eventsubscription", "new-secret", made.pk), {"old": "cut"}).status_code == status


def test_one_that_was_switched_off_is_on_the_dashboard(staff, made):
    EventSubscription.objects.update(is_active=False, stopped_because="Its receiver answered 410 Gone.")
    assert "Its receiver answered 410 Gone." in staff.get(reverse("admin:index")).content.decode()


def test_a_change_leaves_alone_what_workers_write_meanwhile(staff, made, monkeypatch):
    real = EventSubscription.clean

    def clean(row):
        EventSubscription.objects.filter(pk=made.pk).update(due_at=Now(), token=7)
        real(row)

    EventSubscription.objects.update(due_at=None, token=6)
    monkeypatch.setattr(EventSubscription, "clean", clean)
    staff.post(
        page("eventsubscription", "change", made.pk), {**FORM, "organization": made.organization_id, "name": "X"}
    )
    made.refresh_from_db()
    assert (made.name, made.token, made.due_at is None) == ("X", 7, False)
