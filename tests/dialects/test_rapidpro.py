"""RapidPro's API: the numbers are those of its contract's acceptance checks."""

import base64
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from broadcasts import sending
from broadcasts.models import Broadcast, Channel, Contact, Delivery, MessageTranslation
from tests.make import make_broadcast, make_contact, make_member, make_token

from .conftest import InDialect, finish

URL = "/api/v2/broadcasts.json"
KEYS = {
    *("uuid", "id", "status", "progress", "urns", "contacts", "groups", "text", "attachments", "quick_replies"),
    *("base_language", "created_on"),
}
HELLO = {"text": "hi", "urns": ["tel:+34600111222"]}


def complete() -> None:
    finish()
    sending.tick()


def refusal(response):
    return response.status_code, response.json()


def whole(text: str):
    return 400, {"non_field_errors": [text]}


def made(response) -> Broadcast:
    assert response.status_code == 201, response.content
    return Broadcast.objects.get(uuid=response.json()["uuid"])


def test_01_a_broadcast_has_the_keys_of_the_page_and_those_of_today(rapidpro):
    told = rapidpro.post(URL, HELLO).json()
    assert set(told) == KEYS
    assert (told["text"], told["base_language"], type(told["id"])) == ({"eng": "hi"}, "eng", int)
    assert (told["status"], told["progress"]) == ("pending", {"total": -1, "started": 0})
    page = rapidpro.get(URL).json()
    assert (page["next"], page["previous"], [one["uuid"] for one in page["results"]]) == (None, None, [told["uuid"]])


def test_02_a_token_is_needed_and_refused_with_403(rapidpro, admin, sender):
    assert refusal(InDialect("rapidpro", "").get(URL)) == (
        403,
        {"detail": "Authentication credentials were not provided."},
    )
    assert refusal(InDialect("rapidpro", "x").get(URL)) == (403, {"detail": "Invalid token"})
    assert refusal(rapidpro.get(URL))[0] == 200
    reader = InDialect("rapidpro", make_token(admin, ["read"]))
    assert reader.post(URL, HELLO).status_code == 403


def test_02_basic_authentication_has_the_address_of_the_tokens_user(admin):
    key = make_token(admin)

    def asked(email: str, key: str = key):
        client = InDialect("rapidpro", "")
        client.headers = {"Authorization": "Basic " + base64.b64encode(f"{email}:{key}".encode()).decode()}
        return client.get(URL)

    assert asked(admin.user.email.upper()).status_code == 200
    wrong = [asked("joe@example.com"), asked(admin.user.email, "x")]
    assert [refusal(one) for one in wrong] == [(403, {"detail": "Invalid token or email"})] * 2


def test_an_answer_names_the_workspace(rapidpro, club):
    assert rapidpro.get(URL)["X-Temba-Workspace"] == str(club.uuid)


def test_05_urns_are_normalised_and_echoed_twice_but_sent_to_once(rapidpro, mail, server):
    urns = ["mailto:Joe@Example.com", "mailto:joe@example.com"]
    response = rapidpro.post(URL, {"text": "hi", "urns": urns})
    assert response.json()["urns"] == ["mailto:joe@example.com"] * 2
    complete()
    assert [copy.address for copy in server.received] == ["joe@example.com"]


def test_06_a_urn_that_nobody_has_makes_a_contact(rapidpro):
    rapidpro.post(URL, HELLO)
    [told] = rapidpro.get("/api/v2/contacts.json?urn=tel:%2B34600111222").json()["results"]
    assert told["urns"] == ["tel:+34600111222"]


@pytest.mark.parametrize("name", ["urns", "contacts", "groups"])
def test_07_at_most_a_hundred(rapidpro, name):
    names = [f"tel:+346001112{n:02}" for n in range(100)] + ["tel:+34600111333"]
    response = rapidpro.post(URL, {"text": "hi", name: names})
    assert refusal(response) == (400, {name: ["Ensure this field has no more than 100 elements."]})


def test_07_a_hundred_are_taken(rapidpro):
    made(rapidpro.post(URL, {"text": "hi", "urns": [f"tel:+346001112{n:02}" for n in range(100)]}))


def test_08_who_is_named_in_three_ways_gets_one_message(rapidpro, club, mail, server, make_segment):
    joe = make_contact(club, "joe@example.com", language="en")
    segment = make_segment("English readers")
    named = {"contacts": [str(joe.uuid)], "urns": ["mailto:joe@example.com"], "groups": ["english READERS"]}
    told = rapidpro.post(URL, {"text": "hi", **named}).json()
    complete()
    assert [copy.address for copy in server.received] == ["joe@example.com"]
    assert told["groups"] == [{"uuid": str(segment.uuid), "name": "English readers"}]
    assert told["contacts"] == [{"uuid": str(joe.uuid), "name": joe.full_name or None}]


def test_08_a_contact_may_be_named_by_its_urn(rapidpro, club):
    joe = make_contact(club, "joe@example.com")
    told = rapidpro.post(URL, {"text": "hi", "contacts": ["mailto:JOE@example.com"]}).json()
    assert [one["uuid"] for one in told["contacts"]] == [str(joe.uuid)]


def test_09_without_a_channel_it_ends_with_everybody_skipped(rapidpro, club):
    broadcast = made(rapidpro.post(URL, HELLO))
    complete()
    [told] = rapidpro.get(URL).json()["results"]
    assert (told["status"], told["progress"]) == ("completed", {"total": 1, "started": 1})
    assert Delivery.objects.get(message__broadcast=broadcast).reason == "no_address"


def test_09_a_group_without_members_ends_too(rapidpro, mail, make_segment):
    make_segment("Nobody")
    rapidpro.post(URL, {"text": "hi", "groups": ["Nobody"]})
    complete()
    [told] = rapidpro.get(URL).json()["results"]
    assert (told["status"], told["progress"]["total"]) == ("completed", -1)


def test_10_files_alone_are_enough(rapidpro, photo):
    told = rapidpro.post(URL, {"attachments": {"eng": [photo["uuid"]]}, "urns": HELLO["urns"]}).json()
    assert told["text"] == {"eng": None}
    assert told["attachments"]["eng"][0].startswith("image/png:http")
    again = rapidpro.post(URL, {"text": "hi", "attachments": told["attachments"], "urns": HELLO["urns"]})
    assert again.json()["attachments"] == told["attachments"]


def test_10_the_base_language_must_have_something(rapidpro, photo):
    given = {"attachments": {"eng": [photo["uuid"]]}, "urns": HELLO["urns"], "base_language": "fra"}
    assert refusal(rapidpro.post(URL, given)) == whole("No text translation provided in base language.")
    given = {**given, "text": {"fra": "Salut"}}
    assert refusal(rapidpro.post(URL, given)) == whole("No attachment translations provided in base language.")


def test_11_files_must_be_there_and_are_ten_at_most(rapidpro, photo):
    given = {**HELLO, "attachments": ["xyz"]}
    assert refusal(rapidpro.post(URL, given)) == (400, {"attachments": {"eng": ["No such object: xyz"]}})
    given = {**HELLO, "attachments": {"eng": [photo["uuid"]] * 11}}
    limit = "Ensure this field has no more than 10 elements."
    assert refusal(rapidpro.post(URL, given)) == (400, {"attachments": {"eng": [limit]}})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (5, ['Expected a dictionary of items but got type "int".']),
        ([], ['Expected a dictionary of items but got type "list".']),
        ({}, ["This dictionary may not be empty."]),
        ({"eng": ""}, {"eng": ["This field may not be blank."]}),
        ({"eng": ["a"]}, {"eng": ["Not a valid string."]}),
        ({"zz9": "x"}, {"zz9": ["Not an allowed ISO 639-3 language code."]}),
        ({"en": "x"}, {"en": ["Not an allowed ISO 639-3 language code."]}),
        ({f"x{n:02}": "x" for n in range(51)}, ["Ensure this field has no more than 50 elements."]),
        ({"eng": "x" * 4097}, {"eng": ["Ensure this field has no more than 4096 characters."]}),
    ],
)
def test_12_texts_are_checked(rapidpro, text, told):
    assert refusal(rapidpro.post(URL, {**HELLO, "text": text})) == (400, {"text": told})


def test_12_a_base_language_has_three_letters(rapidpro):
    wrong = "Not an allowed ISO 639-3 language code."
    assert refusal(rapidpro.post(URL, {**HELLO, "base_language": "xyz"})) == (400, {"base_language": [wrong]})
    longer = ["Ensure this field has no more than 3 characters.", wrong]
    assert refusal(rapidpro.post(URL, {**HELLO, "base_language": "english"})) == (400, {"base_language": longer})


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ({"type": "text"}, "Quick replies of type 'text' require a 'text' value."),
        ({"type": "url", "text": "a"}, "Quick replies of type 'url' require 'text' and 'extra' values."),
        ({"type": "location", "extra": "a"}, "Quick replies of type 'location' cannot have an 'extra' value."),
    ],
)
def test_quick_replies_are_checked(rapidpro, reply, told):
    response = rapidpro.post(URL, {**HELLO, "quick_replies": [reply]})
    assert refusal(response) == (400, {"quick_replies": {"eng": {"0": [told]}}})


def test_quick_replies_are_shown_as_objects(rapidpro):
    told = rapidpro.post(URL, {**HELLO, "quick_replies": ["Yes", {"text": "No"}]}).json()["quick_replies"]
    assert told == {"eng": [{"type": "text", "text": one, "extra": None} for one in ("Yes", "No")]}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"urns": HELLO["urns"]}, "Must provide either text or attachments."),
        ({"text": "hi"}, "Must provide either urns, contacts or groups."),
        ({"text": "hi", "urns": []}, "Must provide either urns, contacts or groups."),
    ],
)
def test_it_says_something_to_somebody(rapidpro, given, told):
    assert refusal(rapidpro.post(URL, given)) == whole(told)


def test_urns_are_checked_one_by_one(rapidpro):
    wrong = {"1": ["Invalid URN: tel:xx. Ensure phone numbers contain country codes."]}
    assert refusal(rapidpro.post(URL, {"text": "hi", "urns": ["tel:+34600111222", "tel:xx"]})) == (400, {"urns": wrong})
    told = {"urns": ['Expected a list of items but got type "str".']}
    assert refusal(rapidpro.post(URL, {"text": "hi", "urns": "tel:1"})) == (400, told)
    assert rapidpro.post(URL, {"text": "hi", "urns": ["facebook:12"]}).status_code == 400


@pytest.mark.parametrize("name", ["contacts", "groups"])
def test_what_another_organization_has_is_not_there(rapidpro, elsewhere, make_segment, name):
    rows = {"contacts": make_contact(elsewhere), "groups": make_segment("Theirs", elsewhere)}
    uuid = str(rows[name].uuid)
    assert refusal(rapidpro.post(URL, {"text": "hi", name: [uuid]})) == (400, {name: [f"No such object: {uuid}"]})


def test_13_one_is_found_by_id_and_by_uuid(rapidpro):
    told = rapidpro.post(URL, HELLO).json()
    rapidpro.post(URL, HELLO)
    for query in (f"id={told['id']}", f"uuid={told['uuid']}"):
        assert rapidpro.get(f"{URL}?{query}").json()["results"] == [told]
    assert refusal(rapidpro.get(f"{URL}?id=x")) == (400, {"detail": "Value for id must be an integer"})
    wrong = {"detail": "Param 'uuid': x is not a valid UUID."}
    assert refusal(rapidpro.get(f"{URL}?uuid=x")) == (400, wrong)


def test_13_both_ends_of_a_span_belong_to_it(rapidpro):
    moment = rapidpro.post(URL, HELLO).json()["created_on"]
    assert len(rapidpro.get(f"{URL}?after={moment}&before={moment}&other=1").json()["results"]) == 1
    assert rapidpro.get(f"{URL}?before=foo").json()["results"] == []


def test_14_pages_have_250_and_keep_their_filter(rapidpro, mail):
    broadcasts = [make_broadcast(mail) for _ in range(1)]
    first = broadcasts[0]
    now = timezone.now()
    Broadcast.objects.bulk_create(
        Broadcast(organization=first.organization, name=f"{n}", status="SENT", expanded_at=now) for n in range(251)
    )
    page = rapidpro.get(f"{URL}?after=2020-01-01T00:00:00Z").json()
    assert len(page["results"]) == 250
    assert page["next"].startswith("http://testserver/api/v2/broadcasts.json?")
    assert "after=2020" in page["next"]
    rest = rapidpro.get(page["next"].removeprefix("http://testserver")).json()
    assert len({one["id"] for one in page["results"] + rest["results"]}) == 251
    assert refusal(rapidpro.get(f"{URL}?cursor=zzz")) == (404, {"detail": "Invalid cursor"})


def test_a_page_takes_the_same_queries_whatever_it_shows(rapidpro, django_assert_max_num_queries, make_segment):
    make_segment("Friends")
    for _ in range(3):
        rapidpro.post(URL, {**HELLO, "groups": ["Friends"]})
    with django_assert_max_num_queries(12):
        assert len(rapidpro.get(URL).json()["results"]) == 3


def test_15_drafts_do_not_appear_and_what_others_sent_does(rapidpro, club, mail):
    make_broadcast(mail)
    make_broadcast(mail, status="SCHEDULED", scheduled_at=timezone.now() + timedelta(days=1))
    theirs = make_broadcast(mail, body="Hello", status="SENT", addresses=["tel:+34600111222"])
    stopped = make_broadcast(mail, status="CANCELLED")
    told = {one["id"]: one for one in rapidpro.get(URL).json()["results"]}
    assert {pk: one["status"] for pk, one in told.items()} == {theirs.pk: "completed", stopped.pk: "interrupted"}
    assert (told[theirs.pk]["text"], told[theirs.pk]["urns"]) == ({"eng": "Hello"}, ["tel:+34600111222"])


def test_16_it_is_made_and_listed_and_nothing_else(rapidpro):
    told = {"detail": 'Method "PUT" not allowed.'}
    assert refusal(rapidpro.put(URL, HELLO)) == (405, told)
    assert rapidpro.delete(URL).status_code == 405
    assert refusal(rapidpro.post(URL, [])) == whole("Request body should be a single JSON object")
    assert rapidpro.raw(URL, "{", "application/json").json()["detail"].startswith("JSON parse error - ")


@pytest.mark.parametrize("url", ["/api/v2/broadcasts.json", "/api/v2/broadcasts", "/api/v2/broadcasts/"])
def test_17_no_spelling_redirects(rapidpro, url):
    assert rapidpro.post(url, HELLO).status_code == 201


def test_17_what_is_not_there_is_a_404(rapidpro):
    for method in (rapidpro.get, rapidpro.post):
        assert refusal(method("/api/v2/nothing.json")) == (404, {"detail": "Not found."})
    assert refusal(rapidpro.get("/api/v2/flows.json")) == (404, {"detail": "Not found."})


def test_20_the_tokens_of_a_workspace_share_one_limit(rapidpro, club, settings):
    settings.API_THROTTLE_PER_HOUR = 2
    other = InDialect("rapidpro", make_token(make_member(club, "sender")))
    assert [one.get(URL).status_code for one in (rapidpro, other)] == [200, 200]
    refused = other.get(URL)
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert "Request was throttled. Expected available in" in refused.json()["detail"]


def test_a_repeated_request_with_a_key_sends_once(rapidpro):
    for _ in range(2):
        rapidpro.post(URL, HELLO, headers={"Idempotency-Key": "a"})
    assert Broadcast.objects.count() == 1
    rapidpro.post(URL, HELLO)
    assert Broadcast.objects.count() == 2


def test_a_suspended_workspace_sends_nothing(rapidpro, club):
    club.status = "suspended"
    club.save()
    status, told = refusal(rapidpro.post(URL, HELLO))
    assert (status, told["non_field_errors"][0][:50]) == (400, "Sorry, your workspace is currently suspended. To r")


# Which translation a contact gets: the organization's languages, those of the texts, base, the contact's, what is sent.
CHOICES = [
    (["en", "es"], {"eng": "E", "spa": "S"}, "eng", "es", "S"),
    (["en", "es"], {"eng": "E", "kin": "K"}, "eng", "rw", "E"),
    (["es", "fr", "en"], {"eng": "E", "spa": "S"}, "eng", "rw", "S"),
    (["en", "es"], {"fra": "F"}, "fra", "en", "F"),
    (["en", "es"], {"fra": "F", "spa": "S"}, "fra", "de", "F"),
    (["en", "es"], {"eng": "E", "spa": "S"}, "eng", "es-MX", "S"),
    (["pt-BR"], {"por": "P", "eng": "E"}, "eng", "en", "P"),
]


@pytest.mark.parametrize(("spoken", "text", "base", "reads", "sent"), CHOICES)
def test_the_language_is_chosen_as_rapidpro_does(rapidpro, club, mail, server, spoken, text, base, reads, sent):
    club.languages = spoken
    club.save()
    joe = make_contact(club, "joe@example.com", language=reads)
    given = {"text": text, "base_language": base, "contacts": [str(joe.uuid)]}
    assert rapidpro.post(URL, given).json()["text"] == text
    complete()
    assert [copy.text.strip() for copy in server.received] == [sent]


def test_each_part_is_chosen_by_itself(rapidpro, club, photo, mail):
    joe = make_contact(club, "joe@example.com", language="es")
    given = {
        "text": {"eng": "Yes?", "spa": "¿Sí?"},
        "attachments": {"eng": [photo["uuid"]]},
        "quick_replies": {"eng": ["OK"]},
    }
    broadcast = made(rapidpro.post(URL, {**given, "contacts": [str(joe.uuid)]}))
    spanish = broadcast.first_message().translation("es")
    assert spanish.text == "¿Sí?"
    assert spanish.attachments == [{"media": photo["uuid"]}]
    assert spanish.quick_replies == [{"type": "text", "text": "OK"}]


def test_03_each_copy_is_filled_in_the_language_of_its_reader(rapidpro, club, mail, server):
    text = {"eng": "Hello @contact.name!", "spa": "Hola @contact.name!"}
    for language in ("es", "en", "fr"):
        make_contact(club, f"joe@{language}.example", full_name="Joe", language=language)
    urns = [f"mailto:joe@{language}.example" for language in ("es", "en", "fr")]
    told = rapidpro.post(URL, {"text": text, "base_language": "eng", "urns": urns}).json()
    assert told["text"] == text
    complete()
    assert {copy.address.partition("@")[2]: copy.text.strip() for copy in server.received} == {
        "es.example": "Hola Joe!",
        "en.example": "Hello Joe!",
        "fr.example": "Hello Joe!",
    }


@pytest.mark.parametrize(
    ("text", "sent"),
    [("Hi @(upper(contact.name", "Hi @(upper(contact.name"), ("Hi @contact.nme| {{ x }}", "Hi | {{ x }}")],
)
def test_04_a_wrong_expression_is_taken_and_is_empty(rapidpro, club, mail, server, text, sent):
    make_contact(club, "joe@example.com")
    made(rapidpro.post(URL, {"text": text, "urns": ["mailto:joe@example.com"]}))
    complete()
    assert server.received[0].text.strip() == sent


def test_the_contacts_and_people_of_a_broadcast_are_counted(rapidpro, club, mail, server):
    make_contact(club, "joe@example.com")
    rapidpro.post(URL, {"text": "hi", "urns": ["mailto:joe@example.com", "mailto:ann@example.com"]})
    complete()
    [told] = rapidpro.get(URL).json()["results"]
    assert (told["status"], told["progress"]) == ("completed", {"total": 2, "started": 2})
    assert Contact.objects.count() == 2


def test_a_text_alone_is_in_the_primary_language_whichever_it_is(rapidpro, club):
    for tag, code in (("fil", "tgl"), ("gsw", "gsw"), ("pt-BR", "por")):
        club.languages = [tag]
        club.save()
        assert rapidpro.post(URL, HELLO).json()["text"] == {code: "hi"}


def test_a_channel_that_cannot_send_leaves_the_others_to_it(rapidpro, club, mail, server):
    mail.from_address = ""
    mail.save()
    Channel.objects.create(organization=club, name="Hook", kind="webhook", settings={"url": "https://x.example/"})
    broadcast = made(rapidpro.post(URL, {"text": "hi", "urns": ["mailto:joe@example.com"]}))
    complete()
    assert [one.message.channel.name for one in Delivery.objects.filter(status="sent")] == ["Hook"]
    assert "no good sender" in broadcast.messages.get(channel=None).error


def test_the_first_of_two_parameters_counts(rapidpro):
    first, second = (rapidpro.post(URL, HELLO).json() for _ in range(2))
    told = rapidpro.get(f"{URL}?uuid={first['uuid']}&uuid={second['uuid']}").json()["results"]
    assert [one["uuid"] for one in told] == [first["uuid"]]


def test_a_language_of_several_forms_shows_the_base_one(rapidpro, mail):
    theirs = make_broadcast(mail, body="Colour", status="SENT", base_language="en")
    MessageTranslation.objects.create(message=theirs.first_message(), language="en-GB", text="Colour, please")
    assert rapidpro.get(URL).json()["results"][0]["text"] == {"eng": "Colour"}


def test_no_text_holds_a_nul(rapidpro):
    wrong = {**HELLO, "quick_replies": ["a\0b"]}, {**HELLO, "groups": ["a\0b"]}, {**HELLO, "text": "a\0b"}
    assert [rapidpro.post(URL, one).status_code for one in wrong] == [400] * 3


def test_names_are_looked_up_together(rapidpro, club):
    people = [make_contact(club, f"{n}@example.com") for n in range(50)]

    def queries(named):
        with CaptureQueriesContext(connection) as asked:
            made(rapidpro.post(URL, {"text": "hi", "contacts": [f"mailto:{one.email}" for one in named]}))
        return len(asked)

    of_five = queries(people[:5])
    assert queries(people) <= of_five
