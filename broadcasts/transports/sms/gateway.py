"""A gateway, described by data: how a message is handed over, and what its answers and callbacks mean.

docs/channels.md tells each key of a description. What an organization writes there is filled in and compared, never
run; `Gateway.read` checks it and says what is wrong with it, and where.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from broadcasts import formats

from ..http import Call
from .reading import CALLBACK_KEYS, REPLY_KEYS, at, text_at, written
from .signatures import SIGNATURES

PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")
STRAY = re.compile(r".{0,20}[{}].{0,20}", re.DOTALL)  # a brace, with what is around it
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, section 5.1
# What the connection itself says of a request.
FRAMING = frozenset({"connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"})
# Of the channel, and of the copy.
OF_CHANNEL = ("base", "account", "secret", "callback_url")
OF_COPY = ("to", "from", "text", "key", "encoding", "copy_callback_url")
# What a code of the gateway means: of this copy it is refused for good, or for now, or its number does not exist; of
# the channel it needs staff, or a rest.
MEANINGS = {
    "permanent": {"permanent": True},
    "transient": {},
    "bounced": {"permanent": True, "bounced": True},
    "account": {"permanent": True, "account": True},
    "busy": {"account": True},
}
STATUSES = ("sent", "delivered", "opened", "bounced", "failed", "")  # "": tells nothing
IN_CALL = ("url", "headers", "query", "form", "json")
AUTHS = ("basic", "bearer", "header", "query")
METHODS = ("POST", "PUT", "GET")
DEEPEST = 8
LARGEST = 20_000  # characters of a description
IN_NO_PATH = "{}$"
IN_NO_ANSWER = "{}$[]"  # names in a form may have brackets
MOST_TEXTS = 5  # places of {text}, since each copy of it takes memory


class Faulty(ValueError):
    """A description is wrong; str() names the key and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A checked description."""

    url: str
    base_url: str = ""
    method: str = "POST"
    auth: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    json: Any = None
    encodings: tuple[str, str] = ("gsm", "ucs2")
    check: str = ""
    answer: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    callback: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    reply: Mapping[str, str] = field(default_factory=dict)
    signature: str = "none"

    @classmethod
    def read(cls, description: Any) -> "Gateway":
        """Return the gateway that a description tells; raises Faulty."""
        if not isinstance(description, Mapping):
            raise Faulty('A description is an object, such as {"url": "{base}/messages", "json": {"to": "{to}"}}.')
        if len(json.dumps(description)) > LARGEST:
            raise Faulty(f"A description has {formats.number(LARGEST)} characters at most.")
        if (n := json.dumps(description).count("{text}")) > MOST_TEXTS:
            raise Faulty(f"{{text}} stands {n} times; {MOST_TEXTS} times are enough.")
        _known("", description, cls.__dataclass_fields__)
        for name, check in CHECKS.items():
            if name in description:
                check(name, description[name])
        for name in ("url", "check"):
            if not str(description.get(name) or "{base}/").startswith(("{base}/", "{base}?")):
                raise Faulty(f"{name}: begin with {{base}}/, for the base address of the channel: {{base}}/messages.")
        if not description.get("url"):
            raise Faulty("url: needed, such as {base}/messages.")
        if sum(name in description for name in ("form", "json")) > 1:
            raise Faulty("form, json: the body is one of them; leave the other out.")
        call = json.dumps([description.get(name) for name in IN_CALL])
        if missing := [name for name in ("{to}", "{text}") if name not in call]:
            example = '{"form": {"to": "{to}", "text": "{text}"}}'
            raise Faulty(f"{', '.join(missing)}: stands nowhere in {', '.join(IN_CALL)}; such as {example}.")
        known = dict(description)
        if "encodings" in known:
            known["encodings"] = tuple(known["encodings"])
        if "statuses" in known:  # callbacks' words are compared in small letters
            known["statuses"] = {name.lower(): fact for name, fact in known["statuses"].items()}
        return cls(**known)

    def call(self, values: Mapping[str, str]) -> Call:
        """Return the request that hands one message over."""
        url, headers, body = self._filled_url(self.url, values), self._headers(values), b""
        if self.form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urlencode(_filled(self.form, values) or {}).encode()
        elif self.json is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(_filled(self.json, values), ensure_ascii=False).encode()
        return Call(url, body, headers, self.method)

    def check_call(self, values: Mapping[str, str]) -> Call | None:
        """Return a request that proves the login without sending; None if the gateway has none."""
        return Call(self._filled_url(self.check, values), b"", self._headers(values), "GET") if self.check else None

    def meaning(self, code: str) -> tuple[str, str]:
        """Return what a code of the gateway means (of MEANINGS) and its words; "" for an unknown code."""
        meaning, _, words = self.errors.get(code, "").partition(":")
        return meaning.strip(), words.strip()

    def code_in(self, document: Any) -> str:
        """Return the first code that an answer has at the paths of `answer.code`; "" for none."""
        paths = self.answer.get("code", ())
        found = (text_at(document, path) for path in ([paths] if isinstance(paths, str) else paths))
        return next(filter(None, found), "")

    def is_accepted(self, document: Any) -> bool:
        accepted = self.answer.get("accepted")
        return not accepted or written(at(document, accepted["path"])) in accepted["values"]

    def _filled_url(self, template: str, values: Mapping[str, str]) -> str:
        safe = {name: value if name == "base" else quote(value, safe="") for name, value in values.items()}
        query = dict(_filled(self.query, values) or {}) if template is self.url else {}
        if "query" in self.auth:
            query |= _filled(self.auth["query"], values) or {}
        url = fill(template, safe)
        return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}" if query else url

    def _headers(self, values: Mapping[str, str]) -> dict[str, str]:
        headers = {"Accept": "application/json", **(_filled(self.headers, values) or {})}
        if "basic" in self.auth:
            name, password = (fill(one, values) for one in self.auth["basic"])
            headers["Authorization"] = f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"
        elif "bearer" in self.auth:
            headers["Authorization"] = f"Bearer {fill(self.auth['bearer'], values)}"
        return headers | (_filled(self.auth.get("header", {}), values) or {})


def fill(template: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda found: values[found[1]], template)


def _filled(template: Any, values: Mapping[str, str]) -> Any:
    """Return a template with its strings filled in; what becomes empty is left out."""
    if isinstance(template, str):
        return fill(template, values)
    if isinstance(template, Mapping):
        pairs = {name: _filled(one, values) for name, one in template.items()}
        return {name: one for name, one in pairs.items() if one not in ("", None, {}, [])}
    if isinstance(template, list):
        return [one for one in (_filled(each, values) for each in template) if one not in ("", None, {}, [])]
    return template


def _known(path: str, value: Mapping[str, Any], names: Any) -> None:
    if unknown := [str(name) for name in value if name not in names]:
        raise Faulty(f"{path}{'.' if path else ''}{unknown[0][:40]}: unknown; accepted: {', '.join(names)}.")


def _strings(path: str, value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield each string in a JSON value with its path."""
    if depth > DEEPEST:
        raise Faulty(f"{path}: nested more than {DEEPEST} deep.")
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _strings(f"{path}.{name}", one, depth + 1)
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _strings(f"{path}[{place}]", one, depth + 1)


def _check_template(path: str, value: Any) -> None:
    for where, text in _strings(path, value):
        listed = ", ".join(f"{{{one}}}" for one in (*OF_CHANNEL, *OF_COPY))
        for name in PLACEHOLDER.findall(text):
            if name not in (*OF_CHANNEL, *OF_COPY):
                raise Faulty(f"{where}: {{{name}}} is no placeholder; accepted: {listed}.")
        if stray := STRAY.search(PLACEHOLDER.sub("…", text)):
            raise Faulty(f"{where}: “{stray[0].strip()}” has a brace of no placeholder; accepted: {listed}.")


def _check_text(path: str, value: Any) -> None:
    if not isinstance(value, str):
        raise Faulty(f"{path}: must be text.")
    _check_template(path, value)


def _check_texts(path: str, value: Any) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
        raise Faulty(f'{path}: must be an object of texts, such as {{"name": "value"}}.')
    _check_template(path, value)


def _check_headers(path: str, value: Any) -> None:
    _check_texts(path, value)
    for name, text in value.items():
        if not HEADER.fullmatch(name):
            raise Faulty(f"{path}: “{name[:40]}” is no name of a header; it has letters, digits and hyphens.")
        if name.lower() in FRAMING:
            raise Faulty(f"{path}.{name}: is set by itself; leave it out.")
        if not text.isprintable():
            raise Faulty(f"{path}.{name}: a header has no line breaks and no control characters.")


def _check_path(path: str, value: Any, forbidden: str) -> None:
    """Refuse what looks like a path of another notation."""
    if not isinstance(value, str):
        raise Faulty(f"{path}: must be a path such as messages.0.id.")
    steps = value.split(".")
    if value and not all(step and step == step.strip() and not set(step) & set(forbidden) for step in steps):
        raise Faulty(f"{path}: “{value[:40]}” is no path; give names and numbers from 0 with dots: messages.0.id.")


def _check_auth(path: str, value: Any) -> None:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise Faulty(f'{path}: must be one of {", ".join(AUTHS)}, such as {{"bearer": "{{secret}}"}}.')
    _known(path, value, AUTHS)
    if "basic" in value:
        pair = value["basic"]
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            raise Faulty(f'{path}.basic: must be username and password: ["{{account}}", "{{secret}}"].')
        _check_template(f"{path}.basic", pair)
    elif "bearer" in value:
        _check_text(f"{path}.bearer", value["bearer"])
    elif "header" in value:
        _check_headers(f"{path}.header", value["header"])
    else:
        _check_texts(f"{path}.query", value["query"])


def _check_answer(path: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise Faulty(f'{path}: must be an object, such as {{"id": "messages.0.id"}}.')
    _known(path, value, ("id", "accepted", "code"))
    codes = value.get("code", "")
    _check_path(f"{path}.id", value.get("id", ""), IN_NO_ANSWER)
    for code in codes if isinstance(codes, list) else [codes]:
        _check_path(f"{path}.code", code, IN_NO_ANSWER)
    accepted = value.get("accepted")
    if accepted is not None and not (
        isinstance(accepted, Mapping)
        and set(accepted) == {"path", "values"}
        and isinstance(accepted["path"], str)
        and isinstance(accepted["values"], list)
        and all(isinstance(one, str) for one in accepted["values"])
    ):
        raise Faulty(f'{path}.accepted: must be such as {{"path": "messages.0.status", "values": ["0"]}}.')
    if accepted:
        _check_path(f"{path}.accepted.path", accepted["path"], IN_NO_ANSWER)


def _check_meanings(path: str, value: Any) -> None:
    _check_choices(path, {k: str(v).partition(":")[0].strip() for k, v in _object(path, value).items()}, MEANINGS)


def _check_statuses(path: str, value: Any) -> None:
    _check_choices(path, _object(path, value), STATUSES)


def _check_choices(path: str, value: Mapping[str, Any], accepted: Any) -> None:
    for name, one in value.items():
        if one not in accepted:
            listed = ", ".join(word or "“”" for word in accepted)
            raise Faulty(f"{path}.{name}: “{str(one)[:40]}” is not accepted; use one of: {listed}.")


def _object(path: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Faulty(f"{path}: must be an object.")
    return value


def _check_paths(names: tuple[str, ...], *needed: str) -> Any:
    def check(path: str, value: Any) -> None:
        _known(path, _object(path, value), names)
        for name, one in value.items():
            _check_path(f"{path}.{name}", one, IN_NO_PATH)
        if missing := [name for name in needed if value and not value.get(name)]:
            raise Faulty(f"{path}.{missing[0]}: needed, the path to it, such as {missing[0]}.")

    return check


def _one_of(words: Any) -> Any:
    def check(path: str, value: Any) -> None:
        if value not in words:
            raise Faulty(f"{path}: “{str(value)[:40]}” is not accepted; use one of: {', '.join(words)}.")

    return check


def _check_encodings(path: str, value: Any) -> None:
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(one, str) for one in value):
        raise Faulty(f'{path}: must be the words for GSM-7 and for UCS-2, such as ["text", "unicode"].')


CHECKS = {
    "base_url": _check_text,
    "url": _check_text,
    "method": _one_of(METHODS),
    "auth": _check_auth,
    "headers": _check_headers,
    "query": _check_texts,
    "form": _check_texts,
    "json": _check_template,
    "encodings": _check_encodings,
    "check": _check_text,
    "answer": _check_answer,
    "errors": _check_meanings,
    "callback": _check_paths(CALLBACK_KEYS, "id", "status"),
    "statuses": _check_statuses,
    "reply": _check_paths(REPLY_KEYS, "from", "text"),
    "signature": _one_of(tuple(SIGNATURES)),
}
