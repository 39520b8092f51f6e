# SPDX-License-Identifier: Apache-2.0
"""Lines on two logarithmic axes, as SVG: small, and readable on light and dark pages."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 200, 34, 46
COLOURS = ["#0969da", "#cf222e", "#1a7f37", "#8250df", "#bf8700", "#57606a"]


class Axis:
    """From numbers to places, by their logarithms."""

    def __init__(self, values, begin, end, ticks=None):
        self.low, self.high = math.log10(min(values)), math.log10(max(values))
        if ticks is None:  # whole powers of ten, the ends included
            self.low, self.high = math.floor(self.low), math.ceil(self.high)
            ticks = [10.0 ** power for power in range(self.low, self.high + 1)]
        self.ticks = ticks
        self.begin, self.end = begin, end

    def at(self, value):
        """The place of a number."""
        span = (self.high - self.low) or 1
        return self.begin + (math.log10(value) - self.low) / span * (self.end - self.begin)


def shown(value):
    """A number at an axis."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def power_of_two(value):
    """A size at an axis."""
    return f"{value >> 20} MiB" if value >= 1 << 20 else f"{value >> 10} KiB"


def svg(title, across, up, series, across_ticks=None, label=shown):
    """The text of a picture. `series` maps names to lists of (x, y), all above zero."""
    points = [point for line in series.values() for point in line]
    x = Axis([point[0] for point in points], LEFT, WIDTH - RIGHT, across_ticks)
    y = Axis([point[1] for point in points], HEIGHT - BOTTOM, TOP)
    text = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" role="img">', f"<title>{escape(title)}</title>",
            "<style>text{font:12px sans-serif;fill:#57606a}.g{stroke:#8b949e;stroke-opacity:.35}"
            "path{fill:none;stroke-width:2}"
            "@media(prefers-color-scheme:dark){text{fill:#c9d1d9}}</style>",
            f'<text x="{LEFT}" y="18" style="font-weight:bold">{escape(title)}</text>']
    for tick in x.ticks:
        text.append(f'<path class="g" d="M{x.at(tick):.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
                    f'<text x="{x.at(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" '
                    f'text-anchor="middle">{label(tick)}</text>')
    for tick in y.ticks:
        text.append(f'<path class="g" d="M{LEFT} {y.at(tick):.1f}H{WIDTH - RIGHT}"/>'
                    f'<text x="{LEFT - 6}" y="{y.at(tick) + 4:.1f}" text-anchor="end">'
                    f"{shown(tick)}</text>")
    text.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}" '
                f'text-anchor="middle">{escape(across)}</text>'
                f'<text x="14" y="{HEIGHT / 2:.0f}" text-anchor="middle" '
                f'transform="rotate(-90 14 {HEIGHT / 2:.0f})">{escape(up)}</text>')
    text += lines(series, x, y)
    return "\n".join([*text, "</svg>", ""])


def lines(series, x, y):
    """Each series, and its name where it ends: names that would touch are moved apart."""
    below = -math.inf
    order = sorted(enumerate(series.items()), key=lambda item: y.at(item[1][1][-1][1]))
    for number, (name, line) in order:
        colour = COLOURS[number % len(COLOURS)]
        path = "L".join(f"{x.at(a):.1f} {y.at(b):.1f}" for a, b in line)
        below = max(below + 14, y.at(line[-1][1]) + 4)
        yield (f'<path stroke="{colour}" d="M{path}"/>'
               f'<text x="{x.at(line[-1][0]) + 8:.1f}" y="{below:.1f}" style="fill:{colour}">'
               f"{escape(name)}</text>")
