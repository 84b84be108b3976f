"""A headless Chromium, driven over its debugging pipe (Chrome DevTools Protocol) with the standard library alone."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


class Browser:
    """One tab; `errors` are the exceptions and the errors of the console that its pages had."""

    def __init__(self, room: Path) -> None:
        theirs_in, self.write_end = os.pipe()
        self.read_end, theirs_out = os.pipe()
        command = [str(CHROMIUM), *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={room}", "about:blank"]

        def arrange() -> None:  # Chromium reads its commands at 3 and answers at 4
            reading, writing = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(reading, 3)
            os.dup2(writing, 4)

        self.process = subprocess.Popen(
            command, preexec_fn=arrange, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self.buffer = b""
        self.number = 0
        self.session = ""
        self.errors: list[str] = []
        target = next(one for one in self.ask("Target.getTargets")["targetInfos"] if one["type"] == "page")
        attached = self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "DOM"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Run a command of the protocol and return its result."""
        self.number += 1
        asked = {"id": self.number, "method": method, "params": params}
        if self.session:
            asked["sessionId"] = self.session
        os.write(self.write_end, json.dumps(asked).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self.number:
                assert "error" not in told, told
                return told["result"]
            self._note(told)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            piece = os.read(self.read_end, 1 << 16)
            assert piece, "the browser ended"
            self.buffer += piece
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, told: dict[str, Any]) -> None:
        if told.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(told["params"]["exceptionDetails"])[:500])
        elif told.get("method") == "Runtime.consoleAPICalled" and told["params"]["type"] == "error":
            self.errors.append(json.dumps(told["params"]["args"])[:500])

    def run(self, script: str) -> Any:
        """Return what an expression is in the page."""
        done = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def open(self, address: str) -> None:
        self.follow(lambda: self.ask("Page.navigate", url=address))

    def follow(self, act: Callable[[], object]) -> None:
        """Do what leads to another page, and wait until that is loaded."""
        self.run("window.isEarlier = true")
        act()
        self.wait_for("!window.isEarlier && document.readyState === 'complete'")

    def fill(self, **values: str) -> None:
        for name, value in values.items():
            self.run(f"document.querySelector('[name={name}]').value = {json.dumps(value)}")

    def choose_file(self, name: str, path: Path) -> None:
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=f"[name={name}]")["nodeId"]
        self.ask("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def press(self, words: str) -> None:
        """Press the button or follow the link with these words, and wait for the page it leads to."""
        found = (
            "Array.from(document.querySelectorAll('#content button, #content a, #content input[type=submit]'))"
            f".find((one) => (one.value || one.textContent).trim() === {json.dumps(words)})"
        )
        assert self.run(f"!!{found}"), f"no {words} on: {self.text()}"
        self.follow(lambda: self.run(f"{found}.click()"))

    def text(self) -> str:
        """Return the words that are seen."""
        return self.run("document.querySelector('#content').innerText")

    def wait_for(self, script: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self.run(script):
                    return
            except AssertionError:
                pass  # a page that is just being left
            time.sleep(0.1)
        raise AssertionError(f"waited {seconds} s in vain for {script}; errors: {self.errors}; the page: {self.text()}")

    def wait_for_words(self, *words: str) -> None:
        shown = "document.querySelector('#content').innerText"
        self.wait_for(" && ".join(f"{shown}.includes({json.dumps(one)})" for one in words))

    def quit(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        os.close(self.write_end)
        os.close(self.read_end)
