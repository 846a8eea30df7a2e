"""Cut the book's fonts down to the characters that it uses.

The results are committed in ``inside/theme/static/fonts``; run this only to change them::

    npm pack @fontsource/stix-two-math @fontsource-variable/{stix-two-text,inter,jetbrains-mono}
    # unpack each archive into a folder of its own, then
    python book/_ext/fonts.py FOLDER_OF_FOLDERS      (needs fonttools and brotli)
"""

import sys
from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

OUT = Path(__file__).parent / "inside/theme/static/fonts"

LATIN = (
    "20-7E A0-FF 131 152 153 2C6 2DA 2DC 300-304 308 2010-2015 2018-201E 2020-2022 2026 2030"
    " 2032 2033 2039 203A 2044 20AC 2122 2190-2193 2212 2215 2248 2260 2264 2265"
)
LABELS = (
    "20-7E A0 A9 AB B0-B5 B7 BB BD D7 E4 E9 F6 F7 FC 302 2013 2014 2018 2019 201C 201D 2022 2026"
    " 2032 2190-2193 2212 2215 2248 2260 2264 2265"
)
ITALIC = f"{LABELS} C9 D6 DC DF E0 E5 E7 E8 EA EB F1 F3 F8 2C6 2039 203A"
GREEK = "394 39B 3A3 3A6 3A9 3B1-3C9"
CODE = "20-7E A0 B0-B7 D7 2013 2014 2018-201D 2026"
MATH = (
    "20-7E A0 A8 AC AF B0-B4 B7 D7 F7 131 237 2C6 2C7 2D8-2DC 302-305 307 308 30C 332"
    " 391-3A9 3B1-3C9 3D1 3D5 3D6 3F0 3F1 3F5 2013 2014 2016 2020 2022 2026 2032-2034 203E"
    " 2061-2064 20D7 210E 2113 2118 2190-2199 21A6 21D0-21D4 2200-2209 220B 220F-2213 2217-221E"
    " 2223-222E 2234-2237 223C 2243 2245 2248 2254 2260-2265 226A 226B 2272 2273 2282-2287"
    " 2295-2299 22A4 22A5 22C0-22C6 22EE-22F1 2308-230B 23DE 23DF 27E8 27E9 27F5-27FA 27FC"
    " 2A00-2A02 2A7D 2A7E 1D434-1D467 1D6A4 1D6A5 1D6FC-1D71B"
)
# Bold, script and double-struck letters: a file of their own, which few pages need.
MATH_LETTERS = (
    "2102 210B 2110 2112 2115 211B 211D 2124 212C 2130 2131 2133 1D400-1D433 1D468-1D4B5"
    " 1D538-1D551 1D5B3 1D6A8-1D6E1 1D71C-1D755 1D7CE-1D7D7"
)
# name of the result: (name of the source, characters, range of weights)
FONTS = {
    "stix-two-text": ("stix-two-text-latin-wght-normal", LATIN, (400, 700)),
    "stix-two-text-italic": ("stix-two-text-latin-wght-italic", ITALIC, (400, 700)),
    "stix-two-math": ("stix-two-math-latin-400-normal", MATH, None),
    "stix-two-math-letters": ("stix-two-math-latin-400-normal", MATH_LETTERS, None),
    "inter": ("inter-latin-wght-normal", LABELS, (400, 700)),
    "inter-greek": ("inter-greek-wght-normal", GREEK, (400, 700)),
    "jetbrains-mono": ("jetbrains-mono-latin-wght-normal", CODE, (400, 600)),
}


def characters(ranges: str) -> list[int]:
    ends = [[int(end, 16) for end in part.split("-")] for part in ranges.split()]
    return [code for first, *last in ends for code in range(first, (last or [first])[0] + 1)]


def narrow_radicals(font: TTFont) -> None:
    """Draw tall root signs narrower.

    Chromium reserves the width of the widest root sign for every root, which leaves a gap behind
    a small one; with all of them nearly as wide as the smallest, there is none.
    """
    variants = font["MATH"].table.MathVariants
    smallest = font.getBestCmap()[0x221A]
    place = variants.VertGlyphCoverage.glyphs.index(smallest)
    signs = variants.VertGlyphConstruction[place]
    names = {sign.VariantGlyph for sign in signs.MathGlyphVariantRecord}
    names |= {part.glyph for part in signs.GlyphAssembly.PartRecords}
    for name in names - {smallest}:
        advance, bearing = font["hmtx"][name]
        scale = 1.06 * font["hmtx"][smallest][0] / advance
        pen = TTGlyphPen(None)
        font.getGlyphSet()[name].draw(TransformPen(pen, (scale, 0, 0, 1, 0, 0)))
        font["glyf"][name] = pen.glyph()
        font["hmtx"][name] = (round(advance * scale), round(bearing * scale))


def cut(source: Path, name: str, ranges: str, weights: tuple[int, int] | None) -> None:
    font = TTFont(source, recalcTimestamp=False)
    if weights:
        # Written and read back, since the cutter does not see an unsaved font's tables.
        narrowed = BytesIO()
        instancer.instantiateVariableFont(font, {"wght": weights}).save(narrowed)
        font = TTFont(narrowed, recalcTimestamp=False)
    if name == "stix-two-math":
        narrow_radicals(font)
    options = subset.Options(flavor="woff2", hinting=False, notdef_outline=True)
    # A math font needs all of its features; ligatures in code would hide characters.
    options.layout_features = ["*"] if "math" in name else [
        "kern", "ccmp", "locl", "mark", "mkmk", "lnum", "pnum", "tnum",
        *([] if name.endswith("mono") else ["liga"]),
    ]  # fmt: skip
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters(ranges))
    cutter.subset(font)
    font.flavor = "woff2"
    font.save(OUT / f"{name}.woff2")


if __name__ == "__main__":
    for name, (source, ranges, weights) in FONTS.items():
        found = next(Path(sys.argv[1]).rglob(f"{source}.woff2"))
        cut(found, name, ranges, weights)
        print(f"{name}.woff2  {(OUT / f'{name}.woff2').stat().st_size:,} bytes")
