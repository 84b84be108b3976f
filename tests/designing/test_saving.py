"""Designs of broadcasts and templates that are saved, started, copied and translated."""

from datetime import timedelta

import pytest
from django.utils import timezone

from broadcasts import designing, drafting, rendering, sending
from broadcasts.exceptions import InvalidInput
from broadcasts.models import Broadcast, Format, Layout, Message, Template
from broadcasts.rendering import preview
from broadcasts.sending import rounds
from broadcasts.translating import translate_broadcast, translate_template
from tests.api.conftest import client_of
from tests.make import make_contact, make_picture

from .made import html, text

WORDS = [text("<p>Hi {{ contact.name }}</p>")]


def blocks(*given, **fields):
    return {"format": "blocks", "blocks": list(given or WORDS), "subject": "News", **fields}


def save(club, contents, **message) -> Broadcast:
    return drafting.save(Broadcast(organization=club), {"messages": [{"translations": contents, **message}]})


def translation(broadcast):
    return broadcast.messages.get().translations.get()


@pytest.fixture
def house(club) -> Layout:
    return Layout.objects.create(organization=club, name="House", header=[{"type": "heading", "text": "The club"}])


@pytest.fixture
def template(club, house) -> Template:
    design = [text("<p>Hello</p>", slot="intro"), text("<p>Fixed</p>")]
    template = Template.objects.create(organization=club, name="News", layout=house, is_fixed=True)
    template.translations.create(language="en", format=Format.BLOCKS, blocks=design)
    designing.again(template)
    return template


def test_blocks_become_html_when_a_broadcast_is_saved(club, mail):
    saved = translation(save(club, {"en": blocks()}))
    assert "<p style=" in saved.html
    assert "Hi {{ contact.name }}</p>" in saved.html


def test_an_alternative_text_of_the_library_is_no_template(club, mail):
    picture = make_picture(club, alternative_text='Save 20 {{ contact.nme }} "now"')
    html = translation(save(club, {"en": blocks({"type": "image", "media": str(picture.uuid)})})).html
    assert "Save 20 &#123;{ contact.nme }} &quot;now&quot;" in html


def test_a_message_from_blocks_is_rendered_as_its_html_is(club, mail):
    designed, person = save(club, {"en": blocks()}), make_contact(club, "ana@example.com", full_name="Ana <b>")
    typed = save(club, {"en": {"subject": "News", "html": translation(designed).html}})
    shown = [preview(one.messages.get(), person) for one in (designed, typed)]
    assert shown[0] == shown[1]
    assert shown[0].text == "Hi Ana <b>"
    assert "Hi Ana &lt;b&gt;</p>" in shown[0].html


def test_html_without_a_source_is_saved_as_it_was_typed(club, mail):
    saved = translation(save(club, {"en": {"subject": "x", "html": "<p onclick='x'>as typed"}}))
    assert (saved.html, saved.format) == ("<p onclick='x'>as typed", "html")


def test_errors_of_a_design_are_told_by_message_language_and_block(club, mail):
    with pytest.raises(InvalidInput) as caught:
        save(club, {"en": blocks(text(), {"type": "button", "text": "x", "href": ""})})
    assert caught.value.errors == {"messages": "0.translations.en.blocks[1].href: Give this: it is needed."}
    assert not Broadcast.objects.exists()


def test_errors_of_liquid_are_told_where_they_were_written(club, mail):
    wrong = blocks(
        text(), text("<p>a</p>\n<p>{{ contact.nmae }}</p>"), html("{% if contact.oops %}"), html("{% endif %}")
    )
    with pytest.raises(InvalidInput) as caught:
        save(club, {"en": wrong})
    told = caught.value.errors["messages"]
    assert "0.translations.en.blocks[1].html: line 2: contact.nmae is not known; did you mean contact.name?" in told
    assert "0.translations.en.blocks[2].html: line 1: contact.oops is not known" in told


def test_errors_of_liquid_in_a_source_are_told_at_its_line(club, mail):
    with pytest.raises(InvalidInput) as caught:
        save(club, {"en": {"format": "markdown", "source": "# Hi\n\n{{ contact.name | oops }}"}})
    assert "en.source: line 3: the filter “oops” is not known" in caught.value.errors["messages"]


def test_warnings_of_expressions_are_told_where_they_were_written(club, mail):
    broadcast = save(club, {"en": blocks(text("@(broken("), text("@contact.nme"))}, syntax="expressions")
    told = rendering.warnings_of(broadcast.messages.get())
    assert [words.partition(":")[0] for words in told] == ["en.blocks[0].html", "en.blocks[1].html"]


def test_a_new_message_is_in_the_layout_of_its_organization(club, mail, house):
    club.default_layout = house
    club.save()
    broadcast = save(club, {"en": blocks()})
    assert broadcast.messages.get().layout == house
    assert "The club</h2>" in translation(broadcast).html
    plain = save(club, {"en": blocks()}, layout=None)
    assert "The club" not in translation(plain).html


def test_another_layout_makes_the_html_anew(club, mail, house):
    broadcast = save(club, {"en": blocks()})
    message = broadcast.messages.get()
    drafting.save(broadcast, {"messages": [{"uuid": message.uuid, "layout": house}]})
    assert "The club</h2>" in translation(broadcast).html


def test_a_layout_that_changed_is_in_what_is_sent(club, mail, house, server):
    make_contact(club, "ana@example.com")
    broadcast = save(club, {"en": blocks()}, layout=house)
    broadcast.send_to_all = True
    broadcast.save()
    house.header = [{"type": "heading", "text": "New name"}]
    house.save()
    sending.send(broadcast)
    assert "New name</h2>" in translation(broadcast).html


def test_a_layout_that_changed_is_in_tests_and_previews_too(admin, mail, house, server):
    broadcast = save(mail.organization, {"en": blocks()}, layout=house)
    person = make_contact(mail.organization, "ana@example.com")
    stored = translation(broadcast).html
    house.header = [{"type": "heading", "text": "New name"}]
    house.save()
    sending.send_test(broadcast, ["ana@example.com"])
    assert b"New name" in server.received[0].mime
    shown = (
        client_of(admin)
        .post(f"/api/broadcast-messages/{broadcast.uuid}/preview/", {"contact": str(person.uuid)})
        .json()
    )
    assert "New name</h2>" in shown["html"]
    assert translation(broadcast).html == stored


def test_a_design_that_broke_refuses_to_start_and_says_where(club, mail, house):
    make_contact(club, "ana@example.com")
    broadcast = save(club, {"en": blocks()}, layout=house)
    Broadcast.objects.update(send_to_all=True)
    broadcast.refresh_from_db()
    house.header = [{"type": "image", "media": "00000000-0000-4000-8000-000000000000"}]
    house.save()
    with pytest.raises(InvalidInput, match=r"translations\.en\.layout\.header\[0\]\.media: There is no picture"):
        sending.send(broadcast)
    broadcast.refresh_from_db()
    assert broadcast.status == Broadcast.Status.DRAFT


def test_a_scheduled_broadcast_whose_design_broke_fails_with_the_reason(club, mail, house):
    make_contact(club, "ana@example.com")
    broadcast = save(club, {"en": blocks()}, layout=house)
    Broadcast.objects.update(send_to_all=True)
    broadcast.refresh_from_db()
    sending.schedule(broadcast, timezone.now() + timedelta(hours=1))
    Layout.objects.update(header=[{"type": "oops"}])
    Broadcast.objects.update(scheduled_at=timezone.now() - timedelta(seconds=2), due_from=timezone.now())
    rounds.start_due()
    broadcast.refresh_from_db()
    assert broadcast.status == Broadcast.Status.FAILED
    assert "layout.header[0].type" in broadcast.error_message


def test_copies_keep_design_and_layout(club, mail, house):
    broadcast = save(club, {"en": blocks(text(slot="a"), slots={"a": "<p>x</p>"})}, layout=house)
    copy = sending.duplicate(broadcast)
    assert copy.messages.get().layout == house
    assert translation(copy).content() == translation(broadcast).content()


def test_a_message_takes_layout_and_design_of_its_template(club, mail, template, house):
    broadcast = save(club, None, template=template)
    message = broadcast.messages.get()
    assert message.layout == house
    assert translation(broadcast).blocks == template.translations.get().blocks
    assert "The club" in translation(broadcast).html


def test_a_fixed_design_takes_the_words_of_its_slots_only(club, mail, template):
    broadcast = save(club, {"en": {"subject": "x", "slots": {"intro": "<p>Mine</p>"}}}, template=template)
    saved = translation(broadcast)
    assert (saved.format, saved.blocks) == ("blocks", template.translations.get().blocks)
    assert "Mine</p>" in saved.html
    assert "Fixed</p>" in saved.html


@pytest.mark.parametrize("other", [blocks(), {"html": "<p>x</p>"}, {"format": "markdown", "source": "x"}])
def test_a_fixed_design_refuses_another(club, mail, template, other):
    with pytest.raises(InvalidInput, match="The design of the template “News” is fixed: write its words in slots"):
        save(club, {"en": other}, template=template)


def test_a_fixed_design_refuses_another_layout(club, mail, template):
    other = Layout.objects.create(organization=club, name="Other")
    with pytest.raises(InvalidInput, match=r"0\.layout: The design of the template “News” is fixed"):
        save(club, {"en": {}}, template=template, layout=other)


def test_a_template_in_another_layout_has_other_html(template):
    template.layout = None
    template.save()
    assert designing.again(template)
    assert "The club" not in template.translations.get().html
    assert not designing.again(template)


def test_a_design_is_translated_from_expressions_where_it_was_written(club, mail):
    button = {"type": "button", "text": "@contact.name & Co", "href": "https://example.org/@fields.plan"}
    club.attributes.create(key="plan", label="Plan", type="text")
    words = text('<p>@(default(contact.name, "friend"))</p>', slot="a")
    content = blocks(words, button, slots={"a": "For @contact.name"})
    broadcast = save(club, {"en": content}, syntax="expressions")
    changes = translate_broadcast(broadcast)
    saved = translation(broadcast)
    assert saved.blocks[0]["html"] == '<p>{{ contact.name | default: "friend" }}</p>'
    assert saved.blocks[1]["text"] == "{{ contact.name }} & Co"
    assert saved.blocks[1]["href"] == "https://example.org/{{ contact.attributes.plan }}"
    assert saved.slots == {"a": "For {{ contact.name }}"}
    assert "For {{ contact.name }}" in saved.html
    assert set(changes) == {"en.blocks[0].html", "en.blocks[1].text", "en.blocks[1].href", "en.slots.a"}


def test_a_template_is_translated_with_its_source(club):
    template = Template.objects.create(organization=club, name="x", syntax="expressions")
    template.translations.create(language="en", format="markdown", source="# Hi @contact.name")
    translate_template(template)
    saved = template.translations.get()
    assert saved.source == "# Hi {{ contact.name }}"
    assert "Hi {{ contact.name }}</h1>" in saved.html


def test_a_message_of_another_medium_has_no_html(club, mail):
    broadcast = save(club, {"en": blocks(text="Hello")})
    mail.kind = "sms"
    mail.save()
    designing.again(Message.objects.get(broadcast=broadcast))
    assert (translation(broadcast).html, translation(broadcast).text) == ("", "Hello")


def new_design(template):
    """Change the design of a template."""
    design = template.translations.get()
    design.blocks = [text("<p>Changed</p>"), text("<p>Hello</p>", slot="intro")]
    design.save()
    designing.again(Template.objects.get(pk=template.pk))


def mine(club, template) -> Broadcast:
    broadcast = save(club, {"en": {"subject": "x", "slots": {"intro": "<p>Mine</p>"}}}, template=template)
    Broadcast.objects.update(send_to_all=True)
    broadcast.refresh_from_db()
    return broadcast


def test_a_fixed_design_that_changed_is_in_what_is_sent_with_the_words_of_its_slots(club, mail, template, server):
    make_contact(club, "ana@example.com")
    broadcast = mine(club, template)
    new_design(template)
    sending.send(broadcast)
    sent = translation(broadcast)
    assert sent.html.index("Changed</p>") < sent.html.index("Mine</p>")
    assert sent.blocks == template.translations.get().blocks
    new_design(template)
    designing.refresh(broadcast.messages.get())
    assert translation(broadcast).html == sent.html


def test_a_fixed_design_that_changed_is_in_tests_and_previews_too(admin, mail, template, server):
    broadcast = mine(mail.organization, template)
    person, stored = make_contact(mail.organization, "ana@example.com"), translation(broadcast).html
    new_design(template)
    sending.send_test(broadcast, ["ana@example.com"])
    assert b"Changed" in server.received[0].mime
    path = f"/api/broadcast-messages/{broadcast.uuid}/preview/"
    assert "Changed</p>" in client_of(admin).post(path, {"contact": str(person.uuid)}).json()["html"]
    assert translation(broadcast).html == stored


def test_a_fixed_design_that_got_another_layout_is_sent_in_it(club, mail, template, server):
    make_contact(club, "ana@example.com")
    broadcast = mine(club, template)
    template.layout = Layout.objects.create(organization=club, name="New", header=[{"type": "heading", "text": "New"}])
    template.save()
    sending.send(broadcast)
    assert broadcast.messages.get().layout == template.layout
    assert "New</h2>" in translation(broadcast).html


def test_a_design_that_is_free_again_stays_as_it_is(club, mail, template, server):
    make_contact(club, "ana@example.com")
    broadcast = mine(club, template)
    Template.objects.update(is_fixed=False)
    new_design(template)
    sending.send(broadcast)
    assert "Changed" not in translation(broadcast).html
