"""What the public pages say, in the languages they speak."""

WORDS = {
    "en": {
        "title": "Unsubscribe",
        "question": "Do you want to stop receiving newsletters and offers from {organization}?",
        "address": "This is about {address}.",
        "button": "Unsubscribe",
        "done_title": "You are unsubscribed",
        "done": "{organization} will send you no more newsletters and offers. You can close this page.",
        "test_title": "This was a test",
        "test": "You came here from a test message. There is nothing to unsubscribe from.",
        "bad_title": "This link does not work",
        "bad": "It may be incomplete or too old. Copy it whole from the message, or reply to the message and ask.",
    },
    "es": {
        "title": "Darse de baja",
        "question": "¿Quiere dejar de recibir boletines y ofertas de {organization}?",
        "address": "Se trata de {address}.",
        "button": "Darme de baja",
        "done_title": "Se ha dado de baja",
        "done": "{organization} no le enviará más boletines ni ofertas. Puede cerrar esta página.",
        "test_title": "Era una prueba",
        "test": "Viene de un mensaje de prueba. No hay nada de lo que darse de baja.",
        "bad_title": "Este enlace no funciona",
        "bad": "Puede estar incompleto o ser demasiado antiguo. Cópielo entero o responda al mensaje.",
    },
    "fr": {
        "title": "Se désabonner",
        "question": "Voulez-vous ne plus recevoir les lettres et offres de {organization} ?",
        "address": "Il s'agit de {address}.",
        "button": "Me désabonner",
        "done_title": "Vous êtes désabonné",
        "done": "{organization} ne vous enverra plus de lettres ni d'offres. Vous pouvez fermer cette page.",
        "test_title": "C'était un essai",
        "test": "Vous venez d'un message d'essai. Il n'y a rien dont se désabonner.",
        "bad_title": "Ce lien ne fonctionne pas",
        "bad": "Il est peut-être incomplet ou trop ancien. Copiez-le en entier ou répondez au message.",
    },
    "de": {
        "title": "Abmelden",
        "question": "Möchten Sie keine Rundschreiben und Angebote von {organization} mehr erhalten?",
        "address": "Es geht um {address}.",
        "button": "Abmelden",
        "done_title": "Sie sind abgemeldet",
        "done": "{organization} schickt Ihnen keine Rundschreiben und Angebote mehr. Sie können diese Seite schließen.",
        "test_title": "Das war ein Test",
        "test": "Sie kommen von einer Testnachricht. Es gibt nichts abzumelden.",
        "bad_title": "Dieser Link funktioniert nicht",
        "bad": "Er ist unvollständig oder zu alt. Kopieren Sie ihn ganz oder antworten Sie auf die Nachricht.",
    },
    "pt": {
        "title": "Cancelar a inscrição",
        "question": "Quer deixar de receber boletins e ofertas de {organization}?",
        "address": "Trata-se de {address}.",
        "button": "Cancelar a inscrição",
        "done_title": "A sua inscrição foi cancelada",
        "done": "{organization} não lhe enviará mais boletins nem ofertas. Pode fechar esta página.",
        "test_title": "Era um teste",
        "test": "Veio de uma mensagem de teste. Não há inscrição a cancelar.",
        "bad_title": "Esta ligação não funciona",
        "bad": "Pode estar incompleta ou ser demasiado antiga. Copie-a inteira ou responda à mensagem.",
    },
    "it": {
        "title": "Annulla l'iscrizione",
        "question": "Non vuole più ricevere notiziari e offerte da {organization}?",
        "address": "Si tratta di {address}.",
        "button": "Annulla l'iscrizione",
        "done_title": "L'iscrizione è annullata",
        "done": "{organization} non le invierà più notiziari e offerte. Può chiudere questa pagina.",
        "test_title": "Era una prova",
        "test": "Arriva da un messaggio di prova. Non c'è nessuna iscrizione da annullare.",
        "bad_title": "Questo link non funziona",
        "bad": "Forse è incompleto o troppo vecchio. Lo copi per intero o risponda al messaggio.",
    },
}


def spoken(language: str) -> str:
    """Return the language that a page speaks to somebody who reads this one."""
    primary = language.partition("-")[0].lower()
    return primary if primary in WORDS else "en"
