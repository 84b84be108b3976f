"""Compiled copies against the reference: both must read the same, whatever the values.

`EXAMPLES=1000 pytest tests/rendering/test_compiled.py` tries every value in every place, where a run of the whole suite
takes a few for each.
"""

import dataclasses
import os
import random
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from quopri import decodestring

import pytest
from django.core.files.base import ContentFile

from broadcasts import links
from broadcasts.exceptions import RenderError
from broadcasts.models import Attribute, Contact, Media
from broadcasts.rendering import Recipient, Tracking, compile_message, links_of
from broadcasts.rendering.budget import Budget
from broadcasts.rendering.mime import quoted_address, quoted_lines
from broadcasts.rendering.placeholders import NotCompilable
from broadcasts.transports.email.smtp import wire_format
from tests.make import make_broadcast, make_contact

from .test_mail import HOSTILE

pytestmark = pytest.mark.one_database

EXAMPLES = os.environ.get("EXAMPLES")
VALUES = [
    *HOSTILE,
    "",
    "Ana Maria Gómez",
    "Zoë, Queen\r",
    "\nZoë\r\nMüller\rX\n",
    "a\x00b\x1fc\x7f",
    "\ud800half",
    "n" * 2000,
    "é" * 2000,
    "..\n.\n..x",
    ".leading",
    "From me\nFrom you",
    "= =3D =\n=0A % %s %(x)s {0} \\1",
    "trailing \t \n \t",
    " \t ",
    "{{ contact.email }} {% if 1 %}x{% endif %}",
    "<script>alert('x')</script></body></html><body>&amp;&lt;",
    '"><a href="javascript:x">',
    "x@y\x85\u2028\u2029",
    "\ue000",
]
ATTRIBUTES = [*VALUES, None, True, False, 0, 1, -2.5, 1e21, [], ["a", "<b>", None], {}, {"k": "<v>"}, "2030-01-31"]

PLACEHOLDERS = {
    "subject": "Für {{ contact.name }}, {{ contact.plan }}",
    "text": "Dear {{ contact.first_name }},\r\n\r\n.{{ contact.plan | default: 'x' }}. {{ contact.attributes.plan }}\n"
    "{{ contact.plan | upcase }}{{ contact.name }}{{contact.name}} {{ organization.name }} {{ globals.pool }} "
    "{{ contact.nothing }}{{ nothing.at.all }}{{ language }} {{ broadcast.name }}\n" + "long " * 60 + "\n"
    "{{ contact.email | append: '<x>' }} {{ contact.phone }} {{ contact.external_id }} {{ contact.uuid }}\n"
    "{{ unsubscribe_url }} {{ preferences_url }}\n",
    "html": "<html><body class='x'><p title=\"{{ contact.plan | escape }}\">{{ contact.name | capitalize }}</p>\n"
    "<a href='{{ unsubscribe_url }}'>Ünsubscribe</a> {{ contact.attributes }}{{ globals.pool }}"
    "{{ contact.plan | default: '<i>' }}</body></html>\n",
}
LOGIC = {
    "subject": "{% if contact.plan == 'pro' %}Pro{% endif %}",
    "text": "{% assign contact_name = contact.name | upcase %}Hi {{ contact_name }}\n{% for x in (1..3) %}{{ x }}\r\n"
    "{% endfor %}{{ contact.plan }}{% # a comment %}{% if contact.plan %}Plan: {{ contact.plan }}{% endif %}\n\n",
    "html": "<p>{% case contact.plan %}{% when 'pro' %}<b>Pro</b>{% else %}{{ contact.plan }}{% endcase %}</p>"
    "{% increment n %}{{ n }}{{ contact.tags[0] }}{{ contact.name | split: ' ' | last }}{{ partial }}",
}
ENDS = {
    "subject": "{{ contact.nothing }}",
    "text": "{{ contact.name }}  \n {{ contact.plan }} \n",
    "html": "Hi\n{{ contact.name }}",
}
FOREIGN = {
    "subject": "{{ contact.plan }} 你好",
    "text": "你好{{ contact.name }} 欢迎" * 20 + "\n{{ contact.plan }}",
    "html": "<body>你好<b>{{ contact.name }}</b>欢迎</body>" * 9,
}
HTML_ONLY = {"subject": "x", "text": "", "html": PLACEHOLDERS["html"]}
HTML_NAMES = {
    **HTML_ONLY,
    "html": "<p>Dear  {{ contact.name }}, <b> {{ contact.plan }}</b> <a href='mailto:{{ contact.plan }}'>"
    '{{contact.name}}</a></p><a href="{{ unsubscribe_url }}">Leave &amp; go</a>'
    '<a href="{{ preferences_url }}">{{ preferences_url }}</a>'
    "<img alt='{{ contact.name }}'><li>{{ contact.plan }}</li>",
}
STATIC = {"subject": "Ünchanged", "text": "All read this. \n", "html": "<p>All</p>"}
TEXT_ONLY = {**PLACEHOLDERS, "html": ""}
LINKED = {
    "subject": "x",
    "text": "",
    "html": "<html><body><p>Dear {{ contact.name }}</p><a href='https://a.example/?a=1&amp;b'>one</a>"
    '<a href="https://a.example/{{ contact.plan }}?{{ contact.name | url_encode }}">two</a>'
    "<a href='{{ contact.plan }}'>three</a><a href=https://a.example/{{ contact.name }}>four</a>"
    "{% for x in (1..2) %}<a href='https://a.example/{{ x }}'>{{ x }}</a>{% endfor %}{% if contact.plan == 'pro' %}"
    "<a href='https://b.example/'>{% endif %}<a href='{{ unsubscribe_url }}'>Leave</a></a></body></html>",
}
LINKED_TEXT = {
    "subject": "x",
    "text": "Dear {{ contact.name }}, see https://a.example/b, https://a.example/{{ contact.plan }}."
    "{% if contact.plan == 'pro' %} (https://b.example/c){% endif %}\n{{ unsubscribe_url }}",
    "html": "",
}
EXPRESSIONS = {
    "subject": "Hi @contact.first_name",
    "text": "",
    "html": "<p>Hi @contact</p><a href='https://a.example/@@club'>one</a><a href=\"https://a.example/?n=@contact\">two"
    "</a><a href='@contact'>three</a><a href=https://a.example/@(1 + 2)>four</a><a href=https://b.example>five</a>",
}
TRACKED = {
    "links": (LINKED, "liquid"),
    "links in text": (LINKED_TEXT, "liquid"),
    "expressions": (EXPRESSIONS, "expressions"),
    "plain": ({"subject": "x", "text": "", "html": "<a href=https://a.example>{{ x }}</a>"}, "plain"),
    "placeholders": (PLACEHOLDERS, "liquid"),
    "foreign": ({**FOREIGN, "html": f"{FOREIGN['html']}<a href='https://a.example/{{{{ contact.name }}}}'>"}, "liquid"),
}
ADDRESSES = [
    "https://x.example/?a=1&b=<2>\"'",
    "HTTP://x.example",
    "mailto:a@b.c",
    "javascript:x",
    "https://x.example/ y",
]
TEMPLATES = {
    "placeholders": PLACEHOLDERS,
    "logic": LOGIC,
    "ends": ENDS,
    "foreign": FOREIGN,
    "html only": HTML_ONLY,
    "html with names": HTML_NAMES,
    "static": STATIC,
    "text only": TEXT_ONLY,
}


@pytest.fixture
def compile_templates(mail, club, settings, tmp_path):
    """Compile a message of these templates."""
    settings.MEDIA_ROOT = tmp_path
    club.globals = {"pool": "North & <South>\r\nof the river"}
    club.postal_address = "1 Pool Road\r\nMadrid <ES>"
    club.save()
    Attribute.register(club, {"plan": "pro"})

    def build(content, use_case="general", preheader="", attached=False, syntax="liquid", tracked=False):
        message = make_broadcast(mail, name="News", use_case=use_case).messages.get()
        content = {**content, "preheader": preheader}
        if attached:
            file = ContentFile(b"%PDF-\x00text\x00html\x00", name="x")
            media = Media.objects.create(organization=club, file=file, filename="ä.pdf")
            content["attachments"] = [{"media": str(media.uuid)}]
        message.translations.update(**content)
        message.syntax = syntax
        ids = {url: number for number, url in enumerate(links_of(message), 1)}
        tracking = Tracking("https://go.club.example", opens=True, clicks=True, message_id=message.pk, ids=ids)
        return compile_message(message, tracking if tracked else None)

    return build


def person(name, plan) -> Recipient:
    attributes = {"plan": plan, "tags": [plan], "name": "never seen"}
    contact = Contact(full_name=name, email="joe@example.com", phone="+155", attributes=attributes)
    return Recipient(links.delivery_token(7), "joe@example.com", "en", contact)


def outcome(render, *args):
    try:
        return render(*args)
    except RenderError as error:
        return str(error)


ENCODED = {"Date", "Content-Type", "Content-Transfer-Encoding"}  # may differ; the types of parts are compared


def content_of(mime: bytes) -> list:
    """All that a reader of the mail can tell."""
    mail = BytesParser(_class=EmailMessage, policy=policy.default).parsebytes(mime)
    found: list = [(name, str(value)) for name, value in mail.items() if name not in ENCODED]
    for part in mail.walk():
        assert not part.defects
        content = None if part.is_multipart() else part.get_content()
        found += [part.get_content_type(), part.get_filename(), part.get_content_charset(), content]
    return [item.replace("\r\n", "\n") if isinstance(item, str) else item for item in found]


def assert_same(compiled, recipient, *, filled: bool | None = None) -> None:
    """Both ways say the same, and the compiled one is made for SMTP; `filled` also asks which one it was."""
    reference = outcome(compiled.compose_reference, recipient, recipient.address)
    got = outcome(compiled.envelope, recipient)
    if isinstance(reference, str):
        assert got == reference
        return
    assert (got.subject, got.text) == reference[:2]
    assert content_of(got.mime) == content_of(reference[-1])
    assert max(map(len, got.mime.split(b"\r\n"))) <= 78 and got.mime.isascii()
    assert got.mime.count(b"\r\n") == got.mime.count(b"\n") == got.mime.count(b"\r")
    assert not got.is_smooth or wire_format(got.mime) == got.mime + b".\r\n"
    beside = compiled.envelopes([person("Zoë", "gold"), recipient, person("", "")])[1]
    assert beside is None or (content_of(beside.mime), beside.text) == (content_of(got.mime), got.text)
    if filled is not None:
        assert was_filled(compiled, recipient) is filled


def was_filled(compiled, recipient) -> bool:
    try:
        content = compiled._compiled_content(recipient.language, compiled.tracks(recipient))
        content.fill([recipient], [recipient.address], [Budget()])
    except NotCompilable:
        return False
    return True


def test_one_bad_value_leaves_the_copies_beside_it_to_be_composed_alone(compile_templates):
    compiled = compile_templates({**STATIC, "subject": "Hello {{ contact.name }}"})
    good, bad = person("Ada", "gold"), person("\ud800", "gold")
    assert [one is None for one in compiled.envelopes([good, bad])] == [True, True]
    assert compiled.envelopes([good, good])[1].subject == "Hello Ada"


@pytest.mark.parametrize(
    ("use_case", "preheader"),
    [("general", ""), ("marketing", "{{ contact.name }} & {{ contact.plan }}"), ("general", "Fixed <")],
)
@pytest.mark.parametrize("name", TEMPLATES)
def test_compiled_and_reference_read_the_same_for_hostile_values(compile_templates, name, use_case, preheader):
    compiled = compile_templates(TEMPLATES[name], use_case, preheader, attached=use_case == "general")
    chosen = random.Random(f"{name}{use_case}{preheader}")
    pairs = [(value, "pro") for value in VALUES] + [("Ana", value) for value in ATTRIBUTES]
    if not EXAMPLES and (use_case == "general" or name not in ("placeholders", "logic")):  # there is the most to fill
        pairs = chosen.sample(pairs, 10)
    mixed = [(chosen.choice(VALUES), chosen.choice(ATTRIBUTES)) for _ in range(6)]
    for full_name, plan in [*pairs, *mixed]:
        assert_same(compiled, person(full_name, plan))
    assert_same(compiled, person("Ana Gómez", "pro"), filled=True)


@pytest.mark.parametrize("value", [value for value in VALUES if value not in ("Zoë, Queen\r", "\ud800half")])
def test_only_the_rarest_values_need_the_reference(compile_templates, value):
    assert_same(compile_templates(PLACEHOLDERS, "marketing", "{{ contact.name }}"), person(value, value), filled=True)


@pytest.mark.parametrize(
    "content",
    [
        {"text": "a\r{{ contact.name }}\nb"},
        {"html": "{{ contact.name }}"},
        {"html": "x</bo{{ contact.name }}dy>"},
        {"html": "<body class='{% if true %}>{% endif %}'>x"},
        {"text": "\ue000"},
        {"text": "{{ globals.pool | divided_by: 0 }}"},
    ],
)
def test_what_bytes_with_placeholders_cannot_express_is_composed_by_the_reference(compile_templates, content):
    compiled = compile_templates({**PLACEHOLDERS, **content}, "marketing", "Now")
    for value in ("", "dy", ">", "Ana", "\nx"):
        assert_same(compiled, person(value, value))
    assert compiled.compiled_contents == {("en", False): None}


@pytest.mark.parametrize("value", ["</body>", "<BODY >x", "<bo"])
def test_markup_from_a_filter_does_not_move_the_footer(compile_templates, value):
    content = {**PLACEHOLDERS, "html": "<body>{{ contact.plan | default: '</body>' }}{% if true %}{{ contact.plan }}x"}
    content["html"] += "{% endif %}</body>"
    for plan in (value, "", "pro"):
        assert_same(compile_templates(content, "marketing", "Now"), person("Ana", plan))


def test_an_error_of_one_recipient_is_told_as_the_reference_tells_it(compile_templates):
    compiled = compile_templates({**PLACEHOLDERS, "text": "Half {{ 1 | divided_by: contact.plan }}"})
    assert_same(compiled, person("Ana", 2), filled=True)
    with pytest.raises(RenderError, match=r"translations\.en\.text, line 1"):
        compiled.envelope(person("Ana", 0))


def test_a_value_that_is_too_long_is_an_error(compile_templates):
    compiled = compile_templates({**TEXT_ONLY, "text": "{{ contact.plan }}" * 3})
    assert_same(compiled, person("Ana", "x" * 700_000))


def test_without_a_contact_names_stay_empty(compile_templates):
    assert_same(compile_templates(PLACEHOLDERS), Recipient("k", "joe@example.com", "en", None), filled=False)


def test_templates_with_clock_or_computed_names_follow_liquid(compile_templates, club):
    text = "{{ 'now' | date: '%Y' }}{{ contact.name.size }}{{ contact.tags.first }}"
    text += "{{ contact['plan'] }}{{ contact[x] }}"
    assert_same(compile_templates({**PLACEHOLDERS, "text": text}), person("Ana", "pro"), filled=True)


def test_channels_without_mail_get_subject_and_text_alike(compile_templates, mail):
    mail.kind = "console"
    mail.save()
    compiled, recipient = compile_templates(PLACEHOLDERS), person("Ana", "pro")
    envelope = compiled.envelope(recipient)
    assert (envelope.subject, envelope.text, envelope.html, envelope.mime) == compiled.compose_reference(
        recipient, recipient.address
    )
    assert envelope.mime == b"" and was_filled(compiled, recipient)


@pytest.mark.parametrize("text", ["x" * n for n in range(70, 80)] + ["é" * 13, "é " * 30, "a b\n" * 3, " ", "\n", ""])
def test_stretches_of_quoted_printable_begin_and_end_at_the_start_of_a_line(text):
    stretch = quoted_lines(text)
    assert stretch == b"" or stretch.endswith(b"\r\n")
    assert max(map(len, stretch.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("text", ["", "x", "/a.b:c-_", "=", "é", "a b", ".a", "x" * 75 + ".", "x" * 74 + "."])
@pytest.mark.parametrize("n", [1, 74, 75, 76, 150, 300])
def test_an_address_in_quoted_printable_reads_as_it_was(text, n):
    address = "y" * n + text
    encoded = quoted_address(address)
    assert decodestring(encoded) == address.encode() and encoded.endswith(b"\r\n")
    assert all(len(line) <= 76 and line[:1] != b"." for line in encoded.split(b"\r\n"))


def test_compiling_happens_at_first_use_and_once_a_language(mail, club):
    broadcast = make_broadcast(mail, translations={"es": {"subject": "Hola", "text": "Hola {{ contact.name }}"}})
    compiled = compile_message(broadcast.messages.get())
    contact = make_contact(club, full_name="Ana")
    assert compiled.compiled_contents == {}
    for language in ("es", "es-MX", "en", "es"):
        compiled.envelope(Recipient("k", contact.email, language, contact))
    assert set(compiled.compiled_contents) == {("en", False), ("es", False)}


@pytest.mark.parametrize(
    "place",
    [
        "<{} x>y",
        "<a {}>y</a>",
        "<img {}>",
        "<a href={}>y</a>",
        "&{};",
        "&#{};",
        "<!-- {} -->y",
        "<!{}>y",
        "<script>{}</script>y",
        "<textarea>{}</textarea>",
        "<a href='{}'>https://x.example</a>",
        "</{}>y",
        "<![if {}]>y",
    ],
)
def test_text_derived_from_html_is_right_wherever_a_value_stands(compile_templates, place):
    html = "<p>Hi</p>" + place.replace("{}", "{{ contact.name }}")
    compiled = compile_templates({**HTML_ONLY, "html": html})
    names = [
        "x",
        "p",
        "br",
        "script",
        "a b",
        "amp",
        "lt",
        "65",
        "x>y",
        "href=y",
        "alt=y",
        "https://x.example",
        "-->",
        "#a",
    ]
    odd = [value for value in VALUES if set(value) & set("<>&\n\r\x00\"'")]
    for name in [*names, *(odd if EXAMPLES else random.Random(place).sample(odd, 6))]:
        assert_same(compiled, person(name, "pro"))


def test_text_is_derived_from_html_once(compile_templates, monkeypatch):
    compiled = compile_templates(HTML_NAMES)
    assert_same(compiled, person("Tom & Ana", "pro"), filled=True)
    monkeypatch.setattr("broadcasts.rendering.plaintext._TextBuilder", None)
    assert "Dear Ana <Gómez>," in compiled.envelope(person("Ana <Gómez>", "pro")).text


@pytest.mark.parametrize("use_case", ["general", "marketing"])
@pytest.mark.parametrize("name", TRACKED)
def test_compiled_and_reference_agree_on_tracked_links(compile_templates, name, use_case):
    content, syntax = TRACKED[name]
    compiled = compile_templates(content, use_case, syntax=syntax, tracked=True)
    chosen = random.Random(f"{name}{use_case}")
    hostile = [*VALUES, *ADDRESSES, "\ue010\ue0110\ue011https://x.example\ue01f", "\ue01f"]
    for value in hostile if EXAMPLES else [*chosen.sample(hostile, 12), *ADDRESSES]:
        assert_same(compiled, person(value, chosen.choice(hostile)))
        assert_same(compiled, person("Ana", value))
    assert_same(compiled, person("Ana Gómez", "pro"), filled=True)


@pytest.mark.parametrize("name", ["links", "expressions", "placeholders"])
def test_a_copy_that_is_not_tracked_is_what_it_was_before_tracking(compile_templates, name):
    content, syntax = TRACKED[name]
    before = compile_templates(content, syntax=syntax).envelope(person("Ana", "pro"))
    recipient = person("Ana", "pro")
    recipient.contact.no_tracking = True
    after = compile_templates(content, syntax=syntax, tracked=True).envelope(recipient)
    assert content_of(before.mime)[-4:] == content_of(after.mime)[-4:]
    assert b"go.club.example" not in after.mime


def test_the_end_of_a_body_within_an_address_is_found_where_the_reference_finds_it(compile_templates):
    html = '<html><a href="https://a.example/</body>{{ contact.name }}">x</a></html>'
    compiled = compile_templates({"subject": "x", "text": "x", "html": html}, tracked=True)
    for name in ("\\", "Ana"):  # the first makes of it what is no address
        assert_same(compiled, person(name, "pro"))


def test_content_without_links_is_the_same_bytes_where_only_clicks_are_tracked(compile_templates):
    compiled = compile_templates(STATIC, tracked=True)
    compiled.tracking = dataclasses.replace(compiled.tracking, opens=False)
    plain = compiled._compiled_content("en", tracked=False)
    assert compiled._compiled_content("en", tracked=True).body == plain.body


def test_all_that_copies_have_in_common_is_encoded_once(compile_templates):
    compiled = compile_templates({**STATIC, "html": "<a href='https://a.example'>x</a>" * 40}, tracked=True)
    content = compiled._compiled_content("en", tracked=True)
    assert len(content.slots) == 42 and len(content.encoders) == 2
