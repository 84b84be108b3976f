from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import sending, stats, tracking
from broadcasts.models import Batch, Broadcast, Channel, Contact, Delivery, Segment, SegmentMember, Suppression
from broadcasts.rendering import CompiledMessage
from broadcasts.sending import channel_health
from broadcasts.transports import TransportError
from tests.make import make_broadcast, make_contact, make_contacts

from . import steps


def test_everyone_gets_one_copy_and_every_copy_is_recorded(club, mail, server):
    people = make_contacts(club, 25)
    broadcast = steps.send(make_broadcast(mail))
    assert server.copies == {person.email: 1 for person in people}
    assert steps.log(broadcast) == {"sent": 25}
    assert broadcast.status == Broadcast.Status.SENT
    assert broadcast.completed_at is not None


def test_someone_in_two_segments_gets_one_copy(club, mail, server):
    joe = make_contact(club)
    broadcast = make_broadcast(mail, send_to_all=False)
    for name in ("Members", "Parents"):
        segment = Segment.objects.create(organization=club, name=name, kind="static")
        SegmentMember.objects.create(segment=segment, contact=joe)
        broadcast.segments.add(segment)
    broadcast.contacts.add(joe)
    steps.send(broadcast)
    assert server.copies == {joe.email: 1}


def test_everyone_gets_their_own_language(club, mail, server):
    make_contact(club, email="ana@example.com", language="es-MX")
    make_contact(club, email="bob@example.com", language="fr")
    broadcast = make_broadcast(mail, translations={"es": {"subject": "Piscina cerrada", "text": "Hola"}})
    steps.send(broadcast)
    assert steps.delivery(broadcast, "ana@example.com").language == "es"
    assert steps.delivery(broadcast, "bob@example.com").language == "en"
    assert b"Piscina" in next(e.mime for e in server.received if e.address == "ana@example.com")


def test_who_is_left_out_has_a_row_with_the_reason(club, mail, server):
    make_contact(club)
    make_contact(club, email="", phone="+250788123123")
    make_contact(club, email="gone@example.com")
    tracking.suppress(club, "email", "gone@example.com", "hard_bounce")
    broadcast = steps.send(make_broadcast(mail))
    reasons = set(Delivery.objects.filter(status="skipped").values_list("reason", flat=True))
    assert reasons == {"no_address", "bounced"}
    numbers = stats.counts([broadcast])[broadcast.pk]
    assert (numbers["contacts"], numbers["recipients"], numbers["sent"], numbers["skipped"]) == (3, 1, 1, 2)


def test_other_organizations_people_are_never_reached(club, elsewhere, mail, server):
    make_contact(club, email="ours@example.com")
    make_contact(elsewhere, email="theirs@example.com")
    steps.send(make_broadcast(mail))
    assert list(server.copies) == ["ours@example.com"]


def test_an_unknown_address_makes_a_contact_at_start(club, mail, server):
    broadcast = make_broadcast(mail, send_to_all=False, addresses=["mailto:new@example.com"])
    assert not Contact.objects.exists()
    steps.send(broadcast)
    assert Contact.objects.get().email == "new@example.com"
    assert list(server.copies) == ["new@example.com"]


def test_whoever_opts_out_before_the_turn_comes_is_skipped(club, mail, server):
    joe = make_contact(club)
    make_contact(club)
    broadcast = steps.start(make_broadcast(mail, use_case="marketing"))
    tracking.suppress(club, "email", joe.email, "unsubscribe", use_case="marketing")
    steps.pump(broadcast)
    row = steps.delivery(broadcast, joe.email)
    assert (row.status, row.reason) == ("skipped", "unsubscribed")
    assert joe.email not in server.copies


def test_an_expired_broadcast_skips_who_is_left(club, mail, server):
    make_contacts(club, 2)
    broadcast = steps.start(make_broadcast(mail, expires_at=timezone.now() + timedelta(hours=1)))
    Broadcast.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    steps.pump(broadcast)
    assert set(Delivery.objects.values_list("status", "reason")) == {("skipped", "expired")}
    assert Broadcast.objects.get().status == Broadcast.Status.SENT


def test_a_refused_recipient_fails_with_the_servers_words(club, mail, server):
    make_contacts(club, 3)
    bad = Contact.objects.first().email
    server.answers[bad] = TransportError("The server refused this recipient: 550 5.7.1 no", permanent=True)
    broadcast = steps.send(make_broadcast(mail))
    assert steps.log(broadcast) == {"sent": 2, "failed": 1}
    assert "550 5.7.1" in steps.delivery(broadcast, bad).error
    assert broadcast.status == Broadcast.Status.SENT


def test_an_address_that_does_not_exist_is_suppressed(club, mail, server):
    bad = make_contact(club).email
    server.answers[bad] = TransportError("550 5.1.1 no such user", permanent=True, bounced=True)
    steps.send(make_broadcast(mail))
    assert Suppression.objects.get().reason == "hard_bounce"


def test_a_transient_error_is_tried_again_later(club, mail, server):
    bob = make_contact(club).email
    server.answers[bob] = TransportError("451 try again later")
    broadcast = steps.send(make_broadcast(mail))
    row = steps.delivery(broadcast, bob)
    assert (row.status, row.attempts) == ("pending", 1)
    assert row.due_at > timezone.now()
    assert broadcast.status == Broadcast.Status.SENDING
    server.answers.clear()
    steps.come_due()
    sending.tick()
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 1}
    assert broadcast.status == Broadcast.Status.SENT


def test_a_retry_does_not_come_before_its_time(club, mail, server):
    bob = make_contact(club).email
    server.answers[bob] = TransportError("451 try again later")
    broadcast = steps.send(make_broadcast(mail))
    server.answers.clear()
    sending.tick()
    steps.pump(broadcast)
    assert server.received == []


def test_transient_errors_come_to_an_end(club, mail, server, settings):
    settings.MAX_ATTEMPTS = 2
    bob = make_contact(club).email
    server.answers[bob] = TransportError("451 try again later")
    broadcast = steps.send(make_broadcast(mail))
    steps.come_due()
    sending.tick()
    steps.pump(broadcast)
    row = steps.delivery(broadcast, bob)
    assert (row.status, row.attempts) == ("failed", 2)
    assert row.error.startswith("Given up after 2 attempts")
    assert broadcast.status == Broadcast.Status.SENT


def test_an_answer_that_never_came_is_unknown_and_not_sent_again(club, mail, server):
    bob = make_contact(club).email
    server.answers[bob] = TransportError("The connection broke after the message", handed_over=True)
    broadcast = steps.send(make_broadcast(mail))
    assert steps.log(broadcast) == {"unknown": 1}
    assert broadcast.status == Broadcast.Status.SENT
    sending.tick()
    steps.pump(broadcast)
    assert server.received == []


def test_an_unreachable_server_puts_the_channel_into_back_off_and_loses_nobody(club, mail, server):
    make_contacts(club, 3)
    server.refuses = TransportError("The server cannot be reached", account=True)
    broadcast = steps.send(make_broadcast(mail))
    channel = Channel.objects.get()
    assert channel.backoff_until > timezone.now()
    assert channel.last_error == "The server cannot be reached"
    assert steps.log(broadcast) == {"pending": 3}
    assert broadcast.status == Broadcast.Status.SENDING


def test_pumps_that_fail_together_are_one_failure(mail):
    error = TransportError("The server cannot be reached", account=True)
    for pump in (Channel.objects.get(), Channel.objects.get()):
        channel_health.channel_fails(pump, error)
    assert Channel.objects.get().backoff_count == 1


def test_a_server_that_was_away_for_long_is_tried_within_a_minute(mail):
    Channel.objects.update(backoff_count=50)
    channel_health.channel_fails(Channel.objects.get(), TransportError("The server cannot be reached", account=True))
    assert Channel.objects.get().backoff_until < timezone.now() + timedelta(minutes=1)


def test_a_channel_in_back_off_is_left_alone_until_it_ends(club, mail, server):
    make_contact(club)
    Channel.objects.update(backoff_until=timezone.now() + timedelta(minutes=1))
    broadcast = steps.send(make_broadcast(mail))
    assert server.received == []
    Channel.objects.update(backoff_until=timezone.now() - timedelta(seconds=1))
    steps.pump(broadcast)
    assert len(server.received) == 1
    assert Channel.objects.get().backoff_until is None


def test_a_server_that_goes_away_in_the_middle_costs_nobody_an_attempt(club, mail, server):
    people = make_contacts(club, 25)
    server.answers[people[12].email] = TransportError("The server went away", account=True)
    broadcast = steps.send(make_broadcast(mail))
    assert steps.log(broadcast) == {"sent": 12, "pending": 13}
    assert not Delivery.objects.filter(status="pending", attempts__gt=0).exists()
    server.answers.clear()
    Channel.objects.update(backoff_until=None)
    steps.come_due()
    sending.tick()
    steps.pump(broadcast)
    assert server.copies == {person.email: 1 for person in people}


def test_a_refused_login_pauses_the_broadcast_with_the_reason(club, mail, server):
    make_contacts(club, 2)
    server.refuses = TransportError("refused the login: 535 bad credentials", account=True, permanent=True)
    broadcast = steps.send(make_broadcast(mail))
    assert broadcast.status == Broadcast.Status.PAUSED
    assert "535 bad credentials" in broadcast.error_message
    server.refuses = None
    sending.resume(broadcast)
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 2}


def test_a_message_that_cannot_be_rendered_for_someone_fails_for_that_one_only(club, mail, server):
    make_contact(club, email="good@example.com", attributes={"n": 1})
    make_contact(club, email="bad@example.com", attributes={"n": 0})
    broadcast = steps.send(make_broadcast(mail, body="{{ 1 | divided_by: contact.n }}"))
    assert steps.delivery(broadcast, "good@example.com").status == "sent"
    assert steps.delivery(broadcast, "bad@example.com").status == "failed"
    assert list(server.copies) == ["good@example.com"]


def test_counters_of_batches_equal_the_log(club, mail, server, settings):
    settings.BATCH_SIZE = 4
    people = make_contacts(club, 10)
    server.answers[people[0].email] = TransportError("no", permanent=True)
    server.answers[people[1].email] = TransportError("lost", handed_over=True)
    make_contact(club, email="")
    broadcast = steps.send(make_broadcast(mail))
    numbers = stats.counts([broadcast])[broadcast.pk]
    log = steps.log(broadcast)
    assert Batch.objects.count() == 3
    assert {name: numbers[name] for name in log} == log
    assert numbers["contacts"] == 11


@pytest.mark.parametrize("size", [1, 3, 4, 5, 12])
def test_expansion_makes_one_row_each_whatever_the_batch_size(club, mail, server, settings, size):
    settings.BATCH_SIZE = size
    make_contacts(club, 12)
    broadcast = steps.send(make_broadcast(mail))
    assert max(server.copies.values()) == 1
    assert steps.log(broadcast) == {"sent": 12}


def test_expansion_done_twice_makes_no_row_twice(club, mail, server):
    make_contacts(club, 5)
    broadcast = steps.start(make_broadcast(mail))
    sending.expand(broadcast.pk, seconds=60)
    assert Delivery.objects.count() == 5
    assert stats.counts([broadcast])[broadcast.pk]["contacts"] == 5


def test_expansion_goes_on_where_it_stopped(club, mail, server, monkeypatch):
    monkeypatch.setattr("broadcasts.sending.expansion.CHUNK", 2)
    make_contacts(club, 5)
    broadcast = make_broadcast(mail)
    sending.send(broadcast)
    sending.expand(broadcast.pk, seconds=0)
    assert Delivery.objects.count() == 2
    sending.expand(broadcast.pk, seconds=60)
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 5}
    assert max(server.copies.values()) == 1


def test_the_first_channel_that_works_is_used_and_nobody_gets_two(club, mail, server):
    make_contact(club, email="joe@example.com")
    make_contact(club, email="")
    broadcast = make_broadcast(mail)
    second = broadcast.messages.get()
    second.pk, second.uuid, second.position = None, None, 1
    second.uuid = "0190c7a2-0000-7000-8000-000000000000"
    second.save()
    second.translations.create(language="en", subject="Again", text="Again")
    steps.send(broadcast)
    assert server.copies == {"joe@example.com": 1}
    assert Delivery.objects.count() == 2


def test_a_test_send_reaches_the_address_and_is_not_counted(club, mail, server, sender):
    make_contact(club, full_name="Ana")
    broadcast = make_broadcast(mail)
    assert sending.send_test(broadcast, ["me@example.com"], by=sender.user) == [("me@example.com", "")]
    assert server.received[0].text == "Hello Ana"
    assert not Delivery.objects.exists()
    broadcast.refresh_from_db()
    assert broadcast.status == Broadcast.Status.DRAFT


def test_a_test_send_that_is_refused_says_why(club, mail, server):
    server.answers["me@example.com"] = TransportError("550 no", permanent=True)
    assert sending.send_test(make_broadcast(mail), ["me@example.com"]) == [
        ("me@example.com", "No test was sent to me@example.com: 550 no")
    ]


def test_content_that_breaks_after_the_start_pauses_with_the_reason(club, mail, server):
    make_contact(club)
    broadcast = steps.start(make_broadcast(mail))
    broadcast.messages.get().translations.update(text="{{ contact.name")
    steps.pump(broadcast)
    assert broadcast.status == Broadcast.Status.PAUSED
    assert "cannot be rendered" in broadcast.error_message
    broadcast.messages.get().translations.update(text="Hello")
    sending.resume(broadcast)
    steps.pump(broadcast)
    assert steps.log(broadcast) == {"sent": 1}


def test_an_audience_that_cannot_be_read_any_more_pauses_with_the_reason(club, mail, server):
    make_contact(club)
    segment = Segment.objects.create(organization=club, name="Members", kind="static")
    broadcast = make_broadcast(mail, query={"not": {"segment": str(segment.uuid)}}, send_to_all=False)
    sending.send(broadcast)
    segment.delete()
    sending.expand(broadcast.pk, seconds=60)
    broadcast.refresh_from_db()
    assert broadcast.status == Broadcast.Status.PAUSED
    assert "there is no segment" in broadcast.error_message


def test_a_round_asks_no_more_when_more_is_being_sent(club, mail, server, django_assert_max_num_queries):
    make_contacts(club, 1)
    for _ in range(20):
        steps.start(make_broadcast(mail))
    with django_assert_max_num_queries(20):
        sending.tick()


def test_a_copy_that_cannot_be_made_ends_no_worker_and_is_told_as_failed(club, mail, server, monkeypatch):
    ana, ben = make_contacts(club, 2)
    envelope = CompiledMessage.envelope

    def stumble(compiled, recipient):
        if recipient.address == ana.email:
            raise ZeroDivisionError
        return envelope(compiled, recipient)

    monkeypatch.setattr(CompiledMessage, "envelope", stumble)
    broadcast = steps.send(make_broadcast(mail))
    assert steps.delivery(broadcast, ana.email).status == "failed"
    assert steps.delivery(broadcast, ben.email).status == "sent"
    assert broadcast.status == "SENT"
