"""Every page opens for whom it is meant, and shows nothing of other organizations."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.db import connection
from django.db.models.functions import Now
from django.template.response import TemplateResponse
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from broadcasts import consenting, health
from broadcasts.admin.base import row_url
from broadcasts.models import (
    ApiToken,
    AuditEntry,
    Batch,
    Broadcast,
    Channel,
    ChannelRate,
    Contact,
    Delivery,
    Heartbeat,
    Media,
    Member,
    Organization,
    Suppression,
    User,
)
from tests.make import make_broadcast, make_contact, make_member

from .conftest import MODELS, make_log, one_of_each, sign_in

# Models whose rows staff write, and who may: all others are written by the program only.
WRITTEN_BY = {
    "activity": "author",
    "attendance": "author",
    "attribute": "author",
    "broadcast": "author",
    "consent": "author",
    "contact": "author",
    "importjob": "author",
    "layout": "author",
    "media": "author",
    "message": "author",
    "segment": "author",
    "segmentmember": "author",
    "suppression": "author",
    "template": "author",
    "apitoken": "admin",
    "eventsubscription": "admin",
    "channel": "admin",
    "mailbox": "admin",
    "sendingdomain": "admin",
    "invitation": "admin",
    "organization": "root",
    "user": "root",
}
SEEN_BY_MANAGERS = {"apitoken", "idempotencykey", "invitation", "user"}
ORDER = ["viewer", "author", "sender", "admin", "root"]


@pytest.fixture
def clients(root, viewer, author, sender, admin):
    """One of each role, from who may least to who may everything."""
    users = {member.role: member.user for member in (viewer, author, sender, admin)} | {"root": root}
    return {role: sign_in(user) for role, user in users.items()}


def page(model, name, *args):
    return reverse(f"admin:broadcasts_{model._meta.model_name}_{name}", args=args)


def test_every_model_with_a_life_of_its_own_has_an_admin():
    own = {model for model in apps.get_app_config("broadcasts").get_models() if not model._meta.auto_created}
    inlined, kept = {"templatetranslation", "messagetranslation"}, {"allowance", "earlyfact", "storedcall", "autoreply"}
    kept |= {"hit", "eventnote"}  # for moments
    kept |= {"editing"}  # of pages that are open
    kept |= {"messageversion"}  # on the pages of its message
    kept |= {"linkcheck", "softbounce"}  # for some days
    kept |= {"deliveryattempt"}  # on the page of its delivery
    kept |= {"signingkey"}  # on the page of its domain
    counts = {"minutecount", "groupcount", "personrate"}
    typed = {"series", "place"}  # as names, on the page of an activity
    assert {model._meta.model_name for model in own - set(MODELS)} == inlined | kept | counts | typed


def test_the_pages_of_the_queue_library_and_of_groups_are_taken_out():
    assert {model._meta.app_label for model in site._registry} == {"broadcasts"}


@pytest.mark.menu
def test_every_page_has_a_menu_of_what_one_may_see_beside_it(viewer, root):
    address = page(Contact, "changelist")
    for user, sees_tokens in ((viewer.user, False), (root, True)):
        text = sign_in(user).get(address).content.decode().partition('id="nav-sidebar"')[2].partition("</nav>")[0]
        assert page(Broadcast, "changelist") in text
        assert (page(ApiToken, "changelist") in text) is sees_tokens


def test_each_list_opens_for_those_who_may_read_it(clients, everything):
    opened = {name_of(model): opened_by(clients, page(model, "changelist")) for model in MODELS}
    assert opened == {name_of(model): readers(model) for model in MODELS}


def test_each_row_opens_for_those_who_may_read_it(clients, everything):
    few = {role: clients[role] for role in ("viewer", "admin", "root")}
    rows = {model: model._default_manager.order_by("-pk").first() for model in MODELS}
    opened = {name_of(model): opened_by(few, page(model, "change", row.pk)) for model, row in rows.items()}
    assert opened == {name_of(model): [role for role in readers(model) if role in few] for model in MODELS}


def test_each_add_page_opens_for_those_who_may_write(clients):
    opened = {name_of(model): opened_by(clients, page(model, "add")) for model in MODELS}
    least = {name_of(model): WRITTEN_BY.get(name_of(model)) for model in MODELS}
    assert opened == {name: ORDER[ORDER.index(role) :] if role else [] for name, role in least.items()}


def name_of(model) -> str:
    return model._meta.model_name


def readers(model) -> list[str]:
    return ORDER[ORDER.index("admin" if name_of(model) in SEEN_BY_MANAGERS else "viewer") :]


def opened_by(clients, address) -> list[str]:
    """Those whom it opens for; all others are refused. Only the first and the last see it drawn, which takes long."""
    opened = []
    for role, client in clients.items():
        with nullcontext() if not opened or role == ORDER[-1] else undrawn():
            status = client.get(address).status_code
        assert status in (200, 403), (address, role)
        opened += [role] * (status == 200)
    return opened


def undrawn():
    return patch.object(TemplateResponse, "rendered_content", "")


def found(client, model, params=None) -> list:
    """The rows that a list finds, beside its filters, without drawing it."""
    with undrawn():
        response = client.get(page(model, "changelist"), params)
    assert response.status_code == 200, (model, params)
    shown = response.context_data["cl"]
    assert all(list(spec.choices(shown)) for spec in shown.filter_specs)
    return list(shown.result_list)


def test_rows_of_other_organizations_are_not_listed_and_not_opened(everything, stranger):
    client = sign_in(stranger.user)
    signed_in = AuditEntry.objects.get(organization=stranger.organization_id)
    all_own = {
        User: stranger.user.pk,
        Member: stranger.pk,
        Organization: stranger.organization_id,
        AuditEntry: signed_in.pk,
    }
    for model in set(MODELS) - {Heartbeat}:  # workers serve every organization alike
        own = {all_own[model]} if model in all_own else set()
        assert {row.pk for row in found(client, model)} == own, model
        row = model._default_manager.exclude(pk__in=own).first()
        for name in ("change", "history", "delete"):
            assert client.get(page(model, name, row.pk)).status_code in (302, 403), (model, name)


def test_every_list_answers_a_search(everything, root):
    client = sign_in(root)
    for model in MODELS:
        for searched in ("e'x%_(1", "123"):
            found(client, model, {"q": searched})


def test_every_filter_of_every_list_answers(everything, root):
    client = sign_in(root)
    for model in MODELS:
        for spec in client.get(page(model, "changelist")).context["cl"].filter_specs:
            for choice in list(getattr(spec, "lookup_choices", []))[:3]:
                if isinstance(choice, tuple) and getattr(spec, "parameter_name", None):
                    found(client, model, {spec.parameter_name: choice[0]})


def test_no_list_takes_a_query_more_for_more_rows(everything, elsewhere, root):
    client = sign_in(root)
    for model in MODELS:
        client.get(page(model, "changelist"))
    few = {name_of(model): queries(client, page(model, "changelist")) for model in MODELS}
    one_of_each(make_channel(elsewhere))
    assert {name_of(model): queries(client, page(model, "changelist")) for model in MODELS} == few
    assert max(few.values()) <= 12


def queries(client, address):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def make_channel(organization):
    member = make_member(organization, "admin")
    return Channel.objects.create(
        organization=member.organization, name="Mail", kind="email", from_address="x@elsewhere.example"
    )


def test_nobody_without_a_membership_enters(db, club):
    user = User.objects.create_user("lost@club.example", "swordfish")
    assert sign_in(user).get(reverse("admin:index")).status_code == 302


def test_nobody_whose_use_of_the_admin_was_ended_enters(admin):
    User.objects.filter(pk=admin.user_id).update(is_staff=False)
    assert sign_in(admin.user).get(reverse("admin:index")).status_code == 302


def test_a_filter_by_another_organization_shows_nothing(everything, stranger, club):
    Member.objects.create(
        user=stranger.user, organization=Organization.objects.create(name="Third", slug="third"), role="viewer"
    )
    response = sign_in(stranger.user).get(page(Contact, "changelist"), {"organization": club.pk})
    assert list(response.context["cl"].result_list) == []


def test_a_filter_by_a_row_of_another_organization_shows_nothing(everything, stranger):
    broadcast = Broadcast.objects.get()
    response = sign_in(stranger.user).get(page(Delivery, "changelist"), {"broadcast": broadcast.pk})
    assert list(response.context["cl"].result_list) == []
    assert broadcast.name not in response.content.decode()


@pytest.mark.parametrize(
    ("model", "field", "found"),
    [("broadcast", "segments", Broadcast), ("delivery", "contact", Contact), ("message", "channel", Channel)],
)
def test_autocomplete_offers_only_rows_of_the_users_organizations(everything, stranger, admin, model, field, found):
    params = {"app_label": "broadcasts", "model_name": model, "field_name": field, "term": ""}
    offered = sign_in(stranger.user).get(reverse("admin:autocomplete"), params).json()["results"]
    assert offered == []
    assert sign_in(admin.user).get(reverse("admin:autocomplete"), params).json()["results"]


def test_an_author_of_one_organization_cannot_write_into_another(author, elsewhere, club):
    Member.objects.create(user=author.user, organization=elsewhere, role="viewer")
    data = {"organization": elsewhere.pk, "full_name": "Mole", "status": "active", "attributes": "{}"}
    assert sign_in(author.user).post(page(Contact, "add"), data).status_code == 200
    assert not Contact.objects.exists()
    sign_in(author.user).post(page(Contact, "add"), {**data, "organization": club.pk})
    assert Contact.objects.get().organization == club


def test_choices_must_belong_to_the_rows_own_organization(author, elsewhere, draft):
    Member.objects.create(user=author.user, organization=elsewhere, role="author")
    foreign = make_contact(elsewhere)
    member = {
        "activity": "",
        "contact": foreign.pk,
        "segment": draft.organization.segments.create(name="S", kind="static").pk,
    }
    response = sign_in(author.user).post(reverse("admin:broadcasts_segmentmember_add"), member)
    assert "belongs to another organization" in response.content.decode()


def test_the_dashboard_shows_what_runs_what_comes_and_what_is_wrong(mail, viewer):
    make_log(mail, ("sent", "pending"), status="SENDING", subject="Lanes open")
    make_log(mail, ("unknown",), subject="Fee due")
    make_broadcast(
        mail, subject="Summer", status="SCHEDULED", scheduled_at="2030-01-01T09:00Z", due_from="2030-01-01T09:00Z"
    )
    make_broadcast(mail, subject="Stuck", status="PAUSED", error_message="535 authentication failed")
    Channel.objects.filter(pk=mail.pk).update(health="failing", last_error="Connection refused")
    text = sign_in(viewer.user).get(reverse("admin:index")).content.decode()
    for words in ("Lanes open", "Fee due", "Summer", "535 authentication failed", "Connection refused"):
        assert words in text
    assert "1 Jan 2030, 09:00 UTC" in text


def test_lists_and_pages_tell_moments_where_the_organization_is(mail, viewer):
    Organization.objects.filter(pk=mail.organization_id).update(time_zone="Europe/Madrid")
    contact = make_contact(mail.organization, "joe@example.com")
    at = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
    Contact.objects.filter(pk=contact.pk).update(created=at)
    consenting.suppress(mail.organization, "email", "joe@example.com", "unsubscribe")
    Suppression.objects.update(created=at)
    client = sign_in(viewer.user)
    for page in (reverse("admin:broadcasts_contact_changelist"), row_url(Contact, contact.pk)):
        assert "30 Nov 2026, 00:30 Europe/Madrid" in client.get(page).content.decode()


def test_lists_tell_numbers_with_a_comma_between_thousands(everything, viewer):
    Media.objects.update(size=12_830)
    Batch.objects.update(total=1_204)
    client = sign_in(viewer.user)
    assert ">12,830 bytes<" in client.get(reverse("admin:broadcasts_media_changelist")).content.decode()
    assert ">1,204<" in client.get(reverse("admin:broadcasts_batch_changelist")).content.decode()


def test_the_dashboard_of_a_stranger_is_empty(everything, stranger):
    response = sign_in(stranger.user).get(reverse("admin:index"))
    assert not response.context["unknown"] and not response.context["running"]
    assert "Pool closed" not in response.content.decode()


def test_the_page_of_workers_opens_without_any(viewer):
    response = sign_in(viewer.user).get(reverse("admin:workers"))
    assert "No worker has ever given a sign of life" in response.content.decode()


@pytest.mark.parametrize("page", ["workers", "broadcasts_heartbeat_changelist"])
def test_the_row_that_proves_that_one_can_write_is_no_sign_of_life(at_work, viewer, page):
    past = Now() - timedelta(minutes=5)
    Heartbeat.objects.create(name=health.WRITTEN, host="web-1", enqueued_at=past, beaten_at=past)
    text = sign_in(viewer.user).get(reverse(f"admin:{page}")).content.decode()
    assert "host-7" in text and "web-1" not in text


def test_the_page_of_workers_survives_a_queue_that_cannot_be_reached(viewer, monkeypatch):
    def broken():
        raise ConnectionError("refused")

    monkeypatch.setattr("broadcasts.admin.workers.get_broker", broken)
    response = sign_in(viewer.user).get(reverse("admin:workers"))
    assert "The queue cannot be reached" in response.content.decode()


def test_the_page_of_workers_counts_the_day_where_the_organization_is(mail, viewer):
    here = datetime.now(UTC).date()
    zones = ("Pacific/Kiritimati", "Pacific/Niue")  # it is another day in one of them, at any time
    zone, day = next((zone, day) for zone in zones if (day := datetime.now(ZoneInfo(zone)).date()) != here)
    Organization.objects.update(time_zone=zone)
    Channel.objects.update(ramp={"start": 500, "growth": 2})
    ChannelRate.objects.create(channel=mail, domain="", arrival=datetime.now(UTC), day=day, sent_today=321)
    assert "321" in sign_in(viewer.user).get(reverse("admin:workers")).content.decode()


def test_the_page_of_workers_shows_leases_of_ones_own_organizations(mail, viewer, stranger):
    broadcast = make_broadcast(mail)
    Batch.objects.create(
        message=broadcast.first_message(), state="leased", owner="host-7", lease_until="2030-01-01T00:00Z"
    )
    assert "host-7" in sign_in(viewer.user).get(reverse("admin:workers")).content.decode()
    assert "host-7" not in sign_in(stranger.user).get(reverse("admin:workers")).content.decode()


@pytest.fixture
def at_work(mail):
    """A channel with a limit, one that backs off, and a batch under a lease, all on a host that lives."""
    Channel.objects.filter(pk=mail.pk).update(rate=50, burst=100, ramp={"start": 200})
    ahead = Now() + timedelta(minutes=1)
    today = datetime.now(UTC).date()
    ChannelRate.objects.create(channel=mail, domain="", arrival=ahead, day=today, sent_today=123)
    ChannelRate.objects.create(channel=mail, domain="slow.example", arrival=ahead)
    ChannelRate.objects.create(channel=mail, domain="idle.example", arrival=Now() - timedelta(minutes=1))
    hold = Now() + timedelta(seconds=15)
    message = make_broadcast(mail).first_message()
    Batch.objects.create(message=message, state="leased", owner="host-7:4711", lease_until=hold)
    Channel.objects.create(
        organization=mail.organization, name="Relay", kind="email", from_address="x@club.example", backoff_until=ahead
    )
    for host, age in (("host-7", 1), ("host-8", 300)):
        beaten = Now() - timedelta(seconds=age)
        Heartbeat.objects.create(name="broadcasts", host=host, enqueued_at=beaten, beaten_at=beaten)


def test_the_page_of_workers_shows_hosts_leases_and_rates(at_work, viewer):
    context = sign_in(viewer.user).get(reverse("admin:workers")).context
    assert [(beat["row"].host, beat["stale"]) for beat in context["beats"]] == [("host-7", False), ("host-8", True)]
    [lease] = context["leases"]
    assert (lease["host"], lease["process"], lease["expired"]) == ("host-7", "4711", False)
    newsletter, relay = context["channels"]
    assert [(limit["domain"], limit["sent_today"]) for limit in newsletter["limits"]] == [
        ("", 123),
        ("slow.example", 0),
    ]
    assert all(50 < limit["ahead"] <= 60 for limit in newsletter["limits"])
    assert 50 < relay["held"] <= 60 and not newsletter["held"]


def test_the_page_of_workers_shows_no_rates_of_others(at_work, stranger):
    assert sign_in(stranger.user).get(reverse("admin:workers")).context["channels"] == []


def test_the_page_of_workers_takes_no_query_more_for_more_rows(at_work, mail, elsewhere, root):
    client = sign_in(root)
    client.get(reverse("admin:workers"))
    few = queries(client, reverse("admin:workers"))
    other = make_channel(elsewhere)
    Channel.objects.filter(pk=other.pk).update(rate=5)
    ChannelRate.objects.create(channel=other, arrival=Now() + timedelta(minutes=1))
    hold = Now() + timedelta(seconds=15)
    message = make_broadcast(other).first_message()
    Batch.objects.create(message=message, state="leased", owner="host-9:1", lease_until=hold)
    assert queries(client, reverse("admin:workers")) == few
    assert few <= 14


def test_a_broadcast_that_was_paused_by_itself_is_on_the_dashboard_with_its_reason(mail, viewer):
    make_broadcast(mail, status="PAUSED", error_message="Paused: 31 of 100 copies failed for good.")
    text = sign_in(viewer.user).get(reverse("admin:index")).content.decode()
    assert "Paused: 31 of 100 copies failed for good." in text


def test_no_page_carries_inline_script_or_style(everything, draft, root):
    client = sign_in(root)
    pages = [reverse("admin:index"), reverse("admin:workers")]
    pages += [page(Broadcast, name, draft.pk) for name in ("change", "send", "schedule", "recipients", "preview")]
    for address in pages:
        text = client.get(address).content.decode()
        assert " style=" not in text and " onclick=" not in text and "<script>" not in text, address


def test_what_staff_change_is_in_the_audit(author, draft):
    contact = draft.organization.contacts.get()
    data = {"full_name": "Joe", "email": contact.email, "status": "blocked", "attributes": "{}"}
    sign_in(author.user).post(page(Contact, "change", contact.pk), data)
    entry = AuditEntry.objects.get(act="change", model="contact")
    assert (entry.object_id, entry.user) == (contact.pk, author.user)
