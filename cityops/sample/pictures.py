"""Drawn pictures in place of photos: a street, the problem on it, and the same street without it.

They are drawn by the program, say so in the picture, and are few: many photos of the sample share one file, as the photo
store allows.
"""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from cityops.media import rules, storage

WIDTH, HEIGHT, GROUND, KERB = 640, 480, 250, 330
Draw = ImageDraw.ImageDraw

SCENES: dict[str, frozenset[str]] = {
    "bikes": frozenset({"event/0410", "event/0493"}),
    "cars": frozenset({"event/0409"}),
    "banner": frozenset({"event/0207", "event/0203", "event/0206", "event/0106"}),
    "bags": frozenset({"event/0110", "event/0192", "event/0137", "event/0131"}),
    "heap": frozenset({"event/0136", "event/0111", "event/0135", "event/0114", "event/0118", "event/0304", "event/0307"}),
    "clothes": frozenset({"event/0107", "event/0119", "event/0180", "event/0508"}),
    "stall": frozenset({"event/0401", "event/0405", "event/0406", "event/0129", "event/0120"}),
    "ads": frozenset({"event/0201"}),
    "leaves": frozenset({"event/0112", "event/0117", "event/0125", "event/0507"}),
    "puddle": frozenset({"event/0506", "event/0503", "event/0501", "event/0504", "event/0130", "component/0104"}),
    "cover": frozenset({f"component/01{n:02d}" for n in (1, 2, 3, 5, 6, 7)} | {"event/0113", "event/0505"}),
    "lamp": frozenset({"component/0137", "component/0213", "component/0204"}),
    "tree": frozenset({"component/0402"}),
    "bin": frozenset({"component/0305", "component/0127", "component/0124"}),
}
OTHERWISE = "heap"


@dataclass(frozen=True)
class Picture:
    """A stored picture: its digest in hexadecimal, and what the table of files says of it."""

    digest: str
    size_bytes: int
    width: int
    height: int
    thumb_size_bytes: int


class Album:
    """Draws each picture when it is first needed and puts it into the photo store."""

    def __init__(self, media_dir: Path) -> None:
        self._media_dir = media_dir
        self._kept: set[str] = set()
        self._fresh: list[Picture] = []

    def picture(self, kind: str, class_code: str, *, mended: bool, variant: int) -> str:
        """The digest of the picture of a problem of this class, or of the mended place."""
        scene = next((name for name, classes in SCENES.items() if f"{kind}/{class_code}" in classes), OTHERWISE)
        cleaned, digest = _drawn(scene, mended, variant % 2)
        if digest not in self._kept:
            storage.keep(self._media_dir, bytes.fromhex(digest), cleaned.full, cleaned.thumb)
            self._kept.add(digest)
            self._fresh.append(Picture(digest, len(cleaned.full), cleaned.width, cleaned.height, len(cleaned.thumb)))
        return digest

    def fresh(self) -> list[Picture]:
        """The pictures stored since this was asked last."""
        fresh, self._fresh = self._fresh, []
        return fresh


@cache
def _drawn(scene: str, mended: bool, variant: int) -> tuple[rules.Cleaned, str]:
    dice = random.Random(f"{scene} {variant}")
    image = Image.new("RGB", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(image)
    _street(draw, dice)
    if scene in FIXED:
        FIXED[scene](draw, dice, mended)
    elif not mended:
        MOVABLE[scene](draw, dice)
    draw.text((12, HEIGHT - 28), "sample picture, drawn by a program", fill="#e8ebe8", font=ImageFont.load_default(15))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    cleaned = rules.clean(out.getvalue())
    return cleaned, hashlib.sha256(cleaned.full).hexdigest()


def _street(draw: Draw, dice: random.Random) -> None:
    """Sky, house fronts with windows and a shop, footway, kerb, carriageway."""
    for y in range(GROUND):
        share = y / GROUND
        draw.line([(0, y), (WIDTH, y)], fill=(int(178 + 30 * share), int(197 + 18 * share), int(206 + 8 * share)))
    x = -dice.randint(0, 60)
    while x < WIDTH:
        wide, tall = dice.randint(120, 210), dice.randint(130, 215)
        wall = dice.choice(["#c9bda6", "#bfb4a3", "#d1c4ad", "#b8b2a6", "#c4b5a0"])
        draw.rectangle([x, GROUND - tall, x + wide, GROUND + 18], fill=wall)
        for wy in range(GROUND - tall + 14, GROUND - 62, 34):
            for wx in range(x + 14, x + wide - 22, 32):
                draw.rectangle([wx, wy, wx + 16, wy + 20], fill=dice.choice(["#7d8a90", "#8c989c", "#6f7d84"]))
        draw.rectangle([x + 8, GROUND - 50, x + wide - 8, GROUND - 34], fill=dice.choice(["#7e4a3a", "#3f6470", "#6b6a45", "#70516a"]))
        draw.rectangle([x + 14, GROUND - 32, x + wide - 14, GROUND + 14], fill="#59636a")
        x += wide + dice.choice([0, 0, 10])
    draw.rectangle([0, GROUND + 14, WIDTH, KERB], fill="#b3ada2")
    for joint in range(-200, WIDTH + 200, 46):
        draw.line([(joint + 60, GROUND + 14), (joint, KERB)], fill="#a59f94")
    draw.rectangle([0, KERB, WIDTH, KERB + 9], fill="#cfcac0")
    draw.rectangle([0, KERB + 9, WIDTH, HEIGHT], fill="#6a6c6d")
    for dash in range(-20, WIDTH, 110):
        draw.polygon([(dash, 428), (dash + 58, 428), (dash + 52, 436), (dash - 8, 436)], fill="#d9d9d2")


def _bikes(draw: Draw, dice: random.Random) -> None:
    for k in range(7):
        x, y = 90 + k * 62 + dice.randint(-10, 10), 296 + dice.randint(-12, 10)
        colour = dice.choice(["#2f5d86", "#a33b2e", "#3d3d42", "#c58a1f"])
        for wheel in (x, x + 40):
            draw.ellipse([wheel - 15, y - 15, wheel + 15, y + 15], outline="#2b2b2b", width=3)
        draw.line([(x, y), (x + 14, y - 24), (x + 34, y - 24), (x + 40, y), (x + 16, y), (x + 34, y - 24)], fill=colour, width=4)
        draw.line([(x + 34, y - 24), (x + 38, y - 36), (x + 28, y - 37)], fill="#2b2b2b", width=3)


def _cars(draw: Draw, dice: random.Random) -> None:
    for x, colour in ((120, "#8d9399"), (370, "#5b2e2e")):
        y = 300 + dice.randint(-4, 6)
        draw.rounded_rectangle([x, y - 30, x + 190, y + 10], 12, fill=colour)
        draw.polygon([(x + 36, y - 30), (x + 62, y - 62), (x + 138, y - 62), (x + 162, y - 30)], fill=colour)
        draw.polygon([(x + 48, y - 32), (x + 68, y - 56), (x + 96, y - 56), (x + 96, y - 32)], fill="#2f3a40")
        for wheel in (x + 42, x + 148):
            draw.ellipse([wheel - 17, y - 6, wheel + 17, y + 28], fill="#242424")


def _banner(draw: Draw, dice: random.Random) -> None:
    sag = dice.randint(6, 16)
    top = [(90, 190), (320, 190 + sag), (560, 182)]
    draw.polygon([*top, (560, 226), (320, 234 + sag), (90, 234)], fill="#b3261e")
    for k in range(9):
        draw.rectangle([128 + k * 46, 203 + sag // 2, 152 + k * 46, 224 + sag // 2], outline="#f2d16b", width=3)


def _bags(draw: Draw, dice: random.Random) -> None:
    for _ in range(11):
        x, y, r = dice.randint(230, 420), dice.randint(286, 318), dice.randint(16, 30)
        draw.ellipse([x - r, y - r, x + r, y + r * 0.7], fill=dice.choice(["#2c2f33", "#3f6b4a", "#d7d2c6", "#4a4f55", "#8f3b36"]))
        draw.line([(x, y - r), (x + 4, y - r - 8)], fill="#2c2f33", width=4)


def _heap(draw: Draw, dice: random.Random) -> None:
    draw.polygon([(180, 322), (240, 268), (300, 248), (372, 262), (450, 322)], fill="#8d7a5f")
    for _ in range(60):
        x = dice.randint(196, 436)
        y = dice.randint(int(256 + abs(x - 310) * 0.45), 320)
        size = dice.randint(4, 15)
        draw.rectangle([x, y, x + size, y + size * 0.7], fill=dice.choice(["#a38f70", "#7b6a50", "#9b8568", "#b5a387", "#6f604a"]))


def _clothes(draw: Draw, dice: random.Random) -> None:
    draw.line([(70, 150), (330, 176), (590, 148)], fill="#3c3c3c", width=3)
    for k in range(8):
        x = 100 + k * 60
        y = 153 + int(22 - abs(x - 330) * 0.085)
        wide, tall = dice.randint(30, 44), dice.randint(44, 74)
        draw.rectangle([x, y, x + wide, y + tall], fill=dice.choice(["#d8d3c8", "#7d94ad", "#b7766b", "#55606b", "#c9b36d"]))


def _stall(draw: Draw, dice: random.Random) -> None:
    draw.rectangle([210, 262, 430, 312], fill="#77624a")
    for k in range(8):
        draw.polygon(
            [(190 + k * 33, 196), (223 + k * 33, 196), (214 + k * 33, 222), (181 + k * 33, 222)], fill=("#b23a30", "#e5e0d2")[k % 2]
        )
    for post in (212, 428):
        draw.line([(post, 222), (post, 312)], fill="#4a4a4a", width=4)
    for _ in range(30):
        x, y = dice.randint(218, 420), dice.randint(246, 262)
        draw.ellipse([x - 7, y - 7, x + 7, y + 7], fill=dice.choice(["#c9682b", "#7a9a3b", "#b8352d", "#d9b53f"]))


def _ads(draw: Draw, dice: random.Random) -> None:
    for _ in range(26):
        x, y = dice.randint(40, 560), dice.randint(150, 250)
        draw.rectangle(
            [x, y, x + dice.randint(22, 42), y + dice.randint(16, 30)], fill=dice.choice(["#e6e2d6", "#d9c65a", "#cfe0e6", "#e3b1ab"])
        )
        draw.line([(x + 4, y + 6), (x + 20, y + 6)], fill="#8c2f28", width=2)


def _leaves(draw: Draw, dice: random.Random) -> None:
    for _ in range(420):
        x, y = dice.randint(20, 620), int(dice.triangular(300, 470, 346))
        draw.ellipse([x, y, x + 9, y + 5], fill=dice.choice(["#9a7b3a", "#7d6a35", "#a88d4e", "#6d6136"]))


def _puddle(draw: Draw, dice: random.Random) -> None:
    for _ in range(5):
        x, y = dice.randint(120, 400), dice.randint(352, 400)
        draw.ellipse([x, y, x + dice.randint(150, 260), y + dice.randint(26, 54)], fill="#8396a0")
    draw.ellipse([230, 366, 470, 412], fill="#93a7b1")
    draw.arc([262, 374, 420, 402], 200, 330, fill="#c4d2d8", width=3)


def _cover(draw: Draw, dice: random.Random, mended: bool) -> None:
    draw.ellipse([240, 366, 400, 420], fill="#4b4d4e")
    draw.ellipse([250, 370, 390, 414], fill="#5d5f60" if mended else "#1d1d1d")
    if mended:
        for k in range(5):
            draw.arc([262 + k * 12, 376 + k * 4, 378 - k * 12, 408 - k * 4], 0, 360, fill="#48494a", width=2)
    else:
        draw.polygon([(318, 372), (388, 386), (380, 408), (330, 412)], fill="#5d5f60")


def _lamp(draw: Draw, dice: random.Random, mended: bool) -> None:
    draw.line([(420, 322), (420, 60)], fill="#50565a", width=9)
    draw.line([(420, 64), (330, 52)], fill="#50565a", width=6)
    if mended:
        draw.polygon([(300, 58), (362, 60), (470, 250), (190, 250)], fill="#e3dcb4")
        draw.line([(420, 322), (420, 60)], fill="#50565a", width=9)
    draw.rounded_rectangle([304, 46, 358, 60], 5, fill="#f4e7a8" if mended else "#3c4043")


def _tree(draw: Draw, dice: random.Random, mended: bool) -> None:
    lean = 0 if mended else 150
    draw.line([(320, 322), (320 + lean, 190)], fill="#5c4a38", width=18)
    for _ in range(90):
        x, y = 320 + lean + dice.gauss(0, 52), 150 + (0 if mended else 30) + dice.gauss(0, 38)
        draw.ellipse([x - 18, y - 14, x + 18, y + 14], fill=dice.choice(["#5f7f46", "#54743e", "#6d8b50", "#4c6a38"]))


def _bin(draw: Draw, dice: random.Random, mended: bool) -> None:
    tilt = 0 if mended else 36
    draw.polygon([(280, 318), (360, 318), (356 + tilt, 226), (284 + tilt, 226)], fill="#3d6a5a")
    draw.polygon([(276 + tilt, 226), (364 + tilt, 226), (356 + tilt, 210), (284 + tilt, 210)], fill="#2e5145")
    if not mended:
        draw.polygon([(292 + 20, 300), (346 + 8, 300), (344 + 24, 246), (298 + 26, 246)], fill="#1f2a26")
        for _ in range(14):
            x, y = dice.randint(330, 460), dice.randint(300, 324)
            draw.rectangle([x, y, x + 14, y + 8], fill=dice.choice(["#d7d2c6", "#b7766b", "#c9b36d"]))


MOVABLE: dict[str, Callable[[Draw, random.Random], None]] = {
    "bikes": _bikes, "cars": _cars, "banner": _banner, "bags": _bags, "heap": _heap, "clothes": _clothes, "stall": _stall, "ads": _ads,
    "leaves": _leaves, "puddle": _puddle,
}  # fmt: skip
"""What is taken away when the problem is solved."""
FIXED: dict[str, Callable[[Draw, random.Random, bool], None]] = {"cover": _cover, "lamp": _lamp, "tree": _tree, "bin": _bin}
"""What stands there before and after, broken or mended."""
