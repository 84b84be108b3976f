"""How an organization writes days and reads them, its time zone, and the names of months and days in its language."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils import timezone

from broadcasts.languages import code_of
from broadcasts.models import Organization


class Names(NamedTuple):
    """The words of a language in dates; weeks start on Sunday."""

    months: list[str]
    short_months: list[str]
    days: list[str]
    short_days: list[str]
    halves: tuple[str, str] = ("am", "pm")


def words(text: str) -> list[str]:
    return text.split()


_ENGLISH_DAYS = words("Sunday Monday Tuesday Wednesday Thursday Friday Saturday")
_ENGLISH_SHORT_DAYS = words("Sun Mon Tue Wed Thu Fri Sat")
ENGLISH = Names(
    words("January February March April May June July August September October November December"),
    words("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
    _ENGLISH_DAYS,
    _ENGLISH_SHORT_DAYS,
)
_SPANISH = Names(
    words("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
    words("ene feb mar abr may jun jul ago sep oct nov dic"),
    words("domingo lunes martes miércoles jueves viernes sábado"),
    words("dom lun mar mié jue vie sáb"),
)
_FRENCH = Names(
    words("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
    words("jan fév mar avr mai jun jui aoû sep oct nov déc"),
    words("dimanche lundi mardi mercredi jeudi vendredi samedi"),
    words("dim. lun. mar. mer. jeu. ven. sam."),
)
NAMES = {
    "spa": _SPANISH,
    "spa-ES": _SPANISH._replace(halves=("a.\u202fm.", "p.\u202fm.")),
    "fra": _FRENCH,
    "fra-FR": _FRENCH._replace(short_months=words("janv. févr. mars avril mai juin juil. août sept. oct. nov. déc.")),
    "por": Names(
        words("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"),
        words("jan fev mar abr mai jun jul ago set out nov dez"),
        words("domingo segunda terça quarta quinta sexta sábado"),
        words("dom seg ter qua qui sex sáb"),
    ),
    "swa": Names(
        words("Januari Februari Machi Aprili Mei Juni Julai Agosti Septemba Oktoba Novemba Desemba"),
        words("Jan Feb Mac Apr Mei Jun Jul Ago Sep Okt Nov Des"),
        _ENGLISH_DAYS,
        _ENGLISH_SHORT_DAYS,
        ("asubuhi", "alasiri"),
    ),
    "kin": Names(
        words("Mutarama Gashyantare Werurwe Mata Gicuransi Kamena Nyakanga Kanama Nzeli Ukwakira Ugushyingo Ukuboza"),
        words("Mut Gas Wer Mat Gic Kam Nya Kan Nze Ukw Ugu Uku"),
        _ENGLISH_DAYS,
        _ENGLISH_SHORT_DAYS,
    ),
}


@dataclass(frozen=True, slots=True)
class Places:
    """What the conversion and formatting of values depends on."""

    zone: ZoneInfo
    date_format: str  # of strftime
    date_style: str  # "day_first", "month_first" or "year_first"
    names: Names
    country: str = ""  # of phone numbers that do not tell it
    now: Callable[[], datetime] = field(default=timezone.now)

    def day(self, at: date) -> str:
        """Write a day as the organization does."""
        # Python leaves out the zeros before years below 1000.
        return at.strftime(self.date_format.replace("%Y", f"{at.year:04}"))


def places_of(organization: Organization) -> Places:
    code = code_of(organization.primary_language) or ""
    country = organization.country
    return Places(
        organization.zone,
        organization.date_format,
        organization.date_style,
        NAMES.get(f"{code}-{country}") or NAMES.get(code, ENGLISH),
        country or "",
    )


@lru_cache(1000)
def zone_named(name: str) -> ZoneInfo | None:
    """Return a time zone by its IANA name, in its exact case; None for an unknown one."""
    if not re.fullmatch(r"[A-Za-z0-9_+/-]{1,64}", name):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # a name that is not known is a KeyError
        return None
