"""Templates that would hold a worker or fill its memory, each with what it does; all of them are refused when saved.

`contact.tags` is a list, `contact.bio` a text.
"""

TEXT_40K = "{% assign x = 'abcdefghij' %}{% for i in (1..12) %}{% assign x = x | append: x %}{% endfor %}"
TEXT_320K = TEXT_40K + "{% for i in (1..3) %}{% assign x = x | append: x %}{% endfor %}"
LIST_10K = "{% assign x = '' %}{% for i in (1..9999) %}{% assign x = x | append: 'a ' %}{% endfor %}"
LIST_5K = "{% assign x = 'a,b,c,d,' %}{% for i in (1..10) %}{% assign x = x | append: x %}{% endfor %}"
LIST_5K += "{% assign l = x | split: ',' %}"
RANGE = "{% assign r = (1..1000000000) %}"
SIXTY = "{% for i in (1..60) %}"
DEEP = 28  # blocks within one another, of 30 that Liquid allows


def nested(times: int, body: str, head: str = "(1..20)") -> str:
    """Return loops within one another."""
    return f"{{% for i in {head} %}}" * times + body + "{% endfor %}" * times


HOSTILE = {
    "Loops within loops multiply, each of them short.": nested(5, "x"),
    "Loops within loops that show nothing multiply too.": nested(6, ""),
    "Loops within loops over an attribute with a long list.": nested(2, "x", "contact.tags"),
    "Loops within loops that only count.": nested(4, "{% increment n %}"),
    "Loops within loops that only set names.": nested(4, "{% assign y = i %}"),
    "Loops within loops that cycle through words.": nested(4, "{% cycle 'a', 'b' %}"),
    "Many loops one after another.": "{% for i in (1..1000) %}{{ i }}{% endfor %}" * 100,
    "A range of a billion.": "{% for i in (1..1000000000) %}x{% endfor %}",
    "A range of more than a machine counts.": "{% for i in (1..99999999999999999999999) %}x{% endfor %}",
    "A huge range backwards.": "{% for i in (1..1000000000) reversed %}x{% endfor %}",
    "The last entry of a huge range that has a name.": RANGE
    + "{% for i in r limit: 1 offset: 999999998 %}x{% endfor %}",
    "A text looked for in a huge range.": "{% if (1..1000000000) contains 'x' %}x{% endif %}",
    "A text looked for in a huge range that has a name.": RANGE + "{% if r contains 'x' %}x{% endif %}",
    "A huge range joined.": "{{ (1..1000000000) | join }}",
    "A huge range sorted.": "{{ (1..1000000000) | sort | last }}",
    "A huge range added up.": "{{ (1..1000000000) | sum }}",
    "A huge range turned round.": "{{ (1..1000000000) | reverse | first }}",
    "A text that doubles in a loop.": "{% assign x = 'x' %}" + SIXTY + "{% assign x = x | append: x %}{% endfor %}",
    "A text that doubles in front.": "{% assign x = 'x' %}" + SIXTY + "{% assign x = x | prepend: x %}{% endfor %}",
    "A capture that doubles.": "{% capture x %}x{% endcapture %}"
    + "{% for i in (1..60) %}{% capture x %}{{ x }}{{ x }}{% endcapture %}{% endfor %}",
    "A text that grows tenfold with each of many filters.": "{{ 'a'"
    + "".join(f" | replace: 'a', '{'a' * 10}'" for _ in range(12))
    + " }}",
    "A text put between all characters of a long one.": TEXT_40K + "{{ x | replace: '', x }}",
    "A long text between many entries.": LIST_5K + "{{ l | join: x }}",
    "A long text escaped again and again.": "{% assign x = '<>&' %}"
    + "{% for i in (1..30) %}{% assign x = x | append: x | escape %}{% endfor %}",
    "A long text encoded again and again.": "{% assign x = '%' %}"
    + "{% for i in (1..30) %}{% assign x = x | append: x | url_encode %}{% endfor %}",
    "A long text in base64, again and again.": "{% assign x = 'x' %}"
    + "{% for i in (1..60) %}{% assign x = x | base64_encode %}{% endfor %}",
    "A long text made safe for scripts.": "{% assign x = '<' %}{% for i in (1..40) %}{% assign x = x | escapejs %}"
    + "{% assign x = x | append: x %}{% endfor %}",
    "A long text split into its characters.": TEXT_320K + "{{ x | split: '' | size }}",
    "A long text split into pieces of one character.": TEXT_320K + "{{ x | split: 'a' | size }}",
    "A long text without tags, again and again.": TEXT_320K
    + "{% for i in (1..50) %}{{ x | strip_html | size }}{% endfor %}",
    "A long text squished, again and again.": TEXT_320K + "{% for i in (1..50) %}{{ x | squish | size }}{% endfor %}",
    "A long text in capitals, again and again.": TEXT_320K
    + "{% for i in (1..50) %}{{ x | upcase | size }}{% endfor %}",
    "A long text cut, again and again.": TEXT_320K + "{% for i in (1..50) %}{{ x | truncatewords: 9 }}{% endfor %}",
    "The last place of a long text in another long one.": TEXT_320K
    + "{% assign y = x | slice: 0, 100000 | prepend: 'b' %}{{ x | replace_last: y, '' | size }}",
    "The last place of a long text, to remove it.": TEXT_320K
    + "{% assign y = x | slice: 0, 100000 | prepend: 'b' %}{{ x | remove_last: y | size }}",
    "A long text compared, again and again.": TEXT_320K
    + "{% assign y = x | append: '' %}{% for i in (1..100) %}{% if x == y %}x{% endif %}{% endfor %}",
    "A long text searched, again and again.": TEXT_320K
    + "{% for i in (1..100) %}{% if x contains 'ja' %}x{% endif %}{% endfor %}",
    "A long list without its doubles.": LIST_5K + "{{ l | uniq | size }}",
    "An attribute without its doubles, again and again.": "{% for i in (1..9) %}{{ contact.tags | uniq }}{% endfor %}",
    "A list that doubles.": "{% assign l = contact.tags %}" + SIXTY + "{% assign l = l | concat: l %}{% endfor %}",
    "A long list sorted, again and again.": LIST_5K
    + "{% for i in (1..100) %}{{ l | sort_natural | first }}{% endfor %}",
    "A long list mapped, again and again.": LIST_5K + "{% for i in (1..100) %}{{ l | map: 'x' | size }}{% endfor %}",
    "A long list searched, again and again.": LIST_5K
    + "{% for i in (1..100) %}{% if l contains 'zz' %}x{% endif %}{% endfor %}",
    "A long list shown, again and again.": LIST_5K + "{% for i in (1..100) %}{{ l }}{% endfor %}",
    "A list of a long text many times.": TEXT_40K
    + "{% assign l = x | split: ',' %}"
    + "{% for i in (1..12) %}{% assign l = l | concat: l %}{% endfor %}",
    "A number squared, again and again.": "{% assign n = 9 %}" + SIXTY + "{% assign n = n | times: n %}{% endfor %}",
    "A number of thousands of digits.": "{{ '" + "9" * 1900 + "' | plus: 1 }}",
    "A number added to itself for long.": "{% assign n = 1 %}"
    + "{% for i in (1..5000) %}{% assign n = n | plus: n %}{% endfor %}",
    "A date with a huge width.": "{{ 'now' | date: '" + "%9999d" * 50 + "' }}",
    "A date in a long format.": TEXT_40K + "{{ 'now' | date: x }}",
    "Many dates.": "{% for i in (1..5000) %}{{ i | append: '-01-01' | date: '%Y' }}{% endfor %}",
    "A choice whose answer is said many times.": "{% case 1 %}{% when 1, 1, 1, 1 %}" * DEEP
    + "x"
    + "{% endcase %}" * DEEP,
    "A choice whose empty answer is said many times.": "{% case 1 %}{% when 1, 1, 1 %}" * DEEP + "{% endcase %}" * DEEP,
    "Hundreds of conditions in a loop.": "{% for i in (1..900) %}{% if false %}"
    + "{% elsif 1 == 2 %}" * 900
    + "{% endif %}{% endfor %}",
    "Hundreds of answers in a loop.": "{% for i in (1..900) %}{% case 1 %}{% when "
    + ", ".join(["2"] * 500)
    + " %}{% endcase %}{% endfor %}",
    "Hundreds of words to cycle through in a loop.": "{% for i in (1..900) %}{% cycle "
    + ", ".join(["'a'"] * 300)
    + " %}{% endfor %}",
    "Output of more than two megabytes.": "x" * 3000 + "{% for i in (1..1000) %}" + "x" * 3000 + "{% endfor %}",
    "An attribute shown thousands of times.": "{{ contact.bio }}" * 2400,
    "Blocks nested deeper than they may be.": "{% if true %}" * 500 + "{% endif %}" * 500,
    "A condition of hundreds of parts.": "{% if " + " or ".join(["a"] * 380) + " %}x{% endif %}",
    "A path of hundreds of brackets.": "{{ contact" + "[contact" * 200 + "]" * 200 + " }}",
    "A hundred thousand tags.": "{{ 1 }}" * 100_000,
    "A tag of a hundred thousand characters.": "{{ '" + "x" * 100_000 + "' }}",
    "A tag that nothing ends, before many blanks.": "{{" + " " * 200_000,
    "Tags that nothing ends.": "{{ " * 100_000,
    "Raw texts that nothing ends.": "{% raw %}" * 50_000,
    "Documentation that nothing ends.": "{% doc %}" * 50_000,
    "Brackets that nothing ends.": "{{ " + "(" * 1900 + " }}",
    "More text than a field may hold.": "x" * 1_000_001,
    "Thousands of names that are not known.": "".join(f"{{{{ contact.plam{n} }}}}" for n in range(2000)),
}
