"""The content page saves itself: what is valid is stored, all else is kept as typed, and nobody is overwritten."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from broadcasts import sending
from broadcasts.admin import content_stamps
from broadcasts.admin.content_stamps import new_page
from broadcasts.drafting.saving import IN_WINDOW
from broadcasts.models import Editing, Message, MessageTranslation, Template
from tests.make import make_broadcast, make_contact, make_member

from .conftest import sign_in
from .test_content_page import BLOCKS, save, step, typed, url

WRONG = "Hello {{ contact.nmae }}"


@pytest.fixture
def broadcast(mail):
    return make_broadcast(mail)


@pytest.fixture
def message(broadcast):
    return broadcast.first_message()


@pytest.fixture
def client(author):
    return sign_in(author.user)


@pytest.fixture
def colleague(club):
    return sign_in(make_member(club, "author").user)


def post(client, message, data, kind="1"):
    return client.post(url(message), data, headers={"X-Autosave": kind})


def autosave(client, message, **changed):
    return post(client, message, typed(client, message, **changed)).json()


def shown(client, message):
    return client.get(url(message)).context


def test_valid_words_are_stored_and_the_answer_says_when(client, message):
    told = autosave(client, message, subject="Pool open")
    assert (told["state"], message.translations.get().subject) == ("saved", "Pool open")
    assert told["seen"] == shown(client, message)["seen"] and ":" in told["at"]


def test_a_page_is_saved_again_and_again_without_being_loaded(client, message):
    data = typed(client, message, subject="One")
    for words in ("One", "Two", "Three"):
        told = post(client, message, data | {"translations-0-subject": words}).json()
        assert told["state"] == "saved"
        data["seen"] = told["seen"]
    assert message.translations.get().subject == "Three"


def test_a_language_that_was_added_is_saved_twice_and_stored_once(client, message):
    page = client.post(url(message), typed(client, message, _step="language") | {"new_language": "es"})
    data = {name: value for name, value in typed(client, message).items() if name != "_step"}
    data |= {bound.html_name: bound.value() or "" for bound in page.context["formset"].forms[1]}
    data |= {"translations-TOTAL_FORMS": "2", "translations-1-DELETE": "", "translations-1-blocks": "[]"}
    data |= {"translations-1-slots": "{}", "translations-1-attachments": "[]", "translations-1-parameters": "{}"}
    for subject in ("Cerr", "Cerrado"):
        told = post(client, message, data | {"translations-1-subject": subject}).json()
        assert told["state"] == "saved", told["words"]
        data["seen"] = told["seen"]
    assert [(one.language, one.subject) for one in message.translations.all()] == [
        ("en", "Pool closed"),
        ("es", "Cerrado"),
    ]


def test_a_language_that_was_removed_comes_back_with_its_words_when_it_is_not_removed_after_all(client, mail):
    message = make_broadcast(mail, translations={"es": {"subject": "Cerrado", "text": "Hola"}}).first_message()
    data = typed(client, message)
    told = post(client, message, data | {"translations-1-DELETE": "on"}).json()
    assert (told["state"], message.translations.count()) == ("saved", 1)
    assert post(client, message, data | {"seen": told["seen"]}).json()["state"] == "saved"
    assert message.translations.get(language="es").subject == "Cerrado"


def test_wrong_liquid_is_kept_and_stands_there_again_with_the_error(client, message):
    told = autosave(client, message, text=WRONG)
    assert told["state"] == "kept" and "did you mean contact.name?" in " ".join(told["words"])
    assert message.translations.get().text == "Hello {{ contact.name }}"
    page = client.get(url(message))
    form = page.context["formset"].forms[0]
    assert form["text"].value() == WRONG and "text" in form.errors
    assert "Everything you typed is kept" in page.content.decode() and page.context["is_unsaved"]


def test_wrong_mjml_is_kept_and_its_error_stands_at_the_line(client, message):
    source = "<mjml><mj-body>\n<mj-nonsense/>\n</mj-body></mjml>"
    assert autosave(client, message, format="mjml", source=source)["state"] == "kept"
    form = shown(client, message)["formset"].forms[0]
    assert form["source"].value() == source and "line 2" in form.fields["source"].widget.attrs["data-errors"]


def test_a_block_that_is_not_finished_is_kept(client, message):
    blocks = [*BLOCKS, {"type": "button", "text": "Go"}]
    assert autosave(client, message, format="blocks", blocks=blocks)["state"] == "kept"
    assert '"Go"' in shown(client, message)["formset"].forms[0]["blocks"].value()


def test_what_was_kept_is_stored_once_it_is_right_and_then_forgotten(client, message):
    autosave(client, message, text=WRONG)
    assert autosave(client, message, text="Hello {{ contact.name }}!")["state"] == "saved"
    assert message.translations.get().text.endswith("!")
    assert not Editing.objects.exclude(form="").exists()


def test_what_was_kept_is_shown_to_nobody_else(client, colleague, message):
    autosave(client, message, text=WRONG)
    assert shown(colleague, message)["formset"].forms[0]["text"].value() == "Hello {{ contact.name }}"


def test_what_was_kept_can_be_discarded(client, message):
    autosave(client, message, text=WRONG)
    client.post(url(message), typed(client, message) | {"_discard": "1"})
    assert shown(client, message)["formset"].forms[0]["text"].value() == "Hello {{ contact.name }}"


def test_what_a_button_could_not_save_is_kept_too_without_the_button(client, message):
    save(client, message, text=WRONG, _then="test")
    context = shown(client, message)
    assert (context["formset"].forms[0]["text"].value(), context["then"]) == (WRONG, "")


# Two people.


def test_two_people_who_edit_one_message_never_overwrite_each_other(client, colleague, author, message):
    mine, theirs = (typed(one, message) for one in (client, colleague))
    post(client, message, mine | {"translations-0-subject": "Mine"})
    told = post(colleague, message, theirs | {"translations-0-subject": "Theirs"}).json()
    assert (told["state"], told["by"]) == ("conflict", str(author.user))
    assert message.translations.get().subject == "Mine"
    assert not shown(client, message).get("conflict_by")
    context = shown(colleague, message)
    assert context["formset"].forms[0]["subject"].value() == "Theirs" and context["conflict_by"] == str(author.user)
    over = theirs | {"translations-0-subject": "Theirs", "over": "1"}
    assert post(colleague, message, over).json()["state"] == "saved"
    assert message.translations.get().subject == "Theirs"


def test_what_the_other_one_saved_is_shown_beside_what_was_typed(client, message):
    data = typed(client, message, subject="Mine")
    message.translations.update(subject="Theirs")
    post(client, message, data)
    page = client.get(url(message), {"theirs": "1"})
    field = page.context["formset"].forms[0]["subject"]
    assert field.value() == "Theirs" and field.field.disabled and b"_save" not in page.content
    asked = {name: value for name, value in data.items() if "FORMS" in name} | {"theirs": "1", "language": "en"}
    assert "Theirs" in client.post(url(message, "render"), asked).json()["fragment"]


def test_an_answer_that_was_lost_is_no_conflict_with_oneself(client, message):
    data = typed(client, message, subject="One") | {"page": new_page()}
    post(client, message, data)  # its answer never comes
    told = post(client, message, data | {"translations-0-subject": "Two"}).json()
    assert (told["state"], message.translations.get().subject) == ("saved", "Two")


def test_another_window_of_the_same_person_is_a_conflict(client, message):
    one, other = (typed(client, message, subject=words) | {"page": new_page()} for words in ("One", "Other"))
    post(client, message, one)
    assert post(client, message, other).json()["state"] == "conflict"


@pytest.mark.parametrize("name", ["", "a page", "x" * 15, "x" * 17, "x" * 100_000, "../../../etc/pass", "é" * 16])
def test_a_page_is_known_by_no_name_that_the_server_did_not_give(client, message, name):
    data = typed(client, message, subject="One") | {"page": name}
    post(client, message, data)
    assert post(client, message, data | {"translations-0-subject": "Two"}).json()["state"] == "conflict"


def test_a_page_stands_for_one_user_and_one_message(client, colleague, message, broadcast):
    mine = typed(client, message, subject="One") | {"page": new_page()}
    post(client, message, mine)
    theirs = mine | {"translations-0-subject": "Two"}
    assert post(colleague, message, theirs).json()["state"] == "conflict"
    further = Message.objects.create(broadcast=broadcast, channel=message.channel, position=1)
    drafted = {"seen": "old", "page": mine["page"]}
    assert post(client, further, typed(client, further, subject="One") | drafted).json()["state"] == "conflict"


def test_the_pages_of_a_user_that_are_remembered_are_bounded(author, client, message):
    request = RequestFactory().post("/", {})
    request.user = author.user
    for _ in range(content_stamps.MOST_PAGES + 5):
        request.POST = {"page": new_page()}
        for _ in range(content_stamps.MOST + 5):
            content_stamps.note_own(request, message)
    kept = cache.get(content_stamps._key(request, message))
    assert (len(kept), {len(one) for one in kept.values()}) == (content_stamps.MOST_PAGES, {content_stamps.MOST})
    assert request.POST["page"] in kept


def reopened(client, message):
    """What the script of a page posts after the form that was kept was opened again in another window."""
    page = client.get(url(message))
    return {"page": page.context["page"], "seen": page.context["seen"]}


def test_a_restored_form_is_a_window_of_its_own(client, message):
    first = typed(client, message, text=WRONG) | {"page": new_page()}
    post(client, message, first)
    second = first | reopened(client, message) | {"translations-0-text": "Second"}
    assert second["page"] != first["page"]
    assert post(client, message, first | {"translations-0-text": "First"}).json()["state"] == "saved"
    assert post(client, message, second).json()["state"] == "conflict"


def test_a_restored_form_whose_page_did_not_learn_what_it_stored_is_no_conflict(client, message):
    first = typed(client, message, subject="One") | {"page": new_page()}
    post(client, message, first)  # its answer never comes
    post(client, message, first | {"translations-0-text": WRONG})
    second = first | reopened(client, message) | {"translations-0-text": "Second"}
    assert post(client, message, second).json()["state"] == "saved"


def test_a_restored_form_that_somebody_else_overtook_stays_in_conflict(client, message):
    first = typed(client, message, text=WRONG) | {"page": new_page()}
    post(client, message, first)
    message.translations.update(subject="Theirs")
    second = first | reopened(client, message) | {"translations-0-text": "Second"}
    assert post(client, message, second).json()["state"] == "conflict"


def test_in_the_undo_window_a_page_is_told_to_stop_it_first(client, broadcast, message):
    data = typed(client, message, subject="Too late")
    make_contact(broadcast.organization)
    sending.send(broadcast, undo_seconds=60)
    told = post(client, message, data).json()
    assert told["words"] == [IN_WINDOW]
    assert told["goal"] == reverse("admin:broadcasts_broadcast_compose", args=[broadcast.pk, "send"])


# States.


def test_a_broadcast_that_begins_meanwhile_is_not_changed(client, broadcast, message):
    data = typed(client, message, subject="Too late")
    type(broadcast).objects.update(status="SENDING")
    told = post(client, message, data)
    assert (told.status_code, told.json()["state"]) == (409, "begun")
    assert told.json()["goal"] == reverse("admin:broadcasts_broadcast_change", args=[broadcast.pk])
    assert message.translations.get().subject == "Pool closed"


def test_what_is_scheduled_changes_only_by_the_button(client, broadcast, message):
    type(broadcast).objects.update(status="SCHEDULED", scheduled_at="2030-01-01T00:00Z", due_from="2030-01-01T00:00Z")
    told = autosave(client, message, subject="Half a sen")
    assert told["state"] == "kept" and "press Save" in told["words"][0]
    assert message.translations.get().subject == "Pool closed"
    assert shown(client, message)["formset"].forms[0]["subject"].value() == "Half a sen"
    client.post(url(message), typed(client, message, subject="A whole sentence"))
    assert message.translations.get().subject == "A whole sentence"
    assert autosave(client, message)["state"] == "saved"


def test_a_page_tells_that_it_is_open_and_who_else_has_it_open(client, colleague, author, message):
    data = {"seen": "x"}
    assert post(client, message, data, kind="open").json()["state"] == "open"
    told = post(colleague, message, data, kind="open").json()
    assert told["others"] == [{"name": str(author.user), "step": "What"}]
    assert message.translations.get().subject == "Pool closed"


def test_a_chosen_template_is_stored_at_once_with_its_content(client, message, club):
    template = Template.objects.create(organization=club, name="Letter")
    template.translations.create(language="en", subject="Dear", text="Dear {{ contact.name }}")
    message.translations.all().delete()
    response = step(client, message, "refresh", template=str(template.pk))
    assert response.status_code == 302
    assert shown(client, message)["formset"].forms[0]["subject"].value() == "Dear"


@pytest.mark.parametrize("kind", ["1", "open"])
def test_a_stranger_saves_nothing(stranger, message, kind):
    assert post(sign_in(stranger.user), message, {"seen": ""}, kind).status_code == 404
    assert not Editing.objects.exists()


def test_viewers_save_nothing(viewer, message):
    assert post(sign_in(viewer.user), message, {"seen": ""}).status_code == 403
    assert MessageTranslation.objects.get().subject == "Pool closed"


# Speed: no query for each language.


def asks(client, message, changed="New"):
    """How many queries page, preview and save of a message make."""
    data = typed(client, message, subject=changed)
    page = url(message), url(message, "render")
    acts = [lambda: client.get(page[0]), lambda: client.post(page[1], data | {"language": "en"})]
    found = []
    for act in (*acts, lambda: post(client, message, data)):
        with CaptureQueriesContext(connection) as asked:
            assert act().status_code == 200
        found.append(len(asked))
    return found


def test_page_preview_and_save_ask_the_database_as_often_for_many_languages_as_for_two(client, mail):
    two, many = (
        make_broadcast(mail, translations={tag: {"subject": "x", "text": "y"} for tag in tags}).first_message()
        for tags in (["es"], ["es", "fr", "de", "it", "pt", "ca", "eu", "gl"])
    )
    for one in (two, many):
        asks(client, one)  # the first save of a message also begins its versions
    found = asks(client, two, "Newer")
    assert asks(client, many, "Newer") == found
    assert [n <= most for n, most in zip(found, (32, 14, 80), strict=True)] == [True] * 3, found


def test_a_language_that_is_given_twice_is_kept(client, mail):
    message = make_broadcast(mail, translations={"es": {"subject": "Cerrado", "text": "Hola"}}).first_message()
    data = typed(client, message) | {"translations-1-language": "en"}
    assert post(client, message, data).json()["state"] == "kept"
    assert message.translations.count() == 2
