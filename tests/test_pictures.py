"""What is kept of an uploaded picture, whatever somebody puts into it."""

import json
import subprocess
import sys
import zipfile
from io import BytesIO

import pytest
from django.conf import settings
from PIL import Image, ImageCms, ImageSequence

from broadcasts import pictures
from broadcasts.pictures import PictureRefused, prepare
from tests.make import picture_file

SECRET = b"HOME OF THE PHOTOGRAPHER"


def shown(made):
    return Image.open(BytesIO(made.content))


def photograph(size=(60, 40), **options):
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    file = BytesIO()
    image.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def animation(kind="GIF", n=3, size=(30, 20), **options):
    frames = [Image.new("RGB", size, (40 * i, 0, 0)) for i in range(n)]
    file = BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=50, **options)
    return file.getvalue()


def refusal(data, kind):
    with pytest.raises(PictureRefused) as caught:
        prepare(data, kind)
    return caught.value.why


def test_a_picture_is_as_wide_as_mail_shows_on_a_fine_screen_and_no_wider():
    assert shown(prepare(picture_file(size=(3200, 100)), "PNG")).size == (1600, 50)
    assert shown(prepare(photograph((4000, 3000)), "JPEG")).size == (1600, 1200)
    assert shown(prepare(picture_file(size=(300, 200)), "PNG")).size == (300, 200)


def test_a_picture_is_stored_as_it_is_seen():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned to the right
    made = prepare(photograph(exif=exif), "JPEG")
    assert (made.width, made.height) == shown(made).size == (40, 60)
    red, blue = (shown(made).getpixel((20, y)) for y in (5, 55))
    assert red[0] > 200 > 50 > red[2] and blue[2] > 200
    assert prepare(photograph((4000, 2000), exif=exif), "JPEG").width == 1600


@pytest.mark.parametrize("size", [(60, 40), (2000, 40)])
def test_nothing_is_kept_but_pixels(size):
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    made = prepare(photograph(size, exif=exif, comment=SECRET, xmp=SECRET), "JPEG")
    assert SECRET not in made.content + made.thumbnail
    assert not shown(made).getexif() and "comment" not in shown(made).info


def test_what_is_both_a_picture_and_something_else_is_a_picture_only():
    packed = BytesIO()
    zipfile.ZipFile(packed, "w").writestr("run.html", SECRET)
    script = b"<script>" + SECRET + b"</script>"
    for data, kind in [(picture_file(), "PNG"), (photograph(), "JPEG"), (animation(comment=SECRET), "GIF")]:
        made = prepare(data + packed.getvalue() + script, kind)
        assert SECRET not in made.content and not zipfile.is_zipfile(BytesIO(made.content))


def test_transparency_is_kept_and_thumbnails_have_it_too():
    made = prepare(picture_file("WEBP", mode="RGBA", color=(255, 0, 0, 90)), "WEBP")
    assert (made.format, shown(made).mode, shown(made).getpixel((5, 5))[3]) == ("PNG", "RGBA", 90)
    assert Image.open(BytesIO(made.thumbnail)).mode == "RGBA"


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_stays_one_as_the_kind_that_mail_plays(kind):
    made = prepare(animation(kind, loop=0), kind)
    frames = list(ImageSequence.Iterator(shown(made)))
    assert (made.format, len(frames), frames[0].info["duration"], shown(made).info["loop"]) == ("GIF", 3, 50, 0)


def test_an_animation_that_is_wide_is_made_smaller():
    made = prepare(animation(size=(2000, 20)), "GIF")
    assert (shown(made).size, shown(made).n_frames) == ((1000, 10), 3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGB", "RGBA"])
def test_every_kind_of_png_is_taken(mode):
    assert shown(prepare(picture_file(mode=mode, color=1 if mode != "LA" else (1, 9)), "PNG")).size == (40, 30)


def test_colours_of_another_space_are_converted():
    known = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"\0s\0R\0G\0B", b"\0T\0e\0s\0t")
    swapped = known.replace(b"rXYZ", b"tmp.").replace(b"gXYZ", b"rXYZ").replace(b"tmp.", b"gXYZ")  # its red is green
    for mode, color in (("RGB", (200, 0, 0)), ("RGBA", (200, 0, 0, 255))):
        made = shown(prepare(picture_file(mode=mode, color=color, icc_profile=swapped), "PNG"))
        red, green, *_ = made.getpixel((5, 5))
        assert green > 150 > 100 > red and "icc_profile" not in made.info


def test_a_profile_that_is_damaged_or_of_print_is_no_obstacle():
    made = prepare(picture_file(color=(100, 150, 200), icc_profile=b"no profile"), "PNG")
    assert shown(made).getpixel((5, 5)) == (100, 150, 200)
    assert shown(prepare(picture_file("JPEG", mode="CMYK", color=(0, 255, 255, 0)), "JPEG")).mode == "RGB"


def test_a_large_picture_without_transparency_becomes_a_photograph():
    noise = BytesIO()
    Image.effect_noise((900, 900), 90).convert("RGB").save(noise, "PNG")
    assert prepare(noise.getvalue(), "PNG").format == "JPEG"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
def test_a_file_that_is_cut_off_is_damaged(kind):
    file = BytesIO()
    Image.effect_noise((80, 80), 90).convert("RGB").save(file, kind)
    assert refusal(file.getvalue()[: len(file.getvalue()) // 2], kind) == "damaged"


@pytest.mark.parametrize("end", [-1, -3, -30])
def test_an_animation_that_is_cut_off_is_damaged(end):
    assert refusal(animation(size=(300, 200))[:end], "GIF") == "damaged"


def test_a_picture_of_another_format_than_it_is_said_to_be_is_not_tried():
    assert refusal(b"%!PS-Adobe-3.0 EPSF-3.0\n", "PNG") == "damaged"
    assert refusal(picture_file("TIFF"), "PNG") == "damaged"


def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda self: 1 / 0)
    with pytest.raises(PictureRefused) as caught:
        pictures.check_pixels(Image.new("1", (6000, 5000)), "PNG")
    assert (caught.value.why, caught.value.facts["limit"]) == ("pixels", 25_000_000)


def test_a_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    bomb = picture_file(mode="1", size=(30_000, 30_000), color=0)
    monkeypatch.undo()
    assert refusal(bomb, "PNG") == "pixels"


def test_an_animation_of_many_frames_is_refused(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_FRAMES", 5)
    assert refusal(animation(n=6), "GIF") == "frames"
    assert prepare(animation(n=5), "GIF").format == "GIF"


def test_an_animation_of_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS_OF_ALL_FRAMES", 3 * 30 * 20)
    assert refusal(animation(n=4), "GIF") == "frames"


def test_a_photograph_of_endless_scans_is_refused():
    data = photograph(progressive=True)
    last = data.rindex(b"\xff\xda")
    assert refusal(data[:last] + data[last:-2] * 100 + data[-2:], "JPEG") == "costly"


def test_the_program_answers_with_a_line_of_json_then_the_files():
    command = [sys.executable, "-m", "broadcasts.pictures", "PNG"]
    answer = subprocess.run(command, input=picture_file(), capture_output=True, cwd=settings.BASE_DIR).stdout
    head, _, rest = answer.partition(b"\n")
    told = json.loads(head)
    assert (told["format"], told["width"], told["height"]) == ("PNG", 40, 30)
    assert rest[: told["size"]].startswith(b"\x89PNG") and rest[told["size"] :].startswith(b"RIFF")
