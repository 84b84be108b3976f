"""The HTTP server: the providers' addresses, and the page."""

import json
import re
import urllib.request
from collections.abc import Callable
from functools import lru_cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from . import cloud, gateway, hook
from .callbacks import Accounts, Callbacks, opener
from .item_page import message_answer, picture_link
from .page import FIRST, STYLE, CatcherResponse, View, empty, list_of, page, tools
from .smtp import LARGEST
from .store import PER_PAGE, Sort, Store

SECRET = ("authorization", "cookie")  # headers whose value is not kept
IDLE_SECONDS = 60  # after which an open connection is closed
PICTURE_SECONDS = 10
LARGEST_PICTURE = 5 * 1024 * 1024  # as WhatsApp has it
PICTURES = ("image/jpeg", "image/png", "image/webp", "image/gif")
Act = Callable[[dict[str, str]], CatcherResponse | None]
CLOUD = r"/cloud(?:/v\d+\.\d+)?/([\w.-]+)"


class CatcherState:
    """What all requests share."""

    def __init__(self, store: Store, accounts: Accounts, host: str, smtp_port: int, http_port: int) -> None:
        self.store, self.accounts = store, accounts
        self.callbacks = Callbacks(store, accounts)
        self.host, self.smtp_port, self.http_port = host, smtp_port, http_port
        self.switch: dict[str, str] = {}  # the error that every send of a sort gets


class CatcherHandler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"  # so that senders keep their connections
    wbufsize = 65_536  # head and body of an answer in one packet
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS

    def __init__(self, shared: CatcherState, *args: Any) -> None:
        self.shared, self.store = shared, shared.store
        super().__init__(*args)  # which answers

    def do_GET(self) -> None:
        path, query = self._path()
        self._send(self._get(path, query))

    do_HEAD = do_GET

    def do_POST(self) -> None:
        path, _ = self._path()
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            self.close_connection = True
            self._send(said(413 if length.isdecimal() else 411, "Send a Content-Length, of at most 25 MB."))
            return
        self._send(self._post(path, self.rfile.read(int(length))))

    def log_message(self, format: str, *args: Any) -> None:
        """Leave the terminal to the demo."""

    def _path(self) -> tuple[str, dict[str, str]]:
        path, _, query = self.path.partition("?")
        return path, {name: values[-1] for name, values in parse_qs(query).items()}

    def _send(self, answer: CatcherResponse) -> None:
        body = answer.body if isinstance(answer.body, bytes) else answer.body.encode(errors="replace")
        is_text = answer.kind.startswith("text/") or answer.kind.endswith("json")
        self.send_response(answer.status)
        self.send_header("Content-Type", f"{answer.kind}; charset=utf-8" if is_text else answer.kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", answer.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "same-origin")
        if answer.location:
            self.send_header("Location", answer.location)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _get(self, path: str, query: dict[str, str]) -> CatcherResponse:
        if path == "/style.css":
            return CatcherResponse(STYLE, "text/css")
        if path in ("/", "/api/messages.json"):
            return self._list(path, query)
        if match := re.fullmatch(rf"{CLOUD}(/message_templates)?", path):
            return self._cloud_get(match[1], bool(match[2]), path, query)
        match = re.fullmatch(r"/messages/([0-9]{1,18})/(html|raw|picture|)", path)
        found = self.store.get(int(match[1])) if match else None
        if not (match and found):
            return nothing()
        if match[2] == "picture":
            return picture(picture_link(found)) or nothing()
        return message_answer(found, self.store.calls([found["id"]])[found["id"]], match[2]) or nothing()

    def _list(self, path: str, query: dict[str, str]) -> CatcherResponse:
        number, sort = query.get("page", ""), query.get("sort", "")
        view = View(
            query.get("q", "").strip(),
            sort if sort in list(Sort) else "",
            max(1, int(number)) if re.fullmatch("[0-9]{1,9}", number) else 1,
        )
        found = self.store.find(view.search, view.number, view.sort)
        if path != "/":
            return as_json(found[:PER_PAGE])
        shared = self.shared
        if not self.store.count:
            return CatcherResponse(page("Messages", empty(shared.host, shared.smtp_port, shared.http_port)))
        calls = self.store.calls([one["id"] for one in found])
        content = tools(shared.callbacks.progress, shared.switch, view) + list_of(found, calls, self.store.count, view)
        return CatcherResponse(page("Messages", content))

    def _cloud_get(self, account: str, is_list: bool, path: str, query: dict[str, str]) -> CatcherResponse:
        if not (token := bearer(self.headers.get("Authorization", ""))) or not self._is_known(account, token):
            return cloud_answer(cloud.CloudError(190, "No access token of this account was sent."))
        if is_list:
            return as_json(cloud.template_list(query, f"http://{self.headers.get('Host', '')}{path}"))
        return as_json(cloud.number(account))

    def _is_known(self, account: str, token: str) -> bool:
        """Tell whether a token is that of a number or of a business; one that nobody named has any."""
        named = [
            one.token for one in self.shared.accounts.whatsapp.values() if account in (one.phone_id, one.business_id)
        ]
        return not any(named) or token in named

    def _post(self, path: str, body: bytes) -> CatcherResponse:
        if match := re.fullmatch(rf"{CLOUD}/messages", path):
            return self._take_whatsapp(match[1], body)
        if path == "/sms/messages":
            return self._take_sms(body)
        if path == "/hook":
            return self._take_hook(body)
        return self._act(path, body)

    def _keep(self, sort: Sort, to: str, words: str, body: bytes, **more: str) -> None:
        head = "\r\n".join(
            f"{name}: {'(not kept)' if name.lower() in SECRET else value}" for name, value in self.headers.items()
        )
        self.store.add(sort, [to], words, head.encode() + b"\r\n\r\n" + body, **more)

    def _take_whatsapp(self, phone_id: str, body: bytes) -> CatcherResponse:
        told: dict[str, Any] = {}
        try:
            if not (token := bearer(self.headers.get("Authorization", ""))) or not self._is_known(phone_id, token):
                raise cloud.CloudError(190, "No access token of this account was sent.")
            told = read_json(body)
            if code := self.shared.switch.get(Sort.WHATSAPP):
                raise cloud.CloudError(int(code), "The page answers every message with this error.")
            to, bubble = cloud.read(told)
        except (ValueError, KeyError, TypeError, AttributeError):
            return cloud_answer(cloud.CloudError(100, "The body is not as documented."))
        except cloud.CloudError as error:
            to, words = str(told.get("to") or ""), cloud.describe(told)
            self._keep(Sort.WHATSAPP, to, words, body, account=phone_id, note=f"Refused: {error}")
            return cloud_answer(error)
        key = cloud.new_id(to)
        reference = str(told.get("biz_opaque_callback_data") or "")
        self._keep(Sort.WHATSAPP, to, bubble.words, body, key=key, account=phone_id, reference=reference)
        return as_json(cloud.accepted(to, key))

    def _take_sms(self, body: bytes) -> CatcherResponse:
        told: dict[str, Any] = {}
        try:
            login, wanted = self.headers.get("Authorization", ""), self.shared.accounts.sms.token
            if not login or (wanted and not is_login(login, wanted)):
                raise gateway.GatewayError(401)
            try:
                told = read_json(body)
            except ValueError:
                raise gateway.GatewayError(400, "the body is no JSON object") from None
            if code := self.shared.switch.get(Sort.SMS):
                raise gateway.GatewayError(int(code))
            to, text, callback_url = gateway.read(told)
        except gateway.GatewayError as error:
            to, text = (str(told.get(name) or "") for name in ("to", "text"))
            self._keep(Sort.SMS, to, text, body, note=f"Refused: {error}")
            return as_json(error.body, error.status)
        key = gateway.new_id()
        reference = str(told.get("reference") or "")
        self._keep(Sort.SMS, to, text, body, key=key, account=callback_url, reference=reference)
        return as_json({"id": key})

    def _take_hook(self, body: bytes) -> CatcherResponse:
        status, note = 200, ""
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            to, words = hook.read(body)
            if secrets := self.shared.accounts.hook_secrets:
                hook.verify(headers, body, secrets)
            else:
                note = "The signature was not checked: no secret is known."
        except ValueError:
            (to, words), status, note = ("", ""), 400, "Refused: the body is no JSON object"
        except hook.BadSignature as error:
            status, note = 401, f"Refused: {error}"
        if code := self.shared.switch.get(Sort.WEBHOOK):
            status, note = int(code), f"Refused: {code}, as the page answers every call"
        self._keep(Sort.WEBHOOK, to, words, body, key=headers.get("webhook-id", ""), note=note)
        return said(status, "OK" if status == 200 else note)

    def _act(self, path: str, body: bytes) -> CatcherResponse:
        """Do what a form of the page asks for, and go back to where it stands."""
        acts: dict[str, Act] = {"/call-all": self._call_all, "/switch": self._switch}
        match = re.fullmatch(r"/messages/([0-9]{1,18})/call", path)
        if not match and path not in acts:
            return nothing()
        origin = self.headers.get("Origin")
        if origin and urlsplit(origin).netloc != self.headers.get("Host"):
            return said(403, "Only the catcher's own page may do this.")
        form = {name: values[-1].strip() for name, values in parse_qs(body.decode(errors="replace")).items()}
        refused = self._call_back(int(match[1]), form) if match else acts[path](form)
        back = form.get("back", "")
        is_ours = back.startswith("/") and not re.match(r"/[/\\]|.*[\r\n]", back)
        anchor = f"#m{match[1]}" if match and not back.startswith("/messages/") else ""
        return refused or CatcherResponse("", status=303, location=(back if is_ours else "/") + anchor)

    def _call_back(self, number: int, form: dict[str, str]) -> CatcherResponse | None:
        found, fact = self.store.get(number), form.get("do", "")
        if found is None or not Sort(found["sort"]).calls_back or found["note"]:
            return nothing()
        if fact not in ("sent", "delivered", "read", "failed", "reply"):
            return said(400, "“do” is sent, delivered, read, failed or reply.")
        words = {"reply": form.get("text") or "STOP", "failed": form.get("code") or FIRST[found["sort"]]}.get(fact, "")
        self.shared.callbacks.about(found, fact, words)
        return None

    def _call_all(self, form: dict[str, str]) -> CatcherResponse | None:
        self.shared.callbacks.about_all(mixed="mixed" in form)
        return None

    def _switch(self, form: dict[str, str]) -> CatcherResponse | None:
        sort, code = form.get("sort", ""), form.get("code", "")
        if sort not in (Sort.WHATSAPP, Sort.SMS, Sort.WEBHOOK):
            return said(400, "“sort” is whatsapp, sms or webhook.")
        known = cloud.ERRORS if sort == Sort.WHATSAPP else range(400, 600)
        if code and not (code.isdecimal() and int(code) in known):
            words = ", ".join(map(str, known)) if sort == Sort.WHATSAPP else "400 to 599"
            return said(400, f"“{code}” is not one of {words}.")
        self.shared.switch[sort] = code
        return None


def said(status: int, words: str) -> CatcherResponse:
    return CatcherResponse(words, "text/plain", status=status)


def nothing() -> CatcherResponse:
    return CatcherResponse(page("Not found", "<p>There is nothing here."), status=404)


def as_json(document: Any, status: int = 200) -> CatcherResponse:
    return CatcherResponse(json.dumps(document), "application/json", status=status)


def cloud_answer(error: cloud.CloudError) -> CatcherResponse:
    return as_json(error.body, error.status)


def read_json(body: bytes) -> dict[str, Any]:
    told = json.loads(body)
    if not isinstance(told, dict):
        raise ValueError("The body is no JSON object.")
    return told


def bearer(login: str) -> str:
    scheme, _, token = login.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def is_login(header: str, token: str) -> bool:
    """Tell whether a header is a token's, as bearer or as HTTP basic (already in Base64)."""
    return header.partition(" ")[2].strip() == token


@lru_cache(32)
def picture(link: str) -> CatcherResponse | None:
    """Fetch a message's picture, as the provider does that is given its link."""
    if urlsplit(link).scheme not in ("http", "https"):
        return None
    try:
        with opener.open(urllib.request.Request(link), timeout=PICTURE_SECONDS) as response:  # noqa: S310
            kind, data = response.headers.get_content_type(), response.read(LARGEST_PICTURE + 1)
    except (OSError, ValueError):
        return None
    return CatcherResponse(data, kind) if kind in PICTURES and len(data) <= LARGEST_PICTURE else None
