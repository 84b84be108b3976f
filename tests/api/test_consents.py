from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from broadcasts import consenting
from broadcasts.models import Consent, ConsentChange, PersonalLink, Suppression
from tests.make import make_contact

from .conftest import client_of

URL = "/api/consents/"


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com", full_name="Joe")


@pytest.fixture
def said(joe):
    """What a client writes when somebody said yes at its sign-up form."""
    return {
        "contact": str(joe.uuid),
        "state": "granted",
        "source": "sign-up form",
        "evidence": {"time": timezone.now().isoformat(), "ip": "192.0.2.7"},
        "wording": "Yes, write to me.",
    }


@pytest.fixture
def unsubscribed(joe):
    consenting.withdraw(joe, "email", "marketing", source="page", evidence={})
    long_ago = timezone.now() - timedelta(days=1)
    Consent.objects.update(modified=long_ago)
    Suppression.objects.update(modified=long_ago)


def test_a_yes_is_written_down_with_what_proves_it(api, said, joe, admin):
    answer = api.post(URL, said)
    made = answer.json()
    assert answer.status_code == 201
    assert list(made) == ["uuid", "id", "created", "modified", "contact", "medium", "use_case", "state"]
    assert (made["contact"]["uuid"], made["medium"], made["use_case"]) == (said["contact"], "email", "marketing")
    [change] = api.get(f"{URL}{made['uuid']}/history/").json()
    assert (change["state"], change["source"]) == ("granted", "sign-up form")
    assert change["evidence"]["ip"] == "192.0.2.7" and change["evidence"]["wording"] == "Yes, write to me."
    assert change["evidence"]["wording_version"] and change["evidence"]["recorded_by"] == str(admin.user)


def test_saying_the_same_again_changes_nothing(api, said):
    assert [api.post(URL, said).status_code for _ in range(2)] == [201, 200]
    assert ConsentChange.objects.count() == 1


def test_a_no_suppresses_the_address_too(api, said):
    assert api.post(URL, {**said, "state": "withdrawn"}).status_code == 201
    suppression = Suppression.objects.get()
    assert (suppression.reason, suppression.use_case, suppression.address) == (
        "unsubscribe",
        "marketing",
        "joe@example.com",
    )


def test_a_yes_over_a_no_needs_proof_of_a_later_one(api, said, unsubscribed):
    for missing in ({"evidence": {}}, {"wording": ""}, {"evidence": {"time": "2020-01-01T00:00:00Z"}}):
        answer = api.post(URL, {**said, **missing})
        assert answer.status_code == 409 and "prove a later one" in answer.json()["detail"]
    assert api.post(URL, said).status_code == 201 and not Suppression.objects.exists()


def test_the_no_of_an_address_counts_where_the_person_is_new(api, said, joe, club):
    consenting.suppress(club, "email", joe.email, "unsubscribe", "marketing")
    assert api.post(URL, {**said, "evidence": {}}).status_code == 409


def test_pending_by_email_asks_for_a_confirmation(api, said, joe):
    answer = api.post(URL, {**said, "state": "pending"})
    assert (answer.status_code, answer.json()["state"]) == (201, "pending")
    link = PersonalLink.objects.get()
    assert link.contact == joe and link.due_at and not link.sent_at
    assert api.post(URL, {**said, "state": "pending"}).status_code == 200 and PersonalLink.objects.count() == 1


def test_pending_by_other_kinds_mails_nobody(api, said):
    assert api.post(URL, {**said, "state": "pending", "medium": "sms"}).status_code == 201
    assert not PersonalLink.objects.exists()


def test_who_cannot_be_asked_is_not_pending(api, said, joe, club, mail):
    consenting.suppress(club, "email", joe.email, "hard_bounce")
    answer = api.post(URL, {**said, "state": "pending"})
    assert answer.status_code == 409 and "suppression list: hard bounce" in answer.json()["detail"]
    Suppression.objects.all().delete()
    mail.delete()
    answer = api.post(URL, {**said, "state": "pending"})
    assert answer.status_code == 409 and "e-mail channel" in answer.json()["detail"]
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"contact": None}, "contact"),
        ({"contact": "00000000-0000-0000-0000-000000000000"}, "contact"),
        ({"state": "unknown"}, "state"),
        ({"state": "maybe"}, "state"),
        ({"medium": "pigeon"}, "medium"),
        ({"use_case": "other"}, "use_case"),
        ({"source": ""}, "source"),
        ({"evidence": "he said so"}, "evidence"),
        ({"evidence": {"time": "yesterday"}}, "evidence"),
        ({"evidence": {"time": "2026-13-01T00:00:00Z"}}, "evidence"),
        ({"evidence": {"time": "2026-05-01T00:00:00"}}, "evidence"),
        ({"evidence": {"note": "\0"}}, "evidence"),
        ({"wording": []}, "wording"),
    ],
)
def test_bad_consents_are_refused_by_field(api, said, wrong, field):
    answer = api.post(URL, {**said, **wrong})
    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert not Consent.objects.exists()


def test_consents_are_found_by_contact_kind_use_case_and_state(api, said, joe, club):
    api.post(URL, said)
    other = make_contact(club)
    api.post(URL, {**said, "contact": str(other.uuid), "medium": "sms", "use_case": "general"})
    api.post(URL, {**said, "contact": str(other.uuid), "state": "withdrawn"})

    def count(**filters):
        return int(api.get(URL, filters)["X-Result-Count"])

    assert [count(), count(contact=joe.uuid), count(medium="sms")] == [3, 1, 1]
    assert [count(use_case="marketing"), count(state="withdrawn"), count(state=["withdrawn", "granted"])] == [2, 1, 3]
    assert api.get(URL, {"state": "x"}).status_code == 400


def test_a_list_of_any_length_takes_the_same_queries(api, said, club, django_assert_num_queries):
    for contact in (make_contact(club), make_contact(club)):
        api.post(URL, {**said, "contact": str(contact.uuid)})
    api.get(URL)
    with django_assert_num_queries(4):
        assert len(api.get(URL).json()) == 2


def test_nobody_gets_at_anothers_consents(api, outsider, said):
    made = api.post(URL, said).json()
    assert outsider.get(URL).json() == []
    for path in (f"{URL}{made['uuid']}/", f"{URL}{made['uuid']}/history/"):
        assert outsider.get(path).status_code == 404 and APIClient().get(path).status_code == 401
    assert outsider.post(URL, said).json()["contact"][0].startswith("There is no contact")


def test_viewers_read_and_authors_write(said, viewer, author, mail):
    assert client_of(viewer).post(URL, said).status_code == 403
    made = client_of(author).post(URL, said)
    assert made.status_code == 201 and client_of(viewer).get(URL).json() == [made.json()]
    assert client_of(author, ["read"]).post(URL, said).status_code == 403


def test_a_consent_is_neither_overwritten_nor_deleted(api, said):
    path = f"{URL}{api.post(URL, said).json()['uuid']}/"
    assert [getattr(api, method)(path).status_code for method in ("put", "patch", "delete")] == [405] * 3


@pytest.mark.parametrize("wording", [["Yes"], {"en": ""}, {"en": 1}, {"english!": "Yes"}])
def test_an_organization_s_own_words_are_one_text_per_language(api, wording):
    own = {"consent_wording": {"en": "Yes, send me the newsletter.", "pt-BR": "Sim."}}
    assert api.patch("/api/organization/", own).json()["consent_wording"] == own["consent_wording"]
    answer = api.patch("/api/organization/", {"consent_wording": wording})
    assert (answer.status_code, list(answer.json())) == (400, ["consent_wording"])
