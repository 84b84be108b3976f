"""`POST /api/render/`: content that is not saved, as one contact would get it."""

import pytest

from broadcasts.models import Broadcast, Channel, Template, TemplateTranslation
from tests.make import make_contact

from .conftest import client_of

URL = "/api/render/"
EN = {
    "subject": "Hello {{ contact.first_name }}",
    "format": "blocks",
    "blocks": [{"type": "text", "html": "<p>Hi</p>"}],
}


@pytest.fixture
def ann(club):
    return make_contact(club, "ann@example.com", full_name="Ann Lee", language="en")


def render(api, content=EN, **given):
    answer = api.post(URL, {"translations": {"en": content}, **given})
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_content_is_rendered_for_a_contact_and_nothing_is_stored(api, ann):
    shown = render(api, contact=str(ann.uuid))
    assert (shown["subject"], shown["address"], shown["errors"]) == ("Hello Ann", "ann@example.com", {})
    assert "Hi" in shown["html"] and "Subject: Hello Ann" in shown["headers"]
    assert shown["contact"] == {"uuid": str(ann.uuid), "name": "Ann Lee"}
    assert not Broadcast.objects.exists()


def test_errors_are_told_by_path_and_the_rest_is_shown(api, ann):
    shown = render(api, {"subject": "Hi", "format": "blocks", "blocks": [{"type": "button", "text": "Go"}]})
    assert list(shown["errors"]) == ["blocks[0].href"]
    assert (shown["subject"], shown["html"]) == ("Hi", "")


def test_a_wrong_name_in_a_block_is_told_at_the_block(api, ann):
    shown = render(api, {"format": "blocks", "blocks": [{"type": "text", "html": "<p>{{ contact.nam }}</p>"}]})
    assert "did you mean contact.name?" in shown["errors"]["blocks[0].html"]


def test_each_channel_is_shown_in_its_way(api, club, ann):
    sms = Channel.objects.create(organization=club, name="Texts", kind="sms", from_address="Club")
    shown = render(api, {"text": "a" * 161}, channel=str(sms.uuid))
    assert (shown["sms"]["segments"], shown["channel"]["name"], shown["html"]) == (2, "Texts", "")
    phone = Channel.objects.create(organization=club, name="WhatsApp", kind="whatsapp")
    assert render(api, {"text": "Hi {{ contact.name }}"}, channel=str(phone.uuid))["bubble"]["body"] == "Hi Ann Lee"


def test_a_template_is_rendered_without_translations(api, club, ann):
    template = Template.objects.create(organization=club, name="Notice")
    TemplateTranslation.objects.create(template=template, language="en", subject="Notice to {{ contact.name }}")
    answer = api.post(URL, {"template": str(template.uuid)})
    assert answer.json()["subject"] == "Notice to Ann Lee"


def test_without_contacts_an_example_is_shown(api):
    shown = render(api)
    assert (shown["contact"], shown["subject"]) == (None, "Hello Jane")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "translations"),
        ({"translations": {}}, "translations"),
        ({"translations": {"??": {}}}, "language"),
        ({"translations": {"en": {"htlm": "x"}}}, "translations"),
        ({"translations": {"en": {}}, "contact": "x"}, "contact"),
        ({"translations": {"en": {}}, "syntax": "jinja"}, "syntax"),
        ({"translations": {"en": {}}, "colour": "red"}, "colour"),
    ],
)
def test_bad_input_is_refused(api, body, field):
    answer = api.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_rows_of_others_cannot_be_named(outsider, ann, mail):
    for name, row in (("contact", ann), ("channel", mail)):
        answer = outsider.post(URL, {"translations": {"en": EN}, name: str(row.uuid)})
        assert (answer.status_code, list(answer.json())) == (400, [name])


def test_rendering_needs_a_token_and_a_role_that_writes(client, viewer, author, ann):
    body = {"translations": {"en": EN}}
    assert client.post(URL, body, content_type="application/json").status_code == 401
    assert client_of(viewer).post(URL, body).status_code == 403
    assert client_of(author).post(URL, body).status_code == 200


def test_renderings_are_throttled(api, ann, settings):
    settings.API_THROTTLE_PER_HOUR = 1
    assert [api.post(URL, {"translations": {"en": EN}}).status_code for _ in range(2)] == [200, 429]


def test_a_rendering_takes_few_queries(api, ann, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):
        render(api, contact=str(ann.uuid))


def test_a_fixed_template_is_rendered_with_the_words_of_its_slots(api, club, ann):
    template = Template.objects.create(organization=club, name="Notice", is_fixed=True)
    blocks = [{"type": "text", "html": "<p>Default</p>", "slot": "intro"}]
    TemplateTranslation.objects.create(template=template, language="en", format="blocks", blocks=blocks)
    shown = render(api, {"slots": {"intro": "<p>My words</p>"}}, template=str(template.uuid))
    assert "My words" in shown["html"] and "Default" not in shown["html"]
    assert list(render(api, EN, template=str(template.uuid))["errors"]) == ["blocks"]
