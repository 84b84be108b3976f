"""What a password must be; one rule wherever one is set, and one message."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.password_validation import CommonPasswordValidator, UserAttributeSimilarityValidator
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from broadcasts import formats

SHORTEST = 12
LONGEST = 1024
STRONG = 3  # of 4: more than 10^8 guesses
LOOKED_AT = 72  # characters; judging takes time that grows with the square of them
RULE = f"Use at least {SHORTEST} characters that are hard to guess, such as four words that do not belong together."


class PasswordRule:
    """Refuses passwords that are short, common, like the user's name or address, or easy to guess (zxcvbn)."""

    stock = (UserAttributeSimilarityValidator(user_attributes=("email", "full_name")), CommonPasswordValidator())

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if len(password) > LONGEST:
            most = formats.number(LONGEST)
            raise ValidationError(f"This password is too long: use at most {most} characters.", code="too_long")
        if len(password) < SHORTEST or self.is_known(password, user) or self.is_guessable(password):
            raise ValidationError(f"This password is too weak. {RULE}", code="too_weak")

    def is_known(self, password: str, user: AbstractBaseUser | None) -> bool:
        try:
            for validator in self.stock:
                validator.validate(password, user)  # type: ignore[arg-type]
        except ValidationError:
            return True
        return False

    def is_guessable(self, password: str) -> bool:
        return zxcvbn(password[:LOOKED_AT])["score"] < STRONG

    def get_help_text(self) -> str:
        return RULE
