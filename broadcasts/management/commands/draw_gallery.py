import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from PIL import Image

from broadcasts import starting
from broadcasts.designing import gallery
from broadcasts.designing.gallery import Design
from broadcasts.models import Organization

PICTURES = Path(__file__).resolve().parents[2] / "static" / gallery.STATIC
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CARD = (640, 800)  # pixels
COLOURS = 96
LEAST_HEIGHT = 200  # of the browser's window


class Command(BaseCommand):
    help = "For developers: draw the pictures of the shipped designs from their SVG files, and the designs themselves."

    def add_arguments(self, parser) -> None:
        parser.add_argument("designs", nargs="*", help="which ones; without any, all of them and their pictures")
        parser.add_argument("--browser", default="", help="the program that draws: Chromium or Chrome")

    def handle(self, *args, **options) -> None:
        browser = options["browser"] or next(filter(None, map(shutil.which, BROWSERS)), "")
        if not browser:
            raise CommandError("Chromium is not installed: install it, or name another browser by --browser.")
        designs = gallery.listed()
        if unknown := set(options["designs"]) - set(designs):
            raise CommandError(f"There is no design {', '.join(sorted(unknown))}; there are {', '.join(designs)}.")
        PICTURES.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as room:
            pen = Pen(browser, Path(room))
            for drawing in [] if options["designs"] else sorted(gallery.DRAWINGS.glob("*.svg")):
                size = re.findall(r'(?:width|height)="(\d+)"', drawing.read_text())[:2]
                pen.draw(drawing.as_uri(), (int(size[0]), int(size[1])), PICTURES / f"{drawing.stem}.png")
            for design in [designs[slug] for slug in options["designs"] or designs]:
                pen.draw(pen.page(design), CARD, PICTURES / f"{design.slug}.png")
                self.stdout.write(f"{design.slug} is drawn.")


class Pen:
    """Draws pages as small PNG files."""

    def __init__(self, browser: str, room: Path) -> None:
        self.browser = browser
        self.room = room

    def page(self, design: Design) -> str:
        """Return the address of a file with a design as mail of an organization that is not stored."""
        organization = Organization(
            pk=0, name="Your organization", slug="yours", postal_address="1 Example Street, Springfield"
        )
        shown = starting.preview(design, organization, "en")
        if shown.errors.keys() - {"channel"}:
            raise CommandError(f"{design.slug}: {shown.errors}")
        path = self.room / f"{design.slug}.html"
        path.write_text(shown.html.replace(starting.UNSTORED, f"{PICTURES.as_uri()}/"))
        return path.as_uri()

    def draw(self, address: str, size: tuple[int, int], goal: Path) -> None:
        """Write what a browser shows at an address, in light colours, with few colours if it has no transparency."""
        shot = self.room / "shot.png"
        width, height = size
        switches = (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-background-networking",
        )
        colours = ("--default-background-color=00000000", "--blink-settings=preferredColorScheme=1")
        window = f"--window-size={width},{max(height, LEAST_HEIGHT)}"
        command = [self.browser, *switches, *colours, window, f"--screenshot={shot}", address]
        subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603 -- the developer names it
        with Image.open(shot) as taken:
            image = taken.convert("RGBA").crop((0, 0, width, height))
        is_solid = image.getchannel("A").getextrema() == (255, 255)
        method = Image.Quantize.MAXCOVERAGE if is_solid else Image.Quantize.FASTOCTREE
        image = image.convert("RGB") if is_solid else image
        image.quantize(COLOURS, method, dither=Image.Dither.NONE).save(goal, optimize=True)
