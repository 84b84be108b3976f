"""Tokens, contacts, consents, suppressions, deliveries, segments, organizations: what is special on their pages."""

import json
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from broadcasts import links
from broadcasts.models import (
    Activity,
    ApiToken,
    Contact,
    Delivery,
    Segment,
    Suppression,
    Template,
)
from tests.make import make_broadcast, make_contact, make_contacts

from .conftest import make_log, messages_of, sign_in
from .test_hours import settings_form, settings_page


def page(model, name, *args):
    return reverse(f"admin:broadcasts_{model}_{name}", args=args)


# Tokens.


def test_the_key_of_a_token_is_shown_once(admin):
    client = sign_in(admin.user)
    data = {"organization": admin.organization_id, "user": admin.user_id, "name": "CI", "scopes": ["read", "write"]}
    response = client.post(page("apitoken", "add"), data, follow=True)
    token = ApiToken.objects.get()
    key = messages_of(response).partition("<code>")[2].partition("</code>")[0]
    assert ApiToken.objects.usable(key) == token
    assert key not in client.get(page("apitoken", "change", token.pk)).content.decode()


def test_a_token_is_of_a_member_only(admin, stranger):
    data = {"organization": admin.organization_id, "user": stranger.user_id, "scopes": ["read"]}
    assert sign_in(admin.user).post(page("apitoken", "add"), data).status_code == 200
    assert not ApiToken.objects.exists()


# Contacts.


def test_an_address_that_another_contact_has_is_told_next_to_it(author, club):
    make_contact(club, "joe@example.com", full_name="Joe")
    data = {"organization": club.pk, "email": "JOE@example.com", "status": "active", "attributes": "{}"}
    response = sign_in(author.user).post(page("contact", "add"), data)
    assert "The contact “Joe”" in str(response.context["adminform"].form.errors["email"])


@pytest.mark.parametrize(
    "term",
    ["zoe.brown@example.com", "ZOE.b", "Zoë B", "zoë brown", "+34600111222", "600111", "ext-9", "34600", "brown z"],
)
def test_a_contact_is_found_by_key_or_by_beginning(viewer, club, term):
    found = make_contact(
        club, "Zoe.Brown@example.com", full_name="Zoë Brown", phone="+34600111222", external_id="ext-9"
    )
    make_contact(club, "other@example.com", full_name="Other", phone="+34700000000")
    rows = sign_in(viewer.user).get(page("contact", "changelist"), {"q": term}).context["cl"].result_list
    assert [row.pk for row in rows] == [found.pk]


def test_a_contact_is_found_by_id_and_uuid(viewer, club):
    first, _ = make_contacts(club, 2, full_name="Joe")
    for term in (first.pk, first.uuid):
        rows = sign_in(viewer.user).get(page("contact", "changelist"), {"q": term}).context["cl"].result_list
        assert [row.pk for row in rows] == [first.pk]


def test_a_list_longer_than_its_cap_says_more_than(viewer, club, monkeypatch):
    monkeypatch.setattr("broadcasts.admin.paginator.CappedPaginator.cap", 3)
    make_contacts(club, 5)
    response = sign_in(viewer.user).get(page("contact", "changelist"))
    assert "More than 3 contacts" in response.content.decode()
    assert len(response.context["cl"].result_list) == 3


def test_the_contacts_of_a_segment_are_those_its_audience_finds(viewer, club):
    spanish = make_contact(club, language="es")
    make_contact(club, language="en")
    segment = Segment.objects.create(organization=club, name="Spanish", rules={"language": "es"})
    response = sign_in(viewer.user).get(page("contact", "changelist"), {"segment": segment.pk})
    assert [row.pk for row in response.context["cl"].result_list] == [spanish.pk]


def test_a_segments_rules_are_checked_next_to_their_field(author, club):
    data = {"organization": club.pk, "name": "Odd", "kind": "dynamic", "rules": '{"favourite": 1}'}
    response = sign_in(author.user).post(page("segment", "add"), data)
    assert "favourite" in str(response.context["adminform"].form.errors["rules"])


def test_a_contacts_page_says_why_it_did_or_did_not_get_each(viewer, mail):
    _, (skipped, sent) = make_log(mail, ("skipped", "sent"))
    client = sign_in(viewer.user)
    assert "Not sent: unsubscribed." in client.get(page("contact", "change", skipped.contact_id)).content.decode()
    assert "Sent 4 May 2026, 09:00 UTC." in client.get(page("contact", "change", sent.contact_id)).content.decode()


def test_deleting_a_contact_is_a_managers_and_keeps_the_log(admin, author, mail):
    _, (row,) = make_log(mail, ("sent",))
    address = page("contact", "delete", row.contact_id)
    assert sign_in(author.user).post(address, {"post": "yes"}).status_code == 403
    sign_in(admin.user).post(address, {"post": "yes"})
    assert not Contact.objects.exists()
    assert Delivery.objects.get().contact_id is None


# Consents and suppressions.


def test_a_suppression_is_kept_by_the_hash_of_its_address(author, club):
    data = {"organization": club.pk, "medium": "email", "address": "Gone@Example.com", "reason": "manual"}
    client = sign_in(author.user)
    client.post(page("suppression", "add"), data)
    assert Suppression.objects.get().address_hash == make_contact(club, "gone@example.com").email_hash
    response = client.post(page("suppression", "add"), data)
    assert "suppressed for this reason already" in response.content.decode()
    rows = client.get(page("suppression", "changelist"), {"q": "gone@example.com"}).context["cl"].result_list
    assert len(rows) == 1


def test_only_a_manager_removes_a_suppression(author, admin, club):
    data = {"organization": club.pk, "medium": "email", "address": "gone@example.com", "reason": "manual"}
    sign_in(author.user).post(page("suppression", "add"), data)
    address = page("suppression", "delete", Suppression.objects.get().pk)
    assert sign_in(author.user).post(address, {"post": "yes"}).status_code == 403
    page_of_admin = sign_in(admin.user)
    page_of_admin.post(address, {"confirmed": "yes", "reason": " "})
    assert Suppression.objects.exists()
    page_of_admin.post(address, {"confirmed": "yes", "reason": "She has a new mailbox"})
    assert not Suppression.objects.exists()


# Deliveries.


@pytest.mark.parametrize(
    ("action", "status"), [("mark_sent", "sent"), ("mark_failed", "failed"), ("send_again", "pending")]
)
def test_an_unknown_delivery_is_settled_after_a_question(sender, mail, action, status):
    _, (row, other) = make_log(mail, ("unknown", "sent"))
    client = sign_in(sender.user)
    data = {"action": action, "_selected_action": [row.pk, other.pk]}
    asked = client.post(page("delivery", "changelist"), data)
    assert "of unknown outcome" in asked.content.decode()
    assert Delivery.objects.get(pk=row.pk).status == "unknown"
    client.post(page("delivery", "changelist"), {**data, "confirmed": "yes"})
    assert Delivery.objects.get(pk=row.pk).status == status
    assert Delivery.objects.get(pk=other.pk).status == "sent"


def test_an_author_cannot_settle_deliveries(author, mail):
    _, (row,) = make_log(mail, ("unknown",))
    data = {"action": "mark_sent", "_selected_action": [row.pk], "confirmed": "yes"}
    sign_in(author.user).post(page("delivery", "changelist"), data)
    assert Delivery.objects.get().status == "unknown"


def test_the_log_of_one_broadcast_is_filtered_by_status_and_by_what_came_back(viewer, mail):
    first, (opened, _) = make_log(mail, ("sent", "failed"))
    make_log(mail, ("sent",))
    Delivery.objects.filter(pk=opened.pk).update(opened_at="2026-05-04T10:00Z")
    client = sign_in(viewer.user)
    for params in ({"status": "sent"}, {"fact": "opened"}):
        response = client.get(page("delivery", "changelist"), {"broadcast": first.pk, **params})
        assert [row.pk for row in response.context["cl"].result_list] == [opened.pk]


@pytest.mark.parametrize("few", [0, 50_000])
def test_the_log_of_one_broadcast_is_the_same_whichever_way_it_is_read(viewer, mail, monkeypatch, few):
    monkeypatch.setattr("broadcasts.admin.deliveries.FEW", few)
    make_log(mail)
    broadcast, rows = make_log(mail)
    response = sign_in(viewer.user).get(page("delivery", "changelist"), {"broadcast": broadcast.pk})
    assert {row.pk for row in response.context["cl"].result_list} == {row.pk for row in rows}


def test_a_delivery_is_found_by_its_recipient_and_by_its_key(viewer, mail):
    _, (row, _) = make_log(mail, ("sent", "sent"))
    for term in (row.address, links.message_id(links.delivery_token(row.pk), "club.example")):
        found = sign_in(viewer.user).get(page("delivery", "changelist"), {"q": term}).context["cl"].result_list
        assert [one.pk for one in found] == [row.pk]


def test_attributes_that_are_no_object_are_told_next_to_their_field(author, club):
    data = {"organization": club.pk, "email": "joe@example.com", "status": "active", "attributes": json.dumps([1])}
    response = sign_in(author.user).post(page("contact", "add"), data)
    assert "attributes" in response.context["adminform"].form.errors


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a": ' + "[" * 500 + "]" * 500 + "}", '{"a": NaN}', '{"a": "\\u0000"}']
)
def test_attributes_that_cannot_be_read_or_stored_are_told_next_to_their_field(author, club, text):
    data = {"organization": club.pk, "email": "joe@example.com", "status": "active", "attributes": text}
    response = sign_in(author.user).post(page("contact", "add"), data)
    assert "attributes" in response.context["adminform"].form.errors
    assert text[:20] in response.context["adminform"].form["attributes"].value()


def test_moments_among_attributes_are_stored_in_utc(author, club):
    attributes = json.dumps({"renewed": "2026-05-01T10:00:00+02:00"})
    data = {"organization": club.pk, "email": "joe@example.com", "status": "active", "attributes": attributes}
    sign_in(author.user).post(page("contact", "add"), data)
    assert club.contacts.get().attributes == {"renewed": "2026-05-01T08:00:00+00:00"}


def test_times_are_shown_and_typed_in_the_zone_of_the_rows_own_organization(root, club, elsewhere):
    club.time_zone = "Asia/Tokyo"
    club.save()
    yoga = Activity.objects.create(organization=club, name="Yoga", starts_at=datetime(2026, 5, 1, 8, tzinfo=UTC))
    shown = sign_in(root).get(page("activity", "change", yoga.pk))
    assert 'value="17:00:00"' in shown.content.decode() and "In the time zone Asia/Tokyo." in shown.content.decode()
    data = {"name": "Yoga", "starts_at_0": "2026-05-01", "starts_at_1": "18:00"}
    sign_in(root).post(page("activity", "change", yoga.pk), data)
    yoga.refresh_from_db()
    assert yoga.starts_at == datetime(2026, 5, 1, 9, tzinfo=UTC)
    assert "zone Asia/Tokyo" in sign_in(root).get(page("activity", "add"), {"organization": club.pk}).content.decode()


# Segments.


@pytest.mark.parametrize(
    ("status", "kept"), [("DRAFT", True), ("SENDING", True), ("PAUSED", True), ("CANCELLED", True), ("SENT", False)]
)
@pytest.mark.parametrize("use", ["segments", "excluded_segments"])
def test_a_segment_that_an_unfinished_broadcast_uses_is_not_deleted(mail, author, status, kept, use):
    segment = Segment.objects.create(organization=mail.organization, name="Masters")
    getattr(make_broadcast(mail, status=status), use).add(segment)
    response = sign_in(author.user).post(page("segment", "delete", segment.pk), {"post": "yes"})
    assert Segment.objects.exists() is kept
    if kept:
        assert "Broadcast: Pool closed" in response.content.decode()


def test_segments_in_use_are_not_deleted_together_with_others(mail, author):
    used, free = (Segment.objects.create(organization=mail.organization, name=name) for name in ("Masters", "Juniors"))
    make_broadcast(mail).excluded_segments.add(used)
    data = {"action": "delete_selected", "_selected_action": [used.pk, free.pk], "post": "yes"}
    sign_in(author.user).post(page("segment", "changelist"), data)
    assert Segment.objects.count() == 2


# Organizations.


def test_a_default_template_is_chosen_for_an_organization(admin, club):
    template = Template.objects.create(organization=club, name="Newsletter")
    data = settings_form(club, default_template=template.pk)
    assert sign_in(admin.user).post(settings_page(club), data).status_code == 302
    club.refresh_from_db()
    assert club.default_template == template


def test_a_template_of_another_organization_is_no_default(root, club, elsewhere):
    theirs = Template.objects.create(organization=elsewhere, name="Newsletter")
    response = sign_in(root).post(settings_page(club), settings_form(club, default_template=theirs.pk))
    assert "belongs to another organization" in response.context["adminform"].form.errors["default_template"][0]
