"""Names of flows and of other systems, and what does the same here: advice for who writes them."""

WORDS_OF_FLOWS = "is a name of flows, which broadcasts do not have"
OF_FLOWS = frozenset(
    [
        *("child", "extra", "flow", "input", "legacy_extra", "locals", "node", "parent", "results", "resume", "run"),
        *("step", "ticket", "trigger", "webhook"),
    ]
)
# What the address of a contact is called elsewhere.
OF_CONTACTS = {
    "address": "contact.urn",
    "email": "urns.mailto",
    "email_address": "urns.mailto",
    "full_name": "contact.name",
    "mailto": "urns.mailto",
    "mobile": "urns.tel",
    "phone": "urns.tel",
    "phone_number": "urns.tel",
    "tel": "urns.tel",
    "tel_e164": "urns.tel",
    "telephone": "urns.tel",
    "whatsapp": "urns.whatsapp",
}
_RESULT = "it tests the result of a flow, which broadcasts do not have"
_PLACE = "it needs a map of places, which is not here; compare the text with ="
_CLASSIFIED = "it tests what a classifier of a flow says, which broadcasts do not have"
# Functions.
INSTEAD = {
    "average": "use mean",
    "capitalize": "use title",
    "concatenate": "join texts with &",
    "date_add": 'use datetime_add(date, count, "D")',
    "date_diff": 'use datetime_diff(from, to, "D")',
    "datedif": 'use datetime_diff(from, to, "D")',
    "datevalue": "use date",
    "day": 'use format_date(date, "D")',
    "days": 'use datetime_diff(from, to, "D")',
    "downcase": "use lower",
    "edate": 'use datetime_add(date, count, "M")',
    "exp": "use the operator ^",
    "first_word": "use word(text, 0)",
    "fixed": "use format_number(number, places)",
    "has_category": _RESULT,
    "has_district": _PLACE,
    "has_intent": _CLASSIFIED,
    "has_state": _PLACE,
    "has_top_intent": _CLASSIFIED,
    "has_ward": _PLACE,
    "hour": 'use format_time(time, "t")',
    "iferror": "use default",
    "int": "use round_down",
    "isblank": 'use value = ""',
    "left": "use text_slice(text, 0, count)",
    "len": "use text_length",
    "length": "use text_length",
    "minute": 'use format_time(time, "m")',
    "month": 'use format_date(date, "M")',
    "not": "use if(value, false, true)",
    "power": "use the operator ^",
    "proper": "use title",
    "randbetween": "use rand_between",
    "regex_group": "use regex_match(text, pattern, group)",
    "rept": "use repeat",
    "right": "use text_slice(text, -count)",
    "second": 'use format_time(time, "s")',
    "size": "use text_length, or count for an array",
    "strip": "use trim",
    "substitute": "use replace",
    "timevalue": "use time",
    "trunc": "use round_down",
    "unichar": "use char",
    "unicode": "use code",
    "upcase": "use upper",
    "year": 'use format_date(date, "YYYY")',
}
