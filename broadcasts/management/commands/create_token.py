from argparse import ArgumentParser
from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from broadcasts import formats
from broadcasts.management.lookups import find_organization
from broadcasts.models import ACTS, ApiToken, AuditEntry, Member

MAX_DAYS = 36_500
MAX_NAME = 100


class Command(BaseCommand):
    help = "Make an API token of a member and print its key, which cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the member who acts by it; it may what its scopes and the member both may")
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--scopes", default="read", help=f"comma separated: {', '.join(ACTS)}; default: read")
        parser.add_argument("--expires-days", type=int, metavar="N", help="default: never")
        parser.add_argument("--name", default="", help="what it is for")

    def handle(self, *args, **options) -> None:
        organization = find_organization(options["organization"])
        members = Member.objects.for_organization(organization).select_related("user")
        member = members.filter(user__email__iexact=options["email"]).first()
        if member is None:
            raise CommandError(f"{options['email']} is no member of {organization}; add them in the admin first.")
        scopes = list(dict.fromkeys(filter(None, (scope.strip() for scope in options["scopes"].split(",")))))
        if unknown := [scope for scope in scopes if scope not in ACTS]:
            raise CommandError(f"“{unknown[0]}” is not a scope; there are: {', '.join(ACTS)}.")
        if not scopes:
            raise CommandError(f"A token without a scope may do nothing; choose of: {', '.join(ACTS)}.")
        days = options["expires_days"]
        if days is not None and not 1 <= days <= MAX_DAYS:
            raise CommandError(f"--expires-days must be from 1 to {formats.number(MAX_DAYS)}.")
        if len(options["name"]) > MAX_NAME:
            raise CommandError(f"--name has {MAX_NAME} characters at most.")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        token, key = ApiToken.objects.issue(
            user=member.user, organization=organization, scopes=scopes, name=options["name"], expires_at=expires_at
        )
        AuditEntry.write(token, "create", organization=organization, scopes=scopes)
        for scope in scopes:
            if not member.may(scope):
                self.stderr.write(f"Mind: as {member.get_role_display().lower()}, {member.user} may not “{scope}”.")
        self.stdout.write(key)
