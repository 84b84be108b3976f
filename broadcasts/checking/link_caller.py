"""The HTTP client that asks whether links answer."""

import asyncio
import logging
from urllib.parse import urljoin

from broadcasts import formats
from broadcasts.models import LinkCheck
from broadcasts.transports import SettingsRefused, TransportError
from broadcasts.transports.http import Answer, Call, Http

from . import answers
from .answers import LinkAnswer

log = logging.getLogger(__name__)

REQUEST_SECONDS = 3  # of these, for one request
MOST_HOPS = 5  # redirects
LARGEST = 1024  # bytes of a body
LONGEST_ADDRESS = 4000  # that a redirect may lead to
# A site that answers so is there, and does not want programs: nobody can tell what a person would see.
TURNS_AWAY = frozenset({401, 403, 405, 406, 407, 429, 451, 503, 999})
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class LinkCaller(Http):
    """Asks for addresses by the rules of all our HTTP, and follows redirects by the same rules."""

    concurrency = answers.AT_ONCE
    timeout = REQUEST_SECONDS

    def begin(self, address: str) -> "asyncio.Task[LinkAnswer]":
        self.open()
        assert self.loop is not None
        return self.loop.create_task(self._asked(address))

    def wait(self, flights: "dict[asyncio.Task[LinkAnswer], LinkCheck]") -> list[tuple[LinkCheck, LinkAnswer]]:
        """Return what became of those that end next, and take them out."""
        if not flights:
            return []
        ended, _ = self._run(asyncio.wait(flights, return_when=asyncio.FIRST_COMPLETED))
        return [(flights.pop(task), task.result()) for task in ended]

    def close(self) -> None:
        if self.loop is not None:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
        super().close()

    async def _asked(self, address: str) -> LinkAnswer:
        try:
            async with asyncio.timeout(answers.SECONDS):
                return await self._followed(address)
        except TimeoutError:
            return LinkAnswer(None, f"It did not answer within {formats.duration(answers.SECONDS)}.")
        except TransportError as error:
            return LinkAnswer(None, _why(error))
        except Exception:
            log.exception("A link could not be asked for")
            return LinkAnswer(None, "It could not be asked for; the log of the workers says why.")

    async def _followed(self, address: str) -> LinkAnswer:
        """Ask for an address, and for those that it redirects to."""
        for _ in range(MOST_HOPS + 1):
            answer = await self._answer(address)
            target = answer.headers.get("Location", "")
            if answer.status not in REDIRECTS or not target:
                return LinkAnswer(answer.status, _fault(answer))
            address = _target(address, target)
            if not address.lower().startswith(("http://", "https://")) or len(address) > LONGEST_ADDRESS:
                return LinkAnswer(answer.status, "It leads on to an address that no browser opens.")
        return LinkAnswer(answer.status, f"It leads on more than {MOST_HOPS} times.")

    async def _answer(self, address: str) -> Answer:
        """Ask by HEAD, and by GET where that says no: many servers answer it alone."""
        try:
            answer = await self._exchange(Call(address, method="HEAD"), LARGEST)
            if answer.status < 400:
                return answer
        except SettingsRefused:
            raise
        except TransportError:
            pass
        return await self._exchange(Call(address, method="GET", headers={"Range": f"bytes=0-{LARGEST}"}), LARGEST)

    def _unanswered(self, error: Exception, host: str) -> TransportError:
        found = super()._unanswered(error, host)
        if isinstance(error, TimeoutError) and found.handed_over:
            return TransportError(f"The server {host} did not answer in time.")
        return TransportError(f"The connection to {host} broke before its answer.") if found.handed_over else found


def _target(address: str, target: str) -> str:
    try:
        return urljoin(address, target)
    except ValueError:
        return ""


def _why(error: TransportError) -> str:
    """Return why an address gave no answer; of the address policy without advice for the operator."""
    if isinstance(error, SettingsRefused):
        return "It leads to an address that only this server's own network can reach, or to none."
    return str(error)


def _fault(answer: Answer) -> str:
    if answer.status < 400 or answer.status in TURNS_AWAY or answer.status == 416:
        return ""
    if answer.status in (404, 410):
        return f"There is no such page (the server answered {answer})."
    return f"The server answered {answer}."
