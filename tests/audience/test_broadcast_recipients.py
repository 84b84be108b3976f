"""Rules that name another broadcast: whom it reaches, and whom it skips."""

import pytest

from broadcasts import drafting
from broadcasts.audience import (
    Audience,
    compile_query,
    estimate,
    match_contact,
    references_to,
    routes_of,
    validate,
    validate_rules,
)
from broadcasts.exceptions import InvalidInput, WrongState
from broadcasts.models import Broadcast, Consent, Delivery, Suppression
from broadcasts.sending.expansion import freeze

from ..make import make_broadcast, make_contact, make_delivery
from .people import chosen, make_segment, names


@pytest.fixture
def people(club):
    """Ana and bob speak Spanish, and bob has no e-mail address; chi speaks English."""
    return {
        "ana": make_contact(club, full_name="ana", language="es"),
        "bob": make_contact(club, "", full_name="bob", language="es"),
        "chi": make_contact(club, full_name="chi", language="en"),
    }


@pytest.fixture
def draft(mail, people):
    return make_broadcast(mail, send_to_all=False, name="Draft", query={"language": "es"})


def recipient_of(broadcast):
    return {"recipient_of": str(broadcast.uuid)}


def skipped_by(broadcast):
    return {"skipped_by": str(broadcast.uuid)}


def test_before_the_start_its_audience_tells(club, draft):
    assert (chosen(recipient_of(draft), club), chosen(skipped_by(draft), club)) == ("ana", "bob")
    assert chosen({"not": recipient_of(draft)}, club) == "bob chi"
    found = estimate(Audience.of(draft), routes_of(draft))
    assert (found.will_receive, found.matched) == (1, 2)


def test_after_the_start_its_log_tells(club, draft, people):
    make_delivery(draft, people["chi"], status="sent")
    make_delivery(draft, people["ana"], status="skipped", reason="blocked")
    Broadcast.objects.filter(pk=draft.pk).update(status="SENT", expanded_at=draft.created)
    assert (chosen(recipient_of(draft), club), chosen(skipped_by(draft), club)) == ("chi", "ana")


def test_while_its_log_is_written_the_audience_tells_the_rest(club, draft, people):
    make_delivery(draft, people["ana"], status="skipped", reason="blocked")
    late = make_contact(club, full_name="dan", language="es")
    Broadcast.objects.filter(pk=draft.pk).update(status="SENDING", expanded_to=people["chi"].pk)
    assert late.pk > people["chi"].pk
    assert (chosen(recipient_of(draft), club), chosen(skipped_by(draft), club)) == ("dan", "ana")


def test_a_contact_that_one_of_its_messages_reaches_is_not_skipped(club, mail, draft, people):
    first = make_delivery(draft, people["ana"], status="skipped", reason="no_address")
    other = draft.messages.create(channel=mail, position=1)
    Delivery.objects.create(message=other, contact=people["ana"], status="sent", address=first.address)
    Broadcast.objects.filter(pk=draft.pk).update(status="SENT", expanded_at=draft.created)
    assert (chosen(recipient_of(draft), club), chosen(skipped_by(draft), club)) == ("ana", "")


def test_a_cancelled_broadcast_that_never_began_reaches_nobody(club, draft):
    Broadcast.objects.filter(pk=draft.pk).update(status="CANCELLED")
    assert chosen({"any": [recipient_of(draft), skipped_by(draft)]}, club) == ""


def test_a_broadcast_of_another_organization_is_not_there(club, elsewhere):
    theirs = Broadcast.objects.create(organization=elsewhere, name="Theirs")
    with pytest.raises(InvalidInput, match=f"query.recipient_of: there is no broadcast {theirs.uuid}"):
        validate(recipient_of(theirs), club)


def test_a_broadcast_cannot_be_about_itself(draft):
    with pytest.raises(InvalidInput, match="rules go round in a circle: “Draft” → “Draft”"):
        drafting.save(draft, {"query": recipient_of(draft)})


def test_a_circle_through_a_segment_is_refused_where_it_is_closed(club, draft):
    segment = make_segment(club, "Spanish", {"language": "es"})
    drafting.save(draft, {"query": {}, "excluded_segments": [segment]})
    segment.rules = recipient_of(draft)
    with pytest.raises(InvalidInput, match="rules go round in a circle: “Spanish” → “Draft” → “Spanish”"):
        validate_rules(segment)


def test_a_circle_that_was_closed_behind_our_back_is_told_at_the_start(mail, draft):
    other = make_broadcast(mail, send_to_all=False, name="Other", query=recipient_of(draft))
    Broadcast.objects.filter(pk=draft.pk).update(query=recipient_of(other))
    draft.refresh_from_db()
    with pytest.raises(InvalidInput, match="rules go round in a circle"):
        freeze(draft)


def test_broadcasts_are_nested_only_so_deep(club, mail, draft):
    found = [draft]
    for n in range(3):
        found.append(make_broadcast(mail, send_to_all=False, name=f"Nested {n}", query=recipient_of(found[-1])))
    assert chosen(recipient_of(found[2]), club) == "ana"
    with pytest.raises(InvalidInput, match="nested too deeply; 3 broadcasts at most"):
        validate(recipient_of(found[3]), club)


def test_the_deepest_rule_that_is_accepted_is_a_query(club, mail, draft):
    def wrapped(node, levels):
        for _ in range(levels):
            node = {"not": {"any": [node]}}
        return node

    middle = make_broadcast(mail, send_to_all=False, query=recipient_of(draft))
    outer = make_broadcast(mail, send_to_all=False, query=wrapped(recipient_of(middle), 1))
    drafting.save(draft, {"query": {"not": {"language": "es"}}})
    assert chosen(wrapped(recipient_of(outer), 1), club) == "bob chi"


def test_a_rule_names_the_broadcast_that_is_broken(club, draft):
    Broadcast.objects.filter(pk=draft.pk).update(query={"nonsense": 1})
    with pytest.raises(
        InvalidInput, match=r"broadcast “Draft” cannot be used, because of its query\.nonsense: unknown"
    ):
        validate(recipient_of(draft), club)


def test_a_broadcast_that_rules_name_is_not_deleted(club, draft):
    segment = make_segment(club, "Its people", recipient_of(draft))
    assert references_to(draft) == [segment]
    with pytest.raises(WrongState, match="It is in use and cannot be deleted"):
        drafting.delete(draft)
    segment.delete()
    drafting.delete(draft)
    assert not Broadcast.objects.exists()


def test_a_contact_is_told_which_broadcast_it_is_about(club, mail, draft, people):
    make_delivery(draft, people["chi"], status="failed")
    wanted = Audience(organization=club, query={"not": recipient_of(draft)})
    assert match_contact(wanted, people["ana"]).rule() == "query.not: they must not be a recipient of “Draft”"
    Broadcast.objects.filter(pk=draft.pk).update(status="SENT", expanded_at=draft.created)
    assert match_contact(wanted, people["chi"]).rule().endswith("of “Draft”; for them it was failed")


@pytest.fixture
def strict(club, mail, people):
    """A draft of marketing to everybody, where each contact is skipped for a reason of its own, but for chi."""
    club.consent_required, club.frequency_cap, club.frequency_cap_days = True, 1, 7
    club.save()
    people |= {name: make_contact(club, full_name=name) for name in ("dan", "eve", "flo")}
    for name in ("chi", "dan", "eve"):
        Consent.objects.create(contact=people[name], medium="email", use_case="marketing", state="granted")
    Consent.objects.create(contact=people["flo"], medium="email", use_case="marketing", state="withdrawn")
    refused = {"address_hash": people["dan"].email_hash, "reason": "complaint"}
    Suppression.objects.create(organization=club, medium="email", **refused)
    make_delivery(make_broadcast(mail, use_case="marketing", status="SENT"), people["eve"])
    return make_broadcast(mail, use_case="marketing")


@pytest.mark.parametrize("of_all", [False, True])
def test_all_reasons_to_skip_count(club, strict, of_all):
    assert names(compile_query(recipient_of(strict), club, of_all)) == "chi"
    assert names(compile_query(skipped_by(strict), club, of_all)) == "ana bob dan eve flo"


@pytest.mark.parametrize("condition", [recipient_of, skipped_by])
def test_for_all_contacts_at_once_no_table_is_read_contact_by_contact(club, strict, condition):
    this_contact = '= ("broadcasts_contact".'
    assert this_contact in str(compile_query(condition(strict), club).query)
    assert this_contact not in str(compile_query(condition(strict), club, of_all=True).query)
