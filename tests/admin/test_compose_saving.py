"""Steps are saved while somebody types; what cannot be saved is kept, and nobody overwrites silently."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts import editing
from broadcasts.models import AuditEntry, Broadcast, User
from tests.make import make_contacts, make_member

from .conftest import address, sign_in
from .steps_of import post, shown, step, typed


@pytest.fixture
def ada(club):
    user = make_member(club, "author").user
    User.objects.filter(pk=user.pk).update(full_name="Ada Lovelace")
    return user


def test_what_is_typed_is_saved_and_says_when(author, draft):
    answer = typed(sign_in(author.user), draft, "who", name="December news").json()
    draft.refresh_from_db()
    assert draft.name == "December news"
    assert (answer["state"], answer["at"], answer["words"]) == ("saved", f"{timezone.localtime():%H:%M}", [])


def test_the_answer_draws_the_card_and_the_bar_of_steps_again(author, draft):
    answer = typed(sign_in(author.user), draft, "who", name="December news", send_to_all="on").json()
    assert "December news" in answer["card"]
    assert "1 person" in answer["steps"]


def test_the_next_save_needs_the_stamp_of_the_last_answer(author, draft):
    client = sign_in(author.user)
    data = shown(client, draft, "who")
    first = post(client, draft, "who", data | {"name": "One"}).json()
    assert post(client, draft, "who", data | {"name": "Two", "seen": first["seen"]}).json()["state"] == "saved"


def test_an_unchanged_form_writes_nothing(author, draft):
    assert typed(sign_in(author.user), draft, "who").json()["state"] == "saved"
    assert not AuditEntry.objects.filter(model="broadcast").exists()


def test_what_is_not_valid_is_kept_and_told(author, draft):
    answer = typed(sign_in(author.user), draft, "who", name="", addresses="nonsense").json()
    assert answer["state"] == "kept"
    assert any(words.startswith("Name: ") for words in answer["words"])
    assert Broadcast.objects.get().name == draft.name


def test_kept_words_are_there_when_the_step_is_opened_again(author, draft):
    client = sign_in(author.user)
    typed(client, draft, "who", addresses="xyz@")
    page = client.get(step(draft, "who"))
    assert page.context["form"]["addresses"].value() == "xyz@"
    assert "Everything you typed is kept." in page.content.decode()


def test_kept_words_are_shown_to_nobody_else(author, ada, draft):
    typed(sign_in(author.user), draft, "who", addresses="xyz@")
    assert "xyz@" not in sign_in(ada).get(step(draft, "who")).content.decode()


def test_kept_words_are_forgotten_once_the_step_is_saved(author, draft):
    client = sign_in(author.user)
    typed(client, draft, "who", addresses="xyz@")
    typed(client, draft, "who", addresses="joe@example.com")
    assert editing.kept(draft, author.user, "who") is None


def test_kept_words_can_be_discarded(author, draft):
    client = sign_in(author.user)
    typed(client, draft, "who", addresses="xyz@")
    client.post(step(draft, "who"), {"_discard": "1"})
    assert "xyz@" not in client.get(step(draft, "who")).content.decode()


def test_two_people_on_the_same_step_do_not_overwrite_each_other(author, ada, draft):
    mine, hers = sign_in(author.user), sign_in(ada)
    data = shown(mine, draft, "who")
    typed(hers, draft, "who", name="Hers")
    answer = post(mine, draft, "who", data | {"name": "Mine"}).json()
    assert (answer["state"], answer["by"]) == ("conflict", "Ada Lovelace")
    assert Broadcast.objects.get().name == "Hers"
    page = mine.get(step(draft, "who")).content.decode()
    assert "Ada Lovelace</span> saved this step after you opened it" in page
    assert 'value="Mine"' in page


def test_show_theirs_shows_what_is_stored(author, ada, draft):
    mine = sign_in(author.user)
    data = shown(mine, draft, "who")
    typed(sign_in(ada), draft, "who", name="Hers")
    post(mine, draft, "who", data | {"name": "Mine"})
    page = mine.get(step(draft, "who"), {"theirs": "1"}).content.decode()
    assert 'value="Hers"' in page
    assert 'value="Mine"' not in page


def test_save_mine_instead_overwrites_and_goes_on(author, ada, draft):
    mine = sign_in(author.user)
    data = shown(mine, draft, "who")
    typed(sign_in(ada), draft, "who", name="Hers")
    assert mine.post(step(draft, "who"), data | {"name": "Mine", "over": "1"}).url == step(draft, "who")
    assert Broadcast.objects.get().name == "Mine"


def test_people_on_different_steps_are_not_in_each_others_way(author, ada, draft):
    mine = sign_in(author.user)
    data = shown(mine, draft, "who")
    typed(sign_in(ada), draft, "when", way="at", scheduled_at_0="2030-01-02", scheduled_at_1="09:00")
    assert post(mine, draft, "who", data | {"name": "Mine"}).json()["state"] == "saved"


def test_the_same_form_sent_again_after_a_lost_answer_is_no_conflict(author, draft):
    client = sign_in(author.user)
    data = shown(client, draft, "who") | {"name": "Once"}
    assert [post(client, draft, "who", data).json()["state"] for _ in range(2)] == ["saved", "saved"]


def test_who_else_edits_is_told_by_step(author, ada, draft):
    hers = sign_in(ada)
    post(hers, draft, "when", {}, kind="open")
    mine = sign_in(author.user)
    assert "Ada Lovelace is on step When." in mine.get(step(draft, "who")).content.decode()
    answer = post(mine, draft, "who", {}, kind="open").json()
    assert (answer["state"], answer["others"]) == ("open", [{"name": "Ada Lovelace", "step": "When"}])


def test_a_broadcast_that_began_meanwhile_is_not_changed(author, draft):
    client = sign_in(author.user)
    data = shown(client, draft, "who")
    Broadcast.objects.filter(pk=draft.pk).update(status="SENDING")
    answer = post(client, draft, "who", data | {"name": "Too late"})
    assert (answer.status_code, answer.json()["state"]) == (409, "begun")
    assert answer.json()["goal"] == address(draft, "change")
    assert Broadcast.objects.get().name == draft.name


def test_a_broadcast_that_is_about_to_be_sent_says_to_stop_it_first(author, draft):
    client = sign_in(author.user)
    data = shown(client, draft, "who")
    soon = timezone.now() + timedelta(seconds=60)
    Broadcast.objects.filter(pk=draft.pk).update(status="SCHEDULED", scheduled_at=soon, undo_until=soon)
    answer = post(client, draft, "who", data | {"name": "Too late"}).json()
    assert (answer["state"], answer["goal"]) == ("begun", step(draft, "send"))
    assert answer["words"] == ["It is about to be sent. Stop that first, then change it."]
    assert client.get(step(draft, "who")).url == step(draft, "send")


def test_a_scheduled_broadcast_changes_only_by_the_button(sender, draft):
    client = sign_in(sender.user)
    Broadcast.objects.filter(pk=draft.pk).update(status="SCHEDULED", scheduled_at=timezone.now())
    assert typed(client, draft, "who", name="Half a").json()["state"] == "kept"
    assert Broadcast.objects.get().name == draft.name
    client.post(step(draft, "who"), shown(client, draft, "who"))
    assert Broadcast.objects.get().name == "Half a"


def test_buttons_work_without_a_script(author, draft):
    client = sign_in(author.user)
    data = shown(client, draft, "who") | {"name": "By button", "_what": "Save and go to What"}
    assert client.post(step(draft, "who"), data).url == step(draft, "what")
    assert Broadcast.objects.get().name == "By button"


def test_a_button_keeps_what_it_cannot_save(author, draft):
    client = sign_in(author.user)
    page = client.post(step(draft, "who"), shown(client, draft, "who") | {"name": "", "_what": "1"})
    assert "Not saved yet." in page.content.decode()
    assert "name=" in editing.kept(draft, author.user, "who").form


def test_a_viewer_and_a_stranger_save_nothing(viewer, stranger, draft):
    assert post(sign_in(viewer.user), draft, "who", {"name": "No"}).status_code == 403
    assert post(sign_in(stranger.user), draft, "who", {"name": "No"}).status_code == 404
    assert Broadcast.objects.get().name == draft.name


def test_a_save_takes_as_many_queries_for_many_contacts_and_open_pages_as_for_few(author, ada, draft):
    client = sign_in(author.user)

    def queries(name):
        data = shown(client, draft, "who") | {"send_to_all": "on", "name": name}
        with CaptureQueriesContext(connection) as found:
            post(client, draft, "who", data)
        return len(found)

    queries("First")  # writes an entry of the audit, which the later ones only change
    few = queries("Few")
    make_contacts(draft.organization, 50)
    for place in ("who", "when"):
        editing.saw(draft, ada, place)
    assert queries("Many") == few
