"""What goes with the text of a message: files, quick replies, parameters, and a template that the provider keeps."""

import pytest
from django.core.files.base import ContentFile

from broadcasts import drafting, links
from broadcasts.exceptions import InvalidInput, OverBudget, RenderError
from broadcasts.models import Media, Template
from broadcasts.rendering import Recipient, compile_message
from broadcasts.transports import Envelope, ProviderTemplate
from tests.make import make_broadcast, make_contact

NAMED = {"body": ["{{ contact.name }}", {"code": "{{ contact.plan }}"}, 7, None, True], "flow": "fixed"}


@pytest.fixture
def channel(mail):
    """A channel whose kind carries no mail."""
    mail.kind = "console"
    mail.save()
    return mail


@pytest.fixture
def copy(channel):
    """Makes the copy of a message for a contact: copy(contact, message fields, **translation fields)."""

    def copy(contact=None, message_fields=None, language="en", **fields) -> Envelope:
        contact = contact or make_contact(channel.organization, full_name="Ana", attributes={"plan": "<gold>"})
        message = make_broadcast(channel, html="<p>Hi {{ contact.name }}, {{ contact.plan }}</p>").messages.get()
        type(message).objects.filter(pk=message.pk).update(**message_fields or {})
        message.translations.update(**fields)
        message.refresh_from_db()
        recipient = Recipient(links.delivery_token(7), contact.email, language, contact)
        return compile_message(message).envelope(recipient)

    return copy


def test_a_copy_that_is_no_mail_has_its_html(copy):
    envelope = copy()
    assert envelope.html == "<p>Hi Ana, &lt;gold&gt;</p>"
    assert (envelope.text, envelope.mime) == ("Hello Ana", b"")


def test_parameters_are_rendered_for_each_person_and_keep_their_shape(copy):
    envelope = copy(message_fields={"parameters": NAMED})
    assert envelope.parameters == {"body": ["Ana", {"code": "<gold>"}, 7, None, True], "flow": "fixed"}
    assert envelope.template is None


def test_a_language_may_have_parameters_of_its_own(copy):
    envelope = copy(message_fields={"parameters": NAMED}, parameters={"flow": "{{ contact.name }}"})
    assert envelope.parameters["flow"] == "Ana"
    assert envelope.parameters["body"][0] == "Ana"


def test_quick_replies_are_rendered_for_each_person(copy):
    assert copy(quick_replies=["Yes, {{ contact.name }}", "No"]).quick_replies == ["Yes, Ana", "No"]


def test_plain_content_has_no_placeholders_in_its_parameters(copy):
    assert copy(message_fields={"parameters": {"code": "{{ 1 }}"}, "syntax": "plain"}).parameters == {"code": "{{ 1 }}"}


def test_a_template_that_the_provider_keeps_is_named_with_its_language_and_components(copy, channel):
    template = Template.objects.create(organization=channel.organization, name="closing", channel=channel)
    envelope = copy(message_fields={"parameters": {"body": ["{{ contact.name }}"]}, "template": template}, tag="en_GB")
    assert envelope.template == ProviderTemplate("closing", "en_GB", {"body": ["Ana"]})
    assert envelope.parameters == {}


def test_a_template_of_ours_is_no_template_of_the_provider(copy, channel):
    template = Template.objects.create(organization=channel.organization, name="closing")
    assert copy(message_fields={"template": template}).template is None


def test_files_go_with_a_copy_that_is_no_mail(copy, club, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    media = Media.objects.create(organization=club, file=ContentFile(b"%PDF-1.7", name="x"), filename="Plan.pdf")
    [file] = copy(attachments=[{"media": str(media.uuid)}]).media
    assert (file.name, file.content_type, file.size, file.read()) == ("Plan.pdf", "application/pdf", 8, b"%PDF-1.7")


def test_mail_has_html_and_files_in_itself_alone(copy, channel, club, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    media = Media.objects.create(organization=club, file=ContentFile(b"%PDF-1.7", name="x"), filename="Plan.pdf")
    channel.kind = "email"
    channel.save()
    envelope = copy(attachments=[{"media": str(media.uuid)}])
    assert (envelope.html, envelope.media, envelope.parameters) == ("", (), {})
    assert b"Plan.pdf" in envelope.mime


def test_a_parameter_that_fails_for_a_person_names_its_place(copy):
    with pytest.raises(RenderError, match=r"translations.en.parameters\[body\]\[0\], line 1: "):
        copy(message_fields={"parameters": {"body": ["{{ 1 | divided_by: contact.plan }}"]}})


def test_parameters_are_within_the_budget_of_the_copy(copy):
    loop = "{% for i in (1..9000) %}{% for j in (1..9000) %}{{ j }}{% endfor %}{% endfor %}"
    with pytest.raises(OverBudget):
        copy(message_fields={"parameters": {"body": loop}})


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"body": ["{{ contact.nmae }}"]}, r"parameters\[body\]\[0\]: line 1: contact.nmae is not known"),
        ({"html": "{{ contact.name "}, r"parameters\[html\]: line 1"),
        ({"deep": [[[[[[[[[[["x"]]]]]]]]]]]}, "nested more than 10 deep"),
    ],
)
def test_parameters_are_checked_when_they_are_saved(channel, parameters, said):
    broadcast = make_broadcast(channel)
    with pytest.raises(InvalidInput, match=said):
        drafting.save(broadcast, {"messages": [{"parameters": parameters}]})


def test_quick_replies_are_checked_when_they_are_saved(channel):
    content = {"text": "Come?", "quick_replies": ["{{ contact.nmae }}"]}
    with pytest.raises(InvalidInput, match=r"quick_replies\[0\]: line 1: contact.nmae is not known"):
        drafting.save(make_broadcast(channel), {"messages": [{"translations": {"en": content}}]})
