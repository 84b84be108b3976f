"""The table of mediums and addresses is what all doors read, and agrees with the columns of a contact."""

import pytest
from django.core.exceptions import ValidationError

from broadcasts import confirming, consenting, transports
from broadcasts.exceptions import NotReady
from broadcasts.mediums import ADDRESS_FIELDS, SENT_TO, Medium, typed_with_key
from broadcasts.models import Channel, Contact, Message, Template
from broadcasts.sending import expansion
from tests.make import make_broadcast, make_contact
from tests.recorder import Recorder


class Texts(Recorder):
    """A provider of text messages."""

    kind = "texts"
    label = "Texts"
    medium = "sms"
    carries_mail = False


class Hooks(Texts):
    kind = "hooks"
    medium = "webhook"


@pytest.fixture
def providers(monkeypatch):
    for one in (Texts, Hooks):
        monkeypatch.setitem(transports.TRANSPORTS, one.kind, f"{__name__}.{one.__name__}")


@pytest.fixture
def texts(club, providers):
    return Channel.objects.create(organization=club, name="Texts", kind="texts", is_default=True)


def test_each_address_has_its_columns_on_a_contact(club):
    columns = {field.name for field in Contact._meta.get_fields()}
    for one in ADDRESS_FIELDS.values():
        assert {one.name, one.key, one.hash} <= columns
        assert Contact._meta.get_field(one.name).verbose_name == one.label


def test_a_medium_reaches_its_own_address_and_a_webhook_any():
    assert [one.name for one in Medium.WHATSAPP.reaches] == ["whatsapp_id", "phone"]
    assert Medium.WEBHOOK.own is None and Medium.WEBHOOK.reaches == tuple(SENT_TO.values())
    assert all(medium.own in medium.reaches for medium in Medium if medium.own)


def test_a_whatsapp_number_is_one_address_however_it_is_typed_and_nonsense_is_none(club):
    contact = Contact(organization=club, whatsapp_id="+34 600 000 001")
    contact.clean()
    assert contact.whatsapp_id == "34600000001" == typed_with_key("whatsapp", "+34 600-000-001")[1]
    contact.whatsapp_id = "joe@example.com"
    with pytest.raises(ValidationError, match="is not a WhatsApp id"):
        contact.clean()


def test_a_channel_sends_to_the_address_of_its_medium_unless_it_says_another(texts):
    assert (texts.medium, texts.contact_field) == ("sms", "phone")
    texts.address_field = "whatsapp_id"
    assert texts.contact_field == "whatsapp_id"


def test_a_webhook_has_to_say_which_address_it_sends_to(club, providers):
    hook = Channel(organization=club, name="Hook", kind="hooks")
    with pytest.raises(ValidationError, match="Choose which address"):
        hook.clean()


def test_each_medium_has_a_default_of_its_own(club, mail, texts):
    assert club.default_channel("email") == mail
    assert club.default_channel("sms") == texts
    assert club.default_channel("whatsapp") is None


def test_a_medium_has_one_default(mail, club):
    console = Channel(organization=club, name="Console", kind="console", is_default=True)
    console.clean()
    with pytest.raises(ValidationError, match="of this medium is the default already"):
        console.validate_constraints()


def test_the_console_is_a_default_only_where_somebody_says_so(club):
    console = Channel.objects.create(organization=club, name="Console", kind="console")
    assert club.default_channel("email") is None
    Channel.objects.filter(pk=console.pk).update(is_default=True)
    assert club.default_channel("email") == console


def test_why_nothing_can_leave_is_said_the_same_way_everywhere(club):
    with pytest.raises(NotReady, match="There is no SMS channel to send through"):
        club.channel_for("sms")
    joe = make_contact(club, "joe@example.com")
    with pytest.raises(NotReady) as refused:
        club.channel_for("email")
    assert confirming.why_not(joe) == str(refused.value)


def test_a_message_of_a_template_leaves_by_the_default_of_its_medium(club, mail, texts):
    template = Template.objects.create(organization=club, name="Text", medium="sms")
    message = Message(broadcast=make_broadcast(mail), template=template)
    assert message.medium == "sms"
    assert expansion.channel_for(message) == texts


def test_mediums_are_called_by_their_names_within_a_sentence():
    assert [consenting.medium_name(medium, "en") for medium in Medium] == ["e-mail", "SMS", "WhatsApp", "webhook"]
    assert consenting.medium_name("email", "es") == "correo electrónico"
