"""The suppression list: what it shows, and how it is lifted."""

import pytest
from django.urls import reverse
from django.utils import timezone

from broadcasts import consenting
from broadcasts.models import AuditEntry, DeliveryAttempt, Suppression
from tests.make import make_broadcast, make_contact, make_delivery

from .conftest import sign_in

LIST = "/admin/broadcasts/suppression/"
LATER = timezone.now().replace(year=2090, month=5, day=4)


def url(name, *pks):
    return reverse(f"admin:broadcasts_suppression_{name}", args=pks)


@pytest.fixture
def copy(mail):
    return make_delivery(make_broadcast(mail, name="Pool closed"), make_contact(mail.organization, "full@example.com"))


@pytest.fixture
def full(club, copy):
    report = consenting.report_of(timezone.now(), "5.2.2", "mailbox <full>", "mx.example.com")
    place = (club, "email", "full@example.com", "soft_bounce")
    return consenting.suppress(*place, source="5 soft bounces", delivery=copy.pk, report=report, expires_at=LATER)


@pytest.fixture
def dead(club, full):
    return consenting.suppress(club, "email", "dead@example.com", "hard_bounce")


def test_the_list_shows_cause_and_end_and_is_filtered_by_both(viewer, full, dead):
    page = sign_in(viewer.user)
    shown = page.get(LIST).text
    assert all(word in shown for word in ("Soft bounces", "Hard bounce", "4 May 2090", "never"))
    for asked, found in (
        ({"expires": "yes"}, [full]),
        ({"expires": "no"}, [dead]),
        ({"reason": "hard_bounce"}, [dead]),
        ({"reason": "soft_bounce"}, [full]),
    ):
        assert list(page.get(LIST, asked).context["cl"].result_list) == found


def test_a_list_of_many_takes_as_many_queries_as_one_of_few(viewer, club, django_assert_max_num_queries):
    for n in range(30):
        consenting.suppress(club, "email", f"{n}@example.com", "soft_bounce", delivery=n, expires_at=LATER)
    page = sign_in(viewer.user)
    page.get(LIST)
    with django_assert_max_num_queries(12):
        page.get(LIST)


def test_a_suppression_shows_the_delivery_and_what_the_report_said(viewer, full, copy):
    shown = sign_in(viewer.user).get(url("change", full.pk)).text
    assert reverse("admin:broadcasts_delivery_change", args=[copy.pk]) in shown and "Pool closed" in shown
    assert "Code: 5.2.2" in shown and "mailbox &lt;full&gt;" in shown and "mx.example.com" in shown


def test_only_an_admin_is_offered_to_lift(viewer, sender, admin, full):
    for member, offered in ((viewer, False), (sender, False), (admin, True)):
        page = sign_in(member.user)
        assert (url("delete", full.pk) in page.get(url("change", full.pk)).text) is offered
        assert ("Lift, with a reason" in page.get(LIST).text) is offered
        assert page.get(url("delete", full.pk)).status_code == (200 if offered else 403)


def test_lifting_asks_for_a_reason_and_the_audit_keeps_it(admin, full):
    page = sign_in(admin.user)
    assert "full@example.com" in page.get(url("delete", full.pk)).text
    answer = page.post(url("delete", full.pk), {"confirmed": "yes", "reason": ""})
    assert "This field is required" in answer.text and Suppression.objects.exists()
    page.post(url("delete", full.pk), {"confirmed": "yes", "reason": "She made room"})
    assert not Suppression.objects.exists()
    entry = AuditEntry.objects.get(act="lift")
    assert (entry.user, entry.detail["reason"], entry.detail["cause"]) == (admin.user, "She made room", "soft_bounce")


def test_many_are_lifted_with_one_reason(admin, full, dead):
    page = sign_in(admin.user)
    ticked = {"action": "lift_selected", "_selected_action": [full.pk, dead.pk]}
    assert "2 addresses can be sent to again once they are lifted" in page.post(LIST, ticked).text
    assert Suppression.objects.count() == 2
    answer = page.post(LIST, {**ticked, "confirmed": "yes", "reason": "The server was down"}, follow=True)
    assert "2 lifted" in answer.text and not Suppression.objects.exists()
    assert {entry.detail["reason"] for entry in AuditEntry.objects.filter(act="lift")} == {"The server was down"}


def test_no_list_of_another_organization_is_lifted(admin, elsewhere):
    theirs = consenting.suppress(elsewhere, "email", "joe@example.com", "manual")
    page = sign_in(admin.user)
    told = {"confirmed": "yes", "reason": "Mine now"}
    page.post(url("delete", theirs.pk), told)
    page.post(LIST, {**told, "action": "lift_selected", "_selected_action": [theirs.pk]})
    assert Suppression.objects.get() == theirs


def test_staff_say_when_a_suppression_ends(club, admin):
    form = {"organization": club.pk, "medium": "email", "address": "joe@example.com", "reason": "manual"}
    page = sign_in(admin.user)
    past = {"expires_at_0": "2020-05-04", "expires_at_1": "08:00"}
    assert "This has passed" in page.post(url("add"), {**form, **past}).text
    page.post(url("add"), {**form, "expires_at_0": "2090-05-04", "expires_at_1": "08:00"})
    assert Suppression.objects.get().expires_at.year == 2090


def test_the_page_of_a_delivery_shows_each_attempt_in_its_order(viewer, copy):
    for number, words in ((1, "450 busy"), (2, "250 <queued> as 4711")):
        DeliveryAttempt.objects.create(delivery=copy, number=number, words=words, is_accepted=number == 2)
    shown = sign_in(viewer.user).get(reverse("admin:broadcasts_delivery_change", args=[copy.pk])).text
    first, second = shown.index("not accepted: 450 busy"), shown.index("accepted: 250 &lt;queued&gt; as 4711")
    assert first < second


def test_a_delivery_without_attempts_says_so(viewer, copy):
    shown = sign_in(viewer.user).get(reverse("admin:broadcasts_delivery_change", args=[copy.pk])).text
    assert "No attempt is on record." in shown
