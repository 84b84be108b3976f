"""Calls as each e-mail service signs and writes them."""

import base64
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from broadcasts.transports import CallbackRequest
from broadcasts.transports.email_service import EmailService

URL = "https://club.example/callbacks/0190c7a2-0000-7000-8000-000000000001/"


PASSWORD = "a-long-password-of-ours"


NOON = 1_796_000_000


EC_KEY, RSA_KEY = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)


SVIX = base64.b64encode(b"s" * 24).decode()


TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses-events"


def bare(key) -> str:
    """A public key as a service shows it: PEM without its frame."""
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(*form)).decode()


SECRETS = {
    "sendgrid": bare(EC_KEY),
    "postal": bare(RSA_KEY),
    "resend": f"whsec_{SVIX}",
    "ses": TOPIC,
    **dict.fromkeys(("postmark", "brevo", "mailjet", "sparkpost"), PASSWORD),
    **dict.fromkeys(("mailgun", "mailersend", "mailtrap", "mandrill", "unisender_go"), "sh4red"),
}


BASIC = "Basic " + base64.b64encode(f"broadcasts:{PASSWORD}".encode()).decode()


def service(name: str, **values) -> EmailService:
    key = SECRETS[name] if name == "unisender_go" else "k3y"
    return EmailService({"service": name, "api_key": key, "webhook_secret": SECRETS[name], **values})


def hexed(secret: str, data: bytes) -> str:
    return hmac.new(secret.encode(), data, "sha256").hexdigest()


def signed(name: str, told, at: float | None = None) -> CallbackRequest:
    """A callback as the service would sign it at a moment."""
    at = time.time() if at is None else at
    headers = {"content-type": "application/json"}
    if name == "mailgun":
        moment = str(int(at))
        told = {
            "signature": {"token": "t", "timestamp": moment, "signature": hexed("sh4red", f"{moment}t".encode())}
        } | told
    body = json.dumps(told).encode()
    match name:
        case "sendgrid":
            moment = str(int(at))
            proof = EC_KEY.sign(moment.encode() + body, ec.ECDSA(hashes.SHA256()))
            headers["x-twilio-email-event-webhook-timestamp"] = moment
            headers["x-twilio-email-event-webhook-signature"] = base64.b64encode(proof).decode()
        case "resend":
            moment = str(int(at))
            digest = hmac.digest(b"s" * 24, f"m1.{moment}.".encode() + body, "sha256")
            headers |= {"svix-id": "m1", "svix-timestamp": moment}
            headers["svix-signature"] = f"v1,AAAA v1,{base64.b64encode(digest).decode()}"
        case "postal":
            proof = RSA_KEY.sign(body, padding.PKCS1v15(), hashes.SHA1())
            headers["x-postal-signature"] = base64.b64encode(proof).decode()
        case "mailersend":
            headers["signature"] = hexed("sh4red", body)
        case "mailtrap":
            headers["mailtrap-signature"] = hexed("sh4red", body)
        case "mandrill":
            events = json.dumps(told)
            proof = hmac.digest(b"sh4red", f"{URL}mandrill_events{events}".encode(), "sha1")
            headers = {"content-type": "application/x-www-form-urlencoded"}
            headers["x-mandrill-signature"] = base64.b64encode(proof).decode()
            body = urlencode({"mandrill_events": events}).encode()
        case "unisender_go":
            text = json.dumps({"auth": "sh4red"} | told).encode()
            body = text.replace(b"sh4red", hashlib.md5(text).hexdigest().encode())
        case "postmark" | "brevo" | "mailjet" | "sparkpost":
            headers["authorization"] = BASIC
    return CallbackRequest("POST", URL, headers, body)


def unisender(status: str, **delivery):
    data = {"status": status, "email": "a@b.c", "event_time": "2026-11-29 12:00:00", "metadata": {"anymail_id": "id-1"}}
    data |= {"delivery_info": delivery, "url": "https://club.example/pool"}
    return {"events_by_user": [{"events": [{"event_name": "transactional_email_status", "event_data": data}]}]}


def mailgun(event: str, **fields):
    message = {"headers": {"message-id": "id-1"}}
    return {"event-data": {"event": event, "timestamp": NOON, "recipient": "a@b.c", "message": message, **fields}}


def sparkpost(type: str, **fields):
    return [{"msys": {"message_event": {"type": type, "timestamp": str(NOON), "transmission_id": "id-1", **fields}}}]


def resend(type: str, **fields):
    return {"type": type, "created_at": "2026-11-29T12:00:00Z", "data": {"email_id": "id-1", "to": ["a@b.c"], **fields}}


def mailersend(type: str, **fields):
    data = {"type": type.partition(".")[2], "email": {"message": {"id": "id-1"}, "recipient": {"email": "a@b.c"}}}
    return {"type": type, "data": {"created_at": "2026-11-29T12:00:00Z", **data, **fields}}


def sendgrid(event: str, **fields):
    return [{"event": event, "email": "a@b.c", "timestamp": NOON, "anymail_id": "id-1", **fields}]


def postmark(record: str, **fields):
    return {
        "RecordType": record,
        "MessageID": "id-1",
        "Recipient": "a@b.c",
        "ReceivedAt": "2026-11-29T12:00:00Z",
        **fields,
    }


def mailjet(event: str, **fields):
    return [{"event": event, "time": NOON, "MessageID": 101, "email": "a@b.c", **fields}]


def mandrill(event: str, **fields):
    return [{"event": event, "_id": "id-1", "ts": NOON, "msg": {"email": "a@b.c"}, **fields}]


def brevo(event: str, **fields):
    return {"event": event, "email": "a@b.c", "message-id": "id-1", "ts_epoch": NOON * 1000, **fields}


def mailtrap(event: str, **fields):
    return {"events": [{"event": event, "message_id": "id-1", "email": "a@b.c", "timestamp": NOON, **fields}]}


def postal(**payload):
    return {"timestamp": NOON, "payload": {"message": {"id": "id-1", "to": "a@b.c"}, **payload}}


def is_verified(transport: EmailService, request: CallbackRequest) -> bool:
    """As the page for callbacks sees it: an exception is no."""
    try:
        return transport.verify(request) is True
    except Exception:
        return False
