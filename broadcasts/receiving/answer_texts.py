"""The answers to STOP, START and HELP, by language; they contain no marketing."""

from broadcasts.consenting import spoken
from broadcasts.languages import nearest_language
from broadcasts.models import Organization, fill_answer

TEXTS = {
    "en": {
        "stop": "{organization}: you will get no more messages from us here. Send START if you want them again.",
        "start": "{organization}: you will get our messages here again. Send STOP to end them.",
        "help": "{organization} sends you these messages. Send STOP to get no more of them.",
    },
    "es": {
        "stop": "{organization}: no recibirá más mensajes nuestros por aquí. Envíe START si los quiere de nuevo.",
        "start": "{organization}: volverá a recibir nuestros mensajes por aquí. Envíe STOP para no recibirlos más.",
        "help": "{organization} le envía estos mensajes. Envíe STOP para no recibirlos más.",
    },
    "fr": {
        "stop": "{organization} : vous ne recevrez plus de messages de notre part ici. Envoyez START pour en recevoir "
        "à nouveau.",
        "start": "{organization} : vous recevrez de nouveau nos messages ici. Envoyez STOP pour ne plus en recevoir.",
        "help": "{organization} vous envoie ces messages. Envoyez STOP pour ne plus en recevoir.",
    },
    "de": {
        "stop": "{organization}: Sie erhalten hier keine Nachrichten mehr von uns. Senden Sie START, wenn Sie sie "
        "wieder möchten.",
        "start": "{organization}: Sie erhalten hier wieder unsere Nachrichten. Senden Sie STOP, um sie zu beenden.",
        "help": "{organization} sendet Ihnen diese Nachrichten. Senden Sie STOP, um keine mehr zu erhalten.",
    },
    "pt": {
        "stop": "{organization}: não receberá mais mensagens nossas por aqui. Envie START se as quiser de novo.",
        "start": "{organization}: voltará a receber as nossas mensagens por aqui. Envie STOP para deixar de "
        "as receber.",
        "help": "{organization} envia-lhe estas mensagens. Envie STOP para deixar de as receber.",
    },
    "it": {
        "stop": "{organization}: qui non riceverà più nostri messaggi. Invii START se li vuole di nuovo.",
        "start": "{organization}: qui riceverà di nuovo i nostri messaggi. Invii STOP per non riceverne più.",
        "help": "{organization} Le invia questi messaggi. Invii STOP per non riceverne più.",
    },
}


def answer_text(organization: Organization, keyword: str, language: str) -> str:
    """Return what answers a keyword in a language: the organization's own text, or ours where it has none."""
    theirs = organization.answer_texts.get(keyword, {})
    fitting = nearest_language(language, theirs)
    return fill_answer(theirs[fitting] if fitting else default_answer(keyword, language), organization)


def default_answer(keyword: str, language: str) -> str:
    """Return our own answer to a keyword, with its placeholders, in the language that is nearest; else in English."""
    return TEXTS[spoken(language)][keyword]
