"""Broadcasts by WhatsApp: templates in several languages, texts to who wrote lately, and what stops them."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db.models import ProtectedError
from django.utils import timezone

from broadcasts import audience, drafting, explaining, rendering, sending, syncing
from broadcasts.audience import Audience
from broadcasts.exceptions import EmptyAudience, InvalidInput
from broadcasts.models import Attribute, Broadcast, Channel, Contact, Delivery, Inbound, Media, Suppression, Template
from broadcasts.sending import rate
from broadcasts.transports import TemplateNews
from tests.cloud_api import CloudApi, error, template
from tests.make import make_contact

from . import steps

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20
HEADER = {"type": "HEADER", "format": "IMAGE"}
BODY = {"type": "BODY", "text": "Hello {{1}}, see you on {{2}}"}
BUTTONS = {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Map", "url": "https://x.example/{{1}}"}]}
PARAMETERS = {
    "header": {"image": {"link": "https://x.example/pool.png"}},
    "body": ["{{ contact.full_name }}", "Monday"],
    "buttons": [{"url": "{{ contact.attributes.club }}"}],
}


def price(**changes):
    return {
        "currency": {"fallback_value": "€ {{ contact.attributes.due }}", "code": "EUR", "amount_1000": 1, **changes}
    }


@pytest.fixture
def cloud():
    with CloudApi() as cloud:
        yield cloud


@pytest.fixture
def channel(club, cloud):
    made = Channel(organization=club, name="WhatsApp", kind="whatsapp")
    made.configure(cloud.settings)
    made.save()
    return made


@pytest.fixture
def offer(channel, cloud):
    """A template in two languages, as a sync finds it."""
    cloud.templates.extend(template("offer", language, HEADER, BODY, BUTTONS) for language in ("en", "es_ES"))
    syncing.sync(channel)
    Attribute.register(channel.organization, {"club": "c1", "due": 1.5})
    return Template.objects.get(name="offer")


def person(club, n, **fields):
    return make_contact(club, whatsapp_id=f"3460000000{n}", attributes={"club": f"c{n}"}, **fields)


def draft(channel, **message):
    values = {"send_to_all": True, "base_language": "en", "messages": [{"channel": channel, **message}]}
    return drafting.save(Broadcast(organization=channel.organization), values)


def free_text(channel, **fields):
    return draft(channel, translations={"en": {"text": "Hello {{ contact.full_name }}"}, **fields})


def has_written(channel, contact, ago=timedelta(hours=1)):
    at = timezone.now() - ago
    row = Inbound.objects.create(organization=channel.organization, channel=channel, contact=contact, at=at)
    Inbound.objects.filter(pk=row.pk).update(created=at)


def test_each_gets_the_template_in_their_language_with_their_own_values(club, channel, cloud, offer):
    person(club, 1, full_name="Joe", language="en")
    person(club, 2, full_name="Ana", language="es")
    broadcast = steps.send(draft(channel, template=offer, parameters=PARAMETERS))
    assert steps.log(broadcast) == {"sent": 2}
    told = {body["to"]: body["template"] for body in cloud.bodies}
    assert {to: one["language"]["code"] for to, one in told.items()} == {"34600000001": "en", "34600000002": "es_ES"}
    header, body, button = told["34600000002"]["components"]
    assert header["parameters"] == [{"type": "image", "image": PARAMETERS["header"]["image"]}]
    assert [one["text"] for one in body["parameters"]] == ["Ana", "Monday"]
    assert button["parameters"] == [{"type": "text", "text": "c2"}]


def test_an_amount_is_computed_for_each_and_a_wrong_one_fails_that_copy_alone(club, channel, cloud, offer):
    for n, due in ((1, 19.99), (2, 0.0005)):
        made = person(club, n, language="en")
        Contact.objects.filter(pk=made.pk).update(attributes={"club": "c", "due": due})
    amount = price(amount_1000="{{ contact.attributes.due | times: 1000 }}")
    broadcast = steps.send(draft(channel, template=offer, parameters=PARAMETERS | {"body": [amount, "Monday"]}))
    [sent] = cloud.bodies
    told = {"fallback_value": "€ 19.99", "code": "EUR", "amount_1000": 19990}
    assert sent["template"]["components"][1]["parameters"][0] == {"type": "currency", "currency": told}
    assert steps.log(broadcast) == {"sent": 1, "failed": 1}
    assert "parameters[body][0][currency][amount_1000] is “0.5”" in Delivery.objects.get(status="failed").error


def test_a_language_has_parameters_of_its_own(club, channel, cloud, offer):
    person(club, 2, language="es")
    translations = {"en": {}, "es": {"parameters": {"body": ["Ana", "lunes"]}}}
    translations = {"en": translations["en"], "es-ES": translations["es"]}
    steps.send(draft(channel, template=offer, parameters=PARAMETERS, translations=translations))
    [sent] = cloud.bodies
    assert sent["template"]["language"] == {"code": "es_ES"}
    assert sent["template"]["components"][1]["parameters"][1]["text"] == "lunes"


def test_an_uploaded_file_is_sent_as_an_address_that_serves_it_and_expires(
    club, channel, cloud, offer, client, settings, monkeypatch
):
    media = Media(organization=club, file=ContentFile(PNG, "pool.png"))
    media.save()
    person(club, 1, language="en")
    parameters = PARAMETERS | {"header": {"image": {"media": str(media.uuid)}}}
    steps.send(draft(channel, template=offer, parameters=parameters))
    link = cloud.bodies[0]["template"]["components"][0]["parameters"][0]["image"]["link"]
    path = link.removeprefix(settings.BASE_URL)
    response = client.get(path)
    assert (response.status_code, b"".join(response.streaming_content)) == (200, PNG)
    later = timezone.now() + timedelta(days=5)
    monkeypatch.setattr("broadcasts.links.timezone.now", lambda: later)
    assert client.get(path).status_code == 404


def test_a_file_of_another_kind_than_its_header_is_refused(club, channel, offer):
    media = Media(organization=club, file=ContentFile(b"%PDF-1.7 ", "menu.pdf"))
    media.save()
    parameters = {"header": {"image": {"media": str(media.uuid)}}}
    with pytest.raises(InvalidInput, match="is of the type application/pdf, no image"):
        draft(channel, template=offer, parameters=parameters)


@pytest.mark.parametrize(
    ("size", "words"),
    [(5_000_001, "has 6 MB; WhatsApp takes 5 MB at most here."), (5_000_000, "")],
)
def test_a_file_larger_than_whatsapp_takes_is_refused_where_it_is_chosen(club, channel, offer, size, words):
    media = Media(organization=club, file=ContentFile(PNG, "pool.png"))
    media.save()
    Media.objects.update(size=size)
    told = []
    for fields in (
        {"template": offer, "parameters": {"header": {"image": {"media": str(media.uuid)}}}},
        {"translations": {"en": {"text": "Hello", "attachments": [{"media": str(media.uuid)}]}}},
    ):
        try:
            draft(channel, **fields)
        except InvalidInput as error:
            told.append(str(error))
    assert [words in one for one in told] == ([True, True] if words else [])


def test_a_picture_of_a_type_that_whatsapp_does_not_show_is_refused(club, channel, offer):
    media = Media(organization=club, file=ContentFile(b"GIF89a" + b"0" * 20, "pool.gif"))
    media.save()
    with pytest.raises(InvalidInput, match="WhatsApp takes JPEG and PNG here"):
        draft(channel, template=offer, parameters={"header": {"image": {"media": str(media.uuid)}}})


def test_a_file_that_a_parameter_names_is_kept(club, channel, offer):
    media = Media(organization=club, file=ContentFile(PNG, "pool.png"))
    media.save()
    draft(channel, template=offer, parameters={"header": {"image": {"media": str(media.uuid)}}})
    with pytest.raises(ProtectedError):
        media.delete()


def test_an_address_of_a_file_that_was_made_up_serves_nothing(db, client):
    assert client.get("/f/AAAAAAAAAAAAAAAA/").status_code == 404


# Drafts


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"body": "Ana"}, "parameters[body]: Expected a list of texts"),
        ({"body": [["Ana"]]}, "parameters[body][0]: Expected a text"),
        (
            {"body": [{"money": {}}]},
            "parameters[body][0]: Expected a text, or an object with one of currency, date_time",
        ),
        ({"body": [{"type": "text", **price()}]}, "parameters[body][0]: Expected a text, or an object"),
        ({"body": [price(code="euro")]}, "[body][0][currency][code]: Use the three letters of ISO 4217, such as EUR"),
        ({"body": [price(amount_1000=19.99)]}, "[amount_1000]: Expected the amount times 1,000 as a whole number"),
        ({"body": [price(amount_1000=True)]}, "[amount_1000]: Expected the amount times 1,000 as a whole number"),
        ({"body": [price(fallback_value=" ")]}, "[body][0][currency][fallback_value]: Give what the person reads"),
        (
            {"body": [price(unit="cent")]},
            "[body][0][currency]: Expected an object with fallback_value, code, amount_1000",
        ),
        ({"body": [{"date_time": {"day": 1}}]}, "[body][0][date_time]: Expected an object with fallback_value."),
        ({"bodies": []}, "parameters[bodies]: Unknown; accepted: header, body, buttons, location, flow"),
        ({"header": {"image": {"link": "http://x.example"}}}, "[link]: Give an address that begins with https://"),
        ({"header": {"image": {"media": "7b1"}}}, "[media]: There is no media file 7b1"),
        ({"header": {"video": {"link": "https://x"}}}, "[video]: The header of the template is of kind image"),
        ({"body": ["a", "b", "c"]}, "parameters[body]: The template has 2 parameters; given: 3"),
        ({"body": {"day": "Monday"}}, "parameters[body]: The template counts its parameters; give a list of 2"),
        (
            {"buttons": [{"index": 1, "url": "x"}]},
            "[buttons][0]: The template has no button at index 1",
        ),
        ({"buttons": [{"code": "x"}]}, "[buttons][0]: The button at index 0 of the template is of kind url"),
        ({"location": {"latitude": 91, "longitude": 0}}, "[latitude]: Expected a number from -90 to 90"),
        ({"flow": {"index": 12}}, "parameters[flow][index]: Expected a number from 0 to 9"),
    ],
)
def test_a_draft_names_each_parameter_that_is_wrong(channel, offer, parameters, words):
    with pytest.raises(InvalidInput) as caught:
        draft(channel, template=offer, translations={"en": {}}, parameters=parameters)
    assert words in caught.value.errors["messages"]
    assert "0.translations.en." in caught.value.errors["messages"]


def test_a_draft_may_lack_parameters_and_scheduling_names_them(channel, offer):
    broadcast = draft(channel, template=offer, parameters={"body": ["Ana"]})
    with pytest.raises(InvalidInput) as caught:
        sending.send(broadcast)
    told = caught.value.errors["messages"]
    assert "0.translations.en.parameters[header][image]: The template needs it for its header." in told
    assert "0.translations.en.parameters[body]: The template needs 2 parameters; given: 1." in told
    assert "parameters[buttons]: The button at index 0 (“Map”) needs its url." in told


def test_a_language_that_the_template_lacks_is_named(channel, offer):
    translations = {"en": {}, "fr": {}}
    broadcast = draft(channel, template=offer, parameters=PARAMETERS, translations=translations)
    with pytest.raises(InvalidInput, match="has no such language; it has en, es-ES"):
        sending.send(broadcast)


def test_a_template_that_is_not_approved_or_removed_keeps_its_drafts_and_is_not_sent(channel, cloud, offer):
    broadcast = draft(channel, template=offer, parameters=PARAMETERS)
    cloud.templates[:] = [template("offer", "en", HEADER, BODY, BUTTONS, status="REJECTED", rejected_reason="SCAM")]
    syncing.sync(channel)
    drafting.save(broadcast, {"name": "New name"})
    with pytest.raises(InvalidInput) as caught:
        sending.send(broadcast)
    assert "its status is REJECTED (SCAM)" in caught.value.errors["messages"]
    assert "translations.es-ES: The provider does not have it any more" in caught.value.errors["messages"]


def test_a_template_without_any_approved_language_sends_no_blank(channel, cloud):
    cloud.templates.append(template("offer", "en", status="PENDING"))
    syncing.sync(channel)
    broadcast = draft(channel, template=Template.objects.get())
    with pytest.raises(InvalidInput, match="has no language that is approved"):
        sending.send(broadcast)


def test_a_template_of_another_channel_is_refused(club, channel, offer, mail):
    with pytest.raises(InvalidInput, match="is one of the channel “WhatsApp”"):
        sending.send(draft(mail, template=offer, translations={"en": {"text": "Hi"}}))


# Without a template


def test_a_text_goes_to_who_wrote_within_24_hours_and_the_others_are_left_out(club, channel, cloud):
    wrote, silent, long_ago = (person(club, n) for n in (1, 2, 3))
    has_written(channel, wrote)
    has_written(channel, long_ago, timedelta(hours=25))
    broadcast = free_text(channel)
    foretold = audience.estimate(Audience.of(broadcast), audience.routes_of(broadcast))
    assert (foretold.will_receive, foretold.skipped) == (1, {"no_template": 2})
    steps.send(broadcast)
    assert cloud.received == ["34600000001"]
    reasons = dict(Delivery.objects.values_list("contact", "reason"))
    assert reasons == {wrote.pk: "", silent.pk: "no_template", long_ago.pk: "no_template"}
    assert "have not written" in explaining.explain(silent, broadcast).sentence


def test_a_reply_to_another_channel_does_not_count(club, channel, mail):
    has_written(mail, person(club, 1))
    with pytest.raises(EmptyAudience, match="no_template 1"):
        sending.send(free_text(channel))


def test_who_wrote_too_long_ago_when_the_copy_is_sent_is_left_out(club, channel, cloud):
    wrote = person(club, 1)
    has_written(channel, wrote)
    broadcast = steps.start(free_text(channel))
    Inbound.objects.update(at=timezone.now() - timedelta(hours=25))
    steps.pump(broadcast)
    assert (cloud.received, Delivery.objects.get().reason) == ([], "no_template")


def test_no_translation_comes_before_no_template(club, channel):
    french = person(club, 1, language="fr")
    broadcast = free_text(channel)
    club.languages = ["de"]
    club.save()
    Broadcast.objects.filter(pk=broadcast.pk).update(base_language="de")
    broadcast = Broadcast.objects.get(pk=broadcast.pk)
    found = audience.recipients(Audience.of(broadcast), audience.routes_of(broadcast)[0]).get(pk=french.pk)
    assert found.skip_reason == "no_translation"


def test_a_template_goes_to_all(club, channel, cloud, offer):
    person(club, 1)
    assert steps.log(steps.send(draft(channel, template=offer, parameters=PARAMETERS))) == {"sent": 1}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"attachments": [{"media": "a"}, {"media": "b"}]}, "WhatsApp sends one file"),
        ({"quick_replies": ["a", "b", "c", "d"]}, "WhatsApp shows 3 replies at most"),
        ({"quick_replies": ["A reply that is too long"]}, "longer than the 20 characters"),
    ],
)
def test_content_that_whatsapp_cannot_show_is_refused_in_a_draft(channel, content, words):
    with pytest.raises(InvalidInput, match=words):
        draft(channel, translations={"en": {"text": "Hi", **content}})


# What stops a broadcast


def test_a_template_that_is_paused_stops_its_broadcast_and_none_of_the_others(club, channel, cloud, offer):
    person(club, 1)
    other = steps.start(draft(channel, template=offer, parameters=PARAMETERS))
    broadcast = draft(channel, template=offer, parameters=PARAMETERS)
    cloud.does(error(132015))
    steps.start(broadcast)
    Broadcast.objects.filter(pk=other.pk).update(status="PAUSED")
    steps.pump(broadcast)
    assert (broadcast.status, "paused the template" in broadcast.error_message) == ("PAUSED", True)
    assert Channel.objects.get(pk=channel.pk).health != Channel.Health.FAILING
    assert steps.log(broadcast) == {"pending": 1}


def test_a_token_that_expired_pauses_and_says_so(club, channel, cloud, offer):
    person(club, 1)
    cloud.does(error(190, 401))
    broadcast = steps.send(draft(channel, template=offer, parameters=PARAMETERS))
    assert broadcast.status == "PAUSED"
    assert "access token is wrong, has expired" in broadcast.error_message
    assert Channel.objects.get(pk=channel.pk).health == Channel.Health.FAILING


def test_who_stopped_marketing_is_not_sent_marketing_again(club, channel, cloud, offer):
    person(club, 1)
    cloud.does(error(131050))
    broadcast = steps.send(draft(channel, template=offer, parameters=PARAMETERS))
    assert steps.log(broadcast) == {"failed": 1}
    suppression = Suppression.objects.get()
    assert (suppression.medium, suppression.reason, suppression.use_case) == ("whatsapp", "unsubscribe", "marketing")


def test_news_that_a_template_is_paused_pauses_the_broadcasts_that_use_it(club, channel, offer):
    person(club, 1)
    broadcast = steps.start(draft(channel, template=offer, parameters=PARAMETERS))
    news = TemplateNews("offer-es_ES", "offer", "es_ES", status="PAUSED", reason="LOW_QUALITY")
    assert syncing.take_news(channel, news)
    assert not syncing.take_news(channel, news)
    broadcast.refresh_from_db()
    assert broadcast.status == "PAUSED"
    assert "“offer” (es_ES) cannot be sent" in broadcast.error_message


def test_a_channel_without_a_rate_of_its_own_has_that_of_its_kind(channel, mail):
    assert (channel.top_rate, rate.window_limit(channel, 1), mail.top_rate) == (80, 80, None)
    channel.rate = 200
    assert rate.window_limit(channel, 1) == 200


def test_a_channel_goes_with_its_stored_templates_unless_a_message_uses_one(channel, offer):
    broadcast = draft(channel, template=offer, parameters=PARAMETERS)
    with pytest.raises(ProtectedError):
        channel.delete()
    broadcast.delete()
    channel.delete()
    assert not Template.objects.exists()


# The bubble


def test_the_bubble_has_the_template_with_the_values_of_a_person(club, channel, offer):
    broadcast = draft(channel, template=offer, parameters=PARAMETERS)
    joe = person(club, 1, full_name="Joe")
    shown = rendering.bubble(broadcast.first_message(), joe, "en")
    assert (shown.kind, shown.link) == ("image", "https://x.example/pool.png")
    assert shown.body == "Hello Joe, see you on Monday"
    assert shown.buttons == [("Map", "https://x.example/c1")]


def test_the_bubble_shows_an_amount_and_a_moment_as_the_person_reads_them(club, channel, offer):
    body = [price(fallback_value="€ 20 for {{ contact.full_name }}"), {"date_time": {"fallback_value": "Monday"}}]
    broadcast = draft(channel, template=offer, parameters=PARAMETERS | {"body": body})
    shown = rendering.bubble(broadcast.first_message(), person(club, 1, full_name="Joe"), "en")
    assert shown.body == "Hello € 20 for Joe, see you on Monday"
