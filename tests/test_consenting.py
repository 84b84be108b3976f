"""Yes and no: state, history and suppression written together."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from django.utils import timezone

from broadcasts import consenting
from broadcasts.exceptions import WrongState
from broadcasts.importing import import_contacts
from broadcasts.models import Consent, ConsentChange, Contact, Suppression
from tests.make import make_contact

PLACE = ("email", "marketing")


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com", full_name="Joe", phone="+34600000001")


def withdraw(contact, place=PLACE):
    return consenting.withdraw(contact, *place, source="page", evidence={"ip": "192.0.2.7"})


def grant(contact, place=PLACE, **proof):
    return consenting.grant(contact, *place, **{"source": "page", "evidence": {}, **proof})


def state():
    return Consent.objects.get().state


def history():
    return list(ConsentChange.objects.order_by("pk").values_list("state", flat=True))


def noes():
    return set(Suppression.objects.values_list("medium", "reason", "use_case"))


def test_each_change_is_told_once_with_what_proves_it(joe):
    assert [grant(joe), grant(joe), withdraw(joe), withdraw(joe)] == [True, False, True, False]
    assert (state(), history()) == ("withdrawn", ["granted", "withdrawn"])
    assert ConsentChange.objects.latest("pk").evidence == {"ip": "192.0.2.7"}


def test_a_no_is_of_its_kind_and_use_case_only(joe):
    withdraw(joe, ("sms", "marketing"))
    assert noes() == {("sms", "unsubscribe", "marketing")}
    assert not consenting.blocking(joe, *PLACE).exists()


def test_a_no_to_both_use_cases_is_one_suppression_of_everything(joe):
    withdraw(joe)
    withdraw(joe, ("email", "general"))
    assert noes() == {("email", "unsubscribe", "")}
    grant(joe, by_person=True)
    assert noes() == {("email", "unsubscribe", "general")}


def test_the_person_s_own_yes_lifts_its_no_and_nothing_else(joe, club):
    withdraw(joe)
    hard = {"hard_bounce", "complaint", "stop", "manual", "import", "erased"}
    for reason in hard:
        consenting.suppress(club, "email", joe.email, reason)
    assert grant(joe, by_person=True)
    assert state() == "granted" and {reason for _, reason, _ in noes()} == hard


def test_nobody_else_writes_a_yes_over_a_no_without_proof(joe):
    withdraw(joe)
    with pytest.raises(WrongState, match="prove a later one"):
        grant(joe, source="CSV")
    assert (state(), history()) == ("withdrawn", ["withdrawn"]) and noes()


@pytest.mark.parametrize("minutes", [-60, 60])
def test_a_proved_yes_counts_when_it_was_said_after_the_no(joe, minutes):
    withdraw(joe)
    at = timezone.now() - timedelta(hours=2)
    for model in (Consent, Suppression):
        model.objects.update(modified=at)
    evidence = {"wording": "Yes", "time": (at + timedelta(minutes=minutes)).isoformat()}
    if minutes < 0:
        with pytest.raises(WrongState):
            grant(joe, evidence=evidence)
    else:
        assert grant(joe, evidence=evidence) and not noes()


def test_asking_leaves_a_yes_as_it_is(joe):
    grant(joe)
    assert not consenting.ask(joe, *PLACE, source="form", evidence={})
    assert state() == "granted"


def test_a_no_stands_while_the_person_is_asked_again(joe):
    Consent.objects.create(contact=joe, medium="email", use_case="marketing", state="withdrawn")
    Consent.objects.update(modified=datetime(2026, 1, 1, tzinfo=UTC))
    evidence = {"wording": "Yes", "time": "2026-02-01T10:00:00Z"}
    assert consenting.ask(joe, *PLACE, source="form", evidence=evidence)
    assert state() == "pending" and noes() == {("email", "unsubscribe", "marketing")}


def test_the_history_is_append_only(joe):
    grant(joe)
    change = ConsentChange.objects.get()
    rows = ConsentChange.objects.filter(pk=change.pk)
    for act in (change.save, change.delete, rows.delete, lambda: rows.update(state="withdrawn")):
        with pytest.raises(TypeError, match="append only"):
            act()
    assert history() == ["granted"]


def test_the_history_goes_with_the_person(joe):
    grant(joe)
    joe.delete()
    assert not ConsentChange.objects.exists()


def test_importing_somebody_again_overwrites_no_opt_out(joe, club):
    withdraw(joe)
    import_contacts(club, BytesIO(b"email,full_name\nJOE@example.com,Joseph\n"))
    joe.refresh_from_db()
    assert joe.full_name == "Joseph" and state() == "withdrawn" and noes()


def test_the_words_are_the_organization_s_own_or_ours_in_the_language_of_the_person(club):
    assert "Swimming Club" in consenting.wording(club, "de-AT", *PLACE)
    assert consenting.wording(club, "xx", *PLACE).startswith("Yes, Swimming Club may send me newsletters")
    club.consent_wording = {"es": "Sí, quiero el boletín"}
    assert consenting.wording(club, "es-MX", *PLACE) == "Sí, quiero el boletín"
    assert consenting.wording(club, "es", "sms", "marketing") != "Sí, quiero el boletín"


def test_other_words_are_another_version():
    one, same, other = (consenting.evidence_of(text)["wording_version"] for text in ("Yes.", "Yes.", "Yes!"))
    assert one == same != other


def test_a_no_at_a_number_is_one_however_the_number_is_written(club):
    for spelling in ("+34 600 000 001", "34600000001"):
        consenting.suppress(club, "whatsapp", spelling, "manual")
    person = make_contact(club, phone="+34600000001", whatsapp_id="+34600000001")
    assert Suppression.objects.get().address_hash == person.whatsapp_hash == person.phone_hash


@pytest.mark.parametrize("address", ["Joe@Example.com", "+34600000001"])
def test_a_no_on_a_webhook_meets_the_contact_it_was_called_for(joe, address):
    consenting.suppress(joe.organization, "webhook", address, "hard_bounce")
    assert consenting.blocking(joe, "webhook", "marketing").exists()


def test_a_no_said_again_is_as_late_as_that(joe):
    withdraw(joe)
    said_between = timezone.now().isoformat()
    withdraw(joe)
    with pytest.raises(WrongState):
        grant(joe, evidence={"wording": "Yes, send me offers", "time": said_between})
    assert state() == "withdrawn"


def test_who_is_gone_says_no_more(joe):
    gone = Contact.objects.get()
    joe.delete()
    with pytest.raises(WrongState, match="not there any more"):
        grant(gone)
