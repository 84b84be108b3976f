"""A headless browser, spoken to in the WebDriver protocol (W3C), as far as stories need it."""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

DRIVER = shutil.which("chromedriver")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {
    "alt": "\ue00a",
    "ctrl": "\ue009",
    "delete": "\ue017",
    "down": "\ue015",
    "end": "\ue010",
    "enter": "\ue007",
    "escape": "\ue00c",
    "tab": "\ue004",
    "up": "\ue013",
}
OPTIONS = {
    "browserName": "chrome",
    "webSocketUrl": True,  # without it the driver itself answers the question whether to leave
    "unhandledPromptBehavior": {"beforeUnload": "ignore", "default": "ignore"},
    "goog:chromeOptions": {
        "args": ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,1600"]
    },
    "goog:loggingPrefs": {"browser": "SEVERE"},
}


class Refused(Exception):
    """The browser did not do it; the text is the error code of the protocol."""


class Browser:
    """One window; elements are named by CSS selectors, and waited for."""

    def __init__(self) -> None:
        self.logged: list[str] = []
        assert DRIVER, "chromedriver is not installed"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.session = ""
        self.driver = subprocess.Popen([DRIVER, f"--port={self.port}"], stdout=subprocess.DEVNULL)
        try:
            self.wait(lambda: self.call("GET", "/status")["ready"])
            made = self.call("POST", "/session", capabilities={"alwaysMatch": OPTIONS})
            self.session = f"/session/{made['sessionId']}"
        except BaseException:
            self.driver.kill()
            raise

    def call(self, method: str, path: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if method == "POST" else None
        request = Request(f"http://127.0.0.1:{self.port}{self.session}{path}", data=data, method=method)
        try:
            with urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except HTTPError as error:
            raise Refused(json.load(error)["value"]["error"]) from None

    def wait(self, condition: Any, seconds: float = 30) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            try:
                if found := condition():
                    return found
            except (Refused, URLError):
                if time.monotonic() > deadline:
                    raise
            assert time.monotonic() < deadline, f"waited {seconds} s in vain at {self.url}"
            time.sleep(0.05)

    def open(self, address: str) -> None:
        self.call("POST", "/url", url=address)

    @property
    def url(self) -> str:
        return self.call("GET", "/url")

    def find(self, css: str) -> str:
        return self.wait(lambda: self.call("POST", "/element", using="css selector", value=css))[ELEMENT]

    def fill(self, **values: str) -> None:
        """Type into fields by their names."""
        for name, value in values.items():
            self.write(f"[name={name}]", value)

    def choose_file(self, name: str, path: Path) -> None:
        self.call("POST", f"/element/{self.find(f'[name={name}]')}/value", text=str(path))

    def press(self, words: str) -> None:
        """Press the button or follow the link with these words, and wait for the page that it leads to."""
        named = f"normalize-space(.)={json.dumps(words)} or @value={json.dumps(words)}"
        way = f"//*[@id='content']//*[self::button or self::a or self::input][{named}]"
        element = self.wait(lambda: self.call("POST", "/element", using="xpath", value=way))[ELEMENT]
        self.run("window.isEarlier = true")
        self.call("POST", f"/element/{element}/click")
        self.wait_for("!window.isEarlier && document.readyState === 'complete'")

    def click(self, css: str) -> None:
        self.call("POST", f"/element/{self.find(css)}/click")

    def write(self, css: str, text: str) -> None:
        """Type something instead of what stands in a field."""
        element = self.find(css)
        self.call("POST", f"/element/{element}/clear")
        self.call("POST", f"/element/{element}/value", text=text)

    def keys(self, *presses: str) -> None:
        """Press keys where the focus is: characters, names such as "down", or several at once such as "alt+down"."""
        actions = []
        for press in presses:
            *held, last = press.split("+") if len(press) > 1 else [press]
            down = [{"type": "keyDown", "value": KEYS.get(one, one)} for one in (*held, last)]
            actions += [*down, *({**one, "type": "keyUp"} for one in reversed(down))]
        self.call("POST", "/actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def drag(self, css: str, goal: str) -> None:
        """Drag an element by the mouse to the upper part of another one."""
        start, end = (self.value(f"(box => [box.x + 8, box.y + 8])(document.querySelector({json.dumps(one)})"
                                 ".getBoundingClientRect())") for one in (css, goal))  # fmt: skip
        steps = [(start[0] + 9, start[1] + 9), (end[0], end[1] + 2), end]
        moves = [{"type": "pointerMove", "x": int(x), "y": int(y), "duration": 50} for x, y in (start, *steps)]
        actions = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
        self.call("POST", "/actions", actions=[{"type": "pointer", "id": "mouse", "actions": actions}])

    def text(self, css: str = "body") -> str:
        return self.call("GET", f"/element/{self.find(css)}/text")

    def run(self, script: str) -> Any:
        return self.call("POST", "/execute/sync", script=script, args=[])

    def value(self, expression: str) -> Any:
        """Return what a JavaScript expression is in the page."""
        return self.run(f"return {expression}")

    def wait_for(self, expression: str) -> None:
        self.wait(lambda: self.value(f"!!({expression})"))

    def wait_for_words(self, *words: str) -> None:
        self.wait(lambda: all(one in self.text("#content") for one in words))

    @property
    def errors(self) -> list[str]:
        """What the pages so far wrote to the console as errors, exceptions and violations of the policy included."""
        self.logged += [entry["message"] for entry in self.call("POST", "/se/log", type="browser")]
        return self.logged

    def forget_errors(self) -> None:
        """Leave the page and drop its errors: an earlier story may have killed the server below it."""
        self.open("about:blank")
        _ = self.errors  # which takes them out of the driver
        self.logged = []

    @property
    def is_asked(self) -> bool:
        """Whether the browser asks something, such as whether to leave a page."""
        try:
            self.call("GET", "/alert/text")
        except Refused:
            return False
        return True

    def answer(self, yes: bool) -> None:
        self.call("POST", f"/alert/{'accept' if yes else 'dismiss'}")

    def close(self) -> None:
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(20)
