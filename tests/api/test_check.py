"""What should be looked at before a broadcast is sent, by the API."""

import pytest

from broadcasts.models import Broadcast, MessageTranslation
from tests.make import make_broadcast, make_contact

from .conftest import URL, client_of

FIELDS = {"name", "level", "words", "step", "message", "language", "details", "accepted", "pending"}


@pytest.fixture
def broadcast(mail):
    make_contact(mail.organization, "joe@club.example", full_name="Joe")
    return make_broadcast(mail, html="<p>Hi</p>")


def url(broadcast) -> str:
    return f"{URL}{broadcast.uuid}/check/"


def line(answer, name: str) -> dict:
    assert answer.status_code == 200, answer.json()
    return next(one for one in answer.json() if one["name"] == name)


def test_each_line_says_how_serious_it_is_and_what_mends_it(api, broadcast):
    found = line(api.get(url(broadcast)), "preheader")
    assert found.keys() == FIELDS
    assert (found["level"], found["step"], found["message"], found["language"]) == (
        "warning",
        "what",
        str(broadcast.first_message().uuid),
        "en",
    )
    assert found["details"] == [
        {"words": "English: no preheader", "message": str(broadcast.first_message().uuid), "language": "en"}
    ]


def test_lines_that_count_people_are_there(api, broadcast):
    assert line(api.get(url(broadcast)), "recipients")["words"] == "1 person will receive it."


def test_a_warning_is_accepted_by_its_name(api, broadcast):
    answer = api.post(url(broadcast), {"accept": ["preheader"]})
    assert line(answer, "preheader")["accepted"] is True
    assert line(api.get(url(broadcast)), "preheader")["accepted"] is True
    assert Broadcast.objects.get().accepted_warnings["preheader"]["by"].startswith("Admin")


@pytest.mark.parametrize("given", [{"accept": ["nothing"]}, {"accept": ["content"]}])
def test_what_is_no_warning_now_is_not_accepted(api, broadcast, given):
    answer = api.post(url(broadcast), given)
    assert (answer.status_code, list(answer.json())) == (400, ["accept"])
    assert Broadcast.objects.get().accepted_warnings == {}


@pytest.mark.parametrize("given", [{}, {"accept": "preheader"}, {"accept": [1.5, {}]}, {"names": ["preheader"]}])
def test_bad_input_is_rejected(api, broadcast, given):
    assert api.post(url(broadcast), given).status_code == 400


def test_it_needs_a_token(api, broadcast):
    api.credentials()
    assert api.get(url(broadcast)).status_code == 401


def test_other_organizations_broadcasts_are_not_found(outsider, broadcast):
    assert outsider.get(url(broadcast)).status_code == 404
    assert outsider.post(url(broadcast), {"accept": ["preheader"]}).status_code == 404


def test_a_viewer_reads_the_check_and_accepts_nothing(viewer, broadcast):
    client = client_of(viewer)
    assert client.get(url(broadcast)).status_code == 200
    assert client.post(url(broadcast), {"accept": ["preheader"]}).status_code == 403


@pytest.mark.parametrize("status", ["SENDING", "PAUSED", "SENT", "CANCELLED"])
def test_a_broadcast_that_has_begun_is_not_checked(api, broadcast, status):
    Broadcast.objects.update(status=status)
    assert api.get(url(broadcast)).status_code == 409
    assert api.post(url(broadcast), {"accept": ["preheader"]}).status_code == 409


def test_sending_by_the_api_does_not_ask(api, broadcast):
    MessageTranslation.objects.update(subject="")
    assert line(api.get(url(broadcast)), "subject")["level"] == "stop"
    assert api.post(f"{URL}{broadcast.uuid}/send/").status_code == 200
