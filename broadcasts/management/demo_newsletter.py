"""What the demo says by mail: the design “Newsletter” with words of a swimming club, in three languages."""
# ruff: noqa: RUF001 -- French has these apostrophes

from dataclasses import replace

from broadcasts import starting
from broadcasts.designing import gallery
from broadcasts.models import Organization, Template

from . import demo_club

WORDS = {
    "en": {
        "subject": "{{ contact.first_name }}, the pool opens again",
        "preheader": "New water, new courses, and three dates to swim by",
        "picture": "Hills around a lake at sunrise",
        "issue": "News from {{ organization.name }}",
        "title": "The pool opens again",
        "intro": "<p>Hello {{ contact.first_name }},</p><p>The water is in, and it is warm. You came "
        "{{ contact.visits }} times so far, and we kept your lane. Your {{ contact.plan }} plan goes on as before.</p>",
        "read": "Book your first swim",
        "first_picture": "A stack of books with a plant and a cup of tea",
        "first_title": "Courses for the summer",
        "first": '<p>Crawl for beginners, and a class for those who never dared. <a href="https://demo.example/courses">'
        "See all courses</a></p>",
        "second_picture": "Three people side by side",
        "second_title": "Your new coaches",
        "second": '<p>Three new faces at the pool. <a href="https://demo.example/coaches">Meet them</a></p>',
        "dates_title": "Dates to swim by",
        "dates": "<ul><li><strong>Saturday 9:</strong> opening day, from 10 am</li><li><strong>Thursday 14:</strong> "
        "swim by candlelight, 9 pm</li><li><strong>Sunday 24:</strong> across the lake, all together</li></ul>",
        "quote": "<p>Twenty lengths, and the day begins.</p>",
        "quote_by": "Begoña, who swims at seven",
        "goodbye": "<p>See you in the water, in {{ contact.city }} or here,<br>"
        "<strong>{{ organization.name }}</strong></p>",
    },
    "es": {
        "subject": "{{ contact.first_name }}, la piscina abre de nuevo",
        "preheader": "Agua nueva, cursos nuevos y tres fechas para nadar",
        "picture": "Colinas alrededor de un lago al amanecer",
        "issue": "Noticias de {{ organization.name }}",
        "title": "La piscina abre de nuevo",
        "intro": "<p>Hola, {{ contact.first_name }}:</p><p>El agua ya está, y está caliente. Hasta hoy has venido "
        "{{ contact.visits }} veces y te hemos guardado la calle. Tu plan, {{ contact.plan }}, sigue igual.</p>",
        "read": "Reserva tu primer baño",
        "first_picture": "Una pila de libros con una planta y una taza de té",
        "first_title": "Cursos de verano",
        "first": '<p>Crol para principiantes y una clase para quien nunca se atrevió. <a href="https://demo.example/cursos">'
        "Ver todos los cursos</a></p>",
        "second_picture": "Tres personas, una al lado de otra",
        "second_title": "Tus nuevos monitores",
        "second": '<p>Tres caras nuevas al borde de la piscina. <a href="https://demo.example/monitores">Conócelos</a></p>',
        "dates_title": "Fechas para nadar",
        "dates": "<ul><li><strong>Sábado 9:</strong> inauguración, desde las 10:00</li><li><strong>Jueves 14:</strong> "
        "nado a la luz de las velas, 21:00</li><li><strong>Domingo 24:</strong> la travesía del lago</li></ul>",
        "quote": "<p>Veinte largos, y empieza el día.</p>",
        "quote_by": "Begoña, que nada a las siete",
        "goodbye": "<p>Nos vemos en el agua, en {{ contact.city }} o aquí,<br>"
        "<strong>{{ organization.name }}</strong></p>",
    },
    "fr": {
        "subject": "{{ contact.first_name }}, la piscine rouvre",
        "preheader": "De l’eau neuve, de nouveaux cours et trois dates pour nager",
        "picture": "Des collines autour d’un lac au lever du soleil",
        "issue": "Des nouvelles de {{ organization.name }}",
        "title": "La piscine rouvre",
        "intro": "<p>Bonjour {{ contact.first_name }},</p><p>L’eau est là, et elle est chaude. Vous êtes venu·e "
        "{{ contact.visits }} fois jusqu’ici, et nous avons gardé votre ligne. Votre formule {{ contact.plan }} ne "
        "change pas.</p>",
        "read": "Réserver ma première séance",
        "first_picture": "Une pile de livres avec une plante et une tasse de thé",
        "first_title": "Les cours de l’été",
        "first": "<p>Le crawl pour débutants, et un cours pour celles et ceux qui n’ont jamais osé. "
        '<a href="https://demo.example/cours">Voir tous les cours</a></p>',
        "second_picture": "Trois personnes côte à côte",
        "second_title": "Vos nouveaux moniteurs",
        "second": '<p>Trois nouveaux visages au bord du bassin. <a href="https://demo.example/moniteurs">'
        "Faites leur connaissance</a></p>",
        "dates_title": "Des dates pour nager",
        "dates": "<ul><li><strong>Samedi 9 :</strong> ouverture, dès 10 h</li><li><strong>Jeudi 14 :</strong> nage aux "
        "chandelles, 21 h</li><li><strong>Dimanche 24 :</strong> la traversée du lac, tous ensemble</li></ul>",
        "quote": "<p>Vingt longueurs, et la journée commence.</p>",
        "quote_by": "Begoña, qui nage à sept heures",
        "goodbye": "<p>À bientôt dans l’eau, à {{ contact.city }} ou ici,<br>"
        "<strong>{{ organization.name }}</strong></p>",
    },
}
DESIGN = replace(gallery.listed()["newsletter"], name=demo_club.BROADCAST, words=WORDS)


def template(club: Organization) -> Template:
    """Return the template of the newsletter, made by the first run."""
    found = club.templates.filter(name=demo_club.BROADCAST, channel=None).first()
    return found or starting.add_template(DESIGN, club, layout=starting.first_layout(DESIGN, club))
