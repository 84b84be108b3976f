"""Amazon SES by its HTTP API, version 2, signed with AWS Signature Version 4.

anymail's own backend needs boto3, which brings a second HTTP client with its own proxies, credentials and endpoints
of the operator's environment. The API takes the complete message, so one request of ours is simpler.
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from anymail.backends.base_requests import AnymailRequestsBackend, RequestsPayload
from anymail.message import AnymailRecipientStatus
from requests import PreparedRequest
from requests.auth import AuthBase


class SignatureV4(AuthBase):
    """Signs a request with AWS Signature Version 4."""

    def __init__(self, key_id: str, secret_key: str, region: str, service: str = "ses") -> None:
        self.key_id, self.secret_key, self.region, self.service = key_id, secret_key, region, service

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        self.sign(request, datetime.now(UTC))
        return request

    def sign(self, request: PreparedRequest, now: datetime) -> None:
        moment = f"{now:%Y%m%dT%H%M%SZ}"
        url = urlsplit(str(request.url))
        request.headers.update({"Host": url.netloc, "X-Amz-Date": moment})
        signed = {name.lower(): " ".join(str(value).split()) for name, value in request.headers.items()}
        signed = {name: signed[name] for name in sorted(signed) if name in ("content-type", "host", "x-amz-date")}
        body: Any = request.body or b""
        pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in parse_qsl(url.query))
        canonical = "\n".join([
            str(request.method),
            quote(url.path, safe="/-_.~") or "/",
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{value}" for name, value in signed.items()),
            "",
            ";".join(signed),
            hashlib.sha256(body.encode() if isinstance(body, str) else body).hexdigest(),
        ])  # fmt: skip
        scope = f"{now:%Y%m%d}/{self.region}/{self.service}/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.new(key, f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}".encode(), "sha256").hexdigest()
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}, SignedHeaders={';'.join(signed)}, "
            f"Signature={signature}"
        )


class EmailBackend(AnymailRequestsBackend):
    """Sends complete messages by SES."""

    esp_name = "Amazon SES"

    def __init__(
        self, api_url: str, key_id: str, secret_key: str, region: str, configuration_set: str = "", **kwargs: Any
    ) -> None:
        self.auth = SignatureV4(key_id, secret_key, region)
        self.configuration_set = configuration_set
        super().__init__(api_url, **kwargs)

    def build_message_payload(self, message: Any, defaults: Any) -> "Payload":
        return Payload(message, defaults, self)

    def parse_recipient_status(self, response: Any, payload: Any, message: Any) -> dict[str, AnymailRecipientStatus]:
        told = self.deserialize_json_response(response, payload, message)
        return {message.to[0]: AnymailRecipientStatus(told["MessageId"], "queued")}


class Payload(RequestsPayload):
    """A SendEmail request; `message.mime` is the complete message, of which nothing is composed again."""

    base_message_attrs = ()
    anymail_message_attrs = ()

    def __init__(self, message: Any, defaults: Any, backend: EmailBackend) -> None:
        super().__init__(
            message, defaults, backend, headers={"Content-Type": "application/json"}, auth=backend.auth, data={}
        )

    def init_payload(self) -> None:
        pass

    def get_api_endpoint(self) -> str:
        return "v2/email/outbound-emails"

    def serialize_data(self) -> str:
        data: dict[str, Any] = {
            "Content": {"Raw": {"Data": base64.b64encode(self.message.mime).decode()}},
            "Destination": {"ToAddresses": [self.message.address]},
        }
        if self.backend.configuration_set:
            data["ConfigurationSetName"] = self.backend.configuration_set
        return self.serialize_json(data)
