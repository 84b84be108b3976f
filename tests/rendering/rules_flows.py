"""Rules of the tests of flows, in the way of `rules.py`: {test: [(expression, the text; None for an error)]}."""

_ON = "2026-03-05T11:08:07.123456+02:00"  # the day that a text tells, at this time of day

FLOWS = {
    "has_error": [
        ('has_error(datetime("foo"))', "true"),
        ('has_error(datetime("foo")).match', 'error calling DATETIME(...): unable to convert "foo" to a datetime'),
        ("has_error(contact.nme).match", "object has no property 'nme'"),
        ('has_error("hello") & has_error(fields.nickname)', "falsefalse"),
        ('has_error("hello").match', None),
    ],
    "has_group": [
        ('if(has_group(contact.groups, "x"), 1, 2)', "2"),
        ("has_group(contact.groups, contact.groups[0].uuid).match.name", "Reporters"),
        ('has_group(array(), "x") & has_group(contact.groups, "x", "Reporters")', "falsefalse"),
        ('has_group("x", "x")', None),
    ],
    "has_text": [
        ('has_text("quick brown").match & has_text(123).match', "quick brown123"),
        ('has_text("") & has_text(" \\n") & has_text(fields.nickname)', "falsefalsefalse"),
    ],
    "has_only_text": [
        ('has_only_text("foo", "foo").match', "foo"),
        ('has_only_text("foo", "FOO") & has_only_text("foo", " foo ")', "falsefalse"),
        ("has_only_text(contact.status, 'active')", None),
        ('has_only_text(contact.status, "active")', "true"),
    ],
    "has_beginning": [
        ('has_beginning(" The Quick Brown", "the quick ").match', "The Quick"),
        ('has_beginning("The Quick Brown", "the   quick")', "false"),
        (
            'has_beginning("The Quick Brown", "quick") & has_beginning("The", "") & has_beginning("Th", "The")',
            "false" * 3,
        ),
    ],
    "has_phrase": [
        ('has_phrase("the quick, Brown fox", "brown FOX").match', "Brown fox"),
        ('has_phrase("the Quick Brown fox", "quick fox")', "false"),
        ('"[" & has_phrase("the Quick Brown fox", "").match & "]"', "[]"),
        ('has_phrase("foxes", "fox")', "false"),
    ],
    "has_only_phrase": [
        ('has_only_phrase("Quick  Brown!", "quick brown").match', "Quick Brown"),
        ('has_only_phrase("The Quick Brown Fox", "quick brown") & has_only_phrase("fox", "")', "falsefalse"),
        ('has_only_phrase("", "")', "true"),
    ],
    "has_any_word": [
        ('has_any_word("The Quick Brown Fox", "fox quick").match', "Quick Fox"),
        ('has_any_word("The Quick Brown Fox", "red fox").match', "Fox"),
        ('has_any_word("The Quick Brown Fox", "red") & has_any_word("a", "")', "falsefalse"),
    ],
    "has_all_words": [
        ('has_all_words("the quick brown FOX", "the fox").match', "the FOX"),
        ('has_all_words("fox the fox", "fox").match', "fox fox"),
        ('has_all_words("the quick brown fox", "red fox") & has_all_words("a", "")', "falsefalse"),
    ],
    "has_pattern": [
        ('has_pattern("Buy cheese please", "buy (\\w+)").match', "Buy cheese"),
        ('has_pattern("Buy cheese please", "buy (\\w+)").extra', "{0: Buy cheese, 1: cheese}"),
        ('has_pattern("Buy cheese please", "buy (\\w+)( now)?").extra["1"]', "cheese"),
        ('has_pattern("x\\nBUY", " ^buy$ ").match', "BUY"),
        ('has_pattern("Sell cheese please", "buy (\\w+)")', "false"),
        ('has_pattern("x", "(")', None),
    ],
    "has_email": [
        ('has_email("my email is foo1@bar.com, please respond").match', "foo1@bar.com"),
        ('has_email("it is <foo@bar2.co.uk>.").match', "foo@bar2.co.uk"),
        ('has_email("I am not sharing my email @home") & has_email("a@b")', "falsefalse"),
    ],
    "has_phone": [
        ('has_phone("my number is +12067799294 thanks").match', "+12067799294"),
        ('has_phone("my number is 206 779 9294", "US").match', "+12067799294"),
        ('has_phone("call 0788 123 123").match', "+250788123123"),
        ('has_phone("my number is none of your business", "US") & has_phone("0788 123 123", "")', "falsefalse"),
        ('has_phone("206 779 9294", "XX")', None),
    ],
    "has_number": [
        ('has_number("the number is 42").match', "42"),
        ('has_number("العدد ٤٢").match', "42"),
        ('has_number("it costs -1,234.50 or so").match & has_number(".5").match', "-1234.50.5"),
        ('has_number("the number is forty two") & has_number("")', "falsefalse"),
        (f'has_number("{"9" * 40} or 7").match', "7"),
    ],
    "has_number_between": [
        ('has_number_between("the number is 42", 40, 44).match', "42"),
        ('has_number_between("1 or 42", 40, 42).match', "42"),
        ('has_number_between("the number is 42", 50, 60) & has_number_between("none", 50, 60)', "falsefalse"),
        ('has_number_between("the number is 42", "foo", 60)', None),
    ],
    "has_number_eq": [
        ('has_number_eq("the number is 42.0", 42).match', "42"),
        ('has_number_eq("the number is 42", 40) & has_number_eq("none", 40)', "falsefalse"),
        ('has_number_eq("the number is 42", "foo")', None),
    ],
    "has_number_gt": [
        ('has_number_gt("the number is 42", 40).match & has_number_gt("the number is 42", 42)', "42false"),
        ('has_number_gt("the number is 42", "foo")', None),
    ],
    "has_number_gte": [
        ('has_number_gte("the number is 42", 42).match & has_number_gte("the number is 42", 45)', "42false"),
        ('has_number_gte("the number is 42", "foo")', None),
    ],
    "has_number_lt": [
        ('has_number_lt("the number is 42", 44).match & has_number_lt("the number is 42", 42)', "42false"),
        ('has_number_lt("the number is 42", "foo")', None),
    ],
    "has_number_lte": [
        ('has_number_lte("the number is 42", 42).match & has_number_lte("the number is 42", 40)', "42false"),
        ('has_number_lte("the number is 42", "foo")', None),
    ],
    "has_date": [
        ('has_date("the date is 05/03/2026").match', _ON),
        ('has_date("the date is 05/03/2026 at 9").match', "2026-03-05T09:00:00.000000+02:00"),
        ('has_date("2026-03-05T23:30:00Z").match', "2026-03-06T01:30:00.000000+02:00"),
        ('has_date("there is no date here, just a year 2017")', "false"),
    ],
    "has_date_eq": [
        ('has_date_eq("the date is 05/03/2026", "2026-03-05").match', _ON),
        ('has_date_eq("the date is 05/03/2026 15:00", fields.due_date)', "true"),
        ('has_date_eq("the date is 05/03/2026", "2026-03-06") & has_date_eq("none", "2026-03-06")', "falsefalse"),
        ('has_date_eq("the date is 05/03/2026", "not date")', None),
    ],
    "has_date_gt": [
        ('has_date_gt("the date is 05/03/2026", "2026-03-04").match', _ON),
        ('has_date_gt("the date is 05/03/2026", "2026-03-05") & has_date_gt("none", "2026-03-05")', "falsefalse"),
        ('has_date_gt("the date is 05/03/2026", "not date")', None),
    ],
    "has_date_lt": [
        ('has_date_lt("the date is 05/03/2026", "2026-03-06").match', _ON),
        ('has_date_lt("the date is 05/03/2026", "2026-03-05") & has_date_lt("none", "2026-03-05")', "falsefalse"),
        ('has_date_lt("the date is 05/03/2026", "not date")', None),
    ],
    "has_time": [
        ('has_time("the time is 10:30").match', "10:30:00.000000"),
        ('has_time("the time is 10 PM").match & has_time("at 10:30:45").match', "22:00:00.00000010:30:45.000000"),
        ('has_time("there is no time here, just the number 25")', "false"),
        ('if(has_time("00:00"), has_time("00:00").match, "none")', "00:00:00.000000"),
    ],
}
