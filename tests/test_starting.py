"""Beginning with a design, a template or an earlier broadcast."""

import pytest

from broadcasts import starting
from broadcasts.designing import gallery
from broadcasts.models import AuditEntry, Layout, Media, Template, User

NEWSLETTER = gallery.listed()["newsletter"]


@pytest.fixture
def author(db):
    return User.objects.create_user("author@club.example", "swordfish")


def test_a_design_becomes_a_template_in_the_organizations_languages(club, author):
    template = starting.add_template(NEWSLETTER, club, by=author)
    english, spanish = template.translations.all()
    assert (english.language, english.subject) == ("en", "What’s new this month")
    assert (spanish.language, spanish.format) == ("es", "blocks")
    assert "Las novedades de este mes" in spanish.html and template.layout.style == NEWSLETTER.style
    acts = AuditEntry.objects.for_organization(club).values_list("model", "act", "user")
    assert set(acts) == {("template", "create", author.pk), ("layout", "create", author.pk)}


def test_a_design_without_the_organizations_language_speaks_english(club):
    club.languages = ["fr"]
    assert [one.language for one in starting.add_template(NEWSLETTER, club).translations.all()] == ["en"]


def test_a_regional_language_gets_the_words_of_its_language(club):
    club.languages = ["es-MX"]
    [content] = starting.contents(NEWSLETTER, club).items()
    assert (content[0], content[1]["subject"]) == ("es-MX", "Las novedades de este mes")


def test_the_pictures_of_a_design_become_files_of_the_organization_once(club, elsewhere):
    first = starting.add_template(NEWSLETTER, club).translations.first()
    starting.add_template(NEWSLETTER, club)
    starting.add_template(NEWSLETTER, elsewhere)
    files = Media.objects.for_organization(club)
    assert sorted(files.values_list("filename", flat=True)) == ["book.png", "hills.png", "people.png"]
    hills = files.get(filename="hills.png")
    assert hills.alternative_text == "Hills around a lake at sunrise"
    assert first.blocks[0]["media"] == str(hills.uuid) and hills.address in first.html


def test_a_design_used_again_gets_another_name_and_the_same_layout(club):
    names = [starting.add_template(NEWSLETTER, club).name for _ in range(3)]
    assert names == ["Newsletter", "Newsletter 2", "Newsletter 3"]
    assert Layout.objects.for_organization(club).count() == 1


def test_a_layout_that_was_changed_since_is_left_alone(club):
    layout = starting.add_layout(NEWSLETTER, club)
    layout.style["link"] = "#123456"
    layout.save()
    assert starting.add_layout(NEWSLETTER, club).name == "Newsletter 2"
    layout.refresh_from_db()
    assert layout.style["link"] == "#123456"


def test_a_template_may_stand_in_the_organizations_own_layout(club):
    layout = Layout.objects.create(organization=club, name="Ours", style={"button": "#123456"})
    template = starting.add_template(NEWSLETTER, club, layout=layout)
    assert template.layout == layout and Layout.objects.count() == 1
    assert "#123456" in template.translations.first().html


def test_the_first_layout_has_the_organizations_name_and_becomes_its_default(club):
    layout = starting.first_layout(NEWSLETTER, club)
    starting.first_layout(gallery.listed()["offer"], club)
    club.refresh_from_db()
    assert (layout.name, club.default_layout) == ("Swimming Club", layout)
    assert "Swimming Club" in layout.header[0]["html"]
    assert sorted(club.layouts.values_list("name", flat=True)) == ["Swimming Club", "Swimming Club 2"]


def test_a_broadcast_is_started_from_a_design_without_a_template(mail, author):
    club = mail.organization
    broadcast = starting.broadcast_of_design(NEWSLETTER, club, by=author)
    message = broadcast.first_message()
    assert (broadcast.status, broadcast.author, message.template) == ("DRAFT", author, None)
    assert message.layout.name == "Newsletter" and "What’s new this month" in message.translation("en").html
    assert not Template.objects.exists()


def test_a_broadcast_is_started_from_a_template_with_its_layout_and_blocks(mail):
    template = starting.add_template(NEWSLETTER, mail.organization)
    message = starting.broadcast_of_template(template).first_message()
    assert (message.template, message.layout) == (template, template.layout)
    assert message.translation("es").blocks == template.translations.get(language="es").blocks
    assert message.translation("es").html
