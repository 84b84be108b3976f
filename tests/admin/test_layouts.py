"""The pages of layouts."""

import json

import pytest
from django.urls import reverse

from broadcasts.designing import gallery
from broadcasts.models import AuditEntry, Layout, Template

from .conftest import sign_in

ADD = reverse("admin:broadcasts_layout_add")
LIST = reverse("admin:broadcasts_layout_changelist")
PREVIEW = reverse("admin:broadcasts_layout_preview")
FIRST = reverse("admin:broadcasts_layout_first")
HEADER = [{"type": "heading", "text": "Swimming Club", "level": 1}]


@pytest.fixture
def writer(author):
    return sign_in(author.user)


@pytest.fixture
def layout(club):
    return Layout.objects.create(organization=club, name="Blue", header=HEADER, style={"link": "#0b57d0"})


def form(club, **fields):
    parts = {"header": HEADER, "footer": [{"type": "footer"}], "style": {"button": "#123456"}}
    written = {name: json.dumps(fields.pop(name, value)) for name, value in parts.items()}
    return {"organization": club.pk, "name": "Blue", **written, **fields}


def change(layout):
    return reverse("admin:broadcasts_layout_change", args=[layout.pk])


def test_a_layout_is_added_and_noted(writer, author, club):
    answer = writer.post(ADD, form(club))
    layout = Layout.objects.get()
    assert answer.status_code == 302 and (layout.header, layout.style) == (HEADER, {"button": "#123456"})
    assert AuditEntry.objects.get(model="layout").user == author.user


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"header": [{"type": "heading"}]}, "header[0].text"),
        ({"footer": [{"type": "button", "text": "Go", "href": "javascript:alert(1)"}]}, "footer[0].href"),
        ({"header": [{"type": "text", "html": "<p>{{ contact.name</p>"}]}, "header[0].html"),
        ({"header": [{"type": "text", "html": "<p>{{ contact.name | shout }}</p>"}]}, "header[0].html"),
        ({"style": {"link": "red"}}, "style.link"),
        ({"style": {"margin": 3}}, "style.margin"),
        ({"style": []}, "Give an object"),
    ],
)
def test_a_wrong_layout_is_refused_at_its_field(writer, club, fields, words):
    answer = writer.post(ADD, form(club, **fields))
    errors = answer.context["adminform"].form.errors
    assert words in errors.as_text() and list(errors) == [next(iter(fields))]
    assert not Layout.objects.exists()


def test_two_layouts_of_an_organization_have_two_names(writer, club, layout):
    answer = writer.post(ADD, form(club, name="BLUE"))
    assert "There is a layout of this name already." in answer.content.decode()


def test_the_form_is_shown_around_a_sample_before_it_is_saved(writer, club):
    answer = writer.post(PREVIEW, form(club, scheme="dark"))
    page = answer.content.decode()
    assert "Swimming Club" in page and "#123456" in page and "@media all" in page
    assert answer["Content-Security-Policy"].startswith("sandbox;") and not Layout.objects.exists()


def test_what_is_wrong_with_the_form_is_said_in_the_preview(writer, club):
    page = writer.post(PREVIEW, form(club, style={"link": "<b>red"})).content.decode()
    assert "style.link: Give a colour" in page
    page = writer.post(PREVIEW, {**form(club), "header": "[{"}).content.decode()
    assert "This is not valid JSON" in page


def test_a_stored_layout_is_shown_around_a_sample(writer, layout):
    assert "#0b57d0" in writer.get(PREVIEW, {"layout": layout.pk}).content.decode()


def test_a_first_layout_is_made_in_one_click(writer, club):
    assert writer.get(LIST).content.decode().count('name="palette"') == 10
    answer = writer.post(FIRST, {"palette": "offer"})
    layout = Layout.objects.get()
    assert answer.url == change(layout)
    assert (layout.name, layout.style) == ("Swimming Club", gallery.listed()["offer"].style)


def test_the_first_layout_is_the_default_if_its_maker_chooses_that(author, admin, club):
    for member, is_default in ((author, False), (admin, True)):
        sign_in(member.user).post(FIRST, {"palette": "offer"})
        club.refresh_from_db()
        assert (club.default_layout is not None) == is_default


def test_who_manages_the_organization_chooses_its_default(author, admin, club, layout):
    for member, is_chosen in ((author, False), (admin, True)):
        sign_in(member.user).post(change(layout), form(club, is_default="on"))
        club.refresh_from_db()
        assert (club.default_layout == layout) is is_chosen
    sign_in(admin.user).post(change(layout), form(club))
    club.refresh_from_db()
    assert club.default_layout is None


def test_a_layout_in_use_is_not_deleted(writer, club, layout):
    template = Template.objects.create(organization=club, name="News", layout=layout)
    delete = reverse("admin:broadcasts_layout_delete", args=[layout.pk])
    assert "Template: News" in writer.get(delete).content.decode()
    writer.post(delete, {"post": "yes"})
    assert Layout.objects.filter(pk=layout.pk).exists()
    template.delete()
    writer.post(delete, {"post": "yes"})
    assert not Layout.objects.filter(pk=layout.pk).exists()


def test_the_list_says_what_uses_a_layout_and_which_is_the_default(writer, club, layout):
    Template.objects.create(organization=club, name="News", layout=layout)
    club.default_layout = layout
    club.save()
    page = writer.get(LIST).content.decode()
    assert "News" in page and "icon-yes" in page


def test_layouts_of_others_are_not_seen_nor_made(writer, viewer, elsewhere):
    theirs = Layout.objects.create(organization=elsewhere, name="Secret")
    assert "Secret" not in writer.get(LIST).content.decode()
    assert writer.post(FIRST, {"palette": "offer", "organization": elsewhere.pk}).status_code == 403
    assert "Secret" not in writer.get(PREVIEW, {"layout": theirs.pk}).content.decode()
    assert sign_in(viewer.user).post(FIRST, {"palette": "offer"}).status_code == 403
    assert Layout.objects.count() == 1


def test_an_unknown_palette_is_not_found(writer, club):
    assert writer.post(FIRST, {"palette": "nothing"}).status_code == 404
    assert writer.get(FIRST).status_code == 405
