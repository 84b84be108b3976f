"""`/api/broadcast-messages/{uuid}/versions/`: listed, read, brought back."""

from uuid import uuid4

import pytest

from broadcasts import drafting, sending
from broadcasts.models import Broadcast, MessageVersion
from tests.make import make_contact

from .conftest import URL, client_of


@pytest.fixture
def written(draft, api):
    """A draft with two versions: what it said at first, and what it says now."""
    made = draft()
    api.patch(f"{URL}{made['uuid']}/", {"subject": "Pool open"})
    return f"{URL}{made['uuid']}/"


def listed(api, written):
    return api.get(f"{written}versions/").json()


def oldest(api, written):
    return f"{written}versions/{listed(api, written)[-1]['uuid']}/"


def test_the_newest_version_comes_first_with_what_changed(api, written, admin):
    now, then = listed(api, written)
    assert (now["changed"], then["changed"]) == (["Subject"], [])
    assert now["author_name"] == str(admin.user)
    assert now["message"] == api.get(written).json()["messages"][0]["uuid"]


def test_a_list_is_paged_and_takes_the_same_queries(api, written, django_assert_num_queries):
    broadcast = Broadcast.objects.get()
    for n in range(5):
        drafting.save(broadcast, {"subject": f"Edition {n}"}, begins_version=True)
    with django_assert_num_queries(5):
        page = api.get(f"{written}versions/", {"page_size": 2})
    with django_assert_num_queries(5):
        api.get(f"{written}versions/", {"page_size": 7})
    assert (len(page.json()), page.headers["X-Result-Count"]) == (2, "7")


def test_a_version_has_all_that_the_message_said(api, written):
    content = api.get(oldest(api, written)).json()["content"]
    assert content["translations"]["en"]["subject"] == "Pool closed"
    assert content["channel"] == api.get(written).json()["messages"][0]["channel"]["uuid"]


def test_what_a_version_says_may_be_written_back_by_hand(api, written):
    content = api.get(oldest(api, written)).json()["content"]
    message = {"uuid": listed(api, written)[0]["message"], **content}
    assert api.patch(written, {"messages": [message]}, format="json").json()["subject"] == "Pool closed"


def test_bringing_back_writes_a_new_version(api, written):
    answer = api.post(f"{oldest(api, written)}bring-back/")
    assert answer.status_code == 200, answer.json()
    assert (answer.json()["changed"], answer.json()["left_out"]) == (["Subject"], [])
    assert api.get(written).json()["subject"] == "Pool closed"
    assert len(listed(api, written)) == 3


def test_what_was_left_out_is_told(api, written, mail):
    content = MessageVersion.objects.order_by("pk").first()
    content.content |= {"layout": str(uuid4())}
    content.save()
    [told] = api.post(f"{oldest(api, written)}bring-back/").json()["left_out"]
    assert "no longer exists" in told


def test_what_is_not_valid_any_more_is_refused(api, written):
    version = MessageVersion.objects.order_by("pk").first()
    version.content["translations"]["en"]["subject"] = "{{ contact.name"
    version.save()
    answer = api.post(f"{oldest(api, written)}bring-back/")
    assert (answer.status_code, list(answer.json())) == (400, ["messages"])
    assert api.get(written).json()["subject"] == "Pool open"


def test_nothing_is_brought_back_after_the_start(api, written, server):
    make_contact(Broadcast.objects.get().organization)
    sending.send(Broadcast.objects.get())
    assert api.post(f"{oldest(api, written)}bring-back/").status_code == 409
    assert len(listed(api, written)) == 2


def test_a_body_is_refused(api, written):
    answer = api.post(f"{oldest(api, written)}bring-back/", {"subject": "Other"}, format="json")
    assert answer.status_code == 400


@pytest.mark.parametrize("key", ["nothing", "01890f8e-0000-7000-8000-000000000000"])
def test_what_is_no_version_is_not_found(api, written, key):
    assert api.get(f"{written}versions/{key}/").status_code == 404
    assert api.post(f"{written}versions/{key}/bring-back/").status_code == 404


def test_a_version_of_another_broadcast_is_not_found(api, written, draft):
    other = draft(subject="Other")
    version = oldest(api, f"{URL}{other['uuid']}/").split("/")[-2]
    assert api.get(f"{written}versions/{version}/").status_code == 404


def test_other_organizations_see_none(api, written, outsider):
    for path in (f"{written}versions/", oldest(api, written)):
        assert outsider.get(path).status_code == 404
    assert outsider.post(f"{oldest(api, written)}bring-back/").status_code == 404


def test_a_token_is_needed(api, written, client):
    for path in (f"{written}versions/", oldest(api, written)):
        assert client.get(path).status_code == 401
    assert client.post(f"{oldest(api, written)}bring-back/").status_code == 401


def test_viewers_read_and_do_not_bring_back(api, written, viewer):
    reader = client_of(viewer)
    assert reader.get(oldest(api, written)).status_code == 200
    assert reader.post(f"{oldest(api, written)}bring-back/").status_code == 403
