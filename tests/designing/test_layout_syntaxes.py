"""What a layout says is Liquid, whatever the message within it is written in."""

import re
from email import policy
from email.parser import BytesParser
from html import unescape

import pytest

from broadcasts import designing, drafting, links, rendering, sending
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Layout, Link, Message
from broadcasts.rendering import Recipient, Tracking, compile_message
from tests.make import make_contact

from .made import html, text

WORDS = {
    "liquid": "<p>Hello {{ contact.name }}, @contact.name</p>",
    "expressions": "<p>Hello @contact.name, {{ contact.name }}</p>",
    "plain": "<p>Hello {{ contact.name }}, @contact.name</p>",
}
READ = {
    "liquid": "Hello Ana Ruiz, @contact.name",
    "expressions": "Hello Ana Ruiz, {{ contact.name }}",
    "plain": "Hello {{ contact.name }}, @contact.name",
}
HEADER = [
    {
        "type": "heading",
        "text": "{{ organization.name }} for {{ contact.first_name | upcase }}, @contact.name",
    },
    {"type": "button", "text": "Yours", "href": "https://club.example/?m={{ contact.external_id }}"},
]
FOOTER = [
    html("{% if contact.email contains '@' %}"),
    text('<p>Known as {{ contact.email }} <a href="https://club.example/{{ contact.language }}">Site</a></p>'),
    html("{% else %}"),
    text("<p>Unknown</p>"),
    html("{% endif %}"),
    text("<p>{% raw %}{{ as it is }}{% endraw %}</p>"),
    {"type": "footer"},
]


@pytest.fixture
def layout(club) -> Layout:
    made = Layout.objects.create(organization=club, name="House", header=HEADER, footer=FOOTER)
    designing.check_layout(made)
    return made


@pytest.fixture(params=sorted(WORDS))
def syntax(request) -> str:
    return request.param


def save(club, layout, syntax, **fields) -> Broadcast:
    content = {"subject": "News", "format": "blocks", "blocks": [text(WORDS[syntax])], **fields}
    spec = {"translations": {"en": content}, "syntax": syntax, "layout": layout}
    return drafting.save(Broadcast(organization=club), {"messages": [spec], "send_to_all": True})


@pytest.fixture
def ana(club):
    return make_contact(club, "ana@example.com", full_name="Ana Ruiz", external_id="M7", language="en")


def copies(message, contact, tracking=None):
    """Return a copy composed in the compiled way, and by the reference."""
    compiled = compile_message(message, tracking)
    recipient = Recipient(links.delivery_token(7), contact.email, "en", contact)
    compiled.load([contact])
    content = compiled._compiled_content("en", tracking is not None)
    assert content.fill(
        [recipient], [contact.email], [rendering.Budget()]
    )  # else the reference would be compared twice
    return read(compiled.envelope(recipient).mime), read(compiled.compose_reference(recipient, contact.email)[3])


def read(mime: bytes) -> list[str]:
    """Return the parts of a mail as a mail program reads them."""
    parts = BytesParser(policy=policy.default).parsebytes(mime).walk()
    return [part.get_content() for part in parts if not part.is_multipart()]


def test_the_parts_of_a_layout_are_filled_around_every_syntax(club, mail, layout, syntax, ana):
    shown = rendering.preview(save(club, layout, syntax).messages.get(), ana)
    assert READ[syntax] in shown.html
    assert "Swimming Club for ANA, @contact.name</h2>" in unescape(shown.html)
    assert 'href="https://club.example/?m=M7"' in shown.html
    assert "Known as ana@example.com" in shown.html and "Unknown" not in shown.html
    assert "{{ as it is }}" in shown.text
    assert rendering.without_islands(shown.html) == shown.html
    assert "Swimming Club for ANA" in shown.text


def test_the_footer_of_a_layout_has_its_links_in_every_syntax(club, mail, layout, syntax, ana):
    message = save(club, layout, syntax).messages.get()
    Broadcast.objects.update(use_case="marketing")
    shown = rendering.preview(Message.objects.get(pk=message.pk), ana).html
    assert shown.count(links.unsubscribe_url(links.delivery_token(links.TEST_SEND))) == 1


def test_both_ways_of_composing_agree(club, mail, layout, syntax, ana):
    message = save(club, layout, syntax).messages.get()
    compiled, reference = copies(message, ana)
    assert compiled == reference
    assert "Known as ana@example.com" in reference[1]


def test_measured_links_of_a_layout_lead_on(club, mail, layout, syntax, ana, server):
    mail.track_opens = mail.track_clicks = True
    mail.save()
    broadcast = save(club, layout, syntax)
    sending.send(broadcast)
    message = broadcast.messages.get()
    assert Link.objects.count() == 2
    compiled, reference = copies(message, ana, Tracking.of(message))
    assert compiled == reference
    key = links.copy_key(links.delivery_token(7), message.pk)
    html = (
        rendering.CompiledMessage(message, Tracking.of(message))
        .render(Recipient(links.delivery_token(7), ana.email, "en", ana), tracked=True)
        .html
    )
    sealed = re.findall(rf'href="http://localhost:8000/t/{re.escape(key)}/(\d+)/([^/"]+)/"', html)
    opened = {links.unseal(address, key, int(number)) for number, address in sealed}
    assert opened == {"https://club.example/?m=M7", "https://club.example/en"}
    assert all(rendering.has_tags(one.url, syntax) for one in Link.objects.all())


def test_what_a_layout_names_is_counted_as_lacking(club, mail, layout, syntax):
    needed = rendering.needed_fields(save(club, layout, syntax).messages.get())
    assert {"contact.first_name", "contact.external_id"} <= set(needed)


def test_an_error_of_a_layout_is_told_at_its_place(club, mail, syntax):
    broken = [text("<p>Fine</p>"), text("<p>{{ contact.name }}</p>\n<p>{{ contact.nmae }}</p>")]
    footer = [html("{% if x %}x{% endif %}")]
    layout = Layout.objects.create(organization=club, name="House", header=broken, footer=footer)
    with pytest.raises(InvalidInput) as caught:
        save(club, layout, syntax)
    told = caught.value.errors["messages"]
    assert "layout.header[1].html: line 2: contact.nmae is not known" in told
    assert "layout.footer[0].html: line 1: x is not known" in told


@pytest.mark.parametrize("format", ["blocks", "html", "markdown", "raw"])
@pytest.mark.parametrize("syntax", ["plain", "expressions"])
def test_an_author_writes_no_islands(club, mail, syntax, ana, format):
    written = f"<p>{rendering.ISLAND_BEGINS}{{{{ contact.name }}}}{rendering.ISLAND_ENDS}</p>"
    fields = {"blocks": [text(written)]} if format == "blocks" else {"source": written, "blocks": []}
    if format == "raw":
        fields, format = {"html": written, "blocks": []}, "html"
    message = save(club, None, syntax, format=format, **fields).messages.get()
    assert "<p>{{ contact.name }}</p>" in re.sub(r"<p [^>]*>", "<p>", rendering.preview(message, ana).html)
