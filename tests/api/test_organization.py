import pytest

from broadcasts.models import AuditEntry

from .conftest import client_of

URL = "/api/organization/"


def test_the_organization_is_that_of_the_token(api, outsider):
    assert api.get(URL).json()["slug"] == "club"
    assert outsider.get(URL).json()["slug"] == "elsewhere"


def test_admins_change_its_settings(api, club):
    changed = api.patch(URL, {"time_zone": "Europe/Madrid", "languages": ["es", "en"]})
    assert changed.status_code == 200
    assert (changed.json()["time_zone"], changed.json()["languages"]) == ("Europe/Madrid", ["es", "en"])
    assert AuditEntry.objects.get().act == "change"
    assert api.patch(URL, {"time_zone": "Europe/Madrid"}).json() == changed.json()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("time_zone", "Mars"), ("languages", []), ("default_send_hour", 24), ("globals", []), ("frequency_cap", -1)),
        ("country", "XX"),
    ],
)
def test_wrong_settings_are_refused(api, field, value):
    answer = api.patch(URL, {field: value})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_others_only_read_it(sender):
    assert client_of(sender).get(URL).status_code == 200
    assert client_of(sender).patch(URL, {"name": "x"}).status_code == 403


def test_its_slug_and_status_stay(api):
    assert api.patch(URL, {"slug": "other", "status": "suspended"}).json()["slug"] == "club"
