import pytest

from broadcasts.models import AuditEntry, Template

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
        *(("country", "XX"), ("frequency_cap", 1001), ("frequency_cap", "two")),
        ("tracking_domain", "https://links.example.org"),
        *(("soft_bounces", -1), ("soft_bounces", 101), ("soft_bounce_days", 0), ("soft_bounce_days", 366)),
        *(("soft_bounce_rest_days", 0), ("soft_bounce_rest_days", 3651)),
        *(("frequency_cap_days", 0), ("frequency_cap_days", 366), ("frequency_cap_days", None)),
    ],
)
def test_wrong_settings_are_refused(api, field, value):
    answer = api.patch(URL, {field: value})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_quiet_hours_are_kept_per_kind_of_channel(api):
    hours = {"sms": ["21:00", "08:00"], "email": ["00:00", "06:30"]}
    assert api.patch(URL, {"quiet_hours": hours}).json()["quiet_hours"] == hours
    assert api.patch(URL, {"quiet_hours": {}}).json()["quiet_hours"] == {}


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        *(([], "Expected an object"), (None, "null"), ({"fax": ["21:00", "08:00"]}, "“fax” is not a medium")),
        *(({"sms": "21:00-08:00"}, "sms: give when they begin"), ({"sms": ["21:00"]}, "sms: give when they begin")),
        *(({"sms": ["21:00", "24:00"]}, "“24:00” is not a clock time"), ({"sms": [21, 8]}, "“21” is not a clock time")),
        *(({"sms": ["9:00", "10:00"]}, "“9:00” is not a clock time"), ({"sms": [None, None]}, "“None” is not a clock")),
        ({"sms": ["21:00", "21:00"]}, "begin and end at 21:00"),
    ],
)
def test_wrong_quiet_hours_are_refused_and_change_nothing(api, club, hours, told):
    answer = api.patch(URL, {"quiet_hours": hours})
    assert answer.status_code == 400
    assert told in answer.json()["quiet_hours"][0]
    club.refresh_from_db()
    assert club.quiet_hours == {}


def test_others_only_read_it(sender):
    assert client_of(sender).get(URL).status_code == 200
    assert client_of(sender).patch(URL, {"name": "x"}).status_code == 403


def test_its_slug_and_status_stay(api):
    assert api.patch(URL, {"slug": "other", "status": "suspended"}).json()["slug"] == "club"


def test_answers_to_keywords_are_kept_and_the_defaults_shown(api):
    texts = {"help": {"en": "{organization}: reply STOP to leave."}}
    changed = api.patch(URL, {"answer_texts": texts}).json()
    assert changed["answer_texts"] == texts
    assert changed["default_answer_texts"]["stop"]["es"].startswith("{organization}: no recibirá")
    assert api.patch(URL, {"answer_texts": {}}).json()["answer_texts"] == {}


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ([], "object"),
        ({"help": "STOP"}, "Give texts per keyword and language"),
        ({"hello": {"en": "{organization}"}}, "“hello” is not a keyword"),
        ({"stop": {"EN": "{organization}"}}, "should be written “en”"),
        ({"stop": {"en": " "}}, "stop, en: give a text"),
        ({"stop": {"en": "Bye."}}, "stop, en: The answer has to name the sender"),
        ({"help": {"en": "{organization}. Please don't stopover."}}, "help, en: The answer to HELP has to say how"),
        ({"stop": {"en": "{organization} " + "ñ€ш" * 70}}, "it may take 3"),
    ],
)
def test_an_answer_that_lacks_what_the_law_wants_is_refused(api, texts, told):
    answer = api.patch(URL, {"answer_texts": texts})
    assert (answer.status_code, list(answer.json())) == (400, ["answer_texts"])
    assert told in str(answer.json())


def test_a_default_template_is_named_and_taken_away(api, club):
    template = Template.objects.create(organization=club, name="News")
    changed = api.patch(URL, {"default_template": str(template.uuid)}).json()
    assert changed["default_template"] == {"uuid": str(template.uuid), "name": "News"}
    assert api.patch(URL, {"default_template": None}).json()["default_template"] is None


def test_a_default_template_is_one_of_the_own_organization(api, elsewhere):
    theirs = Template.objects.create(organization=elsewhere, name="News")
    answer = api.patch(URL, {"default_template": str(theirs.uuid)})
    assert (answer.status_code, list(answer.json())) == (400, ["default_template"])


def test_a_default_template_that_is_deleted_leaves_none(api, club):
    template = Template.objects.create(organization=club, name="News")
    api.patch(URL, {"default_template": str(template.uuid)})
    assert api.delete(f"/api/templates/{template.uuid}/").status_code == 204
    assert api.get(URL).json()["default_template"] is None
