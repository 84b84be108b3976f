"""The e-mail services that a channel may choose: where each is reached, what it needs, says and signs.

Data about each service. What an organization writes only chooses among these rows; it never names code.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.conf import settings

BACKENDS = "anymail.backends"
VIEWS = "anymail.webhooks"


class RefusalCause(Enum):
    """What a refusal means, where its status alone does not tell."""

    ACCOUNT = {"permanent": True, "account": True}
    BUSY = {"account": True}
    RECIPIENT = {"permanent": True}
    NO_SUCH_ADDRESS = {"permanent": True, "bounced": True}


class Proof(Enum):
    """How a service proves that a callback is its own."""

    NONE = "none"  # it calls nobody
    SECRET = "secret"  # noqa: S105  (it signs with a secret that both know)
    PUBLIC_KEY = "public key"
    SVIX = "svix"  # it signs with a secret, by Standard Webhooks
    API_KEY = "API key"  # it signs with the key that it is called with
    PASSWORD = "password"  # noqa: S105  (of the address that it is given)
    TOPIC = "topic"  # Amazon signs for every topic; the channel's is the only one that counts


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A request that checks the credentials without sending."""

    path: str  # under the base address; {domain} and {project} are settings
    method: str = "GET"
    body: Mapping[str, Any] | None = None
    with_key: bool = False  # the API key goes into the body
    restricted: str = ""  # what the answer contains if the key may only send
    expects: frozenset[int] = frozenset()  # a status that proves the key, though it is no success


@dataclass(frozen=True, kw_only=True)
class Service:
    """An e-mail service: its backend and webhook view in anymail, and what differs."""

    label: str
    backend: str  # of anymail or ours
    urls: Mapping[str, str] = field(default_factory=dict)  # by region; the first is the default
    settings: Mapping[str, str]  # our settings that it needs or takes, by the keyword of the backend
    optional: frozenset[str] = frozenset()  # of these settings
    is_self_hosted: bool = False  # at an address of the organization: its words may be those of any server
    probe: Probe
    view: str = ""
    proof: Proof = Proof.NONE
    proof_keyword: str = ""  # what the view calls the key that signs
    signs_url: bool = False  # too
    reply_view: str = ""  # anymail's webhook view of mail that came in, if the service hands it on whole in a call
    is_reply: Callable[[Any], bool] = lambda told: False  # whether a call is such a mail, by its JSON; None without
    has_local_ids: bool = False  # its id of a copy is what stands before the @ of the Message-ID
    is_dated: bool = False  # whether it signs the moment of a call, so that an old one is refused
    is_hard: Callable[[Mapping[str, Any]], bool] = lambda event: False  # whether a bounce is of a dead address
    code: tuple[str, ...] = ()  # where in a bounce the code of RFC 3463 is; otherwise it is looked for in the words
    keeps: Callable[[str], bool] = lambda name: True  # whether its API takes a header of ours, in lower case
    unsubscribe: str = ""  # its API's field for List-Unsubscribe, where it takes no such header
    message_id: Mapping[str, str] | None = None  # headers that let our own Message-ID stay; None: it makes its own
    meanings: Mapping[str, RefusalCause] = field(default_factory=dict)  # by the service's own code
    no_such_address: str = ""  # the pattern of its words for an address that cannot exist

    def url(self, name: str, values: Mapping[str, Any]) -> str:
        """Return the base address, which the operator may replace for a test or a proxy; it ends in a slash."""
        told = settings.EMAIL_SERVICE_URLS.get(name) or values.get("server") or ""
        url = told or self.urls.get(values.get("region") or "") or next(iter(self.urls.values()), "")
        return url if url.endswith("/") else f"{url}/"


SES_REGIONS = [
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "af-south-1", "ap-northeast-1", "ap-northeast-2"),
    *("ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3"),
    *("ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-west-1"),
    *("eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "sa-east-1"),
]


def _mailgun_is_hard(event: Mapping[str, Any]) -> bool:
    data = event.get("event-data", {})
    return data.get("severity") == "permanent" and data.get("reason") in ("bounce", "suppress-bounce")


def inner(event: Mapping[str, Any], *path: str) -> Any:
    """Return what lies at a path of names; None where it leads nowhere."""
    found: Any = event
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _sparkpost_is_hard(event: Mapping[str, Any]) -> bool:
    inner: Mapping[str, Any] = next(iter(event.get("msys", {}).values()), {})
    return str(inner.get("bounce_class")) in ("10", "30")


def _sparkpost_is_reply(told: Any) -> bool:
    return isinstance(told, list) and any(inner(one, "msys", "relay_message") for one in told)


def _ses_is_reply(told: Any) -> bool:
    """Tell whether a notification is of a mail that it contains; one that lies in S3 is not fetched."""
    try:
        message = json.loads(told["Message"])
    except ValueError:  # words about the topic itself, after it was subscribed to
        return False
    return inner(message, "notificationType") == "Received" and "content" in message


SERVICES: Mapping[str, Service] = {
    "ses": Service(
        label="Amazon SES",
        backend="broadcasts.transports.email_service.ses.EmailBackend",
        urls={region: f"https://email.{region}.amazonaws.com/" for region in SES_REGIONS},
        settings={"key_id": "key_id", "api_key": "secret_key", "region": "region", "stream": "configuration_set"},
        optional=frozenset({"stream"}),
        probe=Probe(path="v2/email/account", restricted="not authorized to perform"),
        view=f"{VIEWS}.amazon_ses.AmazonSESTrackingWebhookView",
        reply_view=f"{VIEWS}.amazon_ses.AmazonSESInboundWebhookView",
        is_reply=_ses_is_reply,
        has_local_ids=True,
        proof=Proof.TOPIC,
        is_hard=lambda event: inner(event, "bounce", "bounceType") == "Permanent",
        meanings={
            "MessageRejected": RefusalCause.RECIPIENT,
            "AccountSuspendedException": RefusalCause.ACCOUNT,
            "SendingPausedException": RefusalCause.ACCOUNT,
            "MailFromDomainNotVerifiedException": RefusalCause.ACCOUNT,
            "NotFoundException": RefusalCause.ACCOUNT,
            "TooManyRequestsException": RefusalCause.BUSY,
            "LimitExceededException": RefusalCause.BUSY,
        },
    ),
    "sendgrid": Service(
        label="SendGrid",
        backend=f"{BACKENDS}.sendgrid.EmailBackend",
        urls={"us": "https://api.sendgrid.com/v3/", "eu": "https://api.eu.sendgrid.com/v3/"},
        settings={"api_key": "api_key"},
        probe=Probe(path="scopes"),
        view=f"{VIEWS}.sendgrid.SendGridTrackingWebhookView",
        proof=Proof.PUBLIC_KEY,
        proof_keyword="tracking_webhook_verification_key",
        is_dated=True,
        is_hard=lambda event: event.get("event") == "bounce" and event.get("type", "bounce") == "bounce",
        code=("status",),
        meanings={
            "from": RefusalCause.ACCOUNT,
            "from.email": RefusalCause.ACCOUNT,
            "personalizations.0.to.0.email": RefusalCause.NO_SUCH_ADDRESS,
        },
    ),
    "mailgun": Service(
        label="Mailgun",
        backend=f"{BACKENDS}.mailgun.EmailBackend",
        urls={"us": "https://api.mailgun.net/v3/", "eu": "https://api.eu.mailgun.net/v3/"},
        settings={"api_key": "api_key", "domain": "sender_domain"},
        probe=Probe(path="domains/{domain}"),
        view=f"{VIEWS}.mailgun.MailgunTrackingWebhookView",
        reply_view=f"{VIEWS}.mailgun.MailgunInboundWebhookView",
        is_reply=lambda told: told is None,
        proof=Proof.SECRET,
        proof_keyword="webhook_signing_key",
        is_dated=True,
        is_hard=_mailgun_is_hard,
        code=("event-data", "delivery-status", "enhanced-code"),
        message_id={},
        no_such_address=r"'?to'? parameter is not a valid address",
    ),
    "postmark": Service(
        label="Postmark",
        backend=f"{BACKENDS}.postmark.EmailBackend",
        urls={"": "https://api.postmarkapp.com/"},
        settings={"api_key": "server_token", "stream": "message_stream"},
        optional=frozenset({"stream"}),
        probe=Probe(path="server"),
        view=f"{VIEWS}.postmark.PostmarkTrackingWebhookView",
        reply_view=f"{VIEWS}.postmark.PostmarkInboundWebhookView",
        is_reply=lambda told: "FromFull" in told and told.get("RecordType", "Inbound") == "Inbound",
        proof=Proof.PASSWORD,
        is_hard=lambda event: event.get("Type") in ("HardBounce", "BadEmailAddress"),
        message_id={"X-PM-KeepID": "true"},
        meanings={  # the sender is not known, not confirmed or may not send; there is no such stream
            **dict.fromkeys(("400", "401", "405", "412", "1235"), RefusalCause.ACCOUNT),
            "406": RefusalCause.RECIPIENT,
        },
        no_such_address=r"(Invalid|Error parsing) 'To'",
    ),
    "brevo": Service(
        label="Brevo",
        backend=f"{BACKENDS}.brevo.EmailBackend",
        urls={"": "https://api.brevo.com/v3/"},
        settings={"api_key": "api_key"},
        probe=Probe(path="account"),
        view=f"{VIEWS}.brevo.BrevoTrackingWebhookView",
        reply_view=f"{VIEWS}.brevo.BrevoInboundWebhookView",
        is_reply=lambda told: "items" in told,
        proof=Proof.PASSWORD,
        is_hard=lambda event: event.get("event") in ("hard_bounce", "invalid_email"),
        meanings={"not_enough_credits": RefusalCause.ACCOUNT, "account_under_validation": RefusalCause.ACCOUNT},
        no_such_address=r"email is not valid in to",
    ),
    "mailjet": Service(
        label="Mailjet",
        backend=f"{BACKENDS}.mailjet.EmailBackend",
        urls={"": "https://api.mailjet.com/v3.1/", "us": "https://api.us.mailjet.com/v3.1/"},
        settings={"key_id": "api_key", "api_key": "secret_key"},
        probe=Probe(path="../v3/REST/sender?Limit=1"),
        view=f"{VIEWS}.mailjet.MailjetTrackingWebhookView",
        reply_view=f"{VIEWS}.mailjet.MailjetInboundWebhookView",
        is_reply=lambda told: isinstance(told, dict) and "Headers" in told,
        proof=Proof.PASSWORD,
        is_hard=lambda event: event.get("hard_bounce") is True,
        keeps=lambda name: name != "list-id",
        meanings={"send-0008": RefusalCause.ACCOUNT, "mj-0013": RefusalCause.NO_SUCH_ADDRESS},
    ),
    "sparkpost": Service(
        label="SparkPost",
        backend=f"{BACKENDS}.sparkpost.EmailBackend",
        urls={"us": "https://api.sparkpost.com/api/v1/", "eu": "https://api.eu.sparkpost.com/api/v1/"},
        settings={"api_key": "api_key", "stream": "subaccount"},
        optional=frozenset({"stream"}),
        probe=Probe(path="account", expects=frozenset({403})),  # a wrong key is a 401
        view=f"{VIEWS}.sparkpost.SparkPostTrackingWebhookView",
        reply_view=f"{VIEWS}.sparkpost.SparkPostInboundWebhookView",
        is_reply=_sparkpost_is_reply,
        proof=Proof.PASSWORD,
        is_hard=_sparkpost_is_hard,
        meanings={"7001": RefusalCause.ACCOUNT, "5002": RefusalCause.NO_SUCH_ADDRESS, "420": RefusalCause.BUSY},
    ),
    "resend": Service(
        label="Resend",
        backend=f"{BACKENDS}.resend.EmailBackend",
        urls={"": "https://api.resend.com/"},
        settings={"api_key": "api_key"},
        probe=Probe(path="domains", restricted="restricted_api_key"),
        view=f"{VIEWS}.resend.ResendTrackingWebhookView",
        proof=Proof.SVIX,
        is_hard=lambda event: inner(event, "data", "bounce", "type") == "Permanent",
        meanings={"invalid_from_address": RefusalCause.ACCOUNT},
        no_such_address=r"Invalid `to` field",
    ),
    "mailersend": Service(
        label="MailerSend",
        backend=f"{BACKENDS}.mailersend.EmailBackend",
        urls={"": "https://api.mailersend.com/v1/"},
        settings={"api_key": "api_token"},
        probe=Probe(path="api-quota"),
        view=f"{VIEWS}.mailersend.MailerSendTrackingWebhookView",
        proof=Proof.SECRET,
        proof_keyword="signing_secret",
        is_hard=lambda event: event.get("type") == "activity.hard_bounced",
        keeps=lambda name: name == "precedence",  # others are for its enterprise accounts
        unsubscribe="list_unsubscribe",
    ),
    "mailtrap": Service(
        label="Mailtrap",
        backend=f"{BACKENDS}.mailtrap.EmailBackend",
        urls={"bulk": "https://bulk.api.mailtrap.io/api/", "transactional": "https://send.api.mailtrap.io/api/"},
        settings={"api_key": "api_token"},
        # It has no request that only reads: an empty message is refused after the token was looked at.
        probe=Probe(path="send", method="POST", body={}, expects=frozenset({400, 422})),
        view=f"{VIEWS}.mailtrap.MailtrapTrackingWebhookView",
        proof=Proof.SECRET,
        proof_keyword="tracking_secret",
        is_hard=lambda event: event.get("event") == "bounce",
    ),
    "mandrill": Service(
        label="Mandrill (Mailchimp Transactional)",
        backend=f"{BACKENDS}.mandrill.EmailBackend",
        urls={"": "https://mandrillapp.com/api/1.0/"},
        settings={"api_key": "api_key"},
        probe=Probe(path="users/ping2.json", method="POST", body={}, with_key=True),
        view=f"{VIEWS}.mandrill.MandrillCombinedWebhookView",
        reply_view=f"{VIEWS}.mandrill.MandrillCombinedWebhookView",  # it tells mail from reports by itself
        proof=Proof.SECRET,
        proof_keyword="webhook_key",
        signs_url=True,
        is_hard=lambda event: event.get("event") == "hard_bounce",
        meanings={  # all with status 500
            "Invalid_Key": RefusalCause.ACCOUNT,
            "PaymentRequired": RefusalCause.ACCOUNT,
            "Unknown_Subaccount": RefusalCause.ACCOUNT,
            "ValidationError": RefusalCause.RECIPIENT,
        },
    ),
    "postal": Service(
        label="Postal (your own server)",
        backend=f"{BACKENDS}.postal.EmailBackend",
        settings={"api_key": "api_key", "server": ""},
        is_self_hosted=True,
        # An empty message is refused after the key was looked at.
        probe=Probe(path="api/v1/send/message", method="POST", body={}),
        view=f"{VIEWS}.postal.PostalTrackingWebhookView",
        reply_view=f"{VIEWS}.postal.PostalInboundWebhookView",
        is_reply=lambda told: "rcpt_to" in told and "message" in told,
        proof=Proof.PUBLIC_KEY,
        proof_keyword="webhook_key",
        meanings={
            "AccessDenied": RefusalCause.ACCOUNT,
            "InvalidServerAPIKey": RefusalCause.ACCOUNT,
            "ServerSuspended": RefusalCause.ACCOUNT,
            "UnauthenticatedFromAddress": RefusalCause.ACCOUNT,
        },
    ),
    "scaleway": Service(
        label="Scaleway",
        backend=f"{BACKENDS}.scaleway.EmailBackend",
        urls={"fr-par": "https://api.scaleway.com/transactional-email/v1alpha1/regions/fr-par/"},
        settings={"api_key": "secret_key", "project": "project_id"},
        probe=Probe(path="domains?project_id={project}"),
    ),
    "unisender_go": Service(
        label="Unisender Go",
        backend=f"{BACKENDS}.unisender_go.EmailBackend",
        urls={
            "go1": "https://go1.unisender.ru/ru/transactional/api/v1/",
            "go2": "https://go2.unisender.ru/ru/transactional/api/v1/",
        },
        settings={"api_key": "api_key"},
        probe=Probe(path="system/info.json", method="POST", body={}),
        view=f"{VIEWS}.unisender_go.UnisenderGoTrackingWebhookView",
        proof=Proof.API_KEY,
        proof_keyword="api_key",
        is_hard=lambda event: inner(event, "delivery_info", "delivery_status") == "err_user_unknown",
        keeps=lambda name: name == "list-unsubscribe" or name.startswith("x-"),
    ),
}
