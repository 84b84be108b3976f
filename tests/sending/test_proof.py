"""Test sends obey every no; only the testers' own opt-outs from marketing do not count for themselves."""

import pytest

from broadcasts import consenting, contacts, sending
from broadcasts.exceptions import InvalidInput, NotReady
from broadcasts.models import AuditEntry, Suppression
from broadcasts.transports import Receipt
from tests.make import add_channel, make_broadcast, make_contact

REFUSED = "No test was sent to joe@example.com: "
CAUSES = {
    "hard_bounce": "the address bounced before.",
    "soft_bounce": "the address bounced before.",
    "complaint": "complained before.",
    "unsubscribe": "unsubscribed.",
    "stop": "on the suppression list (Said STOP).",
    "manual": "on the suppression list (By staff).",
    "import": "on the suppression list (Imported).",
    "erased": "on the suppression list (Erased).",
}


@pytest.fixture
def broadcast(mail, server):
    return make_broadcast(mail)


@pytest.fixture
def tried(broadcast, server):
    """Send a test to an address; says why it was refused, and checks that a refused one was not written to."""

    def send(address="joe@example.com", by=None):
        [(_, error)] = sending.send_test(broadcast, [address], by=by)
        assert len(server.received) == (0 if error else 1)
        return error

    return send


@pytest.mark.parametrize("cause", Suppression.Cause.values)
@pytest.mark.parametrize("is_known", [True, False])
def test_a_suppressed_address_gets_no_test(club, tried, cause, is_known):
    if is_known:
        make_contact(club, "joe@example.com")
    consenting.suppress(club, "email", "Joe@Example.com", cause)
    assert tried() == REFUSED + CAUSES[cause]


@pytest.mark.parametrize("status", ["blocked", "archived"])
def test_somebody_who_is_blocked_gets_no_test(club, tried, status):
    make_contact(club, "joe@example.com", status=status)
    assert tried() == REFUSED + "contact is blocked or archived."


def test_somebody_who_was_erased_gets_no_test(club, tried):
    contacts.erase(make_contact(club, "joe@example.com"))
    assert tried() == REFUSED + CAUSES["erased"]


def test_a_suppression_on_another_medium_or_of_another_organization_stops_no_test(club, elsewhere, tried):
    consenting.suppress(club, "sms", "joe@example.com", "manual")
    consenting.suppress(elsewhere, "email", "joe@example.com", "manual")
    assert tried() == ""


def test_opt_outs_from_marketing_stop_a_marketing_test_to_others(club, broadcast, tried):
    consenting.withdraw(make_contact(club, "joe@example.com"), "email", "marketing", source="test", evidence={})
    assert tried() == ""
    broadcast.use_case = "marketing"
    assert sending.send_test(broadcast, ["joe@example.com"]) == [("joe@example.com", REFUSED + "unsubscribed.")]


def test_without_the_consent_that_is_required_a_contact_gets_no_marketing_test(club, broadcast, tried):
    club.consent_required, broadcast.use_case, broadcast.organization = True, "marketing", club
    make_contact(club, "joe@example.com")
    assert tried() == REFUSED + "did not consent."


def test_testers_own_opt_out_from_marketing_does_not_keep_it_from_them(club, broadcast, tried, sender):
    club.consent_required, broadcast.use_case, broadcast.organization = True, "marketing", club
    contact = make_contact(club, sender.user.email)
    consenting.withdraw(contact, "email", "marketing", source="test", evidence={})
    consenting.suppress(club, "email", contact.email, "unsubscribe", use_case="marketing")
    assert tried(contact.email.upper(), by=sender.user) == ""


@pytest.mark.parametrize(
    ("cause", "use_case"), [("complaint", "marketing"), ("unsubscribe", ""), ("manual", ""), ("hard_bounce", "")]
)
def test_any_other_no_of_the_tester_counts(club, broadcast, tried, sender, cause, use_case):
    broadcast.use_case = "marketing"
    consenting.suppress(club, "email", sender.user.email, cause, use_case=use_case)
    assert CAUSES[cause] in tried(sender.user.email, by=sender.user)


def test_some_are_refused_and_the_others_get_it_and_the_audit_counts_both(club, broadcast, server):
    consenting.suppress(club, "email", "joe@example.com", "stop")
    told = sending.send_test(broadcast, ["ann@example.com", "joe@example.com", "bob@example.com"])
    assert [address for address, error in told if not error] == ["ann@example.com", "bob@example.com"]
    assert set(server.copies) == {"ann@example.com", "bob@example.com"}
    assert AuditEntry.objects.get(act="test").detail == {"sent": 2, "refused": 1}


def test_a_suspended_organization_sends_no_test(club, broadcast, server):
    club.status, broadcast.organization = "suspended", club
    with pytest.raises(NotReady, match="is suspended: nothing can be sent"):
        sending.send_test(broadcast, ["joe@example.com"])
    assert server.received == []


def test_a_channel_that_is_switched_off_sends_no_test(mail, broadcast, server):
    mail.is_active = False
    mail.save()
    with pytest.raises(NotReady, match="is switched off"):
        sending.send_test(broadcast, ["joe@example.com"])
    assert server.received == []


def test_a_test_that_was_taken_with_a_flaw_of_the_channel_says_both(tried, server, monkeypatch):
    monkeypatch.setattr(server, "deliver", lambda envelope: Receipt(flaw="Correct answer.id."))
    assert tried() == "A test was sent to joe@example.com. Correct answer.id."


def test_the_subject_of_a_test_is_marked_and_what_is_stored_stays(club, broadcast, server):
    sending.send_test(broadcast, ["ann@example.com"])
    assert [envelope.subject for envelope in server.received] == ["[Test] Pool closed"]
    assert broadcast.first_message().translations.get().subject == "Pool closed"


def test_without_a_subject_the_default_one_is_marked(club, mail, server):
    sending.send_test(make_broadcast(mail, subject="", name="News"), ["ann@example.com"])
    assert [envelope.subject for envelope in server.received] == ["[Test] News"]


def test_each_address_gets_a_test_in_each_chosen_language_with_the_values_of_the_chosen_person(club, mail, server):
    broadcast = make_broadcast(mail, translations={"es": {"subject": "Cerrado", "text": "Hola {{ contact.name }}"}})
    joe = make_contact(club, "joe@example.com", full_name="Joe")
    told = sending.send_test(broadcast, ["a@example.com", "b@example.com"], languages=["en", "es"], person=joe)
    assert told == [("a@example.com", ""), ("b@example.com", "")]
    assert server.copies == {"a@example.com": 2, "b@example.com": 2}
    assert [envelope.text for envelope in server.received[:2]] == ["Hello Joe", "Hola Joe"]


def test_a_language_without_content_is_an_error_of_its_field(broadcast, server):
    with pytest.raises(InvalidInput) as caught:
        sending.send_test(broadcast, ["a@example.com"], languages=["fr"])
    assert caught.value.errors == {"languages": "There is no content in fr; there is: en."}
    assert server.received == []


def test_another_message_of_the_broadcast_can_be_tested(broadcast, server):
    second = add_channel(broadcast, name="Second")
    sending.send_test(broadcast, ["ann@example.com"], message=second)
    assert [envelope.text for envelope in server.received] == ["Closed"]
