"""Skip reasons: each of them, and which comes first."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts.audience import Audience, Route, claim_reasons, recipients, recipients_between
from broadcasts.models import Channel, Consent, Contact, Delivery, Reason, Suppression

from ..make import make_broadcast, make_contact
from .people import make_earlier, make_segment


def reason(contact, route, **fields) -> str:
    audience = Audience(**{"organization": contact.organization, "send_to_all": True, **fields})
    found = recipients(audience, route).get(pk=contact.pk)
    [one] = recipients_between(audience, route, contact.pk - 1, contact.pk)  # as expansion asks
    assert (one.pk, one.skip_reason, one.send_address) == (found.pk, found.skip_reason, found.send_address)
    return found.skip_reason


def suppress(contact, cause, use_case="", kind="email", column="email_hash") -> None:
    Suppression.objects.create(
        organization=contact.organization,
        medium=kind,
        address_hash=getattr(contact, column),
        reason=cause,
        use_case=use_case,
    )


def consent(contact, state, use_case="marketing", kind="email") -> None:
    Consent.objects.update_or_create(contact=contact, medium=kind, use_case=use_case, defaults={"state": state})


@pytest.fixture
def route(mail):
    return Route(channel=mail, languages=["en"])


def test_somebody_ordinary_will_receive(club, route):
    ana = make_contact(club, "Ana@Example.com", language="en")
    found = recipients(Audience(organization=club, send_to_all=True), route).get()
    assert (found.skip_reason, found.send_address, found.send_language) == ("", "Ana@Example.com", "en")
    assert found == ana


def test_who_is_in_an_excluded_segment_is_matched_and_skipped(club, route):
    ana = make_contact(club)
    segment = make_segment(club, "Both", members=[ana])
    audience = Audience(organization=club, segment_ids=[segment.pk], excluded_ids=[segment.pk])
    assert [one.skip_reason for one in recipients(audience, route)] == ["excluded"]


def test_a_dynamic_segment_excludes_too(club, route):
    segment = make_segment(club, "Spanish", {"not": {"language": "en"}})
    assert reason(make_contact(club), route, excluded_ids=[segment.pk]) == "excluded"
    assert reason(make_contact(club, language="en"), route, excluded_ids=[segment.pk]) == ""


@pytest.mark.parametrize("status", ["blocked", "archived"])
def test_blocked_and_archived_contacts_are_skipped(club, route, status):
    assert reason(make_contact(club, status=status), route) == "blocked"


def test_the_channels_own_field_must_hold_an_address(club, route):
    by_phone = Route(
        channel=Channel.objects.create(organization=club, name="SMS", kind="console", address_field="phone")
    )
    assert reason(make_contact(club, ""), route) == "no_address"
    assert reason(make_contact(club), by_phone) == "no_address"
    contact = make_contact(club, "", phone="+34600000001")
    found = recipients(Audience(organization=club, query={"uuid": str(contact.uuid)}), by_phone).get()
    assert (found.skip_reason, found.send_address) == ("", "+34600000001")


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("jürgen@example.com", "invalid_address"),
        ("straße@example.com", "invalid_address"),
        ("jurgen@bücher.example", ""),
    ],
)
def test_only_the_part_before_the_at_must_be_ascii(club, route, email, expected):
    assert reason(make_contact(club, email), route) == expected


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ("hard_bounce", "bounced"),
        ("complaint", "complained"),
        ("unsubscribe", "unsubscribed"),
        ("stop", "suppressed"),
        ("manual", "suppressed"),
        ("import", "suppressed"),
        ("erased", "suppressed"),
    ],
)
def test_a_suppressed_address_is_skipped_with_its_reason(club, route, cause, expected):
    contact = make_contact(club)
    suppress(contact, cause)
    assert reason(contact, route) == expected


def test_the_strongest_of_several_suppressions_is_told(club, route):
    contact = make_contact(club)
    for cause, expected in (
        ("unsubscribe", "unsubscribed"),
        ("manual", "suppressed"),
        ("complaint", "complained"),
        ("hard_bounce", "bounced"),
    ):
        suppress(contact, cause)
        assert reason(contact, route) == expected


def test_a_suppression_of_marketing_lets_the_general_through(club, route):
    contact = make_contact(club)
    suppress(contact, "unsubscribe", use_case="marketing")
    assert reason(contact, route, use_case="marketing") == "unsubscribed"
    assert reason(contact, route, use_case="general") == ""


def test_suppressions_are_of_one_organization_and_medium(club, elsewhere, route):
    ours, theirs = make_contact(club, "a@example.com"), make_contact(elsewhere, "a@example.com")
    suppress(theirs, "manual")
    suppress(ours, "manual", kind="sms")
    assert reason(ours, route) == ""


def test_a_phone_is_suppressed_by_its_own_hash(club):
    contact = make_contact(club, phone="+34600000001")
    by_phone = Route(
        channel=Channel.objects.create(organization=club, name="SMS", kind="console", address_field="phone")
    )
    suppress(contact, "stop", column="phone_hash")
    assert reason(contact, by_phone) == "suppressed"


def test_a_withdrawn_consent_counts_as_unsubscribed_for_its_use_case(club, route):
    contact = make_contact(club)
    consent(contact, "withdrawn")
    assert reason(contact, route, use_case="marketing") == "unsubscribed"
    assert reason(contact, route, use_case="general") == ""


@pytest.mark.parametrize("state", ["unknown", "pending", None])
def test_marketing_needs_a_yes_where_the_organization_asks_for_it(club, route, state):
    contact = make_contact(club)
    if state:
        consent(contact, state)
    assert reason(contact, route, use_case="marketing") == ""
    club.consent_required = True
    assert reason(contact, route, organization=club, use_case="marketing") == "no_consent"
    assert reason(contact, route, organization=club, use_case="general") == ""
    consent(contact, "granted")
    assert reason(contact, route, organization=club, use_case="marketing") == ""


def test_the_frequency_cap_counts_recent_marketing_over_all_channels(club, mail, route):
    contact, now = make_contact(club), timezone.now()
    make_earlier(mail, {contact: {"sent_at": now - timedelta(days=6)}})
    make_earlier(mail, {contact: {"sent_at": now - timedelta(days=8)}})
    make_earlier(mail, {contact: {"status": "failed", "sent_at": None}})
    capped = {"organization": club, "use_case": "marketing"}
    assert reason(contact, route, **capped) == ""
    club.frequency_cap = 2
    assert reason(contact, route, **capped) == ""
    make_earlier(mail, {contact: {"sent_at": now}})
    assert reason(contact, route, **capped) == "frequency_cap"
    assert reason(contact, route, organization=club, use_case="general") == ""
    club.frequency_cap = 0
    assert reason(make_contact(club), route, **capped) == "frequency_cap"


def test_an_expired_broadcast_reaches_nobody(club, route):
    contact, now = make_contact(club), timezone.now()
    assert reason(contact, route, expires_at=now - timedelta(minutes=1)) == "expired"
    assert reason(contact, route, expires_at=now + timedelta(minutes=1)) == ""


def test_reasons_have_the_order_of_the_vocabulary(club, mail):
    """One contact to whom everything applies; what is mended shows the next reason."""
    club.consent_required, club.frequency_cap = True, 0
    contact = make_contact(club, "", status="blocked", language="fr")
    segment = make_segment(club, "Out", members=[contact])
    asked = {
        "organization": club,
        "use_case": "marketing",
        "excluded_ids": [segment.pk],
        "expires_at": timezone.now() - timedelta(hours=1),
    }
    route = Route(channel=mail, languages=["pt"], base_language="de")
    seen = [reason(contact, route, **asked)]

    def mend(**changes):
        for name, value in changes.items():
            setattr(contact, name, value)
        contact.save()
        seen.append(reason(contact, route, **asked))

    del asked["excluded_ids"]
    mend()
    mend(status="active")
    mend(email="jürgen@example.com")
    contact.email = "jurgen@example.com"
    contact.save()
    for cause in ("hard_bounce", "complaint", "manual", "unsubscribe"):
        suppress(contact, cause)
    for cause in ("hard_bounce", "complaint", "manual", "unsubscribe"):
        mend()
        Suppression.objects.filter(reason=cause).delete()
    mend()
    consent(contact, "granted")
    mend()
    club.frequency_cap = None
    mend()
    route = Route(channel=mail, languages=["fr"], base_language="de")
    mend()
    # Keys are unique, so there is no duplicate; by e-mail, no template is needed.
    assert seen == [one for one in Reason if one not in (Reason.DUPLICATE, Reason.NO_TEMPLATE)]


@pytest.mark.parametrize(
    ("language", "languages", "expected"),
    [
        ("es", ["en", "es"], "es"),
        ("es-MX", ["en", "es-ES", "es"], "es"),
        ("es-MX", ["en", "es-ES", "es-MX"], "es-MX"),
        ("es", ["en", "es-ES"], "es-ES"),
        ("est", ["en", "es"], "en"),
        ("fr", ["de", "en"], "en"),
        ("", ["de", "en"], "en"),
        ("fr", ["es", "de"], "de"),
        ("fr", ["es", "en-GB"], "en-GB"),
        ("fr", ["es"], ""),
        ("fr", [], ""),
    ],
)
def test_the_language_is_ones_own_else_the_organizations_else_the_base(club, mail, language, languages, expected):
    contact = make_contact(club, language=language)
    route = Route(channel=mail, languages=languages, base_language="de")
    found = recipients(Audience(organization=club, send_to_all=True), route).get(pk=contact.pk)
    assert found.send_language == expected
    assert found.skip_reason == ("" if expected else "no_translation")


def test_without_content_yet_any_language_will_do(club):
    contact = make_contact(club, language="fr")
    found = recipients(Audience(organization=club, send_to_all=True), Route()).get()
    assert (found.skip_reason, found.send_language, found.send_address) == ("", "fr", contact.email)


def test_a_saved_message_tells_its_channel_and_languages(club, mail):
    broadcast = make_broadcast(mail, translations={"es": {"text": "Hola"}})
    make_contact(club, language="es-AR")
    found = recipients(Audience.of(broadcast), broadcast.messages.get()).get()
    assert (found.skip_reason, found.send_language) == ("", "es")


def test_recipients_may_be_taken_by_ranges_of_ids(club, route):
    first, second = make_contact(club), make_contact(club, "")
    found = recipients(Audience(organization=club, send_to_all=True), route)
    rows = found.filter(pk__gt=first.pk).order_by("pk").values_list("pk", "skip_reason", "send_address")
    assert list(rows) == [(second.pk, "no_address", "")]


def claimed(broadcast) -> dict:
    message = broadcast.messages.get()
    found = claim_reasons(message, message.deliveries.order_by("pk"))
    return dict(found.values_list("pk", "skip_reason"))


def deliver(broadcast, contact, **fields) -> int:
    address = contact.email if contact else "gone@example.com"
    return Delivery.objects.create(
        message=broadcast.messages.get(), contact=contact, **{"address": address, **fields}
    ).pk


def test_a_claim_sees_what_has_come_up_since(club, mail):
    broadcast = make_broadcast(mail, use_case="marketing")
    fine, blocked, bounced, withdrawn = (make_contact(club, language="xx") for _ in range(4))
    rows = {name: deliver(broadcast, one) for name, one in (("", fine), ("blocked", blocked), ("bounced", bounced))}
    rows["unsubscribed"] = deliver(broadcast, withdrawn)
    rows["no_address"] = deliver(broadcast, None)
    Contact.objects.filter(pk=blocked.pk).update(status="blocked")
    suppress(bounced, "hard_bounce")
    consent(withdrawn, "withdrawn")
    assert claimed(broadcast) == {pk: name for name, pk in rows.items()}


def test_a_claim_asks_for_consent_and_expiry(club, mail):
    broadcast = make_broadcast(mail, use_case="marketing")
    pk = deliver(broadcast, make_contact(club))
    club.consent_required = True
    club.save()
    assert claimed(broadcast) == {pk: "no_consent"}
    club.consent_required = False
    club.save()
    broadcast.expires_at = timezone.now() - timedelta(minutes=1)
    broadcast.save()
    assert claimed(broadcast) == {pk: "expired"}


def test_a_claim_is_one_query(club, mail, django_assert_num_queries):
    broadcast = make_broadcast(mail)
    for _ in range(3):
        deliver(broadcast, make_contact(club))
    message = broadcast.messages.select_related("broadcast__organization", "channel").get()
    with django_assert_num_queries(1):
        assert {one.skip_reason for one in claim_reasons(message, message.deliveries.all())} == {""}
