"""Hits become facts: once, whatever dies, in whatever order they are judged."""

import random
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from broadcasts import contacts, health, retention, tasks, tracking
from broadcasts.exporting import person_data
from broadcasts.models import Batch, Contact, Delivery, DeliveryEvent, GroupCount, Hit, Link, MinuteCount
from broadcasts.tracking import judging, recording
from tests.make import make_broadcast, make_delivery
from tests.sending.test_concurrency import at_once
from tests.tracked import CHROME, GMAIL, IPHONE, fetch, hidden_of, make_hit, make_link, path_of, picture_of

HOUR = timedelta(hours=1)
SCANNER = {"user_agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/99", "ip_address": "198.51.100.1"}


@pytest.fixture
def delivery(mail) -> Delivery:
    return make_delivery(make_broadcast(mail), sent_at=timezone.now() - 9 * HOUR)


def told(delivery) -> list[tuple[str, bool, dict]]:
    events = DeliveryEvent.objects.filter(delivery=delivery).order_by("at", "pk")
    return list(events.values_list("type", "machine", "detail"))


def facts(delivery) -> tuple[bool, bool]:
    """Whether it is opened, and clicked."""
    delivery.refresh_from_db()
    return delivery.opened_at is not None, delivery.clicked_at is not None


def totals(delivery) -> dict[str, int]:
    return Batch.objects.filter(message=delivery.message_id).values("opened", "clicked").get()


def test_a_person_who_clicks_has_opened_it_too(delivery):
    link, at = make_link(delivery), timezone.now() - HOUR
    make_hit(delivery, link, at, user_agent=IPHONE)
    assert tracking.judge_due() == 1
    assert told(delivery) == [("clicked", False, {"device": "phone"})]
    assert facts(delivery) == (True, True) and delivery.clicked_at == at
    assert totals(delivery) == {"opened": 1, "clicked": 1}
    assert Link.objects.values_list("clicks", "people", "machine_clicks").get() == (1, 1, 0)
    assert not Hit.objects.exists()


def test_hits_wait_for_their_verdict(delivery):
    fetch(picture_of(delivery))
    assert tracking.judge_due() == 0
    assert (Hit.objects.count(), facts(delivery)) == (1, (False, False))


def test_of_a_scanner_run_and_a_person_an_hour_later_one_person_is_counted(delivery, settings):
    """Through the addresses, as a scanner and a person fetch them."""
    links = [make_link(delivery, f"https://club.example/{number}") for number in range(4)]
    scanner = {"agent": SCANNER["user_agent"], "ip": SCANNER["ip_address"]}
    for path in (picture_of(delivery), hidden_of(delivery), *(path_of(delivery, link) for link in links)):
        fetch(path, **scanner)
    Hit.objects.update(at=timezone.now() - 2 * HOUR, due_at=timezone.now() - 2 * HOUR)
    fetch(path_of(delivery, links[0]), IPHONE, ip=scanner["ip"])  # from the same office
    Hit.objects.filter(user_agent=IPHONE).update(at=timezone.now() - HOUR, due_at=timezone.now() - HOUR)
    tracking.judge_due()
    assert [machine for _, machine, _ in told(delivery)] == [True] * 6 + [False]
    assert {detail.get("rule") for _, machine, detail in told(delivery) if machine} == {"hidden"}
    assert totals(delivery) == {"opened": 1, "clicked": 1}
    assert sum(link.people for link in Link.objects.all()) == 1
    assert sum(link.machine_clicks for link in Link.objects.all()) == 4


def test_a_burst_that_two_turns_would_divide_is_judged_as_a_whole(delivery):
    Delivery.objects.update(sent_at=timezone.now() - timedelta(minutes=1))
    begun = timezone.now() - timedelta(seconds=32)  # its first click is due, its last is not yet
    for number in range(3):
        at = begun + timedelta(seconds=2 * number)
        make_hit(delivery, make_link(delivery, f"https://club.example/{number}"), at, **SCANNER)
    tracking.judge_due()
    assert (Hit.objects.count(), told(delivery)) == (3, [])
    Hit.objects.update(at=begun - timedelta(seconds=10))
    Hit.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    tracking.judge_due()
    assert [detail for *_, detail in told(delivery)] == [{"rule": "burst"}] * 3


def test_a_moment_that_goes_on_and_on_is_judged_in_the_end(delivery):
    begun = timezone.now() - timedelta(minutes=6)
    for number in range(45):
        make_hit(delivery, None, begun + timedelta(seconds=8 * number))
    tracking.judge_due()
    assert not Hit.objects.exists() and facts(delivery) == (True, False)


def test_hits_that_wait_for_others_hold_up_no_copy_behind_them(delivery, mail, monkeypatch):
    monkeypatch.setattr(judging, "HITS", 1)
    now = timezone.now()
    for seconds in (33, 25):
        make_hit(delivery, None, now - timedelta(seconds=seconds))
    other = make_delivery(make_broadcast(mail))
    make_hit(other, None, now - timedelta(seconds=32))
    tracking.judge_due()
    assert facts(delivery) == (False, False) and facts(other) == (True, False)


@pytest.mark.parametrize(
    ("hit", "device"), [({"user_agent": CHROME}, "desktop"), ({"user_agent": GMAIL}, None)], ids=["chrome", "gmail"]
)
def test_people_are_counted_by_their_device_and_proxies_tell_none(delivery, hit, device):
    make_hit(delivery, **hit)
    tracking.judge_due()
    counted = GroupCount.objects.filter(dimension="device", fact="opened").values_list("value", flat=True)
    assert list(counted) == ([device] if device else [])
    assert told(delivery) == [("opened", False, {"device": device} if device else {})]


def test_no_network_address_survives_the_verdict(delivery, caplog):
    make_hit(delivery, make_link(delivery), **SCANNER)
    make_hit(delivery, None, user_agent="")
    tracking.judge_due()
    assert SCANNER["ip_address"] not in str(told(delivery)) + caplog.text
    assert SCANNER["user_agent"] not in str(told(delivery)) + caplog.text


@pytest.mark.parametrize("merged", [False, True])
def test_who_asks_not_to_be_measured_is_not_in_earlier_mail_either(delivery, merged):
    Contact.objects.filter(pk=delivery.contact_id).update(no_tracking=True)
    if merged:
        Delivery.objects.update(contact=None, merged_into=delivery.contact_id)
    make_hit(delivery, make_link(delivery))
    make_hit(delivery, None, user_agent="")
    tracking.judge_due()
    assert facts(delivery) == (False, False) and told(delivery) == []
    assert not Hit.objects.exists()


def test_hits_of_copies_that_are_gone_are_deleted(delivery):
    make_hit(delivery, make_link(delivery))
    Delivery.objects.all().delete()
    tracking.judge_due()
    assert not Hit.objects.exists() and not DeliveryEvent.objects.exists()


def test_a_click_on_a_link_that_is_gone_still_counts(delivery):
    make_hit(delivery, make_link(delivery))
    links = Link.objects.all()
    links._raw_delete(links.db)
    tracking.judge_due()
    assert facts(delivery) == (True, True)


def test_a_worker_that_dies_before_it_commits_has_judged_nothing(delivery, monkeypatch):
    make_hit(delivery, make_link(delivery))
    with monkeypatch.context() as patch:
        patch.setattr(judging.Hit.objects.none().__class__, "_raw_delete", lambda self, using: 1 / 0)
        assert tracking.judge_due(seconds=0) == 1, "put off"
    assert (facts(delivery), told(delivery)) == ((False, False), [])
    Hit.objects.update(due_at=timezone.now() - HOUR)
    tracking.judge_due()
    assert totals(delivery) == {"opened": 1, "clicked": 1}


def test_a_faulty_copy_holds_up_no_other(delivery, mail, monkeypatch):
    other = make_delivery(make_broadcast(mail))
    for one in (delivery, other):
        make_hit(one)
    apply = recording._Recording.apply

    def fail(self, fact):
        if fact.delivery == delivery.pk:
            raise ValueError("faulty")
        return apply(self, fact)

    monkeypatch.setattr(recording._Recording, "apply", fail)
    tracking.judge_due()
    assert facts(other) == (True, False)
    assert list(Hit.objects.values_list("delivery", flat=True)) == [delivery.pk]
    assert tracking.judge_due() == 0, "it is tried again later"


def test_an_outage_is_not_taken_for_a_faulty_copy(delivery, monkeypatch):
    make_hit(delivery)
    monkeypatch.setattr(judging, "record_all", lambda facts: (_ for _ in ()).throw(OperationalError("gone")))
    monkeypatch.setattr(judging, "outage", lambda error: True)
    with pytest.raises(OperationalError):
        tracking.judge_due()


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_count_each_hit_once(mail):
    broadcast = make_broadcast(mail)
    rows = [make_delivery(broadcast, sent_at=timezone.now() - 9 * HOUR) for _ in range(20)]
    link = make_link(rows[0])
    for row in rows:
        make_hit(row, link)
        make_hit(row, None, user_agent=GMAIL)
    at_once(3, tracking.judge_due, 5)
    tracking.judge_due()
    assert not Hit.objects.exists()
    assert DeliveryEvent.objects.count() == 40
    link.refresh_from_db()
    assert (link.clicks, link.people) == (20, 20)


def test_the_round_enqueues_what_is_due(delivery, monkeypatch):
    enqueued = []
    monkeypatch.setattr(judging, "enqueue_once", enqueued.append)
    hit = make_hit(delivery, due_at=timezone.now() + HOUR)
    tracking.enqueue_hits()
    Hit.objects.filter(pk=hit.pk).update(due_at=timezone.now() - HOUR)
    tracking.enqueue_hits()
    assert enqueued == ["judge_hits"]
    tasks.judge_hits(0)
    assert not Hit.objects.exists()


def test_erasing_a_person_deletes_their_hits_with_the_network_address(delivery):
    make_hit(delivery)
    contacts.erase(delivery.contact)
    assert not Hit.objects.exists()


def test_a_person_s_data_hold_what_is_not_judged_yet(delivery):
    make_hit(delivery, make_link(delivery), user_agent=IPHONE)
    [row] = person_data(delivery.contact)["hits"]
    assert (row["kind"], row["url"], row["ip_address"], row["user_agent"]) == (
        "click", "https://club.example/pool", "203.0.113.9", IPHONE
    )  # fmt: skip


def test_hits_that_could_not_be_judged_are_deleted_after_a_day(delivery):
    make_hit(delivery, at=timezone.now() - timedelta(days=2))
    kept = make_hit(delivery, at=timezone.now() - HOUR)
    assert retention.prune(dry_run=True)["opens and clicks that were not judged"] == 1
    retention.prune()
    assert list(Hit.objects.all()) == [kept]


def test_the_doctor_tells_of_hits_that_wait_too_long(delivery):
    assert [check.level for check in health.hits()] == []
    make_hit(delivery, at=timezone.now() - HOUR)
    [check] = health.hits()
    assert check.level == health.WARN and "1 opens and clicks" in check.message


class Model:
    """What the log must say, told apart in plain Python."""

    def __init__(self):
        self.opened, self.clicked, self.machine_clicks = {}, {}, 0
        self.clicks, self.people = {}, {}

    def add(self, copy: int, link: int | None, at, is_machine: bool) -> None:
        if is_machine:
            self.machine_clicks += link is not None
            return
        self.opened[copy] = min(at, self.opened.get(copy, at))
        if link is not None:
            self.clicked[copy] = min(at, self.clicked.get(copy, at))
            self.clicks[link] = self.clicks.get(link, 0) + 1
            self.people.setdefault(link, set()).add(copy)


@pytest.mark.parametrize("seed", range(4))
def test_random_hits_late_doubled_and_out_of_order_agree_with_a_plain_model(mail, seed):
    chance, model, now = random.Random(seed), Model(), timezone.now().replace(microsecond=0)
    broadcast = make_broadcast(mail)
    rows = [make_delivery(broadcast, sent_at=now - 9 * HOUR, language="es" if n % 2 else "en") for n in range(15)]
    links = [make_link(rows[0], f"https://club.example/{number}") for number in range(5)]
    made = []
    for row in rows:
        for number in range(chance.randrange(4)):  # people, in moments of their own
            at = now - 8 * HOUR + number * HOUR + timedelta(minutes=chance.randrange(50))
            link = chance.choice([None, *links])
            for _ in range(chance.choice([1, 1, 2])):
                made.append((row, link, at, {"user_agent": chance.choice([CHROME, IPHONE])}))
                model.add(row.pk, link and link.pk, at, False)
        if chance.random() < 0.5:  # a scanner
            at = now - 9 * HOUR + timedelta(minutes=5)
            for link in chance.sample(links, 4):
                made.append((row, link, at + timedelta(seconds=chance.randrange(3)), SCANNER))
                model.add(row.pk, link.pk, at, True)
    chance.shuffle(made)
    while made:  # they come in portions, which are judged one after the other; a moment is never divided
        part, made = made[:20], made[20:]
        part += [one for one in made if any(one[0] == row and abs(one[2] - at) < HOUR / 2 for row, _, at, _ in part)]
        made = [one for one in made if one not in part]
        for row, link, at, fields in part:
            make_hit(row, link, at, **fields)
        tracking.judge_due()
    assert not Hit.objects.exists()
    batches = Batch.objects.filter(message__broadcast=broadcast)
    for fact, expected in (("opened", model.opened), ("clicked", model.clicked)):
        set_once = Delivery.objects.filter(message__broadcast=broadcast, **{f"{fact}_at__isnull": False})
        assert set(set_once.values_list("pk", flat=True)) == set(expected)
        assert sum(batches.values_list(fact, flat=True)) == len(expected)
        assert sum(MinuteCount.objects.filter(fact=fact).values_list("count", flat=True)) == len(expected)
        for dimension in ("language", "device", "domain"):
            counts = GroupCount.objects.filter(fact=fact, dimension=dimension).values_list("count", flat=True)
            assert sum(counts) == len(expected), dimension
    for link in Link.objects.all():
        assert (link.clicks, link.people) == (model.clicks.get(link.pk, 0), len(model.people.get(link.pk, ())))
    assert sum(Link.objects.values_list("machine_clicks", flat=True)) == model.machine_clicks
    clicked = DeliveryEvent.objects.filter(type="clicked")
    assert clicked.filter(machine=False).count() == sum(model.clicks.values())
    assert clicked.filter(machine=True).count() == model.machine_clicks
