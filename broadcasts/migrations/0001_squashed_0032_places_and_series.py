"""All tables as they are after 0032, for a new installation: making them step by step takes three times as long.

An installation that began before has run some of the steps; it goes on with them.
"""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import broadcasts.models.base
import broadcasts.models.contacts
import broadcasts.models.fields
import broadcasts.models.keywords
import broadcasts.models.media
import broadcasts.models.organizations


def tune(apps, schema_editor):
    """Keep the one UPDATE per row of a delivery within its page on PostgreSQL, as in 0002."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE broadcasts_delivery SET (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.02)"
        )


class Migration(migrations.Migration):
    replaces = [
        ("broadcasts", "0001_initial"),
        ("broadcasts", "0002_delivery_storage"),
        ("broadcasts", "0003_trouble"),
        ("broadcasts", "0004_limits_and_turns"),
        ("broadcasts", "0005_quiet_hours"),
        ("broadcasts", "0006_excluded_broadcasts"),
        ("broadcasts", "0007_consent_by_mail"),
        ("broadcasts", "0008_attribute_indexes"),
        ("broadcasts", "0009_imports"),
        ("broadcasts", "0010_merged_copies"),
        ("broadcasts", "0011_contact_search"),
        ("broadcasts", "0012_media_files"),
        ("broadcasts", "0013_suppression_imports"),
        ("broadcasts", "0014_accounts"),
        ("broadcasts", "0015_allowances"),
        ("broadcasts", "0016_medium"),
        ("broadcasts", "0017_default_per_medium"),
        ("broadcasts", "0018_references_and_counts"),
        ("broadcasts", "0019_inbound_address"),
        ("broadcasts", "0020_yielded_at"),
        ("broadcasts", "0021_segments_and_references"),
        ("broadcasts", "0022_provider_templates"),
        ("broadcasts", "0023_stored_calls_and_answers"),
        ("broadcasts", "0024_fallback"),
        ("broadcasts", "0025_answering_until"),
        ("broadcasts", "0026_allowance_begins"),
        ("broadcasts", "0027_people_a_day"),
        ("broadcasts", "0028_attendance_statuses"),
        ("broadcasts", "0029_answer_texts"),
        ("broadcasts", "0030_default_template"),
        ("broadcasts", "0031_contact_by_change"),
        ("broadcasts", "0032_places_and_series"),
    ]

    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Allowance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40, unique=True)),
                ("begins", models.PositiveBigIntegerField()),
                ("granted", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("host", models.CharField(blank=True, max_length=255)),
                ("enqueued_at", models.DateTimeField()),
                ("beaten_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("name", "host"), name="heartbeat_once")],
            },
        ),
        migrations.CreateModel(
            name="Organization",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                ("name", models.CharField(max_length=255)),
                ("slug", models.SlugField(max_length=100, unique=True)),
                ("status", models.CharField(default="active", max_length=10)),
                (
                    "time_zone",
                    models.CharField(
                        default="UTC", max_length=64, validators=[broadcasts.models.organizations.validate_time_zone]
                    ),
                ),
                (
                    "country",
                    models.CharField(
                        blank=True,
                        help_text="ISO 3166; phone numbers without a country code are read as from here.",
                        max_length=2,
                    ),
                ),
                ("date_format", models.CharField(default="%Y-%m-%d", max_length=20)),
                (
                    "languages",
                    models.JSONField(
                        default=broadcasts.models.organizations.default_languages,
                        help_text="Primary first.",
                        validators=[broadcasts.models.organizations.validate_languages],
                    ),
                ),
                ("default_use_case", models.CharField(default="general", max_length=10)),
                ("default_subject", models.CharField(blank=True, max_length=1000)),
                (
                    "default_send_hour",
                    models.PositiveSmallIntegerField(default=9, help_text="Of a broadcast that names only a day."),
                ),
                ("globals", models.JSONField(blank=True, default=dict, help_text="Values for templates.")),
                ("postal_address", models.TextField(blank=True)),
                (
                    "consent_required",
                    models.BooleanField(
                        default=False,
                        help_text="No: marketing goes to whoever has not said no. Yes: only to whoever said yes.",
                    ),
                ),
                (
                    "consent_wording",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='What people agree to, per language, where it is not our own words: {"en": "Yes, send me the club\'s newsletter by e-mail."}.',
                        validators=[broadcasts.models.organizations.validate_wordings],
                    ),
                ),
                (
                    "answer_texts",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='What answers STOP, START and HELP, per keyword and language, where it is not our own words: {"help": {"en": "{organization} sends you these messages. Send STOP to end them."}}. {organization} is its name and {postal_address} its address.',
                        validators=[broadcasts.models.keywords.validate_answer_texts],
                    ),
                ),
                (
                    "quiet_hours",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='Per medium, in each recipient\'s time zone: {"sms": ["21:00", "08:00"]}.',
                        validators=[broadcasts.models.organizations.validate_quiet_hours],
                    ),
                ),
                (
                    "frequency_cap",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Marketing messages that a contact gets at most within the days below, over all channels; blank: no limit.",
                        null=True,
                        validators=[django.core.validators.MaxValueValidator(1000)],
                    ),
                ),
                (
                    "frequency_cap_days",
                    models.PositiveSmallIntegerField(
                        default=7,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(365),
                        ],
                    ),
                ),
                (
                    "late_start_minutes",
                    models.PositiveIntegerField(
                        default=1440,
                        help_text="A scheduled broadcast that could not start for longer goes back to draft.",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("default_send_hour__lt", 24)), name="organization_send_hour"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Attribute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attributes",
                        to="broadcasts.organization",
                    ),
                ),
                (
                    "key",
                    models.CharField(max_length=63, validators=[broadcasts.models.contacts.validate_attribute_key]),
                ),
                ("label", models.CharField(blank=True, max_length=255)),
                ("type", models.CharField(default="text", max_length=10)),
                (
                    "is_indexed",
                    models.BooleanField(
                        default=False,
                        help_text="Rules that choose few people by it are found fast; writing contacts costs more.",
                        verbose_name="indexed",
                    ),
                ),
                ("index_state", models.CharField(blank=True, editable=False, max_length=10, verbose_name="index")),
            ],
            options={
                "ordering": ["key"],
                "constraints": [models.UniqueConstraint(fields=("organization", "key"), name="attribute_key")],
            },
        ),
        migrations.CreateModel(
            name="Channel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="channels",
                        to="broadcasts.organization",
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("kind", models.CharField(max_length=20)),
                ("medium", models.CharField(blank=True, editable=False, max_length=10)),
                ("settings", models.JSONField(blank=True, default=dict)),
                ("secrets", broadcasts.models.fields.EncryptedJSONField(blank=True, default=dict, editable=False)),
                ("from_name", models.CharField(blank=True, max_length=255)),
                ("from_address", models.CharField(blank=True, max_length=320)),
                ("reply_to", models.CharField(blank=True, max_length=320)),
                (
                    "address_field",
                    models.CharField(
                        blank=True,
                        help_text="The contact's field it sends to; blank means what its kind usually uses.",
                        max_length=20,
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("is_default", models.BooleanField(default=False, verbose_name="default of its medium")),
                (
                    "rate",
                    models.PositiveIntegerField(
                        blank=True, help_text="Messages per second at most; blank: what its kind allows.", null=True
                    ),
                ),
                ("burst", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "domain_rates",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='Messages per second at most, by the domain of the address: {"gmail.com": 20, "*": 100}; * is for each other domain.',
                        verbose_name="rates per receiving domain",
                    ),
                ),
                (
                    "ramp",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='Messages per day at most, growing: {"start": 200, "growth": 1.5} allows 200 on the first day, 300 on the second, 450 on the third. It counts from the day it is saved; blank: no warm-up.',
                        verbose_name="warm-up",
                    ),
                ),
                ("health", models.CharField(default="unknown", editable=False, max_length=10)),
                ("last_error", models.TextField(blank=True, editable=False)),
                ("last_error_at", models.DateTimeField(editable=False, null=True)),
                ("backoff_until", models.DateTimeField(editable=False, null=True)),
                ("backoff_count", models.PositiveIntegerField(default=0, editable=False)),
                ("answering_until", models.DateTimeField(editable=False, null=True)),
                ("resting_until", models.DateTimeField(editable=False, null=True)),
                ("people_told", models.PositiveIntegerField(editable=False, null=True)),
                ("callback_serial", models.PositiveIntegerField(default=0, editable=False)),
                ("callback_kept_until", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"),
                        django.db.models.functions.text.Lower("name"),
                        name="channel_name_ci",
                        violation_error_message="There is a channel of this name already.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("is_default", True)),
                        fields=("organization", "medium"),
                        name="channel_one_default",
                        violation_error_message="Another channel of this medium is the default already.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ChannelRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rates",
                        to="broadcasts.channel",
                    ),
                ),
                ("domain", models.CharField(blank=True, max_length=253)),
                ("arrival", models.DateTimeField(null=True)),
                ("booked", models.JSONField(default=dict)),
                ("day", models.DateField(null=True)),
                ("sent_today", models.PositiveIntegerField(default=0)),
                ("people", models.PositiveIntegerField(default=0)),
                ("people_counted_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("channel", "domain"), name="channel_rate_once")],
            },
        ),
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="contacts",
                        to="broadcasts.organization",
                    ),
                ),
                ("full_name", models.CharField(blank=True, max_length=255)),
                ("email", models.CharField(blank=True, max_length=320, verbose_name="e-mail")),
                (
                    "phone",
                    models.CharField(blank=True, help_text="International form, such as +250788123123.", max_length=32),
                ),
                ("whatsapp_id", models.CharField(blank=True, max_length=128, verbose_name="WhatsApp id")),
                (
                    "external_id",
                    models.CharField(blank=True, help_text="The key of another system.", max_length=255, null=True),
                ),
                ("language", models.CharField(blank=True, help_text="BCP 47, such as es or pt-BR.", max_length=35)),
                (
                    "time_zone",
                    models.CharField(
                        blank=True, max_length=64, validators=[broadcasts.models.organizations.validate_time_zone]
                    ),
                ),
                (
                    "attributes",
                    models.JSONField(
                        blank=True, default=dict, validators=[broadcasts.models.contacts.validate_attributes]
                    ),
                ),
                ("status", models.CharField(default="active", max_length=10)),
                ("last_seen_at", models.DateTimeField(blank=True, null=True)),
                ("email_key", models.CharField(editable=False, max_length=320, null=True)),
                ("email_hash", models.CharField(editable=False, max_length=32, null=True)),
                ("phone_key", models.CharField(editable=False, max_length=32, null=True)),
                ("phone_hash", models.CharField(editable=False, max_length=32, null=True)),
                ("whatsapp_key", models.CharField(editable=False, max_length=128, null=True)),
                ("whatsapp_hash", models.CharField(editable=False, max_length=32, null=True)),
                ("reference_hash", models.CharField(editable=False, max_length=32, null=True)),
                ("search_text", models.TextField(default="", editable=False)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "id"], name="contact_by_organization"),
                    models.Index(fields=["organization", "full_name", "id"], name="contact_by_name"),
                    models.Index(fields=["organization", "modified", "id"], name="contact_by_change"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "external_id"), name="contact_external_id"),
                    models.UniqueConstraint(fields=("organization", "email_key"), name="contact_email_key"),
                    models.UniqueConstraint(fields=("organization", "phone_key"), name="contact_phone_key"),
                    models.UniqueConstraint(fields=("organization", "whatsapp_key"), name="contact_whatsapp_key"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Consent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="consents",
                        to="broadcasts.contact",
                    ),
                ),
                ("medium", models.CharField(max_length=10)),
                ("use_case", models.CharField(max_length=10)),
                ("state", models.CharField(default="unknown", max_length=9)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("contact", "medium", "use_case"), name="consent_once")],
            },
        ),
        migrations.CreateModel(
            name="ConsentChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="consent_changes",
                        to="broadcasts.contact",
                    ),
                ),
                ("medium", models.CharField(max_length=10)),
                ("use_case", models.CharField(max_length=10)),
                ("state", models.CharField(max_length=9)),
                ("source", models.CharField(blank=True, max_length=255)),
                (
                    "evidence",
                    models.JSONField(blank=True, default=dict, help_text="Time, form, wording, network address."),
                ),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
        ),
        migrations.CreateModel(
            name="EarlyFact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="broadcasts.channel"
                    ),
                ),
                ("provider_id", models.CharField(max_length=255)),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("type", models.CharField(max_length=12)),
                ("at", models.DateTimeField()),
                ("machine", models.BooleanField(default=False)),
                ("detail", models.JSONField(default=dict)),
            ],
            options={
                "indexes": [models.Index(fields=["due_at"], name="early_fact_due")],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="broadcasts.organization",
                    ),
                ),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.CharField(max_length=64)),
                ("status_code", models.PositiveSmallIntegerField(null=True)),
                ("body", models.JSONField(null=True)),
                ("token", models.PositiveIntegerField(default=0)),
                (
                    "created",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), db_index=True, editable=False
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("organization", "key"), name="idempotency_key_once")],
            },
        ),
        migrations.CreateModel(
            name="Media",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="media", to="broadcasts.organization"
                    ),
                ),
                ("file", models.FileField(upload_to=broadcasts.models.media.media_path)),
                (
                    "filename",
                    models.CharField(
                        blank=True,
                        help_text="What mail calls the file; without one, as it was called when uploaded.",
                        max_length=255,
                    ),
                ),
                ("content_type", models.CharField(blank=True, editable=False, max_length=100)),
                ("size", models.PositiveBigIntegerField(default=0, editable=False)),
            ],
            options={
                "verbose_name_plural": "media",
            },
        ),
        migrations.CreateModel(
            name="PersonalLink",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="broadcasts.organization",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="personal_links",
                        to="broadcasts.contact",
                    ),
                ),
                ("purpose", models.CharField(max_length=7)),
                ("use_case", models.CharField(blank=True, max_length=10)),
                ("address_hash", models.CharField(max_length=32)),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("due_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("error", models.TextField(blank=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="personal_link_due"
                    ),
                    models.Index(fields=["organization", "address_hash", "created"], name="personal_link_address"),
                ],
            },
        ),
        migrations.CreateModel(
            name="PersonRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="people_rates",
                        to="broadcasts.channel",
                    ),
                ),
                ("person", models.CharField(max_length=32)),
                ("arrival", models.DateTimeField()),
                ("began_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["channel", "began_at"], name="person_rate_began")],
                "constraints": [models.UniqueConstraint(fields=("channel", "person"), name="person_rate_once")],
            },
        ),
        migrations.CreateModel(
            name="Place",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="broadcasts.organization",
                    ),
                ),
                ("name", models.CharField(max_length=255)),
            ],
            options={
                "abstract": False,
                "constraints": [models.UniqueConstraint(fields=("organization", "name"), name="place_name")],
            },
        ),
        migrations.CreateModel(
            name="Segment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="segments",
                        to="broadcasts.organization",
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("kind", models.CharField(default="dynamic", max_length=10)),
                ("rules", models.JSONField(blank=True, default=dict, help_text='Such as {"language": "es"}.')),
                ("contacts_count", models.PositiveIntegerField(editable=False, null=True)),
                ("counted_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"),
                        django.db.models.functions.text.Lower("name"),
                        name="segment_name_ci",
                        violation_error_message="There is a segment of this name already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SegmentMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "segment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="broadcasts.segment",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="segment_members",
                        to="broadcasts.contact",
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("segment", "contact"), name="segment_member_once")],
            },
        ),
        migrations.CreateModel(
            name="Series",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="broadcasts.organization",
                    ),
                ),
                ("name", models.CharField(max_length=255)),
            ],
            options={
                "verbose_name_plural": "series",
                "abstract": False,
                "constraints": [models.UniqueConstraint(fields=("organization", "name"), name="series_name")],
            },
        ),
        migrations.CreateModel(
            name="Activity",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="activities",
                        to="broadcasts.organization",
                    ),
                ),
                ("external_id", models.CharField(blank=True, max_length=255, null=True)),
                (
                    "series",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="activities",
                        to="broadcasts.series",
                    ),
                ),
                ("kind", models.CharField(blank=True, max_length=50)),
                ("name", models.CharField(max_length=255)),
                ("starts_at", models.DateTimeField(blank=True, null=True)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                (
                    "place",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="activities",
                        to="broadcasts.place",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "activities",
                "indexes": [models.Index(fields=["organization", "starts_at"], name="activity_by_start")],
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "external_id"), name="activity_external_id"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("starts_at", None),
                            ("ends_at", None),
                            ("ends_at__gte", models.F("starts_at")),
                            _connector="OR",
                        ),
                        name="activity_ends_after_start",
                        violation_error_message="It cannot end before it starts.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Attendance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "activity",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attendances",
                        to="broadcasts.activity",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="attendances", to="broadcasts.contact"
                    ),
                ),
                ("status", models.CharField(default="booked", max_length=16)),
                ("at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["activity", "status", "contact"], name="attendance_by_status")],
                "constraints": [models.UniqueConstraint(fields=("activity", "contact"), name="attendance_once")],
            },
        ),
        migrations.CreateModel(
            name="StoredCall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="broadcasts.channel",
                    ),
                ),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, null=True
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                ("method", models.CharField(max_length=4)),
                ("url", models.TextField()),
                ("headers", models.JSONField(default=dict)),
                ("body", models.BinaryField()),
                ("accounts", models.JSONField(default=dict)),
                ("things", models.PositiveIntegerField()),
                ("left", models.JSONField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="stored_call_due"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Suppression",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="suppressions",
                        to="broadcasts.organization",
                    ),
                ),
                ("medium", models.CharField(default="email", max_length=10)),
                ("address_hash", models.CharField(editable=False, max_length=32)),
                ("address", models.CharField(blank=True, max_length=320)),
                ("reason", models.CharField(default="manual", max_length=12)),
                (
                    "use_case",
                    models.CharField(
                        blank=True, help_text="Blank: everything; marketing: only marketing.", max_length=10
                    ),
                ),
                ("source", models.CharField(blank=True, max_length=255)),
            ],
            options={
                "indexes": [models.Index(fields=["organization", "-id"], name="suppression_newest")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "medium", "address_hash", "reason"),
                        name="suppression_once",
                        violation_error_message="This address is suppressed for this reason already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Template",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="templates",
                        to="broadcasts.organization",
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("medium", models.CharField(default="email", max_length=10)),
                (
                    "channel",
                    models.ForeignKey(
                        blank=True,
                        help_text="Where the provider keeps the template.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="broadcasts.channel",
                    ),
                ),
                ("syntax", models.CharField(default="liquid", max_length=12)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"),
                        django.db.models.functions.text.Lower("name"),
                        condition=models.Q(("channel", None)),
                        name="template_name_ci",
                        violation_error_message="There is a template of this name already.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("channel__isnull", False)),
                        fields=("channel", "name"),
                        name="template_name_at_provider",
                        violation_error_message="The channel has a template of this name already.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TemplateTranslation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                ("language", models.CharField(max_length=35)),
                ("tag", models.CharField(blank=True, help_text="The language as it was given.", max_length=35)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("subject", models.CharField(blank=True, max_length=1000)),
                ("preheader", models.CharField(blank=True, max_length=255)),
                ("text", models.TextField(blank=True)),
                ("html", models.TextField(blank=True, verbose_name="HTML")),
                ("attachments", models.JSONField(blank=True, default=list)),
                ("quick_replies", models.JSONField(blank=True, default=list)),
                ("parameters", models.JSONField(blank=True, default=dict)),
                (
                    "template",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="translations",
                        to="broadcasts.template",
                    ),
                ),
                ("provider_id", models.CharField(blank=True, editable=False, max_length=64)),
                ("status", models.CharField(blank=True, editable=False, max_length=20)),
                ("category", models.CharField(blank=True, editable=False, max_length=20)),
                ("quality", models.CharField(blank=True, editable=False, max_length=20)),
                ("status_reason", models.CharField(blank=True, editable=False, max_length=255)),
                ("structure", models.JSONField(default=dict, editable=False)),
                ("removed_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "ordering": ["position", "id"],
                "constraints": [models.UniqueConstraint(fields=("template", "language"), name="template_language")],
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("email", models.EmailField(max_length=254, unique=True)),
                ("full_name", models.CharField(blank=True, max_length=255)),
                ("is_active", models.BooleanField(default=True)),
                ("is_staff", models.BooleanField(default=True, verbose_name="may use the admin")),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(django.db.models.functions.text.Lower("email"), name="user_email_ci")
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="api_tokens",
                        to="broadcasts.organization",
                    ),
                ),
                (
                    "issued_by",
                    models.ForeignKey(
                        editable=False,
                        help_text="None of a command.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=100)),
                ("prefix", models.CharField(editable=False, max_length=8)),
                ("digest", models.CharField(editable=False, max_length=64, unique=True)),
                (
                    "scopes",
                    models.JSONField(
                        blank=True, default=list, validators=[broadcasts.models.organizations.validate_scopes]
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "verbose_name": "API token",
            },
        ),
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="audit",
                        to="broadcasts.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("actor", models.CharField(blank=True, help_text="Kept when the user is gone.", max_length=255)),
                ("act", models.CharField(max_length=50)),
                ("model", models.CharField(max_length=50)),
                ("object_id", models.BigIntegerField(null=True)),
                ("label", models.CharField(blank=True, max_length=255)),
                ("detail", models.JSONField(default=dict)),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "indexes": [models.Index(fields=["organization", "-id"], name="audit_newest")],
            },
        ),
        migrations.CreateModel(
            name="Broadcast",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="broadcasts",
                        to="broadcasts.organization",
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("use_case", models.CharField(default="general", max_length=10)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("author_name", models.CharField(blank=True, editable=False, max_length=255)),
                ("status", models.CharField(default="DRAFT", editable=False, max_length=10)),
                ("send_to_all", models.BooleanField(default=False, verbose_name="everybody")),
                (
                    "addresses",
                    models.JSONField(
                        blank=True, default=list, help_text='Such as ["mailto:joe@example.com", "tel:+250788123123"].'
                    ),
                ),
                (
                    "activity",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="broadcasts.activity",
                    ),
                ),
                ("attendance_status", models.CharField(blank=True, max_length=16, null=True)),
                (
                    "query",
                    models.JSONField(
                        blank=True, default=dict, help_text='Such as {"language": "es"}; {"all_users": true}.'
                    ),
                ),
                (
                    "retarget_of",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="broadcasts.broadcast",
                    ),
                ),
                ("retarget_engagement", models.CharField(blank=True, max_length=12, null=True)),
                (
                    "excluded_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Only who was sent one of them in so many days; blank: ever.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3650),
                        ],
                    ),
                ),
                ("audience_preview", models.JSONField(default=list, editable=False)),
                ("scheduled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "local_time",
                    models.BooleanField(
                        default=False,
                        help_text="The time above, as clocks show it where the organization is. It begins where that comes first and takes up to a day; whose time has passed already gets it at once.",
                        verbose_name="at that clock time in each recipient's zone",
                    ),
                ),
                (
                    "ignore_quiet_hours",
                    models.BooleanField(
                        default=False, help_text="For what cannot wait until morning; never for marketing."
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("repeat", models.JSONField(blank=True, null=True)),
                ("due_from", models.DateTimeField(editable=False, null=True)),
                ("started_at", models.DateTimeField(editable=False, null=True)),
                ("completed_at", models.DateTimeField(editable=False, null=True)),
                ("base_language", models.CharField(default="en", max_length=35)),
                ("channel_policy", models.CharField(default="first", max_length=8)),
                (
                    "fallback_fact",
                    models.CharField(blank=True, max_length=12, null=True, verbose_name="fall back unless it is"),
                ),
                (
                    "fallback_minutes",
                    models.PositiveIntegerField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(10080),
                        ],
                        verbose_name="fall back after minutes",
                    ),
                ),
                (
                    "fallback_unknown",
                    models.BooleanField(default=False, verbose_name="fall back when the outcome is unknown"),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="children",
                        to="broadcasts.broadcast",
                    ),
                ),
                ("origin", models.CharField(editable=False, max_length=10, null=True)),
                ("error_message", models.TextField(blank=True, editable=False)),
                ("notice_due_at", models.DateTimeField(editable=False, null=True)),
                ("forgiven_sent", models.PositiveIntegerField(default=0, editable=False)),
                ("forgiven_failed", models.PositiveIntegerField(default=0, editable=False)),
                ("extra", models.JSONField(default=dict, editable=False)),
                ("expanded_to", models.BigIntegerField(default=0, editable=False)),
                ("expanded_at", models.DateTimeField(editable=False, null=True)),
                ("segments", models.ManyToManyField(blank=True, related_name="+", to="broadcasts.segment")),
                ("excluded_segments", models.ManyToManyField(blank=True, related_name="+", to="broadcasts.segment")),
                ("contacts", models.ManyToManyField(blank=True, related_name="+", to="broadcasts.contact")),
                (
                    "excluded_broadcasts",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Whoever was sent one of these is left out.",
                        related_name="+",
                        to="broadcasts.broadcast",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "-created"], name="broadcast_by_created"),
                    models.Index(
                        condition=models.Q(("completed_at", None)),
                        fields=["status", "due_from"],
                        name="broadcast_at_work",
                    ),
                    models.Index(
                        condition=models.Q(("notice_due_at__isnull", False)),
                        fields=["notice_due_at"],
                        name="broadcast_notice_due",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "SCHEDULED"), _negated=True),
                            ("scheduled_at__isnull", False),
                            _connector="OR",
                        ),
                        name="broadcast_scheduled_has_time",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ImportJob",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="imports",
                        to="broadcasts.organization",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("kind", models.CharField(default="contacts", max_length=20)),
                ("format", models.CharField(default="csv", max_length=5)),
                ("filename", models.CharField(max_length=255)),
                (
                    "source",
                    models.CharField(
                        blank=True, help_text="The kept upload; none of a command, or pruned.", max_length=255
                    ),
                ),
                ("mapping", models.JSONField(blank=True, default=dict)),
                ("options", models.JSONField(blank=True, default=dict)),
                ("dry_run", models.BooleanField(default=False)),
                (
                    "rehearsal",
                    models.OneToOneField(
                        help_text="The dry run that this one follows.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="performance",
                        to="broadcasts.importjob",
                    ),
                ),
                ("status", models.CharField(default="running", max_length=8)),
                ("stop_asked", models.BooleanField(default=False)),
                ("rows", models.PositiveIntegerField(default=0)),
                ("created_count", models.PositiveIntegerField(default=0, verbose_name="new")),
                ("updated_count", models.PositiveIntegerField(default=0, verbose_name="changed")),
                ("unchanged_count", models.PositiveIntegerField(default=0, verbose_name="unchanged")),
                ("invalid_count", models.PositiveIntegerField(default=0, verbose_name="invalid rows")),
                (
                    "suppressed_count",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Of the rows taken: whose person has an address that must not be reached.",
                        verbose_name="suppressed",
                    ),
                ),
                ("bytes_total", models.BigIntegerField(null=True)),
                ("bytes_read", models.BigIntegerField(default=0)),
                ("line", models.PositiveIntegerField(default=0)),
                ("error_file", models.CharField(blank=True, max_length=500)),
                ("error_bytes", models.BigIntegerField(default=0)),
                ("error_message", models.TextField(blank=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("token", models.PositiveIntegerField(default=0)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "import",
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ["waiting", "running"])),
                        fields=["modified"],
                        name="import_at_work",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitations",
                        to="broadcasts.organization",
                    ),
                ),
                ("email", models.EmailField(max_length=254, verbose_name="e-mail")),
                ("role", models.CharField(default="viewer", max_length=10)),
                ("status", models.CharField(default="open", max_length=9)),
                (
                    "invited_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True, verbose_name="accepted or withdrawn")),
                ("due_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True, verbose_name="mailed")),
                ("error", models.TextField(blank=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "-id"], name="invitation_newest"),
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="invitation_due"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("organization"),
                        django.db.models.functions.text.Lower("email"),
                        condition=models.Q(("status", "open")),
                        name="invitation_open_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="broadcasts.organization",
                    ),
                ),
                ("role", models.CharField(default="viewer", max_length=10)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "organization"), name="member_once")],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "broadcast",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="broadcasts.broadcast",
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="broadcasts.channel",
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0, help_text="The order of preference.")),
                (
                    "template",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="broadcasts.template",
                    ),
                ),
                ("syntax", models.CharField(default="liquid", max_length=12)),
                ("parameters", models.JSONField(blank=True, default=dict)),
                ("error", models.TextField(blank=True, editable=False)),
                ("segment_price", models.DecimalField(decimal_places=6, editable=False, max_digits=10, null=True)),
                ("currency", models.CharField(blank=True, default="", editable=False, max_length=3)),
                ("checksum", models.CharField(blank=True, editable=False, max_length=64)),
                ("extra", models.JSONField(default=dict, editable=False)),
                ("yielded_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "ordering": ["position", "id"],
                "constraints": [models.UniqueConstraint(fields=("broadcast", "position"), name="message_position")],
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="batches", to="broadcasts.message"
                    ),
                ),
                ("state", models.CharField(default="ready", max_length=6)),
                ("first_id", models.BigIntegerField(null=True)),
                ("last_id", models.BigIntegerField(null=True)),
                ("started_through", models.BigIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("owner", models.CharField(blank=True, max_length=100)),
                ("token", models.PositiveIntegerField(default=0)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("total", models.PositiveIntegerField(default=0)),
                ("fallbacks", models.IntegerField(default=0)),
                ("repeats", models.IntegerField(default=0)),
                ("skipped", models.IntegerField(default=0)),
                ("sent", models.IntegerField(default=0)),
                ("failed", models.IntegerField(default=0)),
                ("unknown", models.IntegerField(default=0)),
                ("cancelled", models.IntegerField(default=0)),
                ("delivered", models.IntegerField(default=0)),
                ("bounced", models.IntegerField(default=0)),
                ("opened", models.IntegerField(default=0)),
                ("clicked", models.IntegerField(default=0)),
                ("played", models.IntegerField(default=0)),
                ("replied", models.IntegerField(default=0)),
                ("complained", models.IntegerField(default=0)),
                ("unsubscribed", models.IntegerField(default=0)),
                ("segments", models.IntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "batches",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "done"), _negated=True),
                        fields=["state", "message"],
                        name="batch_at_work",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "message",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="broadcasts.message",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="deliveries",
                        to="broadcasts.contact",
                    ),
                ),
                (
                    "batch",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="gathered",
                        to="broadcasts.batch",
                    ),
                ),
                ("replaces", models.BigIntegerField(editable=False, null=True)),
                ("fallback_at", models.DateTimeField(editable=False, null=True)),
                ("merged_into", models.BigIntegerField(editable=False, null=True)),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("address", models.CharField(blank=True, max_length=320)),
                ("language", models.CharField(blank=True, max_length=35)),
                ("status", models.CharField(default="pending", max_length=9)),
                ("reason", models.CharField(blank=True, max_length=16)),
                ("error", models.TextField(blank=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("due_at", models.DateTimeField(null=True)),
                ("segments", models.PositiveSmallIntegerField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("delivered_at", models.DateTimeField(null=True)),
                ("bounced_at", models.DateTimeField(null=True)),
                ("opened_at", models.DateTimeField(null=True)),
                ("clicked_at", models.DateTimeField(null=True)),
                ("played_at", models.DateTimeField(null=True)),
                ("replied_at", models.DateTimeField(null=True)),
                ("complained_at", models.DateTimeField(null=True)),
                ("unsubscribed_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)),
                        fields=["message", "due_at"],
                        name="delivery_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("merged_into__isnull", False)),
                        fields=["merged_into"],
                        name="delivery_merged",
                    ),
                    models.Index(
                        condition=models.Q(("fallback_at__isnull", False)),
                        fields=["message", "fallback_at"],
                        name="delivery_falls_back",
                    ),
                    models.Index(
                        condition=models.Q(("replaces__isnull", False)), fields=["replaces"], name="delivery_replaced"
                    ),
                    models.Index(
                        condition=models.Q(("batch__isnull", False)), fields=["batch", "id"], name="delivery_gathered"
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("message", "contact"), name="delivery_once")],
            },
        ),
        migrations.CreateModel(
            name="GroupCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "message",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="group_counts",
                        to="broadcasts.message",
                    ),
                ),
                ("fact", models.CharField(max_length=12)),
                ("dimension", models.CharField(max_length=10)),
                ("value", models.CharField(max_length=255)),
                ("count", models.PositiveIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("message", "fact", "dimension", "value"), name="group_count_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Inbound",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="inbound",
                        to="broadcasts.organization",
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="inbound",
                        to="broadcasts.channel",
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="inbound",
                        to="broadcasts.contact",
                    ),
                ),
                (
                    "delivery",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="replies",
                        to="broadcasts.delivery",
                    ),
                ),
                (
                    "broadcast",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="replies",
                        to="broadcasts.broadcast",
                    ),
                ),
                ("address", models.CharField(blank=True, max_length=320)),
                ("at", models.DateTimeField(null=True)),
                ("text", models.TextField(blank=True)),
                ("payload", models.JSONField(default=dict)),
                ("provider_id", models.CharField(blank=True, editable=False, max_length=255)),
            ],
            options={
                "verbose_name": "reply",
                "verbose_name_plural": "inbox",
                "indexes": [
                    models.Index(fields=["channel", "contact", "created"], name="inbound_lately"),
                    models.Index(fields=["organization", "created", "id"], name="inbound_of_organization"),
                    models.Index(fields=["created", "id"], name="inbound_newest"),
                    models.Index(fields=["channel", "created", "id"], name="inbound_of_channel"),
                    models.Index(fields=["address", "organization"], name="inbound_of_address"),
                    models.Index(
                        condition=models.Q(("broadcast__isnull", False)),
                        fields=["broadcast", "created", "id"],
                        name="inbound_of_broadcast",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("provider_id", ""), _negated=True),
                        fields=("channel", "provider_id"),
                        name="inbound_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AutoReply",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "inbound",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="answer", to="broadcasts.inbound"
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="broadcasts.channel",
                    ),
                ),
                ("address_hash", models.CharField(max_length=32)),
                ("keyword", models.CharField(max_length=5)),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("error", models.TextField(blank=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="answer_due"),
                    models.Index(fields=["channel", "address_hash", "created"], name="answer_address"),
                    models.Index(
                        condition=models.Q(("due_at__isnull", False), ("sent_at__isnull", False), _connector="OR"),
                        fields=["channel", "created"],
                        name="answer_hour",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Link",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                (
                    "message",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to="broadcasts.message",
                    ),
                ),
                ("url", models.TextField()),
                ("digest", models.CharField(editable=False, max_length=32)),
                ("clicks", models.PositiveIntegerField(default=0, editable=False)),
                ("people", models.PositiveIntegerField(default=0, editable=False)),
                ("machine_clicks", models.PositiveIntegerField(default=0, editable=False)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("message", "digest"), name="link_once")],
            },
        ),
        migrations.CreateModel(
            name="DeliveryEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "delivery",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="broadcasts.delivery",
                    ),
                ),
                ("created", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("type", models.CharField(max_length=12)),
                ("at", models.DateTimeField()),
                (
                    "machine",
                    models.BooleanField(default=False, help_text="Told by a scanner or proxy, not by the person."),
                ),
                (
                    "link",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="broadcasts.link",
                    ),
                ),
                ("detail", models.JSONField(default=dict)),
            ],
            options={
                "verbose_name": "delivery event",
            },
        ),
        migrations.CreateModel(
            name="MessageTranslation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uuid", models.UUIDField(default=broadcasts.models.base.uuid7, editable=False, unique=True)),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("modified", models.DateTimeField(auto_now=True)),
                ("language", models.CharField(max_length=35)),
                ("tag", models.CharField(blank=True, help_text="The language as it was given.", max_length=35)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("subject", models.CharField(blank=True, max_length=1000)),
                ("preheader", models.CharField(blank=True, max_length=255)),
                ("text", models.TextField(blank=True)),
                ("html", models.TextField(blank=True, verbose_name="HTML")),
                ("attachments", models.JSONField(blank=True, default=list)),
                ("quick_replies", models.JSONField(blank=True, default=list)),
                ("parameters", models.JSONField(blank=True, default=dict)),
                (
                    "message",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="translations",
                        to="broadcasts.message",
                    ),
                ),
            ],
            options={
                "ordering": ["position", "id"],
                "constraints": [models.UniqueConstraint(fields=("message", "language"), name="message_language")],
            },
        ),
        migrations.CreateModel(
            name="MinuteCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "message",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="minute_counts",
                        to="broadcasts.message",
                    ),
                ),
                ("fact", models.CharField(max_length=12)),
                ("minute", models.DateTimeField()),
                ("count", models.PositiveIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("message", "fact", "minute"), name="minute_count_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ProviderRef",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="provider_refs",
                        to="broadcasts.channel",
                    ),
                ),
                (
                    "delivery",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="provider_refs",
                        to="broadcasts.delivery",
                    ),
                ),
                ("provider_id", models.CharField(max_length=255)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("channel", "provider_id"), name="provider_ref_once")],
            },
        ),
        migrations.AddField(
            model_name="organization",
            name="default_template",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="What a broadcast says that has no content of its own. With it, a client of Invent's API that creates a broadcast also sends or schedules it.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="broadcasts.template",
            ),
        ),
        migrations.RunPython(tune, migrations.RunPython.noop),
    ]
