"""Languages are chosen by name wherever staff choose one."""

import pytest

from broadcasts.admin.language_field import LanguageField, LanguagesField
from broadcasts.models import Contact, Organization
from tests.make import make_contact

from .conftest import sign_in

CONTACT = "/admin/broadcasts/contact/add/"


@pytest.mark.parametrize(
    ("typed", "tag"), [("Spanish · español", "es"), ("portuguese (brazil)", "pt-BR"), ("es-PA", "es-PA"), ("", "")]
)
def test_a_field_takes_a_name_or_any_tag(typed, tag):
    assert LanguageField(required=False).clean(typed) == tag


def test_a_field_offers_every_language_of_the_list_and_shows_its_names():
    shown = LanguageField().widget.render("language", "es", {"id": "id_language"})
    assert 'value="Spanish · español"' in shown and 'list="id_language_languages"' in shown
    assert '<datalist id="id_language_languages">' in shown
    assert '<option value="Portuguese (Brazil) · português (Brasil)"></option>' in shown


def test_several_languages_keep_their_order_and_stand_once():
    assert LanguagesField().clean(["Spanish", "", "en", "español"]) == ["es", "en"]


def test_a_contact_is_given_a_language_by_its_name(author, club):
    client = sign_in(author.user)
    page = client.get(CONTACT).content.decode()
    assert '<option value="French · français">' in page
    data = {"organization": club.pk, "full_name": "Ann", "status": "active", "attributes": "{}"}
    client.post(CONTACT, data | {"language": "French · français"})
    assert Contact.objects.get().language == "fr"


def test_what_is_no_language_is_told_at_the_field(author, club):
    data = {"organization": club.pk, "full_name": "Ann", "status": "active", "attributes": "{}", "language": "Klingon!"}
    answer = sign_in(author.user).post(CONTACT, data)
    assert "is not a language" in answer.content.decode()
    assert not Contact.objects.exists()


def test_contacts_are_filtered_by_names_of_languages(viewer, club):
    make_contact(club, language="es")
    page = sign_in(viewer.user).get("/admin/broadcasts/contact/").content.decode()
    assert '<a href="?language=es">' in page and "Spanish" in page


def test_the_languages_of_an_organization_are_lines(admin, club):
    client = sign_in(admin.user)
    page = client.get(f"/admin/broadcasts/organization/{club.pk}/change/").content.decode()
    assert page.index('value="English"') < page.index('value="Spanish · español"')
    assert Organization.objects.get().languages == ["en", "es"]
