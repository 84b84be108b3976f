"""Hosts with a meaning of their own: where mail is free, where links are shortened, and where examples lead."""

# fmt: off
# Mail that claims to come from them and does not is refused or goes to spam, by their DMARC policies (Yahoo, AOL,
# mail.ru) or guidelines (Gmail).
FREE_MAIL = frozenset(
    {
        "gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "yahoo.fr", "yahoo.es", "yahoo.de", "yahoo.it",
        "ymail.com", "aol.com", "outlook.com", "hotmail.com", "hotmail.co.uk", "hotmail.fr", "hotmail.es", "live.com",
        "msn.com", "icloud.com", "me.com", "mac.com", "gmx.de", "gmx.net", "gmx.com", "web.de", "mail.ru", "yandex.ru",
        "yandex.com", "proton.me", "protonmail.com", "t-online.de", "orange.fr", "wanadoo.fr", "free.fr",
        "laposte.net", "libero.it", "virgilio.it", "qq.com", "163.com", "126.com", "zoho.com", "mail.com",
    }
)

# Public shorteners, which block lists name since spam hides behind them (Spamhaus, SURBL).
SHORTENERS = frozenset(
    {
        "bit.ly", "bitly.com", "buff.ly", "cutt.ly", "goo.gl", "is.gd", "j.mp", "ow.ly", "rb.gy", "rebrand.ly",
        "shorturl.at", "t.co", "t.ly", "tiny.cc", "tinyurl.com", "tr.im", "v.gd",
    }
)
# fmt: on

# Reserved for examples (RFC 2606, RFC 6761); the shipped designs link to the first one.
EXAMPLES = ("example.org", "example.com", "example.net", "example.edu", "example", "test", "invalid", "localhost")


def is_reserved(host: str) -> bool:
    return any(host == one or host.endswith(f".{one}") for one in EXAMPLES)
