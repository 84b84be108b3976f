"""RapidPro's API beside its broadcasts: contacts, groups, fields, media, messages and the workspace."""

import base64
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from broadcasts import segmenting
from broadcasts.models import Attribute, Batch, Contact, Delivery, Inbound, Media, Segment, Suppression
from tests.api.described import document
from tests.make import make_contact, make_delivery, make_token

from .conftest import InDialect, finish

CONTACTS, GROUPS, MESSAGES = (f"/api/v2/{name}.json" for name in ("contacts", "groups", "messages"))
LISTS = ["broadcasts", "channels", "contacts", "fields", "globals", "groups", "messages"]


def refusal(response):
    return response.status_code, response.json()


def results(response):
    assert response.status_code == 200, response.content
    return response.json()["results"]


@pytest.fixture
def friends(club) -> Segment:
    return Segment.objects.create(organization=club, name="Friends", kind="static")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_needs_a_token_and_shows_nothing_of_others(rapidpro, club, elsewhere, name):
    url = f"/api/v2/{name}.json"
    make_contact(elsewhere)
    Segment.objects.create(organization=elsewhere, name="Theirs")
    Attribute.objects.create(organization=elsewhere, key="theirs")
    assert InDialect("rapidpro", "").get(url).status_code == 403
    assert results(rapidpro.get(url)) == []


def test_a_contact_round_trips(rapidpro, club, friends):
    Attribute.objects.create(organization=club, key="age", type="number")
    given = {
        "name": "Joe",
        "language": "spa",
        "urns": ["tel:+34600111222", "mailto:joe@example.com"],
        "groups": ["friends"],
        "fields": {"age": 34},
    }
    response = rapidpro.post(CONTACTS, given)
    told = response.json()
    assert response.status_code == 201
    assert {name: told[name] for name in given} == {
        **given,
        "groups": [{"uuid": str(friends.uuid), "name": "Friends"}],
    }
    assert (told["status"], told["blocked"], told["stopped"], told["flow"]) == ("active", False, False, None)
    assert results(rapidpro.get(f"{CONTACTS}?uuid={told['uuid']}")) == [told]


def test_a_contact_is_changed_by_uuid_or_urn(rapidpro, club, friends):
    joe = make_contact(club, "joe@example.com", phone="+34600111222", language="en")
    segmenting.add(friends, Contact.objects.filter(pk=joe.pk))
    told = rapidpro.post(f"{CONTACTS}?urn=mailto:joe@example.com", {"name": "Joseph", "groups": []}).json()
    assert (told["uuid"], told["name"], told["groups"], told["language"]) == (str(joe.uuid), "Joseph", [], "eng")
    told = rapidpro.post(f"{CONTACTS}?uuid={joe.uuid}", {"urns": ["tel:+34600111222"]}).json()
    assert told["urns"] == ["tel:+34600111222"]


def test_a_urn_that_nobody_has_adds_a_contact(rapidpro):
    response = rapidpro.post(f"{CONTACTS}?urn=tel:%2B34600111222", {"name": "Joe"})
    assert (response.status_code, response.json()["urns"]) == (201, ["tel:+34600111222"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"urns": ["tel:+34600111222", "mailto:ann@example.com"]},
            {"urns": {"1": ["URN is in use by another contact."]}},
        ),
        ({"urns": ["tel:+34600111222", "tel:+34600111223"]}, {"urns": {"1": ["A contact has one tel address here."]}}),
        ({"fields": {"shoe": 1}}, {"fields": ["Invalid contact field key: shoe"]}),
        ({"groups": ["By rule"]}, {"groups": ["Contact group must not be query based: By rule"]}),
        ({"language": "en"}, {"language": ["Not an allowed ISO 639-3 language code."]}),
        ({"name": "x" * 65}, {"name": ["Ensure this field has no more than 64 characters."]}),
    ],
)
def test_a_contact_is_checked(rapidpro, club, make_segment, given, told):
    make_contact(club, "ann@example.com")
    make_segment("By rule")
    assert refusal(rapidpro.post(CONTACTS, given)) == (400, told)
    assert Contact.objects.count() == 1


def test_a_url_names_one_contact_in_one_way(rapidpro, club):
    joe = make_contact(club, "joe@example.com")
    both = f"{CONTACTS}?uuid={joe.uuid}&urn=mailto:joe@example.com"
    told = "URL can only contain one of the following parameters: urn, uuid"
    assert refusal(rapidpro.post(both, {})) == (400, {"non_field_errors": [told]})
    told = "URL must contain one of the following parameters: urn, uuid"
    assert refusal(rapidpro.delete(CONTACTS)) == (400, {"non_field_errors": [told]})
    told = {"urns": ["Field not allowed when using URN in URL"]}
    assert refusal(rapidpro.post(f"{CONTACTS}?urn=mailto:joe@example.com", {"urns": []})) == (400, told)


def test_a_contact_of_another_organization_is_not_there(rapidpro, elsewhere):
    theirs = make_contact(elsewhere, "joe@example.com")
    for method in (rapidpro.delete, lambda url: rapidpro.post(url, {"name": "Mine"})):
        assert refusal(method(f"{CONTACTS}?uuid={theirs.uuid}")) == (404, {"detail": "Not found."})
    assert Contact.objects.get(pk=theirs.pk).full_name == theirs.full_name


def test_a_contact_is_deleted_by_admins(rapidpro, club, author):
    make_contact(club, "joe@example.com")
    url = f"{CONTACTS}?urn=mailto:joe@example.com"
    assert InDialect("rapidpro", make_token(author)).delete(url).status_code == 403
    assert rapidpro.delete(url).status_code == 204
    assert rapidpro.delete(url).status_code == 404


def test_contacts_are_filtered_and_come_by_their_last_change(rapidpro, club, friends, make_segment):
    joe, ann = make_contact(club, "joe@example.com"), make_contact(club, "ann@example.com", language="en")
    segmenting.add(friends, Contact.objects.filter(pk=joe.pk))
    make_segment("English")
    joe.save()

    def named(query):
        return [one["urns"][0] for one in results(rapidpro.get(f"{CONTACTS}?{query}"))]

    both = ["mailto:joe@example.com", "mailto:ann@example.com"]
    assert (named(""), named("reverse=true")) == (both, both[::-1])
    assert (named("group=FRIENDS"), named("group=english"), named("group=none")) == (both[:1], both[1:], [])
    assert (named("deleted=1"), named("urn=tel:%2B34600999888"), named(f"uuid={ann.uuid}")) == ([], [], both[1:])
    assert refusal(rapidpro.get(f"{CONTACTS}?urn=foo")) == (400, {"detail": "Invalid URN: foo"})
    assert {one["groups"][0]["name"] for one in results(rapidpro.get(CONTACTS))} == {"Friends", "English"}


def test_a_contact_who_is_suppressed_everywhere_is_stopped(rapidpro, club):
    joe = make_contact(club, "joe@example.com")
    Suppression.objects.create(organization=club, medium="email", address_hash=joe.email_hash)
    [told] = results(rapidpro.get(CONTACTS))
    assert (told["status"], told["stopped"]) == ("stopped", True)


def test_a_page_of_contacts_takes_few_queries(rapidpro, club, friends, make_segment, django_assert_max_num_queries):
    for name in ("A", "B", "C"):
        make_segment(name)
    for number in range(5):
        make_contact(club, f"{number}@example.com", language="en")
    with django_assert_max_num_queries(14):
        assert len(results(rapidpro.get(CONTACTS))) == 5


def test_groups_are_made_renamed_and_deleted(rapidpro, club):
    response = rapidpro.post(GROUPS, {"name": "Friends"})
    told = response.json()
    assert (response.status_code, told["query"], told["count"], told["system"]) == (201, None, 0, False)
    assert rapidpro.post(f"{GROUPS}?uuid={told['uuid']}", {"name": "Best friends"}).json()["name"] == "Best friends"
    assert [one["name"] for one in results(rapidpro.get(f"{GROUPS}?name=best FRIENDS"))] == ["Best friends"]
    assert rapidpro.delete(f"{GROUPS}?uuid={told['uuid']}").status_code == 204
    assert results(rapidpro.get(GROUPS)) == []


def test_the_name_of_a_group_is_its_own(rapidpro, friends):
    assert refusal(rapidpro.post(GROUPS, {"name": "FRIENDS"})) == (400, {"name": ["This field must be unique."]})
    assert rapidpro.post(f"{GROUPS}?name=friends", {"name": "FRIENDS"}).status_code == 200


def test_a_dynamic_group_shows_its_rules(rapidpro, make_segment, friends):
    make_segment("English")
    assert {one["name"]: one["query"] for one in results(rapidpro.get(GROUPS))} == {
        "English": '{"language": "en"}',
        "Friends": None,
    }
    assert [one["name"] for one in results(rapidpro.get(f"{GROUPS}?manual_only=1"))] == ["Friends"]


def test_a_group_that_is_used_stays(rapidpro, club, friends):
    Segment.objects.create(organization=club, name="Of friends", rules={"segment": str(friends.uuid)})
    status, told = refusal(rapidpro.delete(f"{GROUPS}?name=friends"))
    assert (status, "in use" in told["detail"]) == (409, True)


def test_contact_actions_work_on_up_to_a_hundred(rapidpro, club, friends):
    joe = make_contact(club, "joe@example.com")

    def act(action, **fields):
        given = {"contacts": [str(joe.uuid)], "action": action, **fields}
        return rapidpro.post("/api/v2/contact_actions.json", given).status_code

    assert act("add", group="Friends") == 204
    assert friends.members.count() == 1
    assert (act("remove", group=str(friends.uuid)), friends.members.count()) == (204, 0)
    assert (act("block"), Contact.objects.get().status) == (204, "blocked")
    assert (act("unblock"), Contact.objects.get().status) == (204, "active")
    assert (act("add"), act("block", group="Friends"), act("dance")) == (400, 400, 400)
    assert (act("delete"), Contact.objects.count()) == (204, 0)


def test_fields_are_attributes(rapidpro, club):
    response = rapidpro.post("/api/v2/fields.json", {"name": "Shoe Size!", "type": "number"})
    told = response.json()
    assert (response.status_code, told["key"], told["name"], told["type"]) == (201, "shoe_size", "Shoe Size!", "number")
    again = rapidpro.post("/api/v2/fields.json?key=shoe_size", {"name": "Shoes", "type": "text"})
    assert (again.status_code, again.json()["name"]) == (200, "Shoes")
    assert rapidpro.post("/api/v2/fields.json?key=x", {"name": "X", "type": "text"}).status_code == 404
    status, told = refusal(rapidpro.post("/api/v2/fields.json", {"name": "X" * 37, "type": "no"}))
    assert (status, told) == (400, {"name": ["Ensure this field has no more than 36 characters."]})


@pytest.mark.parametrize("url", ["/api/v2/workspace.json", "/api/v2/org.json"])
def test_the_workspace_is_the_organization(rapidpro, club, url):
    told = rapidpro.get(url).json()
    assert (told["uuid"], told["languages"], told["primary_language"]) == (str(club.uuid), ["eng", "spa"], "eng")
    assert (told["country"], told["date_style"], told["anon"]) == ("ES", "year_first", False)


def test_globals_and_channels_are_listed(rapidpro, club, mail):
    club.globals = {"org_name": "The Club"}
    club.save()
    [told] = results(rapidpro.get("/api/v2/globals.json"))
    assert (told["key"], told["name"], told["value"]) == ("org_name", "Org Name", "The Club")
    assert results(rapidpro.get("/api/v2/globals.json?key=x")) == []
    [told] = results(rapidpro.get("/api/v2/channels.json"))
    assert (told["uuid"], told["type"], told["address"]) == (str(mail.uuid), "email", "news@club.example")


def upload(client, content, name="photo.png"):
    body = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile(name, content, "image/png")})
    return client.raw("/api/v2/media.json", body, MULTIPART_CONTENT)


def test_18_a_file_is_known_by_its_content(rapidpro, photo):
    assert (photo["content_type"], photo["filename"]) == ("image/png", "photo.png")
    assert rapidpro.client.get("/f/" + photo["url"].partition("/f/")[2]).status_code == 200
    assert refusal(upload(rapidpro, b"MZ\x90\x00")) == (400, {"file": ["Unsupported file type."]})
    missing = rapidpro.raw("/api/v2/media.json", encode_multipart(BOUNDARY, {}), MULTIPART_CONTENT)
    assert refusal(missing) == (400, {"file": ["No file was submitted."]})
    assert rapidpro.get("/api/v2/media.json").status_code == 405


def test_21_messages_are_the_copies_and_what_became_of_them(rapidpro, club, mail, server):
    joe = make_contact(club, "joe@example.com")
    made = rapidpro.post("/api/v2/broadcasts.json", {"text": "hi", "contacts": [str(joe.uuid)]}).json()
    [told] = results(rapidpro.get(f"{MESSAGES}?broadcast={made['id']}")) or [None]
    assert told is None
    finish()
    [told] = results(rapidpro.get(f"{MESSAGES}?broadcast={made['id']}"))
    assert (told["status"], told["text"].strip(), told["urn"]) == ("wired", "hi", "mailto:joe@example.com")
    assert told["contact"] == {"uuid": str(joe.uuid), "name": joe.full_name or None}
    Delivery.objects.update(delivered_at="2030-01-01T00:00:00Z")
    [told] = results(rapidpro.get(f"{MESSAGES}?uuid={told['uuid']}"))
    assert (told["status"], told["broadcast"]) == ("delivered", made["id"])


def test_messages_are_found_by_folder_and_contact(rapidpro, club, mail, sent_broadcast):
    joe, ann = make_contact(club, "joe@example.com"), make_contact(club, "ann@example.com")
    make_delivery(sent_broadcast, joe, status="sent", address="joe@example.com")
    make_delivery(sent_broadcast, ann, status="failed", address="ann@example.com")
    Batch.objects.create(message=sent_broadcast.first_message(), state="done", total=2, sent=1, failed=1)

    def urns(query):
        return [one["urn"] for one in results(rapidpro.get(f"{MESSAGES}?{query}"))]

    assert urns("folder=sent") == urns(f"contact={joe.uuid}") == ["mailto:joe@example.com"]
    assert urns("folder=failed") == urns("contact=mailto:ann@example.com") == ["mailto:ann@example.com"]
    assert urns("folder=flows") == urns("label=x") == urns("broadcast=99999") == urns("folder=outbox") == []
    told = "You may only specify one of the contact, folder, label or broadcast parameters"
    assert refusal(rapidpro.get(f"{MESSAGES}?folder=sent&contact={joe.uuid}")) == (400, {"detail": told})


def test_the_inbox_has_the_replies(rapidpro, club, mail):
    joe = make_contact(club, "joe@example.com")
    Inbound.objects.create(organization=club, channel=mail, contact=joe, address="joe@example.com", text="Thanks")
    [told] = results(rapidpro.get(f"{MESSAGES}?folder=inbox"))
    assert (told["direction"], told["status"], told["text"]) == ("in", "handled", "Thanks")
    assert (told["urn"], told["contact"]["uuid"]) == ("mailto:joe@example.com", str(joe.uuid))


def test_18_a_file_that_is_too_large_is_refused(rapidpro, settings):
    settings.MEDIA_MAX_MB = 0.0001
    limit = {"file": ["Limit for file uploads is 0.0001 MB."]}
    assert refusal(upload(rapidpro, b"%PDF-" + b"x" * 200)) == (400, limit)


def test_a_repeated_upload_with_a_key_is_one_file(rapidpro, photo):
    rapidpro.headers["Idempotency-Key"] = "a"
    told = [upload(rapidpro, b"%PDF-1.4").json() for _ in range(2)]
    assert told[0] == told[1]
    assert Media.objects.count() == 2


@pytest.mark.parametrize(
    "query", ["contacts.json?group", "groups.json?name", "fields.json?key", "channels.json?address"]
)
def test_no_parameter_breaks_a_list(rapidpro, query):
    assert results(rapidpro.get(f"/api/v2/{query}=a%00b")) == []


@pytest.mark.parametrize("name", [name for name in LISTS if name != "globals"])
@pytest.mark.parametrize("place", ["abc", "2020-01-01", "2020-01-01T00:00:00 00:00", "9" * 30, "a\0b"])
def test_a_cursor_of_another_list_is_a_404(rapidpro, name, place):
    cursor = base64.b64encode(urlencode({"p": place}).encode()).decode()
    response = rapidpro.get(f"/api/v2/{name}.json?{urlencode({'cursor': cursor})}")
    assert refusal(response) == (404, {"detail": "Invalid cursor"})


def test_a_group_is_found_by_a_name_with_accents(rapidpro, mail):
    assert rapidpro.post(GROUPS, {"name": "École"}).status_code == 201
    assert [one["name"] for one in results(rapidpro.get(f"{GROUPS}?name=École"))] == ["École"]
    given = {"text": "hi", "groups": ["École"]}
    assert rapidpro.post("/api/v2/broadcasts.json", given).json()["groups"][0]["name"] == "École"


def test_the_name_of_a_group_is_one_line(rapidpro):
    assert rapidpro.post(GROUPS, {"name": "a\nb"}).status_code == 400


@pytest.mark.parametrize("url", [CONTACTS, GROUPS, "/api/v2/fields.json", "/api/v2/contact_actions.json"])
def test_a_body_is_one_object(rapidpro, url):
    told = {"non_field_errors": ["Request body should be a single JSON object"]}
    assert refusal(rapidpro.post(url, [])) == (400, told)


def test_errors_have_the_names_that_the_client_wrote(rapidpro, club):
    Attribute.objects.create(organization=club, key="age", type="number")
    assert list(rapidpro.post(CONTACTS, {"fields": {"age": {"a": 1}}}).json()) == ["fields"]
    assert list(rapidpro.post("/api/v2/fields.json", {"name": "!!!", "type": "text"}).json()) == ["name"]


def test_too_many_fields_are_a_409(rapidpro, club, monkeypatch):
    monkeypatch.setattr("broadcasts.models.contacts.ORGANIZATION_ATTRIBUTES", 0)
    told = {"detail": "Cannot create object because workspace has reached limit."}
    assert refusal(rapidpro.post("/api/v2/fields.json", {"name": "Age", "type": "number"})) == (409, told)


def test_joining_a_group_changes_a_contact(rapidpro, club, friends):
    joe = make_contact(club, "joe@example.com")
    given = {"contacts": [str(joe.uuid)], "action": "add", "group": "Friends"}
    rapidpro.post("/api/v2/contact_actions.json", given)
    assert Contact.objects.get().modified > joe.modified


def test_the_groups_of_a_contact_take_few_queries(rapidpro, club, make_segment, django_assert_max_num_queries):
    Segment.objects.bulk_create(Segment(organization=club, name=f"{n}", rules={"language": "en"}) for n in range(150))
    make_contact(club, language="en")
    with django_assert_max_num_queries(20):
        [told] = results(rapidpro.get(CONTACTS))
    assert len(told["groups"]) == 100


def test_an_urn_of_the_url_that_cannot_be_read_is_told_in_the_detail(rapidpro):
    response = rapidpro.post("/api/v2/contacts.json?urn=nobody", {})
    assert response.status_code == 400
    assert response.json() == {"detail": "Invalid URN: nobody"}


def test_who_joins_or_leaves_a_segment_elsewhere_is_read_as_changed(rapidpro, club, friends):
    joe, ann = make_contact(club, full_name="Joe"), make_contact(club, full_name="Ann")
    segmenting.add(friends, Contact.objects.all())
    [first, *_] = results(rapidpro.get(CONTACTS))
    segmenting.add(friends, Contact.objects.all())
    segmenting.remove(friends, Contact.objects.filter(pk=ann.pk))
    assert first["modified_on"] > ann.modified.isoformat() and joe.pk != ann.pk
    changed = results(rapidpro.get(f"{CONTACTS}?{urlencode({'after': first['modified_on']})}"))
    assert [(one["name"], len(one["groups"])) for one in changed] == [("Ann", 0), ("Joe", 1)]
    assert changed[0]["modified_on"] > first["modified_on"] == changed[1]["modified_on"]


def test_a_name_of_a_group_has_single_blanks(rapidpro, club):
    made = rapidpro.post(GROUPS, {"name": " Early   birds "}).json()
    assert made["name"] == "Early birds"
    assert rapidpro.post(GROUPS, {"name": "early  birds"}).json() == {"name": ["This field must be unique."]}
    assert [one["uuid"] for one in results(rapidpro.get(f"{GROUPS}?name=Early++birds"))] == [made["uuid"]]


def test_the_document_tells_what_a_broadcast_takes():
    inputs = document("rapidpro")["components"]["schemas"]["RapidProBroadcastInputRequest"]["properties"]
    assert [one["type"] for one in inputs["text"]["oneOf"]] == ["string", "object"]
    assert inputs["base_language"]["pattern"] == "^[a-z]{3}$"
