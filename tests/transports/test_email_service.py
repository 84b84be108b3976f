"""E-mail services: each one's request, and what its answers mean, against a real server on this machine."""

import base64
import time
from email import message_from_bytes

import pytest

from broadcasts.transports import Envelope, Receipt, TransportError
from broadcasts.transports.email_service import SERVICES, EmailService
from tests.email_services import MIME, ServiceServer, takes
from tests.http_server import answer, break_off, drop, hang
from tests.smtp import refusing_port

from .contract import TransportContract

KEY = "k3y-of-the-account"
SETTINGS = {
    "ses": {"key_id": "AKIDEXAMPLE", "region": "eu-west-1"},
    "mailgun": {"domain": "mg.club.example"},
    "mailjet": {"key_id": "public"},
    "postal": {"server": "https://postal.club.example"},
    "scaleway": {"project": "p-1"},
}


def mail(n: int = 1, **fields) -> Envelope:
    return Envelope(
        **{"key": f"key{n}", "address": "ana1@example.org", "sender": "news@club.example", "mime": MIME, **fields}
    )


def made(name: str, **values) -> EmailService:
    return EmailService({"service": name, "api_key": KEY, **SETTINGS.get(name, {}), **values})


@pytest.fixture
def server(settings):
    """SendGrid, where the operator says that it is."""
    with ServiceServer() as server:
        settings.EMAIL_SERVICE_URLS = dict.fromkeys(SERVICES, server.url)
        yield server


@pytest.fixture(params=SERVICES)
def name(request, server):
    server.does(takes(request.param))
    return request.param


def outcome(name: str, **values):
    with made(name, **values) as transport:
        [(_, outcome)] = transport.send([mail()])
    return outcome


def failure(name: str = "sendgrid") -> TransportError:
    error = outcome(name)
    assert isinstance(error, TransportError), error
    return error


def flags(error: TransportError) -> set[str]:
    return {flag for flag in ("permanent", "account", "handed_over", "bounced") if getattr(error, flag)}


class TestEmailService(TransportContract):
    @pytest.fixture(autouse=True)
    def _provider(self, server, settings):
        self.settings = settings
        with refusing_port() as self.port:
            yield

    def make_transport(self):
        return made("sendgrid")

    def make_broken_transport(self):
        return Refused({"service": "sendgrid", "api_key": KEY, "port": self.port})

    def envelope(self, n=1):
        return mail(n)


class Refused(EmailService):
    """A service that cannot be reached."""

    def call(self, envelope):
        self.backend.api_url = f"http://127.0.0.1:{self.settings['port']}/"
        return super().call(envelope)


# What each service is sent


def test_each_service_takes_a_message_and_its_id_is_kept(name, server):
    receipt = outcome(name)
    assert isinstance(receipt, Receipt) and receipt.provider_id
    [request] = server.requests
    assert request.method == "POST"


CREDENTIALS = {
    "sendgrid": ("authorization", f"Bearer {KEY}"),
    "mailgun": ("authorization", f"Basic {base64.b64encode(f'api:{KEY}'.encode()).decode()}"),
    "postmark": ("x-postmark-server-token", KEY),
    "brevo": ("api-key", KEY),
    "mailjet": ("authorization", f"Basic {base64.b64encode(f'public:{KEY}'.encode()).decode()}"),
    "sparkpost": ("authorization", KEY),
    "resend": ("authorization", f"Bearer {KEY}"),
    "mailersend": ("authorization", f"Bearer {KEY}"),
    "mailtrap": ("api-token", KEY),
    "postal": ("x-server-api-key", KEY),
    "scaleway": ("x-auth-token", KEY),
    "unisender_go": ("x-api-key", KEY),
}


def test_each_service_gets_the_credentials_of_the_channel_alone(name, server, monkeypatch):
    monkeypatch.setenv("NETRC", "/nowhere")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    outcome(name)
    [request] = server.requests
    if name == "ses":
        assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    elif name == "mandrill":
        assert request.json["key"] == KEY
    else:
        header, value = CREDENTIALS[name]
        assert request.headers[header] == value


def test_each_service_is_told_where_to_unsubscribe(name, server):
    outcome(name)
    [request] = server.requests
    body = request.body
    if name == "ses":
        body = base64.b64decode(request.json["Content"]["Raw"]["Data"])
    assert b"https://club.example/u/key1" in body
    one_click = b"List-Unsubscribe=One-Click" in body
    assert one_click or name in ("mailersend", "unisender_go")  # which write that header themselves


def test_each_service_gets_subject_bodies_and_files(name, server):
    outcome(name)
    [request] = server.requests
    if name == "ses":
        assert base64.b64decode(request.json["Content"]["Raw"]["Data"]) == MIME
        return
    text = request.body.decode() if name == "mailgun" else str(request.json)
    assert "La piscina está cerrada" in text and "Hola ¡Ana!" in text and "<p>Hola ¡Ana!</p>" in text
    assert "hours.pdf" in text and ("JVBERi0=" in text or "%PDF-" in text)


def test_a_name_with_a_comma_stays_one_recipient(server):
    outcome("sendgrid")
    [request] = server.requests
    assert request.json["personalizations"][0]["to"] == [{"email": "ana1@example.org", "name": "Ana, María"}]
    assert request.json["reply_to_list"] == [{"email": "desk@club.example"}]


def test_an_address_beyond_ascii_reaches_the_service_as_it_is(server):
    with made("sendgrid") as transport:
        list(transport.send([mail(mime="To: josé@example.org\r\nSubject: Hola\r\n\r\nHola\r\n".encode())]))
    assert server.requests[0].json["personalizations"][0]["to"] == [{"email": "josé@example.org"}]


@pytest.mark.parametrize("data", ["día\r\n".encode(), "día\n".encode("latin-1")])
def test_a_text_file_arrives_byte_for_byte(server, data):
    pdf = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64"
    text = MIME.replace(pdf, pdf.replace(b"application/pdf", b"text/csv")).replace(b"JVBERi0=", base64.b64encode(data))
    with made("sendgrid") as transport:
        list(transport.send([mail(mime=text)]))
    [file] = server.requests[0].json["attachments"]
    assert base64.b64decode(file["content"]) == data


def test_our_message_id_stays_where_the_service_lets_it(server):
    server.does(takes("postmark"))
    outcome("postmark")
    headers = {header["Name"]: header["Value"] for header in server.requests[0].json["Headers"]}
    assert headers["Message-ID"] == str(message_from_bytes(MIME)["Message-ID"])
    assert headers["X-PM-KeepID"] == "true"


def test_a_stream_and_a_configuration_set_are_named(server):
    server.does(takes("postmark"))
    outcome("postmark", stream="broadcast")
    server.does(takes("ses"))
    outcome("ses", stream="events")
    postmark, ses = (request.json for request in server.requests)
    assert (postmark["MessageStream"], ses["ConfigurationSetName"]) == ("broadcast", "events")


@pytest.mark.parametrize(
    ("name", "region", "host"),
    [
        ("sendgrid", "", "api.sendgrid.com"),
        ("sendgrid", "eu", "api.eu.sendgrid.com"),
        ("ses", "eu-west-1", "email.eu-west-1.amazonaws.com"),
        ("mailgun", "eu", "api.eu.mailgun.net"),
        ("postal", "", "postal.club.example"),
    ],
)
def test_each_service_is_called_where_it_is(settings, name, region, host):
    settings.EMAIL_SERVICE_URLS = {}
    call = made(name, region=region or SETTINGS.get(name, {}).get("region", "")).call(mail())
    assert call.url.startswith(f"https://{host}/")


def test_settings_of_the_operator_for_anymail_are_not_for_channels(server, settings):
    settings.ANYMAIL = {
        "SENDGRID_API_KEY": "operator's",
        "SEND_DEFAULTS": {"tags": ["ours"]},
        "IGNORE_RECIPIENT_STATUS": 1,
    }
    outcome("sendgrid")
    [request] = server.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert "categories" not in request.json


# What answers mean

TAUGHT = [
    ("sendgrid", 400, {"errors": [{"message": "Does not contain a valid address.", "field": "from.email"}]}, "PA"),
    ("sendgrid", 400, {"errors": [{"message": "Bad.", "field": "personalizations.0.to.0.email"}]}, "PB"),
    ("sendgrid", 413, {"errors": [{"message": "Too large"}]}, "P"),
    ("mailgun", 400, {"message": "'to' parameter is not a valid address. please check documentation"}, "PB"),
    ("mailgun", 404, {"message": "Domain not found: mg.club.example"}, "PA"),
    ("mailgun", 402, {"message": "Account disabled"}, "PA"),
    ("postmark", 422, {"ErrorCode": 300, "Message": "Invalid 'To' address: 'ana'."}, "PB"),
    ("postmark", 422, {"ErrorCode": 406, "Message": "You tried to send to an inactive recipient."}, "P"),
    ("postmark", 422, {"ErrorCode": 400, "Message": "The 'From' address is no Sender Signature."}, "PA"),
    ("brevo", 400, {"code": "invalid_parameter", "message": "email is not valid in to"}, "PB"),
    ("brevo", 402, {"code": "not_enough_credits", "message": "No credits"}, "PA"),
    ("mailjet", 400, {"Messages": [{"Errors": [{"ErrorCode": "mj-0013", "ErrorMessage": "Bad e-mail"}]}]}, "PB"),
    ("mailjet", 400, {"Messages": [{"Errors": [{"ErrorCode": "send-0008", "ErrorMessage": "Sender"}]}]}, "PA"),
    ("sparkpost", 400, {"errors": [{"message": "x", "description": "Unconfigured", "code": "7001"}]}, "PA"),
    ("sparkpost", 420, {"errors": [{"message": "Exceed Sending Limit", "code": "2102"}]}, "A"),
    ("resend", 422, {"statusCode": 422, "name": "invalid_from_address", "message": "Invalid `from`"}, "PA"),
    ("ses", 400, {"message": "Configuration set is missing"}, "P"),
    ("mailersend", 422, {"message": "The to.0.email must be a valid email address."}, "P"),
    ("mailtrap", 400, {"success": False, "errors": ["'subject' is required"]}, "P"),
    ("mandrill", 500, {"status": "error", "code": -1, "name": "Invalid_Key", "message": "Invalid API key"}, "PA"),
    ("mandrill", 200, [{"email": "ana1@example.org", "status": "rejected", "reject_reason": "hard-bounce"}], "PB"),
    ("mandrill", 200, [{"email": "ana1@example.org", "status": "invalid", "reject_reason": None}], "PB"),
    ("postal", 200, {"status": "error", "data": {"code": "InvalidServerAPIKey", "message": "No"}}, "PA"),
    ("postal", 200, {"status": "parameter-error", "data": {"code": "NoRecipients", "message": "No"}}, "P"),
    ("unisender_go", 200, {"status": "success", "emails": [], "failed_emails": {"ana1@example.org": "invalid"}}, "PB"),
    ("unisender_go", 403, {"status": "error", "code": 102, "message": "Unknown user"}, "PA"),
]
LETTERS = {"P": "permanent", "A": "account", "B": "bounced", "H": "handed_over"}


@pytest.mark.parametrize(("name", "status", "body", "meaning"), TAUGHT)
def test_a_refusal_means_what_the_service_documents(server, name, status, body, meaning):
    server.does(answer(status, body, Content_Type="application/json"))
    assert flags(failure(name)) == {LETTERS[letter] for letter in meaning}


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(401, "PA"), (403, "PA"), (429, "A"), (500, ""), (502, "H"), (503, "A"), (301, "PA")],
)
def test_each_class_of_answers_has_its_meaning(server, name, status, meaning):
    server.does(answer(status, {"message": "Sorry"}, Content_Type="application/json"))
    assert flags(failure(name)) == {LETTERS[letter] for letter in meaning}


def test_the_service_s_words_and_code_are_told_without_the_key(server):
    server.does(answer(401, {"errors": [{"message": f"The key {KEY} is wrong", "field": "key"}]}))
    error = failure()
    assert str(error) == "SendGrid answered 401 Unauthorized: The key *** is wrong"
    assert error.code == "401 key"


def test_words_and_codes_that_no_database_takes_are_cleaned(server):
    server.does(answer(400, {"message": "N\x00o\ud800", "code": "4\x002"}))
    error = failure()
    assert (str(error), error.code) == ("SendGrid answered 400 Bad Request: No", "400 42")


def test_words_of_a_server_of_the_organization_s_own_are_not_shown(server):
    server.does(answer(400, {"message": "the secret of another server"}))
    assert "secret" not in str(failure("postal"))


def test_a_service_that_has_enough_says_for_how_long(server):
    server.does(answer(429, {}, Retry_After="30"))
    error = failure()
    assert (flags(error), error.retry_after) == ({"account"}, 30)


@pytest.mark.parametrize("factor", [1, 1000])
def test_a_service_that_has_enough_says_until_when(server, factor):
    server.does(answer(429, {}, X_RateLimit_Reset=str(int((time.time() + 600) * factor))))
    assert 500 < failure().retry_after <= 600


@pytest.mark.parametrize("act", [drop, break_off, answer(200, b"<html>"), answer(200, {"id": []})])
def test_a_lost_or_broken_answer_leaves_the_outcome_open(server, act):
    server.does(act)
    assert "handed_over" in flags(failure("resend"))


def test_a_slow_service_holds_nobody_longer_than_its_time(server, monkeypatch):
    monkeypatch.setattr(EmailService, "timeout", 0.5)
    server.does(hang)
    began = time.monotonic()
    assert flags(failure()) == {"handed_over", "account"}
    assert time.monotonic() - began < 5


def test_a_service_in_a_closed_network_is_not_called(server, settings):
    settings.OPEN_NETWORKS = []
    error = failure()
    assert flags(error) == {"permanent", "account"} and "OPEN_NETWORKS" in str(error)
    assert not server.requests


def test_a_redirect_is_not_followed(server):
    with ServiceServer() as other:
        server.does(answer(302, b"", Location=other.url))
        assert flags(failure()) == {"permanent", "account"}
    assert not other.requests


def test_a_message_that_a_service_cannot_carry_is_told_before_anything_is_sent(server):
    [(_, error)] = made("brevo").send([mail(mime=MIME.replace(b"Auto-Submitted: auto", b"X-Club: \xc3\xa1"))])
    assert flags(error) == {"permanent"} and str(error).startswith("Brevo cannot be sent this message")
    assert not server.requests


# The check


def test_the_check_sends_nothing_and_is_let_in(name, server):
    made(name).check()
    [request] = server.requests
    assert request.method == "GET" or name in ("mailtrap", "mandrill", "postal", "unisender_go")
    assert b"ana1@example.org" not in request.body


def test_the_check_tells_wrong_credentials(name, server):
    server.does(answer(401, {"message": "Who are you?"}))
    with pytest.raises(TransportError, match="401 Unauthorized") as caught:
        made(name).check()
    assert flags(caught.value) == {"permanent", "account"}


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("resend", 401, {"name": "restricted_api_key", "message": "This key may only send emails"}),
        ("ses", 403, {"message": "User: arn:... is not authorized to perform: ses:GetAccount"}),
        ("sparkpost", 403, {"errors": [{"message": "Forbidden."}]}),
        ("mailtrap", 400, {"success": False, "errors": ["'to' is required"]}),
    ],
)
def test_the_check_accepts_a_key_that_may_only_send(server, name, status, body):
    server.does(answer(status, body))
    assert made(name).check() is None


def test_the_check_tells_a_key_that_postal_refuses_with_200(server):
    server.does(answer(200, {"status": "error", "data": {"code": "InvalidServerAPIKey"}}))
    with pytest.raises(TransportError) as caught:
        made("postal").check()
    assert flags(caught.value) == {"permanent", "account"}


@pytest.mark.parametrize(("values", "words"), [({"service": "pigeons"}, "choose one of: ses"), ({}, "choose one of")])
def test_a_channel_without_a_service_says_so(values, words):
    with pytest.raises(TransportError, match=words):
        EmailService(values).check()


def test_a_channel_without_a_key_says_what_is_missing():
    with pytest.raises(TransportError, match=r"SendGrid needs api_key"):
        EmailService({"service": "sendgrid"}).check()
