"""What a user agent tells of who fetched something: a person's device, a program, or a proxy for pictures.

Agents are what their programs claim to be, so they only ever make a machine of a fetch, never a person.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from broadcasts.models import Device

KNOWN = 4_096  # agents in the memory of a process

# Mailbox providers fetch a picture through these when a person opens the message, and hide the device.
IMAGE_PROXIES = ("GoogleImageProxy", "YahooMailProxy", "YahooCacheSystem")
PRIVACY_PROXY = "Mozilla/5.0"  # all that Apple's Mail Privacy Protection says; it fetches pictures that nobody opened

MACHINES = (
    # Filters that fetch links before, or instead of, a person.
    "Barracuda", "Proofpoint", "ppscanner", "Mimecast", "IronPort", "CiscoSecureEmail", "Trend Micro", "TMES",
    "Symantec", "MessageLabs", "FireEye", "Trellix", "Forcepoint", "FortiMail", "FortiGuard", "SophosLabs", "Sophos",
    "SafeLinks", "Safe Links", "Bitdefender", "Kaspersky", "VadeSecure", "Vade Secure", "Cloudmark", "Zscaler",
    "CheckPoint", "Check Point", "Trustwave", "Hornetsecurity", "SpamTitan", "TitanHQ", "urlscan", "PhishTank",
    "VirusTotal", "NetcraftSurveyAgent", "Netcraft", "Avanan", "Libraesva", "Retarus",
    # Previews of links in chats and on pages.
    "facebookexternalhit", "facebookexternalua", "Facebot", "WhatsApp", "TelegramBot", "Slackbot", "Slack-ImgProxy",
    "Discordbot", "Twitterbot", "LinkedInBot", "SkypeUriPreview", "Teams/", "Snap URL Preview",
    "Iframely", "Embedly", "redditbot", "Pinterestbot", "vkShare", "Google-PageRenderer", "Google-Read-Aloud",
    "GoogleOther", "Google Favicon", "Mediapartners-Google", "AdsBot", "FeedFetcher", "BingPreview", "Yahoo! Slurp",
    "DuckDuckBot", "Baiduspider", "YandexBot", "Applebot", "AhrefsBot", "SemrushBot", "PetalBot", "GPTBot",
    "ClaudeBot", "CCBot", "Bytespider", "archive.org_bot", "ia_archiver",
    # Programs and libraries.
    "curl/", "Wget", "python-requests", "python-httpx", "aiohttp", "Python-urllib", "Go-http-client", "Java/",
    "Apache-HttpClient", "Jakarta Commons-HttpClient", "axios/", "node-fetch", "undici", "got (", "libwww",
    "lua-resty-http", "Ruby", "Faraday", "PHP/", "GuzzleHttp", "Scrapy", "HTTPie", "PostmanRuntime", "Jetty/",
    "HeadlessChrome", "PhantomJS", "Puppeteer", "Playwright", "Selenium", "Lighthouse", "W3C_Validator",
    "LinkChecker", "Wappalyzer", "UptimeRobot", "Pingdom", "StatusCake", "Site24x7",
)  # fmt: skip
# A word for a program, as such agents name themselves; "cubot" is a telephone.
CALLED = re.compile(r"(?<!cu)bot\b|\bbot|crawler|spider|scanner|\bscan\b|preview|prefetch|monitoring", re.IGNORECASE)

TABLET = re.compile(r"iPad|Tablet|PlayBook|Silk/|Kindle|Android(?!.*Mobile)", re.IGNORECASE)
PHONE = re.compile(r"iPhone|iPod|Mobile|Windows Phone|BlackBerry|BB10|Opera Mini", re.IGNORECASE)
DESKTOP = re.compile(r"Windows|Macintosh|X11|CrOS|Linux", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Agent:
    """What a user agent is known as; all but its device tells that no person held it."""

    device: str = ""  # one of Device; "" if it tells none
    is_machine: bool = False
    is_image_proxy: bool = False
    is_privacy_proxy: bool = False


@lru_cache(KNOWN)
def agent_of(text: str) -> Agent:
    """Return what a user agent tells; an empty one is a machine's."""
    if text.strip() == PRIVACY_PROXY:
        return Agent(is_privacy_proxy=True)
    if any(name in text for name in IMAGE_PROXIES):
        return Agent(is_image_proxy=True)
    if not text.strip() or CALLED.search(text) or _MACHINES.search(text):
        return Agent(is_machine=True)
    return Agent(device=_device(text))


_MACHINES = re.compile("|".join(map(re.escape, MACHINES)), re.IGNORECASE)


def _device(text: str) -> str:
    for pattern, device in ((TABLET, Device.TABLET), (PHONE, Device.PHONE), (DESKTOP, Device.DESKTOP)):
        if pattern.search(text):
            return device.value
    return ""
