"""The names of languages, from the Unicode CLDR: the list that a language is chosen from wherever one is.

Any other valid tag can be given too; it is then shown with the name of its language.
"""

# ruff: noqa: RUF001 -- these letters are meant

from functools import cache
from typing import NamedTuple

from .tags import family, normalize_language

# code | name in English | the language's own name; in the order of the English names
_TABLE = """
ab|Abkhazian|Аԥсшәа
aa|Afar|Qafar
af|Afrikaans|Afrikaans
ak|Akan|Akan
sq|Albanian|shqip
am|Amharic|አማርኛ
ar|Arabic|العربية
ar-DZ|Arabic (Algeria)|العربية (الجزائر)
ar-EG|Arabic (Egypt)|العربية (مصر)
ar-IQ|Arabic (Iraq)|العربية (العراق)
ar-MA|Arabic (Morocco)|العربية (المغرب)
ar-SA|Arabic (Saudi Arabia)|العربية (المملكة العربية السعودية)
ar-TN|Arabic (Tunisia)|العربية (تونس)
ar-AE|Arabic (United Arab Emirates)|العربية (الإمارات العربية المتحدة)
an|Aragonese|aragonés
hy|Armenian|հայերեն
as|Assamese|অসমীয়া
ast|Asturian|asturianu
az|Azerbaijani|azərbaycan
az-Cyrl|Azerbaijani (Cyrillic)|азәрбајҹан (Кирил)
bm|Bambara|bamanakan
bn|Bangla|বাংলা
ba|Bashkir|башҡорт теле
eu|Basque|euskara
be|Belarusian|беларуская
bho|Bhojpuri|भोजपुरी
brx|Bodo|बड़ो
bs|Bosnian|bosanski
br|Breton|brezhoneg
bg|Bulgarian|български
my|Burmese|မြန်မာ
yue|Cantonese|粵語
ca|Catalan|català
ceb|Cebuano|Cebuano
ckb|Central Kurdish|کوردیی ناوەندی
ce|Chechen|нохчийн
chr|Cherokee|ᏣᎳᎩ
zh|Chinese|中文
zh-CN|Chinese (China)|中文 (中国)
zh-HK|Chinese (Hong Kong)|中文 (香港)
zh-Hans|Chinese (Simplified)|简体中文
zh-TW|Chinese (Taiwan)|中文 (台灣)
zh-Hant|Chinese (Traditional)|繁體中文
cv|Chuvash|чӑваш
kw|Cornish|kernewek
co|Corsican|corsu
hr|Croatian|hrvatski
cs|Czech|čeština
da|Danish|dansk
dv|Divehi|ދިވެހިބަސް
doi|Dogri|डोगरी
nl|Dutch|Nederlands
nl-BE|Dutch (Belgium)|Nederlands (België)
dz|Dzongkha|རྫོང་ཁ
en|English|English
en-AU|English (Australia)|English (Australia)
en-CA|English (Canada)|English (Canada)
en-IN|English (India)|English (India)
en-IE|English (Ireland)|English (Ireland)
en-KE|English (Kenya)|English (Kenya)
en-NZ|English (New Zealand)|English (New Zealand)
en-NG|English (Nigeria)|English (Nigeria)
en-SG|English (Singapore)|English (Singapore)
en-ZA|English (South Africa)|English (South Africa)
en-GB|English (United Kingdom)|English (United Kingdom)
en-US|English (United States)|English (United States)
eo|Esperanto|Esperanto
et|Estonian|eesti
ee|Ewe|eʋegbe
fo|Faroese|føroyskt
fil|Filipino|Filipino
fi|Finnish|suomi
fr|French|français
fr-BE|French (Belgium)|français (Belgique)
fr-CA|French (Canada)|français (Canada)
fr-FR|French (France)|français (France)
fr-CH|French (Switzerland)|français (Suisse)
fur|Friulian|furlan
ff|Fula|Pulaar
gaa|Ga|Gã
gl|Galician|galego
lg|Ganda|Luganda
ka|Georgian|ქართული
de|German|Deutsch
de-AT|German (Austria)|Deutsch (Österreich)
de-DE|German (Germany)|Deutsch (Deutschland)
de-CH|German (Switzerland)|Deutsch (Schweiz)
el|Greek|Ελληνικά
gn|Guarani|avañe’ẽ
gu|Gujarati|ગુજરાતી
ht|Haitian Creole|Kreyòl Ayisyen
ha|Hausa|Hausa
haw|Hawaiian|ʻŌlelo Hawaiʻi
he|Hebrew|עברית
hi|Hindi|हिन्दी
hu|Hungarian|magyar
is|Icelandic|íslenska
ig|Igbo|Igbo
smn|Inari Sami|anarâškielâ
id|Indonesian|Bahasa Indonesia
ia|Interlingua|interlingua
iu|Inuktitut|ᐃᓄᒃᑎᑐᑦ
ga|Irish|Gaeilge
it|Italian|italiano
it-CH|Italian (Switzerland)|italiano (Svizzera)
ja|Japanese|日本語
jv|Javanese|Basa Jawa
kea|Kabuverdianu|kabuverdianu
kab|Kabyle|Taqbaylit
kl|Kalaallisut|kalaallisut
kn|Kannada|ಕನ್ನಡ
ks|Kashmiri|کٲشُر
kk|Kazakh|қазақ тілі
km|Khmer|ខ្មែរ
ki|Kikuyu|Gikuyu
rw|Kinyarwanda|Ikinyarwanda
kok|Konkani|कोंकणी
ko|Korean|한국어
ku|Kurdish|kurdî (kurmancî)
ky|Kyrgyz|кыргызча
lo|Lao|ລາວ
la|Latin|Latina
lv|Latvian|latviešu
lij|Ligurian|ligure
ln|Lingala|lingála
lt|Lithuanian|lietuvių
nds|Low German|Neddersass’sch
dsb|Lower Sorbian|dolnoserbšćina
lu|Luba-Katanga|Tshiluba
luo|Luo|Dholuo
lb|Luxembourgish|Lëtzebuergesch
mk|Macedonian|македонски
mai|Maithili|मैथिली
mg|Malagasy|Malagasy
ms|Malay|Bahasa Melayu
ml|Malayalam|മലയാളം
mt|Maltese|Malti
mni|Manipuri|মৈতৈলোন্
gv|Manx|Gaelg
mi|Māori|Māori
mr|Marathi|मराठी
mn|Mongolian|монгол
nv|Navajo|Diné Bizaad
ne|Nepali|नेपाली
pcm|Nigerian Pidgin|Naijíriá Píjin
nd|North Ndebele|isiNdebele
frr|Northern Frisian|Nordfriisk
se|Northern Sami|davvisámegiella
nso|Northern Sotho|Sesotho sa Leboa
no|Norwegian|norsk
nb|Norwegian Bokmål|norsk bokmål
nn|Norwegian Nynorsk|norsk nynorsk
ny|Nyanja|Nyanja
oc|Occitan|occitan
or|Odia|ଓଡ଼ିଆ
om|Oromo|Oromoo
os|Ossetic|ирон
ps|Pashto|پښتو
fa|Persian|فارسی
pl|Polish|polski
pt|Portuguese|português
pt-BR|Portuguese (Brazil)|português (Brasil)
pt-PT|Portuguese (Portugal)|português (Portugal)
pa|Punjabi|ਪੰਜਾਬੀ
qu|Quechua|Runasimi
rhg|Rohingya|𐴌𐴗𐴥𐴝𐴙𐴚𐴒𐴙𐴝
ro|Romanian|română
ro-MD|Romanian (Moldova)|română (Republica Moldova)
rm|Romansh|rumantsch
rn|Rundi|Ikirundi
ru|Russian|русский
sg|Sango|Sängö
sa|Sanskrit|संस्कृत भाषा
sat|Santali|ᱥᱟᱱᱛᱟᱲᱤ
sc|Sardinian|sardu
gd|Scottish Gaelic|Gàidhlig
sr|Serbian|српски
sr-Latn|Serbian (Latin)|srpski (latinica)
sn|Shona|chiShona
scn|Sicilian|sicilianu
szl|Silesian|ślōnski
sd|Sindhi|سنڌي
si|Sinhala|සිංහල
sms|Skolt Sami|sääʹmǩiõll
sk|Slovak|slovenčina
sl|Slovenian|slovenščina
so|Somali|Soomaali
nr|South Ndebele|isiNdebele
sma|Southern Sami|Åarjelsaemien gïele
st|Southern Sotho|Sesotho
es|Spanish|español
es-AR|Spanish (Argentina)|español (Argentina)
es-CL|Spanish (Chile)|español (Chile)
es-CO|Spanish (Colombia)|español (Colombia)
es-CR|Spanish (Costa Rica)|español (Costa Rica)
es-EC|Spanish (Ecuador)|español (Ecuador)
es-419|Spanish (Latin America)|español (Latinoamérica)
es-MX|Spanish (Mexico)|español (México)
es-PE|Spanish (Peru)|español (Perú)
es-PR|Spanish (Puerto Rico)|español (Puerto Rico)
es-ES|Spanish (Spain)|español (España)
es-US|Spanish (United States)|español (Estados Unidos)
es-UY|Spanish (Uruguay)|español (Uruguay)
es-VE|Spanish (Venezuela)|español (Venezuela)
zgh|Standard Moroccan Tamazight|ⵜⴰⵎⴰⵣⵉⵖⵜ
su|Sundanese|Basa Sunda
sw|Swahili|Kiswahili
ss|Swati|siSwati
sv|Swedish|svenska
sv-FI|Swedish (Finland)|svenska (Finland)
gsw|Swiss German|Schwiizertüütsch
tg|Tajik|тоҷикӣ
ta|Tamil|தமிழ்
tt|Tatar|татар
te|Telugu|తెలుగు
th|Thai|ไทย
bo|Tibetan|བོད་སྐད་
ti|Tigrinya|ትግርኛ
to|Tongan|lea fakatonga
ts|Tsonga|Xitsonga
tn|Tswana|Setswana
tr|Turkish|Türkçe
tk|Turkmen|türkmen dili
uk|Ukrainian|українська
hsb|Upper Sorbian|hornjoserbšćina
ur|Urdu|اردو
ug|Uyghur|ئۇيغۇرچە
uz|Uzbek|o‘zbek
uz-Cyrl|Uzbek (Cyrillic)|ўзбекча (Кирил)
ve|Venda|Tshivenḓa
vec|Venetian|veneto
vi|Vietnamese|Tiếng Việt
wa|Walloon|walon
cy|Welsh|Cymraeg
fy|Western Frisian|Frysk
wo|Wolof|Wolof
xh|Xhosa|IsiXhosa
sah|Yakut|саха тыла
yi|Yiddish|ייִדיש
yo|Yoruba|Èdè Yorùbá
zu|Zulu|isiZulu
"""


class Language(NamedTuple):
    """One language of the list."""

    code: str
    name: str
    own_name: str

    @property
    def label(self) -> str:
        """Both names, such as “Spanish · español”; one where they are equal."""
        return self.name if self.name == self.own_name else f"{self.name} · {self.own_name}"


LANGUAGES = tuple(Language(*line.split("|")) for line in _TABLE.strip().splitlines())
BY_CODE = {one.code: one for one in LANGUAGES}


def language_name(tag: str) -> str:
    """Return the English name of a tag: “Spanish (Mexico)”, “Spanish (es-PA)”, or the tag where no name is known."""
    if known := BY_CODE.get(tag):
        return known.name
    relative = BY_CODE.get(family(tag))
    return f"{relative.name} ({tag})" if relative else tag


def own_language_name(tag: str) -> str:
    """Return the name that a language has in itself: “español”; that of its family or the tag for one not listed."""
    known = BY_CODE.get(tag) or BY_CODE.get(family(tag))
    return known.own_name if known else tag


def written_language(tag: str) -> str:
    """Return a tag as forms show it: the label of a listed language, else the tag. `read_language` reads it."""
    return BY_CODE[tag].label if tag in BY_CODE else tag


def read_language(text: str) -> str:
    """Return the tag of what was typed or chosen: a label, a name in English or its own, or a tag.

    Raises ValidationError for what is none of them; "" stays "".
    """
    text = text.strip()
    return (_codes().get(text.casefold()) or normalize_language(text)) if text else ""


@cache
def _codes() -> dict[str, str]:
    """Return {tag, label or name, in small letters: code}; tags come before names, and English ones before others."""
    own = {one.own_name.casefold(): one.code for one in reversed(LANGUAGES)}
    names = {one.name.casefold(): one.code for one in LANGUAGES}
    labels = {one.label.casefold(): one.code for one in LANGUAGES}
    return {**own, **names, **labels, **{one.code.casefold(): one.code for one in LANGUAGES}}
