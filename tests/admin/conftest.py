"""One row of every model in the club, for pages that must open whatever they show."""

from datetime import UTC, datetime

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import broadcasts.admin  # noqa: F401  (registers the pages, whose models the fixtures list)
from broadcasts import checking
from broadcasts.admin.site import Site
from broadcasts.mediums import address_hash
from broadcasts.models import (
    Activity,
    ApiToken,
    Attendance,
    AuditEntry,
    Batch,
    Broadcast,
    ChannelRate,
    Consent,
    ConsentChange,
    Delivery,
    DeliveryEvent,
    EventCall,
    EventSubscription,
    Heartbeat,
    IdempotencyKey,
    ImportJob,
    Inbound,
    Invitation,
    Layout,
    Link,
    Media,
    PersonalLink,
    ProviderRef,
    Segment,
    SegmentMember,
    Suppression,
    Template,
    TemplateTranslation,
    User,
)
from tests.make import make_broadcast, make_contact

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def menu_of_the_index_alone(monkeypatch, request):
    """Leave out the menu that every other page has beside it: making it takes a third of the time of a page."""
    whole = Site.get_app_list

    def menu(self, asked, app_label=None):
        is_index = asked.path == reverse("admin:index")
        return whole(self, asked, app_label) if is_index or app_label else []

    if "menu" not in request.keywords:
        monkeypatch.setattr(Site, "get_app_list", menu)


def sign_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(broadcast, name, *more):
    return reverse(f"admin:broadcasts_broadcast_{name}", args=[broadcast.pk, *more])


def messages_of(response):
    return " ".join(str(message) for message in response.context["messages"])


def accept_warnings(broadcast):
    """Accept every warning of the check, as staff do on its step."""
    broadcast = Broadcast.objects.get(pk=broadcast.pk)
    warnings = [line.name for line in checking.check(broadcast) if line.level == checking.Level.WARNING]
    checking.accept(broadcast, warnings, by=None)


def confirm(client, broadcast, name, **answers):
    """Look at what an action asks, and answer it; before one is sent its warnings are accepted."""
    if name in ("send", "schedule"):
        accept_warnings(broadcast)
    asked = client.get(address(broadcast, name)).context["form"]
    shown = {field.name: field.value() for field in asked.hidden_fields()}
    return client.post(address(broadcast, name), {**shown, **answers}, follow=True)


def make_log(channel, statuses=("sent", "failed", "unknown"), *, status="SENT", **fields):
    """A broadcast on its way, with one delivery of each given status, counted in one batch."""
    fields = {"started_at": NOW, "completed_at": NOW if status == "SENT" else None, "expanded_at": NOW, **fields}
    broadcast = make_broadcast(channel, status=status, **fields)
    message = broadcast.first_message()
    rows = []
    for one in statuses:
        contact = make_contact(channel.organization)
        rows.append(
            Delivery.objects.create(
                message=message,
                contact=contact,
                address=contact.email,
                language="en",
                status=one,
                reason="unsubscribed" if one == "skipped" else "",
                sent_at=NOW if one == "sent" else None,
            )
        )
    counters = {name: statuses.count(name) for name in set(statuses) - {"pending"}}
    Batch.objects.create(
        message=message,
        state="done",
        first_id=rows[0].pk,
        last_id=rows[-1].pk,
        total=len(rows),
        **counters,
    )
    return broadcast, rows


def one_of_each(channel):
    """Rows of every model that the admin shows, in the channel's organization."""
    organization = channel.organization
    broadcast, rows = make_log(channel)
    message, contact = broadcast.first_message(), rows[0].contact
    segment = Segment.objects.create(organization=organization, name="Masters", kind="static")
    SegmentMember.objects.create(segment=segment, contact=contact)
    activity = Activity.objects.create(organization=organization, name="Yoga")
    Attendance.objects.create(activity=activity, contact=contact)
    Layout.objects.create(organization=organization, name="Blue")
    template = Template.objects.create(organization=organization, name="Closing days")
    TemplateTranslation.objects.create(template=template, language="en", subject="Closed", text="Closed.")
    Suppression.objects.create(
        organization=organization, address="gone@example.com", address_hash=address_hash("gone@example.com")
    )
    Consent.objects.create(contact=contact, medium="email", use_case="marketing", state="granted")
    ConsentChange.objects.create(contact=contact, medium="email", use_case="marketing", state="granted")
    PersonalLink.objects.create(organization=organization, contact=contact, purpose="data", address_hash="a")
    make_contact(organization, attributes={"plan": "pro"})
    ApiToken.objects.issue(user=organization.members.first().user, organization=organization, scopes=["read"])
    Invitation.objects.create(
        organization=organization,
        email=f"new@{organization.slug}.example",
        invited_by=organization.members.first().user,
        expires_at=timezone.now(),
    )
    DeliveryEvent.objects.create(delivery=rows[0], type="opened", at=NOW)
    told = EventSubscription.objects.create(
        organization=organization, name="Shop", url="https://shop.example/events", types=["opened"]
    )
    event = ["evt_1", "opened", 1_777_885_200_000, rows[0].pk, 0, 1]
    EventCall.objects.create(subscription=told, broadcast=broadcast, types=",opened,", events=[event], size=1)
    Link.objects.create(message=message, url="https://example.com/", digest="a")
    Inbound.objects.create(organization=organization, contact=contact, text="Thank you")
    ProviderRef.objects.create(delivery=rows[0], channel=channel, provider_id=f"ref-{rows[0].pk}")
    ChannelRate.objects.create(channel=channel)
    ImportJob.objects.create(organization=organization, filename="people.csv")
    IdempotencyKey.objects.create(organization=organization, key="k", fingerprint="f")
    Heartbeat.objects.create(name=organization.slug, enqueued_at=timezone.now(), beaten_at=timezone.now())
    AuditEntry.write(broadcast, "send", organization=organization)
    Media.objects.bulk_create([Media(organization=organization, file="media/flyer.pdf", filename="flyer.pdf")])


@pytest.fixture
def without_undo(club) -> None:
    """What staff send begins at once."""
    club.undo_seconds = 0
    club.save()


@pytest.fixture
def everything(mail, admin):
    one_of_each(mail)


@pytest.fixture
def root(db) -> User:
    return User.objects.create_superuser("root@club.example", "swordfish")


@pytest.fixture
def draft(mail) -> Broadcast:
    make_contact(mail.organization, "joe@example.com", full_name="Joe")
    return make_broadcast(mail)


MODELS = sorted(
    (model for model in site._registry if model._meta.app_label == "broadcasts"), key=lambda m: m._meta.model_name
)
