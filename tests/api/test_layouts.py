"""Layouts by the API: what stands around the content of mail."""

import pytest

from broadcasts.models import AuditEntry, Broadcast, Layout, Message, Template
from tests.make import make_broadcast

from .conftest import client_of

URL = "/api/layouts/"
HEADER = [{"type": "heading", "text": "Swimming Club", "level": 1}]
FOOTER = [{"type": "footer"}]
STYLE = {"button": "#0b57d0", "dark_button": "#8ab4f8", "font": "georgia", "width": 560}


@pytest.fixture
def plain(api):
    answer = api.post(URL, {"name": "Plain", "header": HEADER, "footer": FOOTER, "style": STYLE})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_a_layout_is_shown_whole(plain):
    assert list(plain) == ["uuid", "id", "created", "modified", "name", "header", "footer", "style"]
    assert (plain["header"], plain["footer"], plain["style"]) == (HEADER, FOOTER, STYLE)


def test_what_changes_nothing_writes_nothing(api, plain):
    path = f"{URL}{plain['uuid']}/"
    assert api.put(path, plain).json() == plain
    assert api.patch(path, {"style": {}}).json()["modified"] > plain["modified"]
    assert [entry.act for entry in AuditEntry.objects.order_by("id")] == ["create", "change"]


def test_layouts_are_searched_by_name(api, plain):
    api.post(URL, {"name": "Festive"})
    assert [row["name"] for row in api.get(URL).json()] == ["Festive", "Plain"]
    assert [row["name"] for row in api.get(URL, {"name": "PLA"}).json()] == ["Plain"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "PLAIN"}, "name"),
        ({}, "name"),
        ({"name": "x", "header": {}}, "header"),
        ({"name": "x", "style": []}, "style"),
        ({"name": "x", "colour": "red"}, "colour"),
    ],
)
def test_wrong_layouts_are_refused(api, plain, body, field):
    answer = api.post(URL, body)
    assert (answer.status_code, list(answer.json())) == (400, [field])


def test_a_layout_of_a_template_is_not_deleted(api, plain, club):
    template = Template.objects.create(organization=club, name="News", layout=Layout.objects.get())
    answer = api.delete(f"{URL}{plain['uuid']}/")
    assert answer.status_code == 409
    assert "1 template (“News”)" in answer.json()["detail"]
    template.delete()
    assert api.delete(f"{URL}{plain['uuid']}/").status_code == 204


@pytest.mark.parametrize(("status", "answer"), [("DRAFT", 409), ("PAUSED", 409), ("SENT", 204)])
def test_a_layout_is_deleted_once_its_broadcasts_are_finished(api, plain, mail, status, answer):
    make_broadcast(mail, status=status)
    if status != "DRAFT":
        Broadcast.objects.update(started_at="2026-01-01T00:00:00Z")
    Message.objects.update(layout=Layout.objects.get())
    assert api.delete(f"{URL}{plain['uuid']}/").status_code == answer


def test_the_default_layout_may_be_deleted(api, plain):
    assert api.patch("/api/organization/", {"default_layout": plain["uuid"]}).json()["default_layout"] == {
        "uuid": plain["uuid"],
        "name": "Plain",
    }
    assert api.delete(f"{URL}{plain['uuid']}/").status_code == 204
    assert api.get("/api/organization/").json()["default_layout"] is None


def test_the_default_layout_is_one_of_the_own_organization(api, elsewhere):
    theirs = Layout.objects.create(organization=elsewhere, name="Theirs")
    answer = api.patch("/api/organization/", {"default_layout": str(theirs.uuid)})
    assert (answer.status_code, list(answer.json())) == (400, ["default_layout"])


def test_layouts_of_others_are_404(outsider, plain):
    assert outsider.get(f"{URL}{plain['uuid']}/").status_code == 404
    assert outsider.patch(f"{URL}{plain['uuid']}/", {}).status_code == 404
    assert outsider.delete(f"{URL}{plain['uuid']}/").status_code == 404
    assert outsider.get(URL).json() == []


def test_layouts_need_a_token_and_a_role_that_writes(client, viewer, plain):
    assert client.get(URL).status_code == 401
    assert client_of(viewer).get(URL).status_code == 200
    assert client_of(viewer).post(URL, {"name": "x"}).status_code == 403


def test_layouts_are_listed_in_few_queries(api, plain, django_assert_max_num_queries):
    for n in range(8):
        api.post(URL, {"name": f"{n}"})
    with django_assert_max_num_queries(4):
        assert len(api.get(URL).json()) == 9
