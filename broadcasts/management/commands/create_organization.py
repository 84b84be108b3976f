import secrets
from argparse import ArgumentParser

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.text import slugify

from broadcasts import accounts
from broadcasts.models import Organization, Role, User


class Command(BaseCommand):
    help = "Make an organization, and an admin of it who can sign in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--slug", default="", help="default: made of the name")
        parser.add_argument("--admin", metavar="EMAIL", help="a user with this address is made when there is none")
        parser.add_argument("--superuser", action="store_true", help="a new user may see every organization")

    @transaction.atomic
    def handle(self, *args, **options) -> None:
        organization = Organization(name=options["name"], slug=options["slug"] or slugify(options["name"]))
        try:
            organization.full_clean()
            if options["admin"]:
                validate_email(options["admin"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        organization.save()
        self.stdout.write(f"Made the organization {organization} ({organization.slug}).")
        if options["admin"]:
            self.make_admin(organization, options["admin"], options["superuser"])

    def make_admin(self, organization: Organization, email: str, is_superuser: bool) -> None:
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            password = secrets.token_urlsafe(12)
            user = User.objects.create_user(email, password, is_superuser=is_superuser)
            self.stdout.write(f"Made the user {email} with the password {password}")
        accounts.add_member(user, organization, Role.ADMIN)
        self.stdout.write(f"{email} is an admin of it.")
