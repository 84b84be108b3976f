"""SMS by each gateway that is known, against a real server that answers as the gateway's documents say."""

import base64
import json
from urllib.parse import parse_qs

import pytest

from broadcasts.transports import Envelope, Receipt, SettingsRefused
from broadcasts.transports.sms import Sms
from broadcasts.transports.sms.gateway import Gateway
from broadcasts.transports.sms.presets import PRESETS
from tests.http_server import HttpServer, answer

from ..http_contract import HttpContract, flags

CALLBACK = "https://broadcasts.example/callbacks/1/"
TAKEN = {
    "twilio": (201, {"sid": "SM1", "status": "queued", "error_code": None}),
    "vonage": (200, {"message-count": "1", "messages": [{"to": "34", "message-id": "V1", "status": "0"}]}),
    "infobip": (
        200,
        {"messages": [{"messageId": "I1", "status": {"groupName": "PENDING", "name": "PENDING_ACCEPTED"}}]},
    ),
    "sinch": (201, {"id": "S1", "to": ["34600000001"]}),
    "africas_talking": (201, {"SMSMessageData": {"Recipients": [{"statusCode": 101, "messageId": "ATPid_1"}]}}),
    "other": (200, {"id": "O1"}),
}
IDS = {name: list(PRESETS)[n] for n, name in enumerate(TAKEN)}


def sms(base, preset, **settings):
    made = Sms({"preset": preset, "base_url": base, "account": "AC1", "secret_key": "s3cret", **settings})
    made.callback_url = CALLBACK
    return made


def envelope(n=1, **fields):
    return Envelope(**{"key": f"key{n}", "address": f"+3460000000{n}", "sender": "Club", "text": "Hola", **fields})


@pytest.fixture
def server():
    with HttpServer() as server:
        yield server


def send(server, preset, copy=None, **settings):
    server.does(answer(*TAKEN[preset]))
    with sms(server.base, preset, **settings) as transport:
        return transport.deliver(copy or envelope())


def refused(server, preset, status, body):
    server.does(answer(status, body))
    with sms(server.base, preset) as transport:
        [(_, error)] = transport.send([envelope()])
    return error


class TestSms(HttpContract):
    def make_for(self, base):
        return sms(base, "other")

    def envelope(self, n=1):
        return envelope(n)


class TestTwilio(TestSms):
    taken = json.dumps(TAKEN["twilio"][1]).encode()

    def make_for(self, base):
        return sms(base, "twilio")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_good_description_and_takes_a_message(server, preset):
    Gateway.read(PRESETS[preset][1])
    receipt = send(server, preset)
    assert isinstance(receipt, Receipt)
    assert receipt.provider_id == {"twilio": "SM1", "vonage": "V1", "infobip": "I1", "sinch": "S1", "other": "O1"}.get(
        preset, "ATPid_1"
    )
    assert (receipt.segments, server.received) == (1, ["34600000001"])


def test_twilio_is_called_as_its_documents_say(server):
    send(server, "twilio")
    [(line, body)] = server.calls
    assert line == "POST /2010-04-01/Accounts/AC1/Messages.json"
    told = {name: value for name, (value,) in parse_qs(body.decode()).items()}
    assert told == {"To": "+34600000001", "From": "Club", "Body": "Hola", "StatusCallback": f"{CALLBACK}?key=key1"}
    assert server.headers[0]["Authorization"] == f"Basic {base64.b64encode(b'AC1:s3cret').decode()}"


def test_vonage_is_told_the_encoding(server):
    send(server, "vonage")
    send(server, "vonage", envelope(text="“Hola”"))
    told = [parse_qs(body.decode()) for _, body in server.calls]
    assert [one["type"] for one in told] == [["text"], ["unicode"]]
    assert told[0]["api_secret"] == ["s3cret"] and told[0]["client-ref"] == ["key1"]


def test_infobip_and_sinch_take_json(server):
    send(server, "infobip")
    send(server, "sinch")
    [(first, body), (second, batch)] = server.calls
    assert (first, second) == ("POST /sms/3/messages", "POST /xms/v1/AC1/batches")
    [message] = json.loads(body)["messages"]
    assert message["webhooks"] == {"delivery": {"url": CALLBACK}, "callbackData": "key1"}
    assert json.loads(batch)["to"] == ["34600000001"]
    assert [one["Authorization"] for one in server.headers] == ["App s3cret", "Bearer s3cret"]


def test_africas_talking_takes_a_form_and_its_key_in_a_header(server):
    send(server, "africas_talking", envelope(sender=""))
    told = parse_qs(server.calls[0][1].decode())
    assert told == {"username": ["AC1"], "to": ["+34600000001"], "message": ["Hola"]}
    assert server.headers[0]["Apikey" if "Apikey" in server.headers[0] else "apiKey"] == "s3cret"


@pytest.mark.parametrize(
    ("preset", "status", "body", "meaning", "words"),
    [
        ("twilio", 400, {"code": 21211, "status": 400}, {"permanent", "bounced"}, "21211: the number is not valid"),
        ("twilio", 400, {"code": 21610}, {"permanent"}, "STOP"),
        ("twilio", 400, {"code": 21606}, {"permanent", "account"}, "sender does not belong"),
        ("twilio", 429, {"code": 20429}, {"account"}, "too many"),
        ("twilio", 401, {"code": 20003}, {"permanent", "account"}, "auth token is wrong"),
        ("twilio", 400, {"code": 99999}, {"permanent"}, "answered 400"),
        (
            "vonage",
            200,
            {"messages": [{"status": "4"}]},
            {"permanent", "account"},
            "secret is wrong",
        ),
        ("vonage", 200, {"messages": [{"status": "1"}]}, {"account"}, "too many"),
        ("vonage", 200, {"messages": [{"status": "33"}]}, {"permanent", "bounced"}, "not in use"),
        ("vonage", 200, {"messages": [{"status": "5"}]}, set(), "within the gateway"),
        ("vonage", 200, {"messages": [{"status": "77"}]}, {"permanent"}, "its code 77"),
        (
            "infobip",
            200,
            {"messages": [{"status": {"groupName": "REJECTED", "name": "REJECTED_NOT_ENOUGH_CREDITS"}}]},
            {"permanent", "account"},
            "no credit",
        ),
        ("sinch", 400, {"code": "syntax_constraint_violation"}, {"permanent"}, "not valid"),
        (
            "africas_talking",
            201,
            {"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}},
            {"permanent", "account"},
            "sender is not valid",
        ),
        (
            "africas_talking",
            201,
            {"SMSMessageData": {"Recipients": [{"statusCode": 403}]}},
            {"permanent", "bounced"},
            "not valid",
        ),
    ],
)
def test_a_refusal_has_the_meaning_of_its_code(server, preset, status, body, meaning, words):
    error = refused(server, preset, status, body)
    assert flags(error) == meaning
    assert words in str(error)


def test_the_gateways_own_words_are_not_repeated(server):
    error = refused(server, "twilio", 400, {"code": 21211, "message": "inside information"})
    assert "inside" not in str(error)


@pytest.mark.parametrize(
    ("address", "sender"),
    [("+14155550100", "+15550100"), ("+16045550100", "Canada"), ("+447700900123", "Club UK"), ("+34600000001", "Club")],
)
def test_the_sender_goes_by_country_then_calling_code_then_channel(address, sender):
    transport = sms("https://x.example", "twilio", senders={"US": "+15550100", "1": "Canada", "44": "Club UK"})
    assert transport.sender(envelope(address=address)) == sender


def test_segments_are_counted_of_the_merged_text(server):
    assert send(server, "other", envelope(text="a" * 161)).segments == 2
    assert send(server, "other", envelope(text="“" * 71)).segments == 2


def test_a_stored_description_that_is_not_taken_any_more_loses_nobody():
    with pytest.raises(SettingsRefused, match="description of the gateway is wrong: url: begin with"):
        sms("https://x.example", "other", description={"url": "https://y.example"}).check()


def test_white_space_around_a_text_is_not_paid_for_and_nothing_is_not_sent(server):
    assert send(server, "other", envelope(text="\n" + "a" * 160 + " \n")).segments == 1
    with sms(server.base, "other") as transport:
        [(_, error)] = transport.send([envelope(text=" \n")])
    assert flags(error) == {"permanent"} and "no text" in str(error)


def test_the_check_asks_for_the_account_and_sends_nothing(server):
    server.does(answer(200, {"sid": "AC1"}))
    sms(server.base, "twilio").check()
    assert [line for line, _ in server.calls] == ["GET /2010-04-01/Accounts/AC1.json"]


def test_a_new_gateway_is_data_alone(server):
    described = {
        "url": "{base}/v9/send?to={to}",
        "method": "PUT",
        "auth": {"header": {"X-Key": "{secret}"}},
        "headers": {"X-Account": "{account}"},
        "query": {"unicode": "{encoding}"},
        "encodings": ["0", "1"],
        "json": {"dest": [{"to": "00{to}"}], "body": {"text": "{text}", "kind": "{from}"}, "flash": False},
        "answer": {
            "id": "result.0.ref",
            "accepted": {"path": "ok", "values": ["true"]},
            "code": ["result.0.why", "why"],
        },
        "errors": {"E1": "busy"},
    }
    server.does(answer(200, {"ok": True, "result": [{"ref": 7}]}))
    with sms(server.base, "other", description=described) as transport:
        assert transport.deliver(envelope(sender="")).provider_id == "7"
    [(line, body)] = server.calls
    assert line == "PUT /v9/send?to=34600000001&unicode=0"
    assert json.loads(body) == {"dest": [{"to": "0034600000001"}], "body": {"text": "Hola"}, "flash": False}
    server.does(answer(200, {"ok": False, "why": "E1"}))
    with sms(server.base, "other", description=described) as transport:
        [(_, error)] = transport.send([envelope()])
    assert flags(error) == {"account"}


def test_an_answer_without_the_id_is_a_receipt_that_says_what_to_correct(server):
    described = {"url": "{base}/", "form": {"to": "{to}", "text": "{text}"}, "answer": {"id": "data.ref"}}
    server.does(answer(200, {"data": {"id": "7"}}))
    with sms(server.base, "other", description=described) as transport:
        receipt = transport.deliver(envelope())
    assert receipt.provider_id == ""
    assert "its answer has no id at data.ref" in receipt.flaw


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "africas_talking"])
def test_every_gateway_that_gives_a_reference_back_is_told_the_key(server, preset):
    send(server, preset)
    assert b"key1" in server.calls[-1][1]


def test_without_a_callback_address_there_is_none_for_one_copy(server):
    server.does(answer(*TAKEN["twilio"]))
    with sms(server.base, "twilio") as transport:
        transport.callback_url = ""
        transport.deliver(envelope())
    assert "StatusCallback" not in parse_qs(server.calls[-1][1].decode())
