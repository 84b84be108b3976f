"""Mails that come back, in the published forms of many servers; {token} in them is the key of a copy."""

from pathlib import Path

FOLDER = Path(__file__).parent / "mails"
NAMES = sorted(path.stem for path in FOLDER.glob("*.eml"))


def mail(name: str, token: str, **replaced: str) -> bytes:
    """The raw mail of a file, about the copy of a token; `replaced` has texts and what they become."""
    text = (FOLDER / f"{name}.eml").read_text().replace("{token}", token)
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text.encode()
