"""The gallery of templates, and what a broadcast starts from."""

import pytest
from django.urls import reverse

from broadcasts import starting
from broadcasts.designing import gallery
from broadcasts.models import AuditEntry, Broadcast, Channel, Layout, Template, TemplateTranslation
from tests.make import make_broadcast

from .conftest import messages_of, sign_in
from .steps_of import step

GALLERY = reverse("admin:broadcasts_template_gallery")
START = reverse("admin:broadcasts_broadcast_start")
USE = reverse("admin:broadcasts_template_use")
NOTICE = gallery.listed()["notice"]


@pytest.fixture
def writer(author):
    return sign_in(author.user)


def html(client, template):
    return client.get(reverse("admin:broadcasts_template_html", args=[template.pk]))


def test_the_gallery_shows_each_design_with_its_picture_and_what_can_be_done(writer):
    page = writer.get(GALLERY).content.decode()
    assert all(f"/static/{design.picture}" in page for design in gallery.listed().values())
    assert page.count('name="add"') == page.count('name="begin"') == 10


def test_the_gallery_shows_own_templates_by_a_picture_or_their_words(writer, club):
    starting.add_template(NOTICE, club)
    short = Template.objects.create(organization=club, name="Code", medium="sms")
    TemplateTranslation.objects.create(template=short, language="en", text="Your code is 1234")
    page = writer.get(GALLERY).content.decode()
    assert page.count("<iframe") == 1 and "Your code is 1234" in page


def test_the_gallery_shows_the_words_of_a_template_that_its_provider_keeps(writer, club):
    channel = Channel.objects.create(organization=club, name="WhatsApp", kind="whatsapp")
    kept = Template.objects.create(organization=club, name="pool_opens", medium="whatsapp", channel=channel)
    structure = {
        "body": {"text": "Hello {{1}}: the pool is open"},
        "buttons": [{"type": "quick_reply", "text": "I come"}],
    }
    TemplateTranslation.objects.create(template=kept, language="en", structure=structure)
    page = writer.get(GALLERY).content.decode()
    assert "Hello {{1}}: the pool is open" in page and "I come" in page and "No words yet" not in page


def test_a_template_is_shown_alone_in_a_sandbox(writer, club):
    answer = html(writer, starting.add_template(NOTICE, club))
    assert "We are closed on Monday" in answer.content.decode()
    assert answer["Content-Security-Policy"] == "sandbox; script-src 'none'; frame-ancestors 'self'"
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(("scheme", "rule"), [("dark", "@media all"), ("light", "@media not all")])
def test_a_design_is_shown_light_or_dark_whatever_the_browser_prefers(writer, scheme, rule):
    address = reverse("admin:broadcasts_template_design_html", args=["notice"])
    page = writer.get(address, {"scheme": scheme}).content.decode()
    assert rule in page and "prefers-color-scheme" not in page
    assert "/static/broadcasts/gallery/icon-bell.png" in page


def test_a_design_is_shown_in_each_of_its_languages(writer):
    address = reverse("admin:broadcasts_template_design_html", args=["notice"])
    assert "El lunes cerramos" in writer.get(address, {"language": "es"}).content.decode()
    assert "Spanish" in writer.get(reverse("admin:broadcasts_template_design", args=["notice"])).content.decode()


def test_using_a_design_makes_a_template_and_leads_to_its_words(writer, author, club):
    answer = writer.post(USE, {"add": "notice", "organization": club.pk})
    template = Template.objects.get()
    assert answer.url == reverse("admin:broadcasts_template_content", args=[template.pk])
    assert (template.name, template.layout.name) == ("Notice", "Notice")
    assert AuditEntry.objects.filter(model="template", act="create", user=author.user).count() == 1


def test_a_design_stands_in_the_layout_that_is_chosen(writer, club):
    layout = Layout.objects.create(organization=club, name="Ours")
    writer.post(USE, {"add": "notice", "layout": layout.pk})
    assert Template.objects.get().layout == layout


@pytest.mark.parametrize("given", [{"begin": "notice"}, {"template": "own"}])
def test_a_broadcast_starts_from_a_design_or_a_template(writer, mail, given):
    template = starting.add_template(NOTICE, mail.organization)
    given = {name: template.pk if value == "own" else value for name, value in given.items()}
    answer = writer.post(USE, given, follow=True)
    broadcast = Broadcast.objects.get()
    assert "We are closed on Monday" in broadcast.first_message().translation("en").html
    assert answer.redirect_chain[-1][0] == step(broadcast, "who")  # the design fills What


def test_a_broadcast_starts_from_an_earlier_one(writer, mail):
    earlier = make_broadcast(mail, subject="May news", status="SENT")
    page = writer.get(START, {"q": "may"}).content.decode()
    assert f'name="earlier" value="{earlier.pk}"' in page
    writer.post(USE, {"earlier": earlier.pk})
    copy = Broadcast.objects.exclude(pk=earlier.pk).get()
    assert (copy.status, copy.first_message().translation("en").subject) == ("DRAFT", "May news")


def test_adding_a_broadcast_leads_to_the_page_that_asks_what_it_starts_from(writer):
    assert START in writer.get(reverse("admin:broadcasts_broadcast_changelist")).content.decode()
    page = writer.get(START).content.decode()
    assert reverse("admin:broadcasts_broadcast_begin") in page and 'name="begin"' in page and 'name="add"' not in page


def test_a_viewer_looks_and_makes_nothing(viewer, club):
    client = sign_in(viewer.user)
    page = client.get(GALLERY).content.decode()
    assert 'name="add"' not in page and 'name="begin"' not in page
    assert client.get(START).status_code == client.post(USE, {"add": "notice"}).status_code == 403
    assert not Template.objects.exists()


def test_nothing_of_another_organization_is_shown_or_used(writer, mail, elsewhere):
    theirs = starting.add_template(NOTICE, elsewhere)
    earlier = Broadcast.objects.create(organization=elsewhere, name="Secret plan")
    assert html(writer, theirs).status_code in (302, 404)
    assert writer.get(GALLERY, {"organization": elsewhere.pk}).status_code == 403
    asked = [{"template": theirs.pk}, {"earlier": earlier.pk}, {"add": "notice", "layout": theirs.layout_id}]
    assert {writer.post(USE, one).status_code for one in asked} == {404}
    assert writer.post(USE, {"add": "notice", "organization": elsewhere.pk}).status_code == 403
    assert "Secret plan" not in writer.get(START).content.decode()


@pytest.mark.parametrize("given", [{}, {"add": "nothing"}, {"begin": "nothing"}, {"template": "x"}, {"earlier": "0"}])
def test_what_is_not_there_is_not_found(writer, club, given):
    assert writer.post(USE, given).status_code == 404
    assert writer.get(reverse("admin:broadcasts_template_design", args=["nothing"])).status_code == 404


def test_a_design_whose_pictures_have_no_room_is_refused_with_the_reason(writer, club, settings):
    settings.MEDIA_QUOTA_MB = 0.001
    answer = writer.post(USE, {"add": "newsletter"}, follow=True)
    assert "Nothing was made" in messages_of(answer) and "MB together" in messages_of(answer)
    assert not Template.objects.exists() and not Layout.objects.exists()


def test_the_slots_of_a_template_are_listed_beside_the_switch_that_fixes_its_design(writer, club):
    template = starting.add_template(NOTICE, club)
    page = writer.get(reverse("admin:broadcasts_template_change", args=[template.pk])).content.decode()
    assert 'name="is_fixed"' in page
    assert "<strong>intro</strong> Hello" in page
