"""What a broadcast asks for: the union, the retargeted, addresses."""

from datetime import UTC, datetime

import pytest

from broadcasts.audience import Audience, create_missing, matched, validate_addresses
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Contact

from ..make import make_broadcast, make_contact
from .people import NOW, attend, make_activity, make_earlier, make_segment, names


def asked(club, **fields) -> str:
    return names(matched(Audience(organization=club, **fields)))


def test_an_audience_that_asks_for_nobody_matches_nobody(club, people):
    assert asked(club) == ""
    assert asked(club, query={}) == ""
    assert str(matched(Audience(organization=club)).query).startswith("SELECT")


def test_everybody_is_everybody_blocked_and_archived_ones_too(club, elsewhere, people):
    make_contact(elsewhere)
    assert asked(club, send_to_all=True) == "ana bob chi dan eve"


def test_each_way_of_asking_matches(club, people):
    segment = make_segment(club, "Spanish", {"language": "es"})
    activity = make_activity(club)
    attend(activity, people["bob"], "no_show")
    assert asked(club, segment_ids=[segment.pk]) == "ana"
    assert asked(club, contact_ids=[people["chi"].pk]) == "chi"
    assert asked(club, addresses=["mailto:BOB@example.com", "ext:d-1", "tel:600000001"]) == "bob dan"
    assert asked(club, activity_id=activity.pk) == "bob"
    assert asked(club, activity_id=activity.pk, attendance_status="attended") == ""
    assert asked(club, query={"language": "es-MX"}) == "chi"


def test_a_broadcast_matches_the_union_each_contact_once(club, people, mail):
    one = make_segment(club, "One", {"language": ["es", "en"]})
    two = make_segment(club, "Two", members=[people["ana"], people["bob"]])
    broadcast = make_broadcast(
        mail, send_to_all=False, addresses=["mailto:ana@example.com"], query={"full_name__icontains": "a"}
    )
    broadcast.segments.add(one, two)
    broadcast.contacts.add(people["ana"], people["eve"])
    found = matched(Audience.of(broadcast))
    assert names(found) == "ana bob dan eve"
    assert found.count() == 4


def test_a_union_is_one_query_without_joins(club, people, mail, django_assert_num_queries):
    broadcast = make_broadcast(mail, send_to_all=False)
    broadcast.segments.add(make_segment(club, "One", members=[people["ana"]]), make_segment(club, "Two", {}))
    broadcast.contacts.add(people["ana"])
    audience = Audience.of(broadcast)
    found = matched(audience)
    assert "JOIN" not in str(found.query) and "DISTINCT" not in str(found.query)
    with django_assert_num_queries(1):
        assert len(found) == 1


def test_a_retarget_keeps_of_the_audience_those_with_the_engagement(club, people, mail):
    then = datetime(2026, 1, 1, tzinfo=UTC)
    earlier = make_earlier(
        mail,
        {
            people["ana"]: {"opened_at": then},
            people["bob"]: {},
            people["chi"]: {"status": "failed", "sent_at": None},
            people["dan"]: {"status": "skipped", "sent_at": None},
        },
    )
    assert asked(club, send_to_all=True, retarget_of_id=earlier.pk, retarget_engagement="opened") == "ana"
    assert asked(club, query={"language": "en"}, retarget_of_id=earlier.pk, retarget_engagement="not_opened") == "bob"
    assert asked(club, query={"language": "es"}, retarget_of_id=earlier.pk, retarget_engagement="not_opened") == ""
    assert asked(club, retarget_of_id=earlier.pk, retarget_engagement="failed") == "chi"
    assert asked(club, retarget_of_id=earlier.pk) == "ana bob"


def test_a_retarget_of_what_never_started_is_nobody(club, people, mail):
    draft = make_broadcast(mail)
    assert asked(club, send_to_all=True, retarget_of_id=draft.pk, retarget_engagement="sent") == ""


def test_somebody_reached_on_another_channel_did_not_fail(club, people, mail):
    earlier = make_earlier(mail, {people["ana"]: {"status": "failed", "sent_at": None}})
    fallback = earlier.messages.create(channel=mail, position=1)
    assert asked(club, retarget_of_id=earlier.pk, retarget_engagement="failed") == "ana"
    fallback.deliveries.create(contact=people["ana"], status="sent", sent_at=NOW)
    assert asked(club, retarget_of_id=earlier.pk, retarget_engagement="failed") == ""


def test_a_segment_that_is_not_the_organizations_is_an_error(club, elsewhere):
    theirs = make_segment(elsewhere, "Theirs", {"all_users": True})
    for name in ("segments", "excluded_segments"):
        field = {"segments": "segment_ids", "excluded_segments": "excluded_ids"}[name]
        with pytest.raises(InvalidInput) as error:
            audience = Audience(organization=club, send_to_all=name != "segments", **{field: [theirs.pk]})
            matched(audience), audience.excluded()
        assert error.value.errors == {name: "One of these segments is not there (any more); choose others."}


def test_a_query_that_broke_since_it_was_saved_is_an_error(club):
    with pytest.raises(InvalidInput, match=r"query\.attributes__gone: there is no such attribute"):
        matched(Audience(organization=club, query={"attributes__gone": 1}))


def test_addresses_are_kept_once_each_in_one_form(club):
    given = ["tel:600 000 001", "tel:+34600000001", "mailto: Joe@Example.com", "mailto:joe@example.com"]
    assert validate_addresses([*given, "whatsapp:+34600", "ext: 17"], club) == [
        "tel:+34600000001",
        "mailto:Joe@Example.com",
        "whatsapp:34600",
        "ext:17",
    ]


@pytest.mark.parametrize(
    ("addresses", "message"),
    [
        ("mailto:joe@example.com", "Give a list, such as"),
        (["joe@example.com"], "addresses[0]: “joe@example.com” does not say what it is; accepted: mailto:, tel:,"),
        (["mailto:a@example.com", "mailto:joe"], "addresses[1]: “joe” is not an e-mail address: it has no @."),
        (["tel:12"], "addresses[0]: “12” is not a phone number"),
        (["tel:"], "addresses[0]: “tel:” has nothing after tel:"),
        (["fax:12"], "“fax:12” does not say what it is"),
        ([7], "addresses[0]: must be text"),
        (["whatsapp:a b"], "is not a WhatsApp id"),
        (["ext:" + "x" * 256], "longer than the 255 characters"),
        (["mailto:" + "x" * 330 + "@example.com"], "the part before the @ is not valid"),
        (["ext:a"] * 10_001, "10,001 addresses; 10,000 at most"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(club, addresses, message):
    with pytest.raises(InvalidInput) as error:
        validate_addresses(addresses, club)
    assert message in error.value.errors["addresses"]


def test_unknown_addresses_become_contacts_once(club, elsewhere, people):
    make_contact(elsewhere, "new@example.com")
    audience = Audience(
        organization=club,
        addresses=["mailto:ana@example.com", "mailto:New@example.com", "tel:+34600000009", "whatsapp:34611", "ext:z"],
    )
    create_missing(audience)
    create_missing(audience)
    ours = Contact.objects.for_organization(club)
    assert ours.count() == 9
    assert matched(audience).count() == 5
    assert ours.get(email="New@example.com").email_hash
    assert ours.get(phone="+34600000009").phone_key == "34600000009"


def test_many_addresses_are_looked_up_in_few_queries(club, django_assert_max_num_queries):
    audience = Audience(organization=club, addresses=[f"mailto:a{i}@example.com" for i in range(1500)])
    with django_assert_max_num_queries(40):
        create_missing(audience)
    assert matched(audience).count() == 1500
