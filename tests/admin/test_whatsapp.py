"""WhatsApp in the admin: the channel's form, the templates, their parameters and the bubble."""

import pytest
from django.urls import reverse

from broadcasts import drafting, syncing
from broadcasts.models import Broadcast, Channel, Template
from tests.api.conftest import client_of
from tests.cloud_api import CloudApi, template
from tests.make import make_contact

from .test_broadcast_form import form


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
    header = {"type": "HEADER", "format": "DOCUMENT"}
    buttons = {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "text": "Copy"}]}
    footer = {"type": "FOOTER", "text": "Reply STOP to stop"}
    cloud.templates.append(template("offer", "en", header, {"type": "BODY", "text": "Hi {{1}}"}, footer, buttons))
    syncing.sync(channel)
    return Template.objects.get()


@pytest.fixture
def page(client, admin):
    client.force_login(admin.user)

    def page(name, *args, **query):
        response = client.get(reverse(f"admin:broadcasts_{name}", args=args), query)
        assert response.status_code == 200
        return response.content.decode()

    return page


def test_the_form_of_a_channel_shows_no_secret_and_offers_to_sync(page, channel):
    html = page("channel_change", channel.pk)
    assert "EAAtoken" not in html
    assert 'value="sync"' in html
    assert "https://" not in channel.settings["api_url"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("access_token", "Bearer EAAtoken", "no spaces, and no word Bearer"),
        ("phone_number_id", "+34 600 111 222", "This is an id"),
        ("api_url", "http://10.0.0.1/v23.0", "leads to a private network"),
        ("api_url", "https://x.example:99999/", "give one such as https://graph.facebook.com/v23.0"),
        ("api_url", "https://a b.example/", "give one such as https://graph.facebook.com/v23.0"),
        ("api_url", "https://x.example/v1?a=1", "cannot have a part after ?"),
    ],
)
def test_a_wrong_setting_of_a_number_is_told_at_its_field(client, page, channel, field, value, words):
    html = page("channel_change", channel.pk)
    assert f"setting_{field}" in html
    given = {f"setting_{name}": text for name, text in {**channel.settings, field: value}.items() if text}
    data = {"kind": "whatsapp", "name": "WhatsApp", "domain_rates": "{}", "ramp": "{}", **given}
    response = client.post(reverse("admin:broadcasts_channel_change", args=[channel.pk]), data)
    assert words in str(response.context["adminform"].form.errors[f"setting_{field}"])


def test_the_button_of_a_channel_syncs_it(client, page, admin, channel, cloud):
    cloud.templates.append(template("offer", "en"))
    page("template_changelist")
    response = client.post(reverse("admin:broadcasts_template_sync"), follow=True)
    assert "Templates: 1. Languages: 1 (new or changed: 1" in response.content.decode()
    assert "approved: en" in response.content.decode()


def test_a_failed_sync_says_why(client, page, channel):
    Channel.objects.update(secrets={"access_token": "old"})
    response = client.post(reverse("admin:broadcasts_template_sync"), follow=True)
    assert "access token is wrong, has expired" in response.content.decode()


def test_a_viewer_neither_sees_nor_uses_the_button(client, viewer, channel):
    client.force_login(viewer.user)
    assert "Sync templates" not in client.get(reverse("admin:broadcasts_template_changelist")).content.decode()
    assert client.post(reverse("admin:broadcasts_template_sync")).status_code == 404


def test_a_stored_template_tells_what_it_takes_and_cannot_be_written(page, offer):
    html = page("template_change", offer.pk)
    assert "header: document; body: 1; button 0: copy code “Copy”" in html
    assert 'name="name"' not in html


def test_a_broadcast_has_a_field_for_parameters_only_where_a_template_takes_some(page, channel, offer, mail):
    values = {"send_to_all": True, "base_language": "en", "messages": [{"template": offer}]}
    by_whatsapp = drafting.save(Broadcast(organization=channel.organization), values)
    by_mail = drafting.save(Broadcast(organization=channel.organization), {"subject": "Hi", "body": "Hello"})
    assert "translations-0-parameters" in page("broadcast_change", by_whatsapp.pk)
    assert "translations-0-parameters" not in page("broadcast_change", by_mail.pk)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ('{"body": [\n "Joe" "Ann"]}', "This is not valid JSON: line 2, column 8"),
        ('{"body": ["a", "b"]}', "parameters[body]: The template has 1 parameter; given: 2."),
        ('{"body": ["{{ contact.nme }}"]}', "parameters[body][0]: line 1: contact.nme is not known; did you mean"),
        ('{"header": {"image": {"link": "https://x.example"}}}', "The header of the template is of kind document."),
        (
            '{"body": [{"currency": {"fallback_value": "€ 20", "code": "euro", "amount_1000": 20000}}]}',
            "parameters[body][0][currency][code]: Use the three letters of ISO 4217, such as EUR.",
        ),
    ],
)
def test_what_is_wrong_with_parameters_is_told_at_their_field(client, page, club, channel, offer, parameters, words):
    values = {"send_to_all": True, "base_language": "en", "messages": [{"template": offer}]}
    broadcast = drafting.save(Broadcast(organization=club), values)
    page("broadcast_change", broadcast.pk)
    data = form(club, channel=channel.pk, template=offer.pk) | {"translations-0-subject": "", "translations-0-text": ""}
    url = reverse("admin:broadcasts_broadcast_change", args=[broadcast.pk])
    response = client.post(url, data | {"translations-0-parameters": parameters})
    [content] = response.context["inline_admin_formsets"]
    assert words in str(content.formset.forms[0].errors["parameters"])
    assert not response.context["adminform"].form.errors


def test_the_preview_is_a_bubble_with_the_values_of_a_person(page, club, channel, offer):
    parameters = {
        "header": {"document": {"link": "https://x.example/menu.pdf", "filename": "Menu.pdf"}},
        "body": ["{{ contact.full_name }}"],
        "buttons": [{"code": "SAVE10"}],
    }
    values = {"send_to_all": True, "base_language": "en", "messages": [{"template": offer, "parameters": parameters}]}
    broadcast = drafting.save(Broadcast(organization=club), values)
    joe = make_contact(club, full_name="Joe <b>", whatsapp_id="34600111222")
    html = page("broadcast_preview", broadcast.pk, contact=joe.pk)
    for words in ("Hi Joe &lt;b&gt;", "Document: Menu.pdf", "Reply STOP to stop", "SAVE10"):
        assert words in html
    assert "style=" not in html.partition('class="chat"')[2].partition("</main>")[0]


def test_the_callback_address_is_changed_after_a_confirmation(client, page, channel):
    old = channel.callback_url
    assert "works for 7 more days" in page("channel_rotate", channel.pk)
    response = client.post(reverse("admin:broadcasts_channel_rotate", args=[channel.pk]), {"serial": 0, "old": "keep"})
    assert response.status_code == 302
    channel.refresh_from_db()
    assert channel.callback_url != old and channel.callback_kept_until
    assert "the one before it works until" in page("channel_change", channel.pk)


def test_the_api_previews_the_bubble_of_the_admin(page, admin, club, channel, offer):
    parameters = {"header": {"document": {"link": "https://x.example/m.pdf"}}, "body": ["{{ contact.full_name }}"]}
    parameters["buttons"] = [{"code": "SAVE10"}]
    values = {"send_to_all": True, "base_language": "en", "messages": [{"template": offer, "parameters": parameters}]}
    broadcast = drafting.save(Broadcast(organization=club), values)
    joe = make_contact(club, full_name="Joe", whatsapp_id="34600111222")
    url = f"/api/broadcast-messages/{broadcast.uuid}/preview/"
    bubble = client_of(admin).post(url, {"contact": str(joe.uuid)}).json()["bubble"]
    assert (bubble["kind"], bubble["link"], bubble["body"]) == ("document", "https://x.example/m.pdf", "Hi Joe")
    assert bubble["buttons"] == [{"text": "Copy", "value": "SAVE10"}]
    assert bubble["body"] in page("broadcast_preview", broadcast.pk, contact=joe.pk)
