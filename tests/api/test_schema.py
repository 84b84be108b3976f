import json
import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

PAGE = "/api/docs/"


@pytest.fixture(scope="module")
def schema(django_db_setup, django_db_blocker):
    """The document as it is served; made once, since that takes seconds."""
    with django_db_blocker.unblock():
        return Client().get("/api/schema/?format=json").json()


def test_the_schema_is_valid_and_made_without_a_warning():
    schema = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=schema)
    assert schema.getvalue().startswith("openapi: 3.1")


def test_the_schema_is_openapi_3_1_and_names_every_resource(schema):
    assert schema["openapi"].startswith("3.1")
    named = {path.split("/")[2] for path in schema["paths"]}
    assert named == {
        *("broadcast-messages", "contacts", "segments", "templates", "channels", "deliveries", "suppressions"),
        *("activities", "attendances", "attributes", "consents", "imports", "inbound", "media", "organization", "sms"),
        *("stats", "subscriptions", "layouts", "languages", "merge-fields", "render", "mailboxes", "sending-domains"),
    }


def test_an_action_on_one_broadcast_names_no_filter_of_the_list(schema):
    paths = schema["paths"]
    named = {each["name"] for each in paths["/api/broadcast-messages/{uuid}/test/"]["post"]["parameters"]}
    assert not named & {"subject", "state", "status", "o"}


def test_every_reference_of_the_schema_leads_somewhere(schema):
    text, schemas = json.dumps(schema), schema["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= set(schemas)


def test_the_first_nine_fields_are_those_that_existing_clients_know(schema):
    fields = list(schema["components"]["schemas"]["Broadcast"]["properties"])
    assert fields[:9] == [
        *("uuid", "created", "subject", "body", "query", "author_full_name", "emails", "state", "send_at"),
    ]


@pytest.mark.parametrize("forbidden", [r"<style", r"style=", r"<script(?![^>]*\ssrc=)", r"https?://"])
def test_the_docs_need_nothing_inline_and_nothing_from_elsewhere(client, db, forbidden):
    answer = client.get(PAGE)
    assert answer.status_code == 200
    assert not re.search(forbidden, answer.content.decode())


def test_the_files_of_the_docs_are_served(client, db):
    for path in re.findall(r'(?:src|href)="([^"]+)"', client.get(PAGE).content.decode()):
        answer = client.get(path.replace("&amp;", "&") if not path.startswith("?") else PAGE + path)
        assert answer.status_code == 200, path
