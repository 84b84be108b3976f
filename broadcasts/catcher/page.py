"""The list of what was caught: HTML that needs no script, under a policy that allows none."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple
from urllib.parse import urlencode

from broadcasts import formats

from . import cloud, gateway
from .callbacks import Progress
from .store import PER_PAGE, Sort

PAGE_POLICY = (
    "default-src 'self'; script-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
STYLE = """:root { color-scheme: light dark; --line: #8886; --bubble: #d9fdd3; --ink: #111; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --bad: #ffb4ab } }
body { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1rem; font: 1rem/1.5 system-ui, sans-serif }
form, nav { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; margin: 1rem 0 }
input, button, select { font: inherit; padding: .35rem .7rem } input { flex: 0 1 24rem; min-width: 0 }
input[type=checkbox] { flex: none } label { display: flex; gap: .4rem; align-items: center }
table { width: 100%; border-collapse: collapse } tr { border-bottom: 1px solid var(--line) }
th, td { padding: .5rem 1rem .5rem 0; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th { white-space: nowrap; overflow-wrap: normal } h1, h2 { font-size: 1.3rem; overflow-wrap: anywhere }
td:first-child, td > time { white-space: nowrap } .number { text-align: right; white-space: nowrap }
pre, iframe { box-sizing: border-box; width: 100%; border: 1px solid var(--line); border-radius: .4rem }
pre { padding: 1rem; white-space: pre-wrap; overflow-wrap: anywhere }
iframe { height: 36rem; resize: vertical; background: #fff; color-scheme: light }
.bubble { max-width: 26rem; padding: .6rem .8rem; border-radius: .3rem .9rem .9rem; white-space: pre-wrap;
  background: var(--bubble); color: var(--ink) }
.sms { background: #e4e7ec } .bubble img { display: block; max-width: 100%; max-height: 14rem; border-radius: .4rem }
.bubble small { color: #555 } .bubble span { display: block; margin-top: .4rem; padding-top: .4rem;
  border-top: 1px solid #0003; text-align: center; color: #06566e }
.back { margin: .5rem 0 0; gap: .3rem .5rem; font-size: .85rem } .back input { flex: 0 1 9rem } .back button,
.back input { padding: .15rem .5rem }
ul { margin: .3rem 0; padding-left: 1.2rem; font-size: .85rem } .bad { color: var(--bad) }
p.notice { padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .4rem }
[aria-current] { font-weight: bold; text-decoration: none }"""
FIRST = {Sort.WHATSAPP: "131026", Sort.SMS: "400"}  # the error that is told where none is typed
NAMES: dict[str, str] = {"": "All", **{sort.value: sort.label for sort in Sort}}


class CatcherResponse(NamedTuple):
    body: str | bytes
    kind: str = "text/html"
    policy: str = PAGE_POLICY
    status: int = 200
    location: str = ""  # to go to instead


class View(NamedTuple):
    """What a person looks at: a page of a search in one sort."""

    search: str = ""
    sort: str = ""
    number: int = 1

    def address(self, **changes: Any) -> str:
        view = self._replace(**changes)
        query = {"page": view.number if view.number > 1 else "", "q": view.search, "sort": view.sort}
        told = urlencode({name: value for name, value in query.items() if value})
        return f"/?{told}" if told else "/"


def page(title: str, content: str) -> str:
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} - Caught</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/style.css"></head>
<body><header><a href="/">Caught messages</a></header><main><h1>{escape(title)}</h1>{content}</main></body></html>"""


def empty(host: str, smtp_port: int, http_port: int) -> str:
    base = f"http://{host}:{http_port}"
    return f"""<p>Nothing caught yet. Mail sent through SMTP {escape(host)}:{smtp_port} appears here.
<p>So does what is sent by WhatsApp's Cloud API at {base}/cloud, by the SMS gateway at {base}/sms/messages and to the
webhook {base}/hook."""


def list_of(
    found: Sequence[Mapping[str, Any]],
    calls: Mapping[int, Sequence[Mapping[str, Any]]],
    count: int,
    view: View,
) -> str:
    """Return the list of one page; `found` has one message more if there is a next page."""
    rows = "".join(_row(caught, calls.get(caught["id"], ()), view) for caught in found[:PER_PAGE])
    numbers = {"Newer": view.number - 1, "Older": view.number + 1 if len(found) > PER_PAGE else 0}
    links = [f'<a href="{escape(view.address(number=n))}">{label}</a>' for label, n in numbers.items() if n]
    sorts = "".join(
        f'<a href="{escape(view.address(sort=sort, number=1))}"{" aria-current=page" if sort == view.sort else ""}>'
        f"{name}</a>"
        for sort, name in NAMES.items()
    )
    return f"""<form role="search"><label for="q">Recipient, subject or text</label>
<input id="q" type="search" name="q" value="{escape(view.search)}">{_hidden("sort", view.sort)}
<button>Search</button> {formats.number(count)} in all</form><nav aria-label="Sorts">{sorts}</nav>
<table><thead><tr><th scope="col">Sort<th scope="col">Message<th scope="col">To<th scope="col">Received (UTC)
<th scope="col" class="number">Bytes</thead>
<tbody>{rows or "<tr><td colspan=5>Nothing matches."}</tbody></table>{codes()}
<nav aria-label="Pages">{" ".join(links)}</nav>"""


def _row(caught: Mapping[str, Any], calls: Sequence[Mapping[str, Any]], view: View) -> str:
    sort = Sort(caught["sort"])
    words = escape(caught["subject"]) or ("(no subject)" if sort is Sort.MAIL else "(no text)")
    link = f'<a href="/messages/{caught["id"]}/">'
    if sort.calls_back:
        shown = f'<div class="bubble {sort}">{words}</div>{link}Details</a>{note(caught)}{history(calls)}'
        shown += back_form(caught, view.address())
    else:
        shown = f"{link}{words}</a>{note(caught)}"
    return f"""<tr id="m{caught["id"]}"><td>{sort.label}<td>{shown}<td>{escape(", ".join(caught["to"]))}
<td><time>{caught["received"][:19]}</time><td class="number">{formats.number(caught["size"])}"""


def note(caught: Mapping[str, Any]) -> str:
    return f'<div class="bad">{escape(caught["note"])}</div>' if caught["note"] else ""


def history(calls: Sequence[Mapping[str, Any]]) -> str:
    """Return what was called back, and what our server answered."""
    rows = "".join(
        f"<li{'' if call['answer'].startswith('answered 2') else ' class=bad'}>{escape(call['said'])}: "
        f"{escape(call['answer'])}"
        for call in calls
    )
    return f"<ul>{rows}</ul>" if rows else ""


def back_form(caught: Mapping[str, Any], back: str) -> str:
    """Return the buttons that call back about a message."""
    if caught["note"]:  # it was refused, so the provider has nothing to tell
        return ""
    number, is_whatsapp = caught["id"], caught["sort"] == Sort.WHATSAPP
    read = '<button name="do" value="read">Read</button>' if is_whatsapp else ""
    return f"""<form class="back" method="post" action="/messages/{number}/call">{_hidden("back", back)}
<button name="do" value="delivered">Delivered</button>{read}
<input name="text" aria-label="Reply to {number}" placeholder="STOP"><button name="do" value="reply">Reply</button>
<input name="code" list="{caught["sort"]}-codes" aria-label="Error of {number}" placeholder="{FIRST[caught["sort"]]}">
<button name="do" value="failed">Fail with</button></form>"""


def codes() -> str:
    """Return what is offered for “Fail with”."""
    known: dict[str, dict[str, str]] = {
        Sort.WHATSAPP: {str(code): title for code, (_, title) in cloud.ERRORS.items()},
        Sort.SMS: gateway.CODES,
    }
    return "".join(
        f'<datalist id="{sort}-codes">'
        + "".join(f'<option value="{code}">{escape(words)}' for code, words in some.items())
        + "</datalist>"
        for sort, some in known.items()
    )


def tools(progress: Progress, switch: Mapping[str, str], view: View) -> str:
    """Return what acts on more than one message: calls about all, and errors for all that comes."""
    told = f"{formats.number(progress.done)} called back"
    if progress.refused:
        told += f", of them {formats.number(progress.refused)} not accepted (last: {escape(progress.last)})"
    state = f'<p role="status">{told}; load this page again to see more.' if progress.is_running else ""
    if progress.done and not progress.is_running:
        state = f'<p role="status">{told}.'
    on = [f"{Sort(sort).label} {code}" for sort, code in switch.items() if code]
    notice = f'<p class="notice bad">Answering every send with an error: {escape(", ".join(on))}.' if on else ""
    options = "".join(f'<option value="{sort}">{sort.label}' for sort in (Sort.WHATSAPP, Sort.SMS, Sort.WEBHOOK))
    back = _hidden("back", view.address())
    return f"""{notice}<form method="post" action="/call-all">{back}<button>Call all back</button>
<span>Every WhatsApp message and SMS becomes delivered, and some become read</span>
<label><input type="checkbox" name="mixed" value="1"> in random order, some twice</label></form>{state}
<details><summary>Answer with errors</summary><form method="post" action="/switch">{back}<label>Answer every
<select name="sort">{options}</select></label>
<label>with <input name="code" inputmode="numeric" pattern="[0-9]*" placeholder="no error"></label>
<button>Switch</button><span>A code of the Cloud API, such as 190 or 130429; else an HTTP status. Empty: no error.
</span></form></details>"""


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{escape(value)}">' if value else ""
