"""The pages of versions: listed, compared, brought back; and who may see them."""

from datetime import timedelta

import pytest
from django.urls import reverse

from broadcasts import drafting, sending, versioning
from broadcasts.models import Broadcast, Layout, MessageVersion
from tests.make import add_channel, make_contact

from .conftest import messages_of, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(author):
    return sign_in(author.user)


@pytest.fixture
def message(club, mail, author, admin):
    """It has three versions: Pool closed, Pool open, and Pool open again, which is what it says now."""
    make_contact(club)
    values = {"subject": "Pool closed", "body": "Hello", "send_to_all": True}
    draft = drafting.save(Broadcast(organization=club), values, by=author.user)
    for by, subject in ((admin, "Pool open"), (author, "Pool open again")):
        drafting.save(draft, {"subject": subject}, by=by.user)
    return draft.first_message()


def versions(message):
    """From the first on."""
    return list(message.versions.order_by("pk"))


def url(message, what="versions", *more, **query):
    return reverse(f"admin:broadcasts_message_{what}", args=[message.pk, *more], query=query or None)


def text(response):
    return response.content.decode()


def subject(message):
    return message.translations.get().subject


def test_versions_are_listed_with_who_when_and_what_changed(client, message, author, admin):
    page = client.get(url(message))
    listed = [(one["who"], one["changed"]) for one in page.context["listed"]]
    assert listed == [
        (str(author.user), ["Subject"]),
        (str(admin.user), ["Subject"]),
        (str(author.user), ["First version"]),
    ]


def test_the_list_reads_no_content_and_takes_the_same_queries(client, message, django_assert_num_queries):
    for n in range(10):
        drafting.save(message.broadcast, {"subject": f"Edition {n}"}, begins_version=True)
    client.get(url(message))
    with django_assert_num_queries(8) as queries:
        client.get(url(message))
    assert not any('"content"' in one["sql"] for one in queries.captured_queries)


def test_a_version_is_compared_with_what_the_message_says_now(client, message):
    page = text(client.get(url(message, "version", versions(message)[0].pk)))
    assert "removed: </span>closed</del>" in page
    assert "added: </span>open again</ins>" in page


def test_a_version_is_compared_with_another_one_the_earlier_on_the_left(client, message):
    first, second, _ = versions(message)
    page = text(client.get(url(message, "version", second.pk, **{"with": first.pk})))
    assert "removed: </span>closed</del>" in page
    assert "added: </span>open</ins>" in page


def test_the_newest_version_is_compared_with_the_one_before(client, message):
    page = client.get(url(message, "version", versions(message)[2].pk))
    assert page.context["form"].chosen == str(versions(message)[1].pk)
    assert "Bring this back" not in text(page)


def test_the_newest_version_says_what_the_message_says_now(client, message):
    assert "The two say the same." in text(client.get(url(message, "version", versions(message)[2].pk) + "?with="))


def test_markup_in_content_is_shown_as_text(client, message, admin):
    drafting.save(message.broadcast, {"body": "<script>alert(1)</script>"}, by=admin.user)
    page = text(client.get(url(message, "version", versions(message)[0].pk)))
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_how_a_version_looks_is_served_in_a_sandbox(client, message, admin):
    content = {"subject": "Hi", "format": "markdown", "source": "*Hello* {{ contact.name }}"}
    spec = {"uuid": message.uuid, "translations": {"en": content}}
    drafting.save(message.broadcast, {"messages": [spec]}, by=admin.user)
    shown = client.get(url(message, "version_shown", versions(message)[-1].pk))
    assert "<em>Hello</em>" in text(shown)
    assert shown["Content-Security-Policy"].startswith("sandbox")


def test_a_version_without_html_is_shown_as_its_text(client, message):
    shown = client.get(url(message, "version_shown", versions(message)[0].pk))
    assert "Hello" in text(shown)
    assert shown["Content-Security-Policy"].startswith("sandbox")


def test_what_was_sent_is_shown_as_it_was_sent(client, message, server, admin):
    layout = Layout.objects.create(organization=message.broadcast.organization, name="Blue")
    content = {"subject": "Hi", "format": "markdown", "source": "Hello"}
    spec = {"uuid": message.uuid, "layout": layout, "translations": {"en": content}}
    drafting.save(message.broadcast, {"messages": [spec]}, by=admin.user)
    sending.send(message.broadcast)
    message.translations.update(html="<p>As it left</p>")
    assert "As it left" in text(client.get(url(message, "version_shown", 0)))


def test_bringing_back_is_asked_and_told(client, message):
    first = versions(message)[0]
    asked = client.get(url(message, "bring_back", first.pk))
    assert "It changes: Subject." in text(asked)
    done = client.post(url(message, "bring_back", first.pk), follow=True)
    assert "is the content again" in messages_of(done)
    assert subject(message) == "Pool closed"
    assert len(versions(message)) == 4


def test_what_no_longer_exists_is_told_before_and_after(client, message):
    first = versions(message)[0]
    first.content |= {"layout": "01890f8e-0000-7000-8000-000000000000"}
    first.content["names"]["01890f8e-0000-7000-8000-000000000000"] = "Blue"
    first.save()
    assert "“Blue” no longer exists" in text(client.get(url(message, "bring_back", first.pk)))
    assert "“Blue” no longer exists" in messages_of(client.post(url(message, "bring_back", first.pk), follow=True))


def test_what_cannot_be_saved_any_more_is_refused_in_words(client, message):
    first = versions(message)[0]
    first.content["translations"]["en"]["subject"] = "{{ contact.name"
    first.save()
    refused = client.post(url(message, "bring_back", first.pk), follow=True)
    assert messages_of(refused).startswith("Nothing was brought back:")
    assert subject(message) == "Pool open again"


def test_after_the_start_nothing_is_brought_back_and_the_list_says_so(client, message, server):
    sending.send(message.broadcast)
    page = text(client.get(url(message)))
    assert "The newest version is what was sent." in page
    first = versions(message)[0]
    assert "Bring this back" not in text(client.get(url(message, "version", first.pk)))
    refused = client.post(url(message, "bring_back", first.pk), follow=True)
    assert "Nothing was brought back" in messages_of(refused)
    assert subject(message) == "Pool open again"


def test_in_the_undo_window_nothing_is_brought_back(client, message, server):
    sending.send(message.broadcast, undo_seconds=60)
    refused = client.post(url(message, "bring_back", versions(message)[0].pk), follow=True)
    assert "Stop that first" in messages_of(refused)
    assert subject(message) == "Pool open again"


def test_a_scheduled_broadcast_says_that_this_will_be_sent(client, message, server):
    sending.schedule(message.broadcast, message.created + timedelta(days=1))
    assert "this is what will be sent" in text(client.get(url(message, "bring_back", versions(message)[0].pk)))


def test_a_message_without_versions_says_when_the_first_is_kept(client, message):
    MessageVersion.objects.all().delete()
    assert "There is no version yet." in text(client.get(url(message)))


@pytest.mark.parametrize("what", ["version", "version_shown", "bring_back"])
def test_a_version_of_another_message_is_not_found(client, message, what):
    other = add_channel(message.broadcast)
    assert client.get(url(other, what, versions(message)[0].pk)).status_code == 404


def pages(message):
    pk = versions(message)[0].pk
    return [url(message), *(url(message, what, pk) for what in ("version", "version_shown", "bring_back"))]


def test_viewers_see_no_versions_as_they_see_no_previews(message, viewer):
    assert {sign_in(viewer.user).get(page).status_code for page in pages(message)} == {403}


def test_other_organizations_find_none(message, stranger):
    assert {sign_in(stranger.user).get(page).status_code for page in pages(message)} == {404}


def test_nonsense_in_the_address_is_no_error(client, message):
    page = client.get(url(message, "version", versions(message)[0].pk, **{"with": "x\0", "language": "zz"}))
    assert page.status_code == 200


def test_a_megabyte_is_compared_within_bounds(client, message):
    lines = [f"<p>line {n} of a newsletter</p>" for n in range(25_000)]
    for html in ("\n".join(lines), "\n".join(lines).replace("line", "lime")):
        message.translations.update(html=html)
        versioning.write([message.broadcast.first_message()], begins=True)
    page = client.get(url(message, "version", versions(message)[-1].pk))
    assert "too long or too different" in text(page)
    assert len(page.content) < 1_000_000
