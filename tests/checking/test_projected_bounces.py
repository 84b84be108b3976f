"""How much of the mail may bounce, as the check projects it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts.models import Batch, Broadcast, Channel, Contact, SoftBounce
from tests.make import make_broadcast, make_contacts, make_delivery

from .asked import level, line


def history(mail, *, sent: int, bounced: int, days: int = 10) -> None:
    """An earlier broadcast with these counts."""
    earlier = make_broadcast(mail, name="Earlier")
    Broadcast.objects.filter(pk=earlier.pk).update(
        status=Broadcast.Status.SENT, started_at=timezone.now() - timedelta(days=days)
    )
    message = earlier.messages.get()
    Batch.objects.create(message=message, state=Batch.State.DONE, first_id=0, last_id=0, sent=sent, bounced=bounced)


@pytest.fixture
def four(mail):
    make_contacts(mail.organization, 4)
    return list(Contact.objects.order_by("pk"))


def test_without_mail_lately_nothing_is_projected(mail, four):
    history(mail, sent=1000, bounced=100, days=91)
    history(mail, sent=199, bounced=100)
    assert line(make_broadcast(mail), "projected_bounces") is None


def test_of_people_who_never_got_mail_as_many_bounce_as_lately(mail, four):
    history(mail, sent=1000, bounced=100)
    found = line(make_broadcast(mail), "projected_bounces")
    assert (found.level, "About 10% of 4 mails" in found.words) == ("warning", True)


def test_people_who_got_mail_that_stayed_are_not_counted(mail, four):
    history(mail, sent=1000, bounced=100)
    broadcast = make_broadcast(mail)
    for person in four[:2]:
        make_delivery(Broadcast.objects.get(name="Earlier"), person, sent_at=timezone.now())
    found = line(broadcast, "projected_bounces")
    assert (found.level, "About 5% of 4 mails" in found.words) == ("ok", True)


def test_addresses_from_which_mail_came_back_count_whole(mail, four):
    history(mail, sent=1000, bounced=10)
    club, now = mail.organization, timezone.now()
    for n, days in enumerate((1, club.soft_bounce_days + 1)):
        SoftBounce.objects.create(
            organization=club, address_hash=four[n].email_hash, delivery=n, at=now - timedelta(days=days)
        )
    assert "1 to addresses from which mail came back" in line(make_broadcast(mail), "projected_bounces").words


def test_another_organizations_mail_tells_nothing(mail, four, elsewhere):
    their = Channel.objects.create(organization=elsewhere, name="Mail", kind="email", from_address="a@b.example")
    history(their, sent=1000, bounced=100)
    assert line(make_broadcast(mail), "projected_bounces") is None


def test_the_share_that_warns_is_the_organizations(mail, four):
    history(mail, sent=1000, bounced=100)
    type(mail.organization).objects.filter(pk=mail.organization.pk).update(bounces_slow=10)
    assert level(make_broadcast(mail), "projected_bounces") == "ok"
