"""What a builder of rules is told: everything that is accepted, and nothing that is not."""

import pytest

from broadcasts.audience import catalogue, compile_query
from broadcasts.audience.attributes import ACCEPTED
from broadcasts.audience.catalogue import LISTS, NOT_OFFERED, PARTS
from broadcasts.audience.query import CONDITIONS
from broadcasts.models import Attribute, Channel, Link, Segment

from ..make import make_broadcast, make_contact
from .people import make_activity, make_segment


@pytest.fixture
def attributes(club):
    for type_ in Attribute.Type.values:
        Attribute.objects.create(organization=club, key=f"a_{type_}", type=type_)


def offered(club):
    return [operator for field in catalogue(club) for operator in field.operators]


def test_every_key_is_offered_or_left_out_on_purpose(club):
    assert {operator.key for operator in offered(club)} == set(CONDITIONS) - set(NOT_OFFERED)
    assert set(NOT_OFFERED) < set(CONDITIONS)


def test_every_lookup_of_every_type_of_attribute_is_offered(club, attributes):
    keys = {operator.key for operator in offered(club)}
    for type_, lookups in ACCEPTED.items():
        for lookup in set(lookups) - {LISTS}:
            assert f"attributes__a_{type_}__{lookup}".removesuffix("__exact") in keys


def test_every_part_of_an_object_is_offered():
    assert {key: set(parts) for key, parts in PARTS.items()} == {key: set(CONDITIONS[key].parts) for key in PARTS}


def test_an_attribute_that_is_registered_appears_under_its_label(club, elsewhere):
    Attribute.objects.create(organization=club, key="plan", label="Plan", type="text")
    Attribute.objects.create(organization=elsewhere, key="theirs", type="text")
    found = [(field.key, field.label) for field in catalogue(club) if field.group == "Attributes"]
    assert found == [("attributes__plan", "Plan")]


PLAIN = {"email": "joe@example.com", "phone": "+34600000001", "language": "es", "time_zone": "Europe/Madrid"}


@pytest.fixture
def values(club, mail):
    """Return values that an input of a key may be given, one after the other."""
    broadcast = make_broadcast(mail)
    link = Link.objects.create(message=broadcast.first_message(), url="https://example.com/", digest="a")
    rows = {
        "segment": make_segment(club, "Spanish", {"language": "es"}),
        "activity": make_activity(club),
        "broadcast": broadcast,
        "any_broadcast": broadcast,
        "contact": make_contact(club),
    }

    def of(key, asked):
        if asked.type == "parts":
            given = {part.key: next(of(part.key, part.input)) for part in asked.parts}
            needed = {part.key: given[part.key] for part in asked.parts if part.required}
            for part in given:
                with_link = {"broadcast": given["broadcast"], "type": "clicked"} if part == "link" else {}
                yield {**needed, part: given[part], **with_link}
        elif asked.choices:
            yield from (value for value, _ in asked.choices)
        elif asked.type == "row":
            yield str(rows[asked.suggest].uuid)
        elif asked.suggest == "link":
            yield link.url
        else:
            yield {"text": PLAIN.get(key, "x"), "number": 3, "date": "2026-05-01", "span": "30d"}[asked.type]

    return of


def test_every_rule_that_can_be_built_compiles(club, attributes, values):
    compiled = set()
    for operator in offered(club):
        none = operator.input.type == "none"
        for said in [operator.value] if none else values(operator.key, operator.input):
            condition = {operator.key: [said, said] if operator.input.many else said}
            compile_query({"not": condition} if operator.negated else condition, club)
            compiled.add((operator.key, operator.negated))
    assert compiled == {(operator.key, operator.negated) for operator in offered(club)}


def test_no_two_operators_of_a_field_say_the_same(club, attributes):
    for field in catalogue(club):
        said = [(one.key, one.negated, one.value) for one in field.operators]
        assert len(set(said)) == len(said) == len({one.label for one in field.operators})


def test_segments_rules_are_not_read_to_tell_what_there_is(club, django_assert_num_queries):
    Segment.objects.create(organization=club, name="Odd", rules={"nonsense": 1})
    with django_assert_num_queries(3):  # attributes, links, channels
        catalogue(club)


def test_a_clicked_link_is_asked_for_where_there_are_links(club, mail):
    def parts() -> list[str]:
        [engagement] = [one for one in catalogue(club) if one.key == "engagement"]
        return [part.key for part in engagement.operators[0].input.parts]

    assert parts() == ["type", "broadcast", "within"]
    Link.objects.create(message=make_broadcast(mail).first_message(), url="https://example.com/", digest="a")
    assert parts() == ["type", "broadcast", "link", "within"]


def became(club):
    [engagement] = [one for one in catalogue(club) if one.key == "engagement"]
    return next(part.input for part in engagement.operators[0].input.parts if part.key == "type")


def test_what_no_channel_measures_is_marked_and_not_offered(club, mail):
    asked = became(club)
    assert asked.idle == ("delivered", "opened", "not_opened", "clicked", "replied")
    assert dict(asked.choices)["not_opened"] == "Was sent it and did not open it (not measured yet)"
    assert dict(asked.choices)["sent"] == "Was sent it"
    assert asked.note == "Not measured yet: delivered, opened, clicked, replied. E-mail does not report them."


def test_what_some_channels_measure_is_offered_and_says_on_which(club, mail, tracked):
    Channel.objects.create(organization=club, name="Printer", kind="console")
    asked = became(club)
    assert asked.idle == ()
    assert asked.note == (
        "Measured on E-mail only: delivered, opened, clicked, replied. Console (for development) does not report them."
    )


def test_what_every_channel_measures_needs_no_note(club, mail, tracked):
    assert (became(club).idle, became(club).note) == ((), "")
