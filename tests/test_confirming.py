"""Mail with a link for one person: sent once, a few times a day at most, and opened while it is fresh."""

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.db.models.functions import Now

from broadcasts import confirming, consenting, links, queue, tasks
from broadcasts.confirming.texts import TEXTS
from broadcasts.exceptions import WrongState
from broadcasts.models import Channel, Consent, ConsentChange, Contact, Organization, PersonalLink, Suppression
from broadcasts.transports import TransportError
from tests.make import make_contact
from tests.smtp import SmtpServer

EVIDENCE = {"form": "https://club.example/join", "ip": "192.0.2.7"}


@pytest.fixture
def joe(club):
    return make_contact(club, "joe@example.com", full_name="Joe")


def ask(contact) -> None:
    confirming.ask(contact, "marketing", source="sign-up form", evidence=EVIDENCE)


def link() -> PersonalLink:
    return PersonalLink.objects.latest("pk")


def token() -> str:
    return links.personal_token(link().pk)


def later(**ago) -> None:
    """Let what was asked for so far lie some time back."""
    PersonalLink.objects.update(created=Now() - timedelta(**ago))


def sent(server) -> list[str]:
    return [envelope.address for envelope in server.received]


def test_who_is_asked_gets_one_mail_through_the_organization_s_own_channel(joe, mail, club):
    club.postal_address = "1 Pool Road"
    club.save()
    with SmtpServer() as smtp:
        mail.settings = smtp.settings
        mail.save()
        ask(joe)
        for _ in range(2):
            tasks.mail_link(link().pk)
    [received] = smtp.received
    message = message_from_bytes(received.data, policy=policy.default)
    assert (received.rcpt, message["From"]) == ("joe@example.com", "Swimming Club <news@club.example>")
    assert message["Subject"] == "Please confirm: messages from Swimming Club"
    assert message["Auto-Submitted"] == "auto-generated" and message["List-Unsubscribe"] is None
    for subtype in ("plain", "html"):
        body = message.get_body((subtype,)).get_content()
        assert links.confirm_url(token()) in body and "Yes, Swimming Club may send me" in body and "1 Pool Road" in body
    assert token() not in message["Message-ID"] and link().sent_at and not link().due_at


@pytest.mark.parametrize("language", [*TEXTS, "pt-BR", "zh"])
@pytest.mark.parametrize("purpose", ["confirm", "data"])
def test_the_mail_speaks_the_language_of_the_person(joe, server, language, purpose):
    Contact.objects.update(language=language)
    joe.refresh_from_db()
    ask(joe) if purpose == "confirm" else confirming.ask_for_data(joe)
    confirming.mail_link(link().pk)
    spoken = language.partition("-")[0] if language != "zh" else "en"
    assert TEXTS[spoken][purpose]["until"] in server.received[0].text


def test_names_with_markup_and_line_breaks_stay_text(joe, server, club):
    Organization.objects.update(name="<b>Club</b>\r\nBcc: x@example.com")
    Channel.objects.update(from_name="")
    ask(joe)
    confirming.mail_link(link().pk)
    message = message_from_bytes(server.received[0].mime, policy=policy.default)
    assert message["Bcc"] is None and "<b>Club" not in message.get_body(("html",)).get_content()


def test_asking_twice_at_once_is_asking_once(joe, server):
    ask(joe)
    ask(joe)
    assert PersonalLink.objects.count() == 1 and ConsentChange.objects.get().evidence == EVIDENCE


def test_an_address_is_written_to_three_times_a_day_at_most(joe, server):
    for _ in range(3):
        ask(joe)
        later(minutes=20)
    with pytest.raises(WrongState, match="3 times within a day"):
        confirming.ask_for_data(joe)
    later(hours=25)
    confirming.ask_for_data(joe)
    assert PersonalLink.objects.count() == 4


def test_deleting_and_adding_somebody_again_does_not_begin_the_day_anew(joe, server, club):
    for _ in range(3):
        ask(joe)
        later(minutes=20)
    joe.delete()
    with pytest.raises(WrongState, match="3 times"):
        ask(make_contact(club, "JOE@example.com"))


@pytest.mark.parametrize("change", [{"email": "new@example.com"}, {"email": ""}])
def test_a_link_works_only_while_the_address_is_the_person_s(joe, server, change):
    ask(joe)
    assert confirming.opened(token(), "confirm")
    for name, value in change.items():
        setattr(joe, name, value)
    joe.save()
    assert confirming.opened(token(), "confirm") is None
    confirming.mail_link(link().pk)
    assert not sent(server) and "another address" in link().error


def test_nothing_is_mailed_to_somebody_who_is_gone(joe, server):
    ask(joe)
    joe.delete()
    confirming.mail_link(link().pk)
    assert not sent(server) and confirming.opened(token(), "confirm") is None


@pytest.mark.parametrize(("purpose", "lasts"), [("confirm", {"days": 7}), ("data", {"hours": 1})])
def test_a_link_lasts_its_time_and_opens_nothing_else(joe, server, purpose, lasts):
    ask(joe) if purpose == "confirm" else confirming.ask_for_data(joe)
    other = {"confirm": "data", "data": "confirm"}[purpose]
    assert confirming.opened(token(), purpose) and not confirming.opened(token(), other)
    assert not confirming.opened(links.delivery_token(link().pk), purpose)
    PersonalLink.objects.update(created=Now() - timedelta(**lasts))
    assert not confirming.opened(token(), purpose)


def test_who_answered_meanwhile_is_not_written_to(joe, server):
    ask(joe)
    consenting.withdraw(joe, "email", "marketing", source="page", evidence={})
    confirming.mail_link(link().pk)
    assert not sent(server) and link().due_at is None


@pytest.mark.parametrize("reason", ["hard_bounce", "manual", "complaint"])
def test_who_must_not_be_reached_is_not_asked(joe, server, club, reason):
    consenting.suppress(club, "email", joe.email, reason)
    with pytest.raises(WrongState, match="suppression list"):
        ask(joe)
    assert not Consent.objects.exists() and not PersonalLink.objects.exists()


def test_a_mail_server_that_fails_is_tried_again_and_not_for_ever(joe, server):
    tries = []
    server.answers[joe.email], server.before = TransportError("try later"), tries.append
    ask(joe)
    confirming.mail_link(link().pk)
    confirming.mail_link(link().pk)  # not due again yet
    assert link().due_at and link().error == "try later" and len(tries) == 1
    PersonalLink.objects.update(due_at=Now(), created=Now() - timedelta(hours=13))
    confirming.mail_link(link().pk)
    assert link().due_at is None and len(tries) == 1


def test_an_address_that_does_not_exist_is_suppressed(joe, server):
    server.answers[joe.email] = TransportError("550 5.1.1 no such user joe@example.com", permanent=True, bounced=True)
    ask(joe)
    confirming.mail_link(link().pk)
    assert link().error == "550 5.1.1 no such user (address)"
    assert link().due_at is None and Suppression.objects.get().reason == "hard_bounce"


def test_a_round_asks_again_for_the_mail_whose_wake_up_was_lost(joe, server, monkeypatch):
    asked = []
    monkeypatch.setattr(queue, "enqueue", lambda *task: asked.append(task))
    monkeypatch.setattr(queue, "queue_is_full", lambda: False)
    ask(joe)
    confirming.enqueue_waiting()
    assert asked == [("mail_link", link().pk)]
    confirming.mail_link(link().pk)
    confirming.enqueue_waiting()
    assert len(asked) == 1


def test_a_confirmation_is_the_person_s_own_yes(joe, server):
    consenting.suppress(joe.organization, "email", joe.email, "unsubscribe", "general")
    ask(joe)
    assert confirming.confirm(link(), evidence={"ip": "192.0.2.8"})
    assert confirming.confirm(link(), evidence={})
    assert list(ConsentChange.objects.order_by("pk").values_list("state", flat=True)) == ["pending", "granted"]


def test_a_no_said_after_the_question_is_not_overruled_by_its_link(joe, server):
    ask(joe)
    consenting.withdraw(joe, "email", "marketing", source="page", evidence={})
    assert not confirming.confirm(link(), evidence={})
    assert Consent.objects.get().state == "withdrawn" and Suppression.objects.exists()


def test_every_language_says_everything():
    said = {frozenset((purpose, *words) for purpose, words in each.items()) for each in TEXTS.values()}
    assert len(said) == 1
