"""The texts of the mails with personal links, by language; they contain no marketing."""

TEXTS = {
    "en": {
        "confirm": {
            "subject": "Please confirm: messages from {organization}",
            "intro": "Somebody, probably you, asked {organization} for this:",
            "act": "Confirm",
            "until": "The link works for 7 days. It opens a page with a button; nothing happens before you press it.",
            "ignore": "Was it not you? Then ignore this message: you have agreed to nothing.",
        },
        "data": {
            "subject": "Your data at {organization}",
            "intro": "Somebody, probably you, asked {organization} for a link to your data. There you can download "
            "them, or have them deleted.",
            "act": "To my data",
            "until": "The link works for 1 hour. Do not pass it on: whoever has it can see and delete your data.",
            "ignore": "Was it not you? Then ignore this message, and nothing will change.",
        },
    },
    "es": {
        "confirm": {
            "subject": "Por favor, confirme: mensajes de {organization}",
            "intro": "Alguien, probablemente usted, ha pedido esto a {organization}:",
            "act": "Confirmar",
            "until": "El enlace funciona durante 7 días. Abre una página con un botón; nada ocurre hasta que lo pulse.",
            "ignore": "¿No ha sido usted? Entonces ignore este mensaje: no ha aceptado nada.",
        },
        "data": {
            "subject": "Sus datos en {organization}",
            "intro": "Alguien, probablemente usted, ha pedido a {organization} un enlace a sus datos. Allí puede "
            "descargarlos o hacer que se borren.",
            "act": "A mis datos",
            "until": "El enlace funciona durante 1 hora. No lo comparta: quien lo tenga puede ver y borrar sus datos.",
            "ignore": "¿No ha sido usted? Entonces ignore este mensaje y nada cambiará.",
        },
    },
    "fr": {
        "confirm": {
            "subject": "Veuillez confirmer : messages de {organization}",
            "intro": "Quelqu'un, sans doute vous, a demandé ceci à {organization} :",
            "act": "Confirmer",
            "until": "Le lien fonctionne pendant 7 jours. Il ouvre une page avec un bouton ; rien ne se passe avant "
            "que vous n'appuyiez dessus.",
            "ignore": "Ce n'était pas vous ? Ignorez ce message : vous n'avez rien accepté.",
        },
        "data": {
            "subject": "Vos données chez {organization}",
            "intro": "Quelqu'un, sans doute vous, a demandé à {organization} un lien vers vos données. Vous pouvez y "
            "les télécharger ou les faire effacer.",
            "act": "Vers mes données",
            "until": "Le lien fonctionne pendant 1 heure. Ne le transmettez pas : qui l'a peut voir et effacer vos "
            "données.",
            "ignore": "Ce n'était pas vous ? Ignorez ce message, et rien ne changera.",
        },
    },
    "de": {
        "confirm": {
            "subject": "Bitte bestätigen: Nachrichten von {organization}",
            "intro": "Jemand, vermutlich Sie, hat {organization} um Folgendes gebeten:",
            "act": "Bestätigen",
            "until": "Der Link funktioniert 7 Tage lang. Er öffnet eine Seite mit einem Knopf; erst wenn Sie ihn "
            "drücken, geschieht etwas.",
            "ignore": "Waren Sie das nicht? Dann beachten Sie diese Nachricht nicht: Sie haben in nichts eingewilligt.",
        },
        "data": {
            "subject": "Ihre Daten bei {organization}",
            "intro": "Jemand, vermutlich Sie, hat {organization} um einen Link zu Ihren Daten gebeten. Dort können "
            "Sie sie herunterladen oder löschen lassen.",
            "act": "Zu meinen Daten",
            "until": "Der Link funktioniert 1 Stunde lang. Geben Sie ihn nicht weiter: Wer ihn hat, kann Ihre Daten "
            "sehen und löschen.",
            "ignore": "Waren Sie das nicht? Dann beachten Sie diese Nachricht nicht, und es ändert sich nichts.",
        },
    },
    "pt": {
        "confirm": {
            "subject": "Por favor, confirme: mensagens de {organization}",
            "intro": "Alguém, provavelmente o próprio, pediu isto a {organization}:",
            "act": "Confirmar",
            "until": "A ligação funciona durante 7 dias. Abre uma página com um botão; nada acontece antes de o "
            "premir.",
            "ignore": "Não foi o próprio? Ignore esta mensagem: não aceitou nada.",
        },
        "data": {
            "subject": "Os seus dados em {organization}",
            "intro": "Alguém, provavelmente o próprio, pediu a {organization} uma ligação para os seus dados. Aí pode "
            "descarregá-los ou mandar apagá-los.",
            "act": "Para os meus dados",
            "until": "A ligação funciona durante 1 hora. Não a partilhe: quem a tiver pode ver e apagar os seus dados.",
            "ignore": "Não foi o próprio? Ignore esta mensagem e nada mudará.",
        },
    },
    "it": {
        "confirm": {
            "subject": "Confermi, per favore: messaggi da {organization}",
            "intro": "Qualcuno, probabilmente Lei, ha chiesto questo a {organization}:",
            "act": "Confermare",
            "until": "Il link funziona per 7 giorni. Apre una pagina con un pulsante; non succede nulla prima che lo "
            "prema.",
            "ignore": "Non è stato Lei? Allora ignori questo messaggio: non ha accettato nulla.",
        },
        "data": {
            "subject": "I Suoi dati presso {organization}",
            "intro": "Qualcuno, probabilmente Lei, ha chiesto a {organization} un link ai Suoi dati. Lì può "
            "scaricarli o farli cancellare.",
            "act": "Ai miei dati",
            "until": "Il link funziona per 1 ora. Non lo inoltri: chi lo ha può vedere e cancellare i Suoi dati.",
            "ignore": "Non è stato Lei? Allora ignori questo messaggio e non cambierà nulla.",
        },
    },
}
