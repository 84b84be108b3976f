"""The class of a bounce, by RFC 3463 and by the words of servers that use no or the wrong code of it.

- hard: the address does not exist; it is suppressed at once.
- soft: it may take mail later, or nobody can tell; soft bounces are counted.
- policy: the server refuses the sender or the content. The person is not to blame, and staff are told.
"""

import re
from typing import Literal

BounceClass = Literal["hard", "soft", "policy"]

CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)", re.ASCII)
BASIC = re.compile(r"(?<![\d.])([45])\d\d(?![\d.]*\d)", re.ASCII)
READ = 2_000  # characters of the words that are looked at

# Permanent codes (without their 5) whose class does not depend on the words. Those of 5.7 are all policy.
CLASSES: dict[str, BounceClass] = {
    "1.1": "hard",  # no such mailbox
    "1.2": "hard",  # no such host or domain
    "1.3": "hard",  # no valid address
    "1.6": "hard",  # moved, without a new address
    "1.10": "hard",  # the domain takes no mail at all (null MX, RFC 7505)
    "1.7": "policy",  # the sender's address
    "1.8": "policy",
    "1.9": "soft",
    "2.1": "hard",  # the mailbox is disabled
    "2.2": "soft",  # full
    "2.3": "soft",  # too large for the recipient
    "4.4": "hard",  # no route to the domain
    "4.310": "hard",  # Exchange: the domain does not exist
    "6.7": "soft",  # the server knows no such characters in addresses
}
CLASS_OF_SUBJECT: dict[str, BounceClass] = {"6": "policy", "7": "policy"}  # the content, and security or policy

# A word of these is none in an address, a host's name or a link: a person may be called spam@example.org.
_BEFORE, _AFTER = r"(?<![\w.@/=+])(?:", r")(?![\w+-]*[@/=]|[\w-]*\.\w)"
POLICY = re.compile(
    _BEFORE
    + r"(?:anti-?)?spam\w*|junk mail|bulk e?mail|unsolicited|(?:block|black|deny)[ -]?list\w*|blocked (?:by|using|due"
    r"|for)|listed (?:by|in|at|on)|d?rbls?|dnsbl\w*|spamhaus|spamcop|barracuda|reputation|polic(?:y|ies)|dmarc|spf|dkim"
    r"|unauthenticated|sender (?:id|verify|verification)|not authenticated|banned|abus(?:e|ive)|phishing|virus\w*"
    r"|malware|message content|content rejected|s3140|s3150|poor sender|suspicious|complaints?" + _AFTER
    + r"|\b(?:spamhaus\.org|spamcop\.net|barracudacentral\.org)\b",
    re.IGNORECASE,
)  # fmt: skip
LATER = re.compile(
    r"mailbox (?:is |was |size |storage |has )?(?:full|exceed\w*|limit)|over[- ]?quota|quota (?:is )?exceed|exceed\w*"
    r" (?:the |its |their |his )?(?:\w+ )?(?:quota|storage|limit)|out of (?:storage|disk)|insufficient \w+ storage|too"
    r" (?:large|big|many|quickly|much|busy)|at a rate|rate limit|try (?:again|it) later|temporar(?:y|ily)|grey-?list"
    r"|gray-?list|timed? ?out|connection (?:refused|reset)|unreachable",
    re.IGNORECASE,
)
_THING = r"(?:user|account|mailbox|recipient|address|addressee|inbox|e-?mail|customer|domain|host|person|alias)"
_NOT = r"(?: not|n'?t)"
GONE = re.compile(
    "|".join(
        (
            r"\b(?:unknown|no such|invalid|unrouteable|non-?existent|inactive|disabled|undeliverable)"
            rf" (?:local |e-?mail )?{_THING}",
            rf"\b{_THING} (?:name |account |address |part )?"
            r"(?:is |was |has been |are |you entered |that you tried to reach )*"
            r"(?:unknown|invalid|inactive|disabled|discontinued|closed|deactivated|terminated|suspended|deleted"
            r"|not (?:found|known|exist\w*|valid|active|listed|a valid))",
            rf"\b{_THING} (?:\w+ ){{0,6}}(?:does|do|did){_NOT} exist|does{_NOT} exist",
            rf"not a (?:valid|known) {_THING}|not have an? {_THING}|does{_NOT} have an? \S+ account",
            r"no longer (?:valid|exists?|in use|available|active|with|works)|no mailbox here|not our customer",
            r"recipient ?not ?found|exrecipnotfound|recipient address rejected: (?:access denied|undeliverable)",
            r"name or service not known|domain name not found|bad destination mailbox",
        )
    ),
    re.IGNORECASE,
)


def bounce_class(code: str, words: str = "") -> BounceClass:
    """Return the class of a refusal or of a bounce: hard, soft or policy.

    `code` is one of RFC 3463, of SMTP, or both ("550 5.1.1"); where it has none, it is read from the words. Words of
    spam, blocklists or policy make no person's fault of any code, and an address is only dead (hard) if nothing tells
    that it may live.
    """
    words = words[:READ].replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    status, basic = enhanced_code(code, words), BASIC.search(code[:READ]) or BASIC.search(words)
    if not status and basic:
        status = f"{basic[1]}.0.0"
    digit, _, rest = status.partition(".")
    if POLICY.search(words):
        return "policy"
    if digit in ("2", "4"):
        return "soft"
    subject = rest.partition(".")[0]
    told = CLASSES.get(rest) or CLASS_OF_SUBJECT.get(subject)
    if told == "policy":
        return told
    if LATER.search(words):
        return "soft"
    return told or ("hard" if GONE.search(words) else "soft")


def enhanced_code(code: str, words: str = "") -> str:
    """Return the code of RFC 3463 in a code or in a server's words, without leading zeros; "" if there is none."""
    found = CODE.search(code[:READ]) or CODE.search(words[:READ])
    return ".".join(str(int(part)) for part in found.groups()) if found else ""
