"""What messages show of an uploaded picture: smaller, in a format of mail, and with nothing in it but its pixels.

As a program it makes one from what it reads (`python -m broadcasts.pictures PNG`), in a process of its own: what a
hostile file does to a decoder ends there, within limits of memory and time. It must import nothing of Django, so that
it starts fast.
"""

import json
import resource
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from itertools import count
from typing import Any

from PIL import AvifImagePlugin, GifImagePlugin, Image, ImageCms, ImageOps

LARGEST = (1600, 4800)  # in pixels; mail is up to 800 wide, and screens have two pixels for one
LARGEST_ANIMATION = (1000, 3000)  # each frame of it counts
THUMBNAIL = (320, 320)
# Of one picture; a JPEG that is not progressive is decoded smaller, so that it may come straight from a camera.
MOST_PIXELS, MOST_PIXELS_OF_PHOTOGRAPHS = 25_000_000, 64_000_000
MOST_FRAMES, MOST_PIXELS_OF_ALL_FRAMES = 300, 60_000_000
MOST_SCANS = 64  # of a JPEG, each of which may take as long as the whole picture; encoders write about ten
KEPT_BYTES = 400_000  # of a JPEG that is only written anew, without a change of quality
LARGE_BYTES = 300_000  # of a lossless picture: from here on JPEG is tried
QUALITY = 85
MEMORY_BYTES = 640 * 2**20  # of address space; the largest pictures of each format were measured to take up to 430
CPU_SECONDS = 15

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # each further one reserves address space
GifImagePlugin.LOADING_STRATEGY = GifImagePlugin.LoadingStrategy.RGB_AFTER_DIFFERENT_PALETTE_ONLY
Image.MAX_IMAGE_PIXELS = MOST_PIXELS_OF_PHOTOGRAPHS


class PictureRefused(Exception):
    """A picture that is not taken; `why` is "damaged", "pixels", "frames" or "costly", `facts` are for the words."""

    def __init__(self, why: str, **facts: int) -> None:
        super().__init__(why)
        self.why, self.facts = why, facts


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as messages show it; thumbnail: a small one for our own pages, in WebP."""

    content: bytes
    format: str
    width: int
    height: int
    thumbnail: bytes


def prepare(data: bytes, kind: str) -> Picture:
    """Return what messages show of a picture; raises PictureRefused.

    kind: its format by its content, as Pillow calls it: PNG, JPEG, GIF, WEBP or AVIF; no other is tried.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning)  # of metadata that is damaged
            with Image.open(BytesIO(data), formats=[kind]) as image:
                return _prepared(image, data, kind)
    except PictureRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureRefused("pixels", limit=MOST_PIXELS_OF_PHOTOGRAPHS if kind == "JPEG" else MOST_PIXELS) from None
    except MemoryError:
        raise PictureRefused("costly") from None
    except Exception as error:  # a damaged file may raise nearly any
        raise PictureRefused("damaged") from error


def _prepared(image: Image.Image, data: bytes, kind: str) -> Picture:
    if kind == "JPEG" and data.count(b"\xff\xda") > MOST_SCANS:
        raise PictureRefused("costly")
    check_pixels(image, kind)
    if kind != "JPEG" and getattr(image, "is_animated", False):
        return _animation(image)
    is_large = fitting(turned(image), LARGEST) != turned(image)
    if kind == "JPEG":
        width, height = fitting(image.size, LARGEST[::-1] if is_turned(image) else LARGEST)
        image.draft(None, (2 * width, 2 * height))  # decode it no larger than makes a good smaller one
    image.load()
    made = plain(ImageOps.exif_transpose(image) if is_turned(image) else image)
    if is_large:
        made = made.resize(fitting(made.size, LARGEST), Image.Resampling.LANCZOS, reducing_gap=3)
    is_same = made is image and image.format == "JPEG" and len(data) <= KEPT_BYTES
    content, format_ = encoded(made, kind == "JPEG", is_same)
    return Picture(content, format_, *made.size, thumbnail(made))


def check_pixels(image: Image.Image, kind: str) -> None:
    """Raise PictureRefused if a picture, of which only the header is read, has too many pixels to be decoded."""
    width, height = image.size
    is_photograph = kind == "JPEG" and not image.info.get("progressive")
    limit = MOST_PIXELS_OF_PHOTOGRAPHS if is_photograph else MOST_PIXELS
    if width * height > limit:
        raise PictureRefused("pixels", width=width, height=height, limit=limit)


def is_turned(image: Image.Image) -> bool:
    """Tell whether the metadata says to show the picture otherwise than it is stored; damaged metadata says nothing."""
    try:
        return image.getexif().get(0x0112, 1) in range(2, 9)
    except Exception:
        return False


def turned(image: Image.Image) -> tuple[int, int]:
    """Return the size that a picture has when it is shown."""
    is_on_side = is_turned(image) and image.getexif()[0x0112] >= 5
    return image.size[::-1] if is_on_side else image.size


def fitting(size: tuple[int, int], largest: tuple[int, int]) -> tuple[int, int]:
    """Return the size of a picture within the largest, with its proportions."""
    factor = min(1, largest[0] / size[0], largest[1] / size[1])
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def plain(image: Image.Image) -> Image.Image:
    """Return a picture in a mode that all formats know, its colours those of sRGB; itself if it is one already."""
    profile = image.info.get("icc_profile")
    alpha = image.has_transparency_data
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits of grey
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    if image.mode in ("P", "PA", "1", "LA", "La", "RGBa", "RGBX") and (alpha or profile or image.mode != "1"):
        image = image.convert("RGBA" if alpha else "RGB")
    if profile:
        image = in_srgb(image, profile)
    wanted = "RGBA" if alpha else "L" if image.mode in ("L", "1") else "RGB"
    return image if image.mode == wanted else image.convert(wanted)


def in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Return a picture whose colours are converted by its profile; as it is, if the profile is of no use."""
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        made = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
        return made or image
    return image


def encoded(image: Image.Image, is_photograph: bool, is_same: bool) -> tuple[bytes, str]:
    """Return the file of a picture and its format: JPEG for photographs, PNG for all else unless it would be large."""
    if is_same:
        return written(image, "JPEG", quality="keep", optimize=True, comment=b""), "JPEG"
    photograph = {"quality": QUALITY, "optimize": True, "progressive": True}
    if is_photograph:
        return written(image, "JPEG", **photograph), "JPEG"
    lossless = written(image, "PNG")
    if image.mode != "RGBA" and len(lossless) > LARGE_BYTES:
        lossy = written(image, "JPEG", **photograph)
        if len(lossy) < len(lossless) / 2:
            return lossy, "JPEG"
    return lossless, "PNG"


def written(image: Image.Image, format_: str, **options: object) -> bytes:
    """Return the file of a picture, without any of its metadata."""
    image.info = {}
    file = BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def thumbnail(image: Image.Image) -> bytes:
    small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small.thumbnail(THUMBNAIL, reducing_gap=2)
    return written(small, "WEBP", quality=75)


def _animation(image: Image.Image) -> Picture:
    """Return an animation as a GIF, which is what mail programs play."""
    size = fitting(image.size, LARGEST_ANIMATION)
    is_clear = image.has_transparency_data
    made = frames(image, size)
    first = next(made)
    small = thumbnail(first.copy())
    file = BytesIO()
    first.save(file, "GIF", save_all=True, append_images=made, optimize=False, **({"disposal": 2} if is_clear else {}))
    return Picture(file.getvalue(), "GIF", *size, small)


def frames(image: Image.Image, size: tuple[int, int]) -> Iterator[Image.Image]:
    """Yield the frames of an animation in a size, each with its duration; raises PictureRefused if they are many."""
    told: dict[str | tuple[int, int], Any] = (
        {"loop": image.info["loop"]} if "loop" in image.info else {}
    )  # else it is played once
    most = min(MOST_FRAMES, max(1, MOST_PIXELS_OF_ALL_FRAMES // (image.width * image.height)))
    for n in count():
        if n == most:
            raise PictureRefused("frames", limit=most)
        is_ready = image.size == size and image.mode in ("P", "L", "1")
        frame = image.copy() if is_ready else reduced(image, size)
        frame.info = {"duration": image.info.get("duration", 0), **told, **kept_index(frame)}
        yield frame
        try:
            image.seek(n + 1)
        except EOFError:
            break
    if isinstance(image, GifImagePlugin.GifImageFile) and image.fp:
        image.fp.seek(image.fp.tell() - 1)
        if image.fp.read(1) != b";":  # it ends amid a frame
            raise PictureRefused("damaged")


def reduced(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a frame in a size, with 256 colours, chosen by the one method that is fast and knows transparency."""
    made = plain(image).convert("RGBA" if image.has_transparency_data else "RGB")
    return made.resize(size, Image.Resampling.BOX).quantize(256, Image.Quantize.FASTOCTREE)


def kept_index(frame: Image.Image) -> dict[str | tuple[int, int], Any]:
    """Return what of a frame's metadata says which of its colours is transparent."""
    found = frame.info.get("transparency")
    return {} if found is None else {"transparency": found}


def limit_resources() -> None:
    """Bound what this process may take; an address space of a fixed size stops what allocates without end."""
    limits = {resource.RLIMIT_AS: MEMORY_BYTES, resource.RLIMIT_CPU: CPU_SECONDS, resource.RLIMIT_FSIZE: 0}
    for kind, limit in limits.items():
        with suppress(ValueError, OSError):  # a system that knows no such limit, or has a smaller one
            resource.setrlimit(kind, (limit, limit))


def main() -> None:
    """Read a picture of the format that the argument names; write a line of JSON, the picture, and its thumbnail."""
    limit_resources()
    try:
        made = prepare(sys.stdin.buffer.read(), sys.argv[1])
    except PictureRefused as error:
        sys.stdout.write(json.dumps({"refused": error.why, **error.facts}))
        return
    head = {"format": made.format, "width": made.width, "height": made.height, "size": len(made.content)}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + made.content + made.thumbnail)


if __name__ == "__main__":
    main()
