import pytest

from broadcasts import audience, contacts, sending, stats, tracking
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.exporting import person_data
from broadcasts.models import (
    Activity,
    Attendance,
    AuditEntry,
    Batch,
    Channel,
    Consent,
    ConsentChange,
    Contact,
    Delivery,
    Inbound,
    Message,
    MessageTranslation,
    Segment,
    SegmentMember,
)
from tests.make import make_broadcast, make_contact, make_delivery
from tests.recorder import Recorder
from tests.sending.steps import pump, start


@pytest.fixture
def ann(club):
    return make_contact(club, "ann@example.com", full_name="Ann", attributes={"plan": "pro"})


@pytest.fixture
def twin(club):
    return make_contact(
        club, "ann@work.example", full_name="Annie", phone="+34600000001", attributes={"plan": "free", "size": 3}
    )


@pytest.fixture
def recorder(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(Channel, "transport", lambda self: recorder)
    return recorder


def test_what_the_kept_one_lacks_comes_from_the_other(ann, twin, admin):
    kept = contacts.merge(ann, [twin], by=admin.user)
    kept.refresh_from_db()
    assert (kept.full_name, kept.email, kept.phone, kept.phone_key) == (
        *("Ann", "ann@example.com", "+34600000001"),
        "34600000001",
    )
    assert kept.attributes == {"plan": "pro", "size": 3}
    assert Contact.objects.get() == kept
    entry = AuditEntry.objects.get(act="merge")
    assert (entry.user, entry.detail["contacts"]) == (admin.user, [str(twin.uuid)])


def test_whoever_was_blocked_stays_blocked(ann, club):
    blocked = make_contact(club, status="blocked")
    assert contacts.merge(ann, [blocked]).status == "blocked"


def test_whoever_asked_not_to_be_measured_still_is_not(ann, club):
    asked = make_contact(club, no_tracking=True)
    kept = contacts.merge(ann, [asked])
    kept.refresh_from_db()
    assert kept.no_tracking


def test_history_is_handed_over(ann, twin, club, mail):
    delivery = make_delivery(make_broadcast(mail), twin)
    Inbound.objects.create(organization=club, contact=twin, text="Hello")
    draft = make_broadcast(mail)
    draft.contacts.add(twin)
    masters, juniors = (Segment.objects.create(organization=club, name=name, kind="static") for name in "MJ")
    for segment, person in ((masters, ann), (masters, twin), (juniors, twin)):
        SegmentMember.objects.create(segment=segment, contact=person)
    yoga, swim = (Activity.objects.create(organization=club, name=name) for name in ("Yoga", "Swim"))
    Attendance.objects.create(activity=yoga, contact=ann, status="booked")
    Attendance.objects.create(activity=yoga, contact=twin, status="attended")
    Attendance.objects.create(activity=swim, contact=twin, status="no_show")
    contacts.merge(ann, [twin])
    delivery.refresh_from_db()
    assert delivery.contact == ann
    assert Inbound.objects.get().contact == ann
    assert list(draft.contacts.all()) == [ann]
    assert ann.segment_members.count() == 2
    assert dict(ann.attendances.values_list("activity__name", "status")) == {"Yoga": "attended", "Swim": "no_show"}


@pytest.mark.parametrize("status", Attendance.Status.values)
def test_a_place_of_any_status_gives_way_to_one_attended(ann, twin, club, status):
    yoga = Activity.objects.create(organization=club, name="Yoga")
    Attendance.objects.create(activity=yoga, contact=ann, status=status)
    Attendance.objects.create(activity=yoga, contact=twin, status="attended")
    contacts.merge(ann, [twin])
    assert ann.attendances.get().status == "attended"


def test_of_two_copies_of_a_message_the_better_stays_and_every_number_too(ann, twin, mail):
    broadcast = make_broadcast(mail)
    make_delivery(broadcast, ann, status="failed", sent_at=None)
    opened = make_delivery(broadcast, twin)
    tracking.record(opened, "opened")
    before = stats.counts([broadcast])
    contacts.merge(ann, [twin])
    assert Delivery.objects.get(contact=ann) == opened
    assert Delivery.objects.get(contact=None).status == "failed"
    assert stats.counts([broadcast]) == before


def test_the_stricter_consent_wins_with_its_evidence(ann, twin):
    place = {"medium": "email", "use_case": "marketing"}
    Consent.objects.create(contact=ann, state="granted", **place)
    Consent.objects.create(contact=twin, state="withdrawn", **place)
    ConsentChange.objects.create(contact=twin, state="withdrawn", source="page", **place)
    contacts.merge(ann, [twin])
    assert ann.consents.get().state == "withdrawn"
    assert list(ann.consent_changes.order_by("pk").values_list("source", flat=True)) == ["page", "merge"]


def test_a_no_to_an_address_that_goes_is_not_forgotten(ann, twin, mail, club):
    tracking.suppress(club, "email", twin.email, "complaint", "marketing")
    contacts.merge(ann, [twin])
    draft = make_broadcast(mail, use_case="marketing")
    found = audience.estimate(audience.Audience.of(draft), list(draft.messages.all()))
    assert (found.will_receive, found.skipped["unsubscribed"]) == (0, 1)


def test_two_pending_copies_become_one(ann, twin, mail, recorder):
    broadcast = start(make_broadcast(mail))
    contacts.merge(ann, [twin])
    pump(broadcast)
    counts = stats.counts([broadcast])[broadcast.pk]
    assert (counts["sent"], counts["skipped"], counts["pending"]) == (1, 1, 0)
    assert Delivery.objects.get(contact=None).reason == "duplicate"
    assert Delivery.objects.get(contact=ann).status == "sent"


def test_whoever_got_it_by_one_channel_does_not_get_it_by_another(ann, club, mail, recorder):
    twin = make_contact(club, "", phone="+34600000001")
    sms = Channel.objects.create(organization=club, name="SMS", kind="console", address_field="phone")
    draft = make_broadcast(mail)
    second = Message.objects.create(broadcast=draft, channel=sms, position=1)
    MessageTranslation.objects.create(message=second, language="en", text="Closed")
    broadcast = start(draft)
    assert Delivery.objects.filter(status="pending").count() == 2
    Delivery.objects.filter(contact=twin).update(status="sent")
    Batch.objects.filter(message=second).update(sent=1)
    contacts.merge(ann, [twin])
    counts = stats.counts([broadcast])[broadcast.pk]
    assert (counts["sent"], counts["skipped"], counts["pending"]) == (1, 1, 0)
    assert ann.deliveries.count() == 2


def test_two_copies_in_a_workers_hands_cannot_be_merged(ann, twin, mail):
    start(make_broadcast(mail))
    Batch.objects.update(state="leased")
    with pytest.raises(WrongState, match="Pool closed"):
        contacts.merge(ann, [twin])
    assert Contact.objects.count() == 2
    assert Delivery.objects.filter(status="pending").count() == 2


def test_one_copy_in_a_workers_hands_is_in_nobodys_way(ann, twin, mail):
    broadcast = make_broadcast(mail, status="SENDING")
    delivery = make_delivery(broadcast, twin, status="skipped", reason="no_address", sent_at=None)
    Delivery.objects.update(status="pending", reason="")
    Batch.objects.update(state="leased", skipped=0)
    contacts.merge(ann, [twin])
    delivery.refresh_from_db()
    assert (delivery.contact, delivery.status) == (ann, "pending")


def test_a_merge_during_expansion_makes_no_second_row(ann, twin, mail, recorder):
    broadcast = start(make_broadcast(mail))
    broadcast.expanded_to, broadcast.expanded_at = 0, None
    broadcast.save()
    contacts.merge(twin, [ann])
    before = Delivery.objects.count()
    sending.expand(broadcast.pk)
    assert Delivery.objects.count() == before


def test_only_people_of_one_organization_are_merged(ann, elsewhere):
    other = make_contact(elsewhere)
    for others in ([other], [ann], [], [other, other]):
        with pytest.raises(InvalidInput, match="contacts"):
            contacts.merge(ann, others)


def test_erasing_the_kept_one_erases_what_was_merged_into_it(ann, twin, mail, club):
    broadcast = make_broadcast(mail)
    for person in (ann, twin):
        make_delivery(broadcast, person)
    make_delivery(make_broadcast(mail), twin)
    AuditEntry.write(twin, "change", organization=club)
    contacts.erase(contacts.merge(ann, [twin]))
    assert not Delivery.objects.exclude(address="").exists()
    assert not AuditEntry.objects.filter(label__icontains="ann").exists()


@pytest.fixture
def second(ann, twin, mail):
    """A copy that the twin got of what Ann got as well, since they are one."""
    broadcast = make_broadcast(mail, use_case="marketing")
    make_delivery(broadcast, ann)
    second = make_delivery(broadcast, twin)
    contacts.merge(ann, [twin])
    return second


def test_unsubscribing_from_the_second_copy_is_a_no_of_the_kept_one(second, ann):
    tracking.unsubscribe(second.pk, "page")
    assert Consent.objects.get(contact=ann).state == "withdrawn"


def test_the_second_copy_goes_along_into_the_next_merge(second, ann, club):
    last = make_contact(club, "last@example.com")
    contacts.merge(last, [ann])
    tracking.unsubscribe(second.pk, "page")
    assert Consent.objects.get(contact=last).state == "withdrawn"


def test_erasing_takes_the_second_copies_with_it(second, ann):
    contacts.erase(ann)
    assert not Delivery.objects.exclude(address="").exists()


def test_the_second_copies_are_in_a_persons_data(second, ann):
    assert [one["address"] for one in person_data(ann)["deliveries"]] == ["ann@example.com", "ann@work.example"]


def test_what_was_noted_about_the_others_rows_names_them_no_more(ann, twin, club):
    consent = Consent.objects.create(contact=twin, medium="email", use_case="marketing", state="granted")
    AuditEntry.write(consent, "consent", organization=club)
    contacts.merge(ann, [twin])
    assert AuditEntry.objects.get(act="consent").label == str(twin.uuid)
