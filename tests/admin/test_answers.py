"""The answers to STOP, START and HELP on the organization's page."""

import pytest
from django.urls import reverse

from .conftest import sign_in
from .test_hours import settings_form, settings_page


@pytest.fixture
def spanish(club):
    club.languages = ["en", "es"]
    club.save()
    return club


def test_an_empty_answer_shows_the_words_that_are_sent(admin, spanish):
    page = sign_in(admin.user).get(settings_page(spanish)).content.decode()
    assert 'placeholder="{organization} sends you these messages. Send STOP to get no more of them."' in page
    assert 'placeholder="{organization} le envía estos mensajes. Envíe STOP para no recibirlos más."' in page


def test_answers_are_saved_by_language_and_shown_again(admin, spanish):
    client = sign_in(admin.user)
    text = "{organization}: envíe BAJA para salir."
    data = settings_form(spanish, languages=["en", "es"], answer_help_es=text)
    assert client.post(settings_page(spanish), data).status_code == 302
    spanish.refresh_from_db()
    assert spanish.answer_texts == {"help": {"es": text}}
    assert text in client.get(settings_page(spanish)).content.decode()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Send STOP to leave.", "en: The answer has to name the sender"),
        ("{organization} is our name.", "en: The answer to HELP has to say how to stop"),
        ("{organization} {phone} STOP", "“{phone}” is not a placeholder"),
        ("{organization}, {postal_address}: STOP", "has no postal address"),
        ("{organization} STOP " + "x" * 500, "takes 4 SMS segments; it may take 3"),
    ],
)
def test_what_the_law_or_the_length_forbids_is_told_beside_the_answer(admin, spanish, text, told):
    response = sign_in(admin.user).post(settings_page(spanish), settings_form(spanish, answer_help_en=text))
    [error] = response.context["adminform"].form.errors["answer_help"]
    assert told in error
    spanish.refresh_from_db()
    assert spanish.answer_texts == {}


def test_a_viewer_sees_the_answers_and_no_fields(viewer, spanish):
    spanish.answer_texts = {"help": {"en": "{organization}: STOP ends it."}}
    spanish.save()
    page = sign_in(viewer.user).get(settings_page(spanish)).content.decode()
    assert "STOP ends it." in page and "answer_help_en" not in page


def test_an_answer_is_counted_with_the_organizations_name(admin, stranger, club):
    asked = {"text": "{organization}!", "medium": "sms", "organization": club.pk}
    count = reverse("admin:sms-count")
    assert f"{len(club.name) + 1} used" in sign_in(admin.user).post(count, asked).json()["line"]
    assert "17 used" in sign_in(stranger.user).post(count, asked).json()["line"]  # braces are two septets each
