"""Consents on the pages of staff: recorded with what proves them, shown with their history, never edited."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from broadcasts import consenting
from broadcasts.models import Consent, ConsentChange, PersonalLink, Suppression
from tests.make import make_contact

from .conftest import sign_in

ADD = "/admin/broadcasts/consent/add/"


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com", full_name="Joe")


@pytest.fixture
def told(joe):
    """What staff type when somebody says yes at the desk."""
    return {
        "contact": joe.pk,
        "medium": "email",
        "use_case": "marketing",
        "state": "granted",
        "source": "At the desk, 4 May",
        "wording": "",
    }


def proved(minutes=0):
    """The words and the time of a yes, which over a no have to be told."""
    at = timezone.localtime(timezone.now() - timedelta(minutes=minutes))
    return {"wording": "Yes, write to me", "said_at_0": f"{at:%Y-%m-%d}", "said_at_1": f"{at:%H:%M:%S}"}


@pytest.fixture
def unsubscribed(joe):
    consenting.withdraw(joe, "email", "marketing", source="page", evidence={})
    for model in (Consent, Suppression):
        model.objects.update(modified=timezone.now() - timedelta(hours=1))


def test_what_staff_are_told_is_recorded_with_its_source(author, told):
    assert sign_in(author.user).post(ADD, told).status_code == 302
    change = ConsentChange.objects.get()
    assert (change.state, change.source) == ("granted", "At the desk, 4 May")
    assert change.evidence == {"form": "admin", "recorded_by": str(author.user)}


def test_what_is_on_record_is_changed_and_the_history_kept(author, told):
    client = sign_in(author.user)
    client.post(ADD, told)
    assert client.post(ADD, {**told, "state": "withdrawn"}).status_code == 302
    assert Consent.objects.get().state == "withdrawn" and ConsentChange.objects.count() == 2
    assert Suppression.objects.get().reason == "unsubscribe"


def test_a_yes_over_a_no_needs_its_words_and_a_later_time(author, told, unsubscribed):
    client = sign_in(author.user)
    for short in ({}, proved(minutes=120), {**proved(), "wording": ""}):
        assert "prove a later one" in client.post(ADD, {**told, **short}).text
    assert client.post(ADD, {**told, **proved()}).status_code == 302
    assert Consent.objects.get().state == "granted" and not Suppression.objects.exists()


def test_staff_can_have_somebody_asked_by_mail(author, told, mail):
    assert sign_in(author.user).post(ADD, {**told, "state": "pending"}).status_code == 302
    assert PersonalLink.objects.get().due_at


def test_why_somebody_cannot_be_asked_stands_at_the_state(author, told):
    answer = sign_in(author.user).post(ADD, {**told, "state": "pending"})
    assert "no e-mail channel to send through: add one" in str(answer.context["errors"])
    assert not Consent.objects.exists()


def test_the_contact_s_page_shows_each_consent_with_its_history_and_evidence(viewer, joe):
    evidence = consenting.evidence_of("Yes, write to me", ip="192.0.2.7")
    consenting.grant(joe, "email", "marketing", source="sign-up form", evidence=evidence)
    text = sign_in(viewer.user).get(reverse("admin:broadcasts_contact_change", args=[joe.pk])).text
    assert all(shown in text for shown in ("sign-up form", "Yes, write to me", "192.0.2.7", "1 change"))


def test_a_consent_is_shown_with_its_history_and_not_edited(admin, told, joe):
    client = sign_in(admin.user)
    client.post(ADD, told)
    path = reverse("admin:broadcasts_consent_change", args=[Consent.objects.get().pk])
    assert "At the desk, 4 May" in client.get(path).text
    assert client.post(path, {**told, "state": "withdrawn"}).status_code == 403


@pytest.mark.parametrize("act", ["change", "delete"])
@pytest.mark.parametrize("model", ["consent", "consentchange"])
def test_not_even_a_superuser_changes_or_deletes_the_record(root, told, joe, model, act):
    client = sign_in(root)
    client.post(ADD, told)
    pk = {"consent": Consent, "consentchange": ConsentChange}[model].objects.get().pk
    assert client.post(reverse(f"admin:broadcasts_{model}_{act}", args=[pk]), {"post": "yes"}).status_code == 403


def test_staff_widen_a_no_that_is_on_the_list(club, admin):
    consenting.suppress(club, "sms", "+34600000001", "unsubscribe", "marketing")
    form = {"organization": club.pk, "medium": "sms", "address": "600 000 001", "reason": "unsubscribe"}
    form |= {"use_case": "everything", "source": "desk"}
    assert sign_in(admin.user).post("/admin/broadcasts/suppression/add/", form).status_code == 302
    assert list(Suppression.objects.values_list("address", "use_case")) == [("+34600000001", "")]


def test_what_staff_do_not_say_of_a_no_follows_from_its_reason(club, admin):
    form = {"organization": club.pk, "medium": "email", "source": "desk", "use_case": ""}
    page = sign_in(admin.user)
    for reason in ("unsubscribe", "manual"):
        page.post("/admin/broadcasts/suppression/add/", {**form, "address": "joe@example.com", "reason": reason})
    assert dict(Suppression.objects.values_list("reason", "use_case")) == {"unsubscribe": "marketing", "manual": ""}


def test_a_no_that_comes_while_a_yes_is_saved_is_told_and_not_an_error_of_ours(joe, told, author, monkeypatch):
    monkeypatch.setattr(consenting, "why_not", lambda *args, **proof: "")  # as the form saw it
    consenting.withdraw(joe, "email", "marketing", source="page", evidence={})
    answer = sign_in(author.user).post(ADD, told, follow=True)
    assert "said no on" in answer.text and Consent.objects.get().state == "withdrawn"
