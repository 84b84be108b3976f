"""The channel policy `fallback`: the next channel when a copy failed, or was not delivered in time."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import audience, contacts, sending, tracking
from broadcasts.audience import Audience
from broadcasts.exceptions import EmptyAudience, InvalidInput
from broadcasts.models import Channel, Delivery, Organization
from broadcasts.sending import fallback, readiness
from tests.make import make_broadcast, make_contact, make_delivery
from tests.sending import steps
from tests.sending.fallback.chains import (
    LOST,
    REFUSED,
    assert_counted,
    by_both,
    copies,
    go_on,
    numbers,
    time_out,
)


def test_who_cannot_be_reached_gets_it_on_the_next_channel(broadcast, ana, server):
    server.answers["ana@example.com"] = REFUSED
    go_on(steps.send(broadcast))
    first, second = Delivery.objects.order_by("pk")
    assert (second.replaces, second.address) == (first.pk, "+34600111222")
    assert copies(broadcast) == [("Newsletter", "failed"), ("SMS", "sent")]
    assert (broadcast.status, numbers(broadcast)) == ("SENT", (1, 1, 1))


def test_what_is_not_delivered_in_time_is_replaced_once(broadcast, ana, server):
    go_on(steps.send(broadcast))
    assert copies(broadcast) == [("Newsletter", "sent")]
    assert broadcast.status == "SENDING"
    time_out()
    for _ in range(3):
        go_on(broadcast)
    assert server.copies == {"ana@example.com": 1, "+34600111222": 1}
    assert broadcast.status == "SENT"
    assert_counted(broadcast)


@pytest.mark.parametrize("fact", ["delivered", "opened", "replied"])
def test_what_arrived_in_time_ends_the_broadcast_at_once(broadcast, ana, fact):
    steps.send(broadcast)
    tracking.record(Delivery.objects.get(), fact)
    assert go_on(broadcast).status == "SENT"
    assert copies(broadcast) == [("Newsletter", "sent")]


def test_what_was_told_before_the_answer_counts(broadcast, ana, server):
    server.before = lambda envelope: tracking.record(Delivery.objects.get(), "delivered")
    assert go_on(steps.send(broadcast)).status == "SENT"


@pytest.mark.parametrize(("fact", "gets_another"), [("delivered", True), ("opened", False), ("clicked", False)])
def test_a_copy_that_must_be_read_is_not_read_when_it_is_delivered(mail, sms, server, tracked, ana, fact, gets_another):
    broadcast = steps.send(by_both(mail, sms, fallback_fact="opened"))
    tracking.record(Delivery.objects.get(), fact)
    time_out()
    go_on(broadcast)
    assert ("SMS", "sent") in copies(broadcast) or not gets_another
    assert len(server.copies) == 1 + gets_another


def test_what_bounces_after_it_was_taken_is_replaced_at_once(broadcast, ana):
    steps.send(broadcast)
    tracking.record(Delivery.objects.get(), "failed")
    go_on(broadcast)
    assert copies(broadcast) == [("Newsletter", "sent"), ("SMS", "sent")]


@pytest.mark.parametrize(("is_allowed", "status"), [(False, []), (True, [("SMS", "sent")])])
def test_an_unknown_copy_is_replaced_where_staff_allow_it_only(mail, sms, server, tracked, ana, is_allowed, status):
    server.answers["ana@example.com"] = LOST
    broadcast = go_on(steps.send(by_both(mail, sms, fallback_unknown=is_allowed)))
    assert copies(broadcast) == [("Newsletter", "unknown"), *status]
    assert broadcast.status == "SENT"


def test_an_unknown_copy_of_which_the_provider_tells_that_it_failed_is_replaced(broadcast, club, ana, server):
    make_contact(club)  # whose copy keeps the broadcast open
    server.answers["ana@example.com"] = LOST
    steps.send(broadcast)
    tracking.record(steps.delivery(broadcast, "ana@example.com"), "failed")
    go_on(broadcast)
    assert ("SMS", "sent") in copies(broadcast)


def test_without_a_fact_only_failures_are_replaced(mail, sms, server, ana):
    broadcast = steps.send(by_both(mail, sms, fallback_fact=None, fallback_minutes=None))
    assert (broadcast.status, copies(broadcast)) == ("SENT", [("Newsletter", "sent")])


def test_the_next_channel_that_can_reach_them_takes_over(mail, sms, server, tracked, club):
    make_contact(club, "bo@example.com", whatsapp_id="34600333444")
    chat = Channel.objects.create(organization=club, name="Chat", kind="console", address_field="whatsapp_id")
    server.answers["bo@example.com"] = REFUSED
    broadcast = go_on(steps.send(by_both(mail, sms, chat)))
    assert copies(broadcast) == [("Newsletter", "failed"), ("Chat", "sent")]
    assert_counted(broadcast)


def test_a_chain_goes_on_to_its_end(mail, sms, server, tracked, ana, club):
    ana.whatsapp_id = "34600111222"
    ana.save()
    chat = Channel.objects.create(organization=club, name="Chat", kind="console", address_field="whatsapp_id")
    server.answers = dict.fromkeys(("ana@example.com", "+34600111222", "34600111222"), REFUSED)
    broadcast = steps.send(by_both(mail, sms, chat))
    for _ in range(3):
        go_on(broadcast)
    assert copies(broadcast) == [("Newsletter", "failed"), ("SMS", "failed"), ("Chat", "failed")]
    assert (broadcast.status, numbers(broadcast)) == ("SENT", (1, 1, 2))


def test_who_opts_out_before_the_turn_of_a_copy_is_tried_on_the_channel_after_it(mail, sms, server, ana, club):
    ana.whatsapp_id = "34600111222"
    ana.save()
    chat = Channel.objects.create(organization=club, name="Chat", kind="console", address_field="whatsapp_id")
    server.answers["ana@example.com"] = REFUSED
    broadcast = steps.send(by_both(mail, sms, chat, fallback_fact=None, fallback_minutes=None))
    sending.tick()
    type(ana).objects.update(phone="", phone_key=None)
    for _ in range(2):
        go_on(broadcast)
    assert copies(broadcast) == [("Newsletter", "failed"), ("SMS", "skipped"), ("Chat", "sent")]
    assert_counted(broadcast)


def test_a_further_copy_that_is_skipped_at_its_turn_leaves_the_person_a_recipient(broadcast, ana, server):
    server.answers["ana@example.com"] = REFUSED
    steps.send(broadcast)
    sending.tick()
    type(ana).objects.update(phone="", phone_key=None)
    for _ in range(2):
        go_on(broadcast)
    assert copies(broadcast) == [("Newsletter", "failed"), ("SMS", "skipped")]
    assert (broadcast.status, numbers(broadcast)) == ("SENT", (1, 1, 1))


def test_who_said_no_on_the_next_channel_gets_nothing_there(mail, sms, server, tracked, ana, club):
    tracking.suppress(club, "email", "+34600111222", "manual", "")
    server.answers["ana@example.com"] = REFUSED
    tracking.suppress(club, sms.medium, "+34600111222", "manual", "")
    broadcast = go_on(steps.send(by_both(mail, sms)))
    assert (copies(broadcast), broadcast.status) == ([("Newsletter", "failed")], "SENT")


def test_quiet_hours_of_the_next_channel_are_kept(broadcast, ana, server, monkeypatch):
    server.answers["ana@example.com"] = REFUSED
    steps.send(broadcast)
    hours = {broadcast.messages.last().channel.medium: ["00:00", "23:59"]}
    Organization.objects.update(quiet_hours=hours)
    sending.tick()
    copy = Delivery.objects.get(replaces__isnull=False)
    assert (copy.status, copy.due_at > timezone.now()) == ("pending", True)
    assert copy.error.startswith("Quiet hours until")


def test_a_chain_counts_once_towards_the_frequency_cap(mail, sms, server, tracked, ana, club):
    club.frequency_cap, club.frequency_cap_days = 2, 7
    club.save()
    mail.organization.refresh_from_db()
    make_delivery(make_broadcast(mail, use_case="marketing"), ana)
    broadcast = steps.send(by_both(mail, sms, use_case="marketing"))
    time_out()
    go_on(broadcast)
    assert copies(broadcast) == [("Newsletter", "sent"), ("SMS", "sent")]
    club.frequency_cap = 3
    club.save()
    assert copies(steps.send(make_broadcast(mail, use_case="marketing"))) == [("Newsletter", "sent")]
    with pytest.raises(EmptyAudience, match="frequency_cap 1"):
        sending.send(make_broadcast(mail, use_case="marketing"))


def test_failures_on_the_first_channel_do_not_pause_it(broadcast, club, server, monkeypatch):
    monkeypatch.setattr("broadcasts.sending.channel_health.LEAST_ANSWERED", 2)
    for n in range(6):
        server.answers[make_contact(club, phone=f"+3460000000{n}").email] = REFUSED
    assert steps.send(broadcast).status == "SENDING"
    server.answers |= {f"+3460000000{n}": REFUSED for n in range(6)}
    sending.tick()
    Delivery.objects.filter(replaces__isnull=False, address="+34600000005").update(due_at=Now() + timedelta(hours=1))
    steps.pump(broadcast)
    assert broadcast.status == "PAUSED"


def test_the_estimate_says_who_could_fall_back_where(broadcast, ana, club):
    make_contact(club, "bo@example.com")
    make_contact(club, "", phone="+34600333444")
    found = audience.estimate(Audience.of(broadcast), list(broadcast.messages.select_related("channel")))
    assert found.per_channel == {"Newsletter": 2, "SMS": 1}
    assert found.fallback_per_channel == {"SMS": 1}
    assert (found.matched, found.will_receive) == (3, 3)


def test_a_fact_that_a_channel_does_not_report_cannot_be_waited_for(mail, sms, server, ana):
    with pytest.raises(InvalidInput) as error:
        sending.send(by_both(mail, sms))
    assert list(error.value.errors) == ["fallback_fact"]
    assert "“Newsletter” (E-mail) does not report “delivered”" in str(error.value)


def test_an_open_that_our_own_links_measure_can_be_waited_for(mail, sms, server, ana):
    Channel.objects.filter(pk=mail.pk).update(track_opens=True)
    mail.refresh_from_db()
    broadcast = by_both(mail, sms, fallback_fact="opened")
    assert readiness.missing(broadcast) == {}
    measured_not = by_both(mail, sms, fallback_fact="opened", track_opens=False)
    assert list(readiness.missing(measured_not)) == ["fallback_fact"]


def test_a_fallback_needs_a_second_channel(mail, server, tracked, ana):
    with pytest.raises(InvalidInput) as error:
        sending.send(by_both(mail))
    assert list(error.value.errors) == ["channel_policy"]


def test_a_million_that_wait_cost_a_round_nothing(broadcast, ana, django_assert_max_num_queries):
    """Only what is due is read: nothing is counted of the others."""
    steps.send(broadcast)
    with django_assert_max_num_queries(1):
        fallback.fall_back()


@pytest.mark.parametrize("facts", [("failed", "unsubscribed"), ("unsubscribed", "failed"), ("failed", "delivered")])
def test_a_bounce_outweighs_what_else_is_reported_of_the_copy(broadcast, ana, facts):
    steps.send(broadcast)
    pk, now = Delivery.objects.get().pk, timezone.now()
    tracking.record_all([tracking.Fact(pk, fact, now) for fact in facts])
    assert copies(go_on(broadcast)) == [("Newsletter", "sent"), ("SMS", "sent")]


def test_a_channel_that_was_switched_off_is_passed_over(mail, sms, server, tracked, ana, club):
    ana.whatsapp_id = "34600111222"
    ana.save()
    chat = Channel.objects.create(organization=club, name="Chat", kind="console", address_field="whatsapp_id")
    broadcast = steps.send(by_both(mail, sms, chat))
    Channel.objects.filter(pk=sms.pk).update(is_active=False)
    time_out()
    assert copies(go_on(broadcast)) == [("Newsletter", "sent"), ("Chat", "sent")]


def test_whoever_is_merged_with_a_person_of_a_later_copy_gets_no_third(mail, sms, server, tracked, ana, club):
    chat = Channel.objects.create(organization=club, name="Chat", kind="console", address_field="whatsapp_id")
    bo = make_contact(club, "", whatsapp_id="34600333444", phone="+34600333444")
    broadcast = steps.send(by_both(mail, sms, chat))
    steps.pump(broadcast)
    contacts.merge(ana, [bo])
    Delivery.objects.filter(message__channel=mail).update(fallback_at=Now() - timedelta(seconds=1))
    assert copies(go_on(broadcast)) == [("Newsletter", "sent"), ("SMS", "sent")]


@pytest.mark.parametrize("stop", [sending.pause, sending.cancel])
def test_a_person_whose_further_copy_is_skipped_stays_a_recipient_where_it_is_stopped_then(
    broadcast, ana, server, stop
):
    server.answers["ana@example.com"] = REFUSED
    steps.send(broadcast)
    sending.tick()
    type(ana).objects.update(phone="", phone_key=None)
    steps.pump(broadcast)
    stop(broadcast)
    sending.tick()
    assert copies(broadcast) == [("Newsletter", "failed"), ("SMS", "skipped")]
    assert_counted(broadcast)


def test_a_second_copy_that_a_merge_skipped_is_made_again_when_that_which_stayed_fails(
    broadcast, ana, server, sms, club
):
    """Bo's copy by SMS waited; Ana's by mail, which stays, fails later."""
    bo = make_contact(club, "bo@example.com", phone="+34600333444")
    server.answers = {"bo@example.com": REFUSED}
    steps.send(broadcast)
    sending.tick()
    contacts.merge(ana, [bo])
    tracking.record(steps.delivery(broadcast, "ana@example.com"), "failed")
    for _ in range(2):
        go_on(broadcast)
    assert server.copies["+34600111222"] == 1 and "+34600333444" not in server.copies
    assert Delivery.objects.get(message__channel=sms, status="skipped").merged_into == ana.pk


@pytest.mark.parametrize("fate", ["bounced", "timed out"])
def test_the_last_copy_stays_where_that_of_the_other_one_did_not_arrive(broadcast, server, sms, club, fate):
    """Eve has no phone, so that nothing followed her mail."""
    eve, bo = make_contact(club, "eve@example.com"), make_contact(club, "bo@example.com", phone="+34600333444")
    steps.send(broadcast)
    if fate == "bounced":
        tracking.record(steps.delivery(broadcast, "eve@example.com"), "failed")
    time_out()
    sending.tick()
    contacts.merge(eve, [bo])
    go_on(broadcast)
    assert server.copies["+34600333444"] == 1
    assert ("SMS", "sent") in copies(broadcast)


def test_the_last_copy_is_skipped_where_that_of_the_other_one_arrived(broadcast, server, sms, club):
    eve, bo = make_contact(club, "eve@example.com"), make_contact(club, "bo@example.com", phone="+34600333444")
    steps.send(broadcast)
    tracking.record(steps.delivery(broadcast, "eve@example.com"), "delivered")
    time_out()
    sending.tick()
    contacts.merge(eve, [bo])
    go_on(broadcast)
    assert "+34600333444" not in server.copies
