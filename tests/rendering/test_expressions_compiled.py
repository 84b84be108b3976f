"""Messages in expressions: both ways to compose a copy, and what they read from the database."""

import random

import pytest

from broadcasts import links
from broadcasts.models import Attribute, Contact, Message, Segment, SegmentMember
from broadcasts.rendering import ContactSnapshot, Recipient, compile_message, preview
from tests.make import make_broadcast, make_contact

from .test_compiled import VALUES, assert_same, was_filled

TEXT = (
    "Dear @contact.first_name,\r\n@(upper(contact.name)) @contact @fields.plan\n@(fields.visits * 2) "
    "@contact.fields.born\n"
    '@(if(fields.visits > 3, "often", "seldom")) @(word(fields.plan, 0)) @(1 / fields.visits) @fields @globals.pool\n'
    '@(default(contact.nme, "x")) @oops.x a@b.c @@contact.name @(rand() < 1) @(upper(globals.pool)) @contact.urns'
)
HTML = (
    '<html><body class=\'x\'><p title="@fields.plan">@contact.name &amp; @(fields.visits & "<b>")</p>'
    "<a href='https://x.example/?id=@contact.uuid'>@(lower(fields.plan))</a> @media.css</body></html>\n"
)


@pytest.fixture
def message(mail, club) -> Message:
    """A message of expressions; tests change its texts."""
    club.globals = {"pool": "North & <South>"}
    club.save()
    Attribute.register(club, {"plan": "pro", "visits": 3, "born": "1990-01-31"})
    message = make_broadcast(mail, name="News").messages.get()
    message.syntax = "expressions"
    message.save()
    message.translations.update(subject="Hi @contact.first_name, @fields.plan", text=TEXT, html=HTML)
    return message


def person(name, plan, visits=3) -> Recipient:
    attributes = {"plan": plan, "visits": visits, "born": "1990-01-31"}
    contact = Contact(full_name=name, email="joe@example.com", phone="+250788123123", attributes=attributes)
    return Recipient(links.delivery_token(7), "joe@example.com", "en", contact)


def test_both_ways_agree_for_a_thousand_people(message):
    compiled, chance = compile_message(message), random.Random(7)
    names = ["Ana", "José María", "O'Neil <b>", "李 雷", "", "Zoë & Co", '"Q"', "@fields.plan"]
    for _ in range(1_000):
        who = person(chance.choice(names), chance.choice([*names, None]), chance.choice([0, 3, 2.5, "4", "many", None]))
        envelope = compiled.envelope(who)
        assert (envelope.subject, envelope.text, envelope.html) == compiled.compose_reference(who, who.address)[:3]
        assert was_filled(compiled, who)


@pytest.mark.parametrize("html_only", [False, True])
def test_both_ways_agree_for_hostile_values(message, html_only):
    if html_only:
        message.translations.update(text="", html=HTML)
    compiled = compile_message(message)
    for value in VALUES:
        assert_same(compiled, person(value, value))


def test_both_ways_agree_for_what_stands_in_a_message_many_times(message):
    costly = '@(count(foreach(split(repeat("a ", 2000)), (x) => x & contact.name)))'
    constant = '@(count(foreach(split(repeat("a ", 2000)), (x) => x & "b")))'
    message.translations.update(subject=costly, text=f"{costly} {constant} " * 9, html="")
    compiled, who = compile_message(message), person("Ana", "pro")
    assert_same(compiled, who)
    assert compiled.envelope(who).text.split() == ["2000"] * 18


def test_values_are_escaped_in_html_and_constants_too(message):
    rendered = compile_message(message).render(person("Ana <b>", '"pro"'))
    assert '<p title="&#34;pro&#34;">Ana &lt;b&gt; &amp; 3&lt;b&gt;</p>' in rendered.html
    assert rendered.subject == 'Hi Ana, "pro"'
    assert "NORTH & <SOUTH>" in rendered.text


def test_a_preview_without_a_contact_has_empty_names(message):
    recipient = Recipient("k", "joe@example.com", "en", None)
    assert compile_message(message).render(recipient).subject == "Hi ,"


@pytest.mark.parametrize("syntax", ["expressions", "liquid"])
def test_an_example_that_is_nobody_has_no_uuid(message, syntax):
    texts = {"expressions": "[@contact.uuid@contact.ref]", "liquid": "[{{ contact.uuid }}]"}
    message.syntax = syntax
    message.translations.update(subject=texts[syntax], text="Hi", html="")
    compiled = compile_message(message)
    assert {compiled.envelope(person("Test Person", "pro")).subject for _ in range(2)} == {"[]"}


def test_quick_replies_and_parameters_are_filled_too(message):
    message.translations.update(quick_replies=[{"type": "text", "text": "Yes, @contact.first_name"}])
    [reply] = compile_message(message).envelope(person("Ana Ruiz", "pro")).quick_replies
    assert reply["text"] == "Yes, Ana"


def snapshots(club) -> list[ContactSnapshot | None]:
    rows = Contact.objects.for_organization(club).order_by("pk").values_list(*ContactSnapshot.columns())
    return [ContactSnapshot(*row) for row in rows]


def test_what_a_snapshot_does_not_hold_is_read_for_the_whole_window(message, club, django_assert_num_queries):
    people = [make_contact(club, full_name=f"P{n}", phone="+34600000001" if n == 1 else "") for n in range(5)]
    static = Segment.objects.create(organization=club, name="Static", kind="static")
    Segment.objects.create(organization=club, name="By rule", rules={"full_name": "P2"})
    Segment.objects.create(organization=club, name="Broken", rules={"nothing": "x"})
    SegmentMember.objects.create(segment=static, contact=people[1])
    names = '@(join(foreach(contact.groups, extract, "name"), "+")) @contact.status @contact.urns.0 @contact.created_on'
    message.translations.update(subject=names)
    compiled, window = compile_message(message), snapshots(club)
    with django_assert_num_queries(4):  # contacts, segments, members of static ones, members of those by rule
        compiled.load(window)
    recipients = [Recipient("k", "a@b.c", "en", one) for one in window]
    compiled.envelope(recipients[0])  # the attributes are read once per message
    with django_assert_num_queries(0):
        subjects = [compiled.envelope(one).subject for one in recipients]
    assert subjects[1].startswith("Static active tel:+34600000001 20")
    assert subjects[2].startswith(f"By rule active mailto:{people[2].email} 20")


def test_what_no_expression_uses_is_not_read(message, club, django_assert_num_queries):
    message.translations.update(text="Hi @contact.name @fields.plan", html="")
    make_contact(club)
    compiled, window = compile_message(message), snapshots(club)
    with django_assert_num_queries(0):
        compiled.load(window)


def test_a_preview_reads_the_groups_of_its_contact(message, club):
    ana = make_contact(club, full_name="Ana")
    static = Segment.objects.create(organization=club, name="Static", kind="static")
    SegmentMember.objects.create(segment=static, contact=ana)
    message.translations.update(subject="@(contact.groups[0].name) @contact.channel @contact.language")
    assert preview(message, ana).subject.startswith(f"Static {message.channel.name}")
