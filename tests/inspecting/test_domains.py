"""Which domains are known, when they are asked about, and by whom."""

import time
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from broadcasts import inspecting, tasks
from broadcasts.inspecting import domains, resolver
from broadcasts.models import Channel, Organization, SendingDomain
from tests.dns_server import SILENT


def test_a_channel_makes_its_domain_known_once(club, mail):
    inspecting.know(mail)
    inspecting.know(mail)
    assert club.sending_domains.get().name == "club.example"


def test_a_channel_without_an_address_makes_none(club):
    inspecting.know(Channel(organization=club, kind="email", medium="email"))
    inspecting.know(Channel(organization=club, kind="console", medium="sms", from_address="a@b.example"))
    assert not club.sending_domains.exists()


def test_the_domains_of_older_channels_become_known(club, elsewhere, mail, django_assert_num_queries):
    Channel.objects.create(organization=elsewhere, name="M", kind="email", from_address="a@bücher.example")
    with django_assert_num_queries(3):
        inspecting.know_all()
    names = SendingDomain.objects.order_by("name").values_list("organization", "name")
    assert list(names) == [(club.pk, "club.example"), (elsewhere.pk, "xn--bcher-kva.example")]


def test_a_domain_is_asked_daily(dns, domain, enqueued_once):
    tasks.inspect_domains()
    asked = len(dns.asked)
    inspecting.enqueue_waiting()
    assert asked and not enqueued_once
    SendingDomain.objects.update(due_at=Now() - timedelta(seconds=1))
    inspecting.enqueue_waiting()
    assert enqueued_once == ["inspect_domains"]
    tasks.inspect_domains()
    assert len(dns.asked) > asked


@pytest.fixture
def enqueued_once(monkeypatch):
    names: list[str] = []
    monkeypatch.setattr("broadcasts.queue.enqueue_once", names.append)
    return names


def test_of_several_workers_one_asks(domain):
    first = domains._claim()
    assert [one.pk for one in first] == [domain.pk]
    assert domains._claim() == []


def test_the_domain_of_a_worker_that_died_is_due_again(domain):
    domains._claim()
    SendingDomain.objects.update(due_at=Now() - timedelta(seconds=1))
    assert len(domains._claim()) == 1


def test_a_change_while_it_is_asked_has_it_asked_again(domain):
    [claimed] = domains._claim()
    inspecting.ask_again(domain)
    domains._store(claimed, [])
    domain.refresh_from_db()
    assert domain.checked_at and domain.due_at <= timezone.now()


def test_domains_of_a_suspended_organization_rest(club, domain):
    Organization.objects.update(status="suspended")
    assert domains._claim() == []


def test_one_organization_with_many_domains_does_not_keep_others_waiting(club, elsewhere):
    for n in range(20):
        SendingDomain.objects.create(organization=club, name=f"d{n}.example", due_at=Now() - timedelta(hours=1))
    SendingDomain.objects.create(organization=elsewhere, name="other.example", due_at=Now() - timedelta(seconds=1))
    claimed = [one.organization_id for one in domains._claim()]
    assert claimed.count(club.pk) == domains.AT_ONCE_OF_ONE and elsewhere.pk in claimed


def test_a_silent_dns_holds_a_worker_no_longer_than_a_domain_may_take(dns, domain, found, monkeypatch):
    monkeypatch.setattr(resolver, "QUESTION_SECONDS", 0.2)
    monkeypatch.setattr(resolver.DnsResolver.__init__, "__defaults__", (0.6,))
    for name in ("club.example", "_dmarc.club.example", "_mta-sts.club.example"):
        dns.records[name, "TXT"] = dns.records[name, "MX"] = dns.records[name, "A"] = SILENT
    begun = time.monotonic()
    found()
    assert time.monotonic() - begun < 2


def test_questions_are_counted(dns, settings):
    asking = resolver.DnsResolver()
    for n in range(200):
        asking.ask(f"n{n}.example", "A")
    assert len(dns.asked) == resolver.MOST_QUESTIONS


@pytest.mark.parametrize(
    "name", ["a..b", "", "x" * 64 + ".example", ".".join(["x" * 60] * 6), "ü" * 300, "a b\x00c", "*."]
)
def test_no_name_breaks_a_question(dns, name):
    assert resolver.DnsResolver().ask(name, "TXT").records == ()
