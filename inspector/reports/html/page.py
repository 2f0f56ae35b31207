"""Owns a page of HTML that is one file: its style and its pictures are in it, it asks nothing of any other machine.

It opens from a USB stick, prints on A4, and runs nothing: its policy allows neither scripts nor anything from outside.
"""

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime

from inspector.reports.html.markup import Markup, join, tag

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_STYLE = """
:root{color-scheme:light}*{box-sizing:border-box}
body{font:14px/1.5 system-ui,'Segoe UI','DejaVu Sans',sans-serif;color:#1f2328;background:#fff;max-width:62rem;
margin:2rem auto;padding:0 1.5rem;font-variant-numeric:tabular-nums;overflow-wrap:break-word}
body.broad{max-width:88rem}
h1{font-size:1.7rem;line-height:1.2;margin:.1rem 0 .3rem}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}
h3{font-size:.95rem;margin:1.2rem 0 .4rem}p{margin:.4rem 0}.kind{letter-spacing:.08em;text-transform:uppercase;
font-size:.8em;color:#6b7280;margin:0}.note{color:#6b7280}.alert{color:#8a3000;font-weight:600}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(12rem,1fr));gap:.8rem;margin:1.2rem 0}
.figures div{border:1px solid #d7dce1;border-top:3px solid #6b7280;border-radius:4px;padding:.6rem .8rem}
.figures .good{border-top-color:#0072b2}.figures .bad{border-top-color:#d55e00}
.figures b{display:block;font-size:1.35rem;line-height:1.3}.figures span{color:#6b7280;font-size:.85rem}
table{border-collapse:collapse;margin:.5rem 0;width:100%;font-size:.93em}
th{font-weight:600;color:#6b7280;border-bottom:1.5px solid #aeb6be;vertical-align:bottom}
th,td{padding:.25rem .9rem .25rem 0;text-align:left;vertical-align:top}td{border-bottom:1px solid #e6e9ec}
th.number,td.number{text-align:right}td.number{white-space:nowrap}td:last-child{overflow-wrap:anywhere;min-width:8em}
td.number:last-child{min-width:0}.number+:not(.number){padding-left:.8em}
a{color:inherit}.tiles{display:flex;flex-wrap:wrap;gap:1rem}
figure{margin:0;width:calc(25% - .75rem);font-size:.86em;overflow-wrap:anywhere}
figure img,.card img,.gone{display:block;width:100%;margin-bottom:.3rem;background:#f1f3f5}
figure img,figure .gone{aspect-ratio:1;object-fit:contain}.wide figure{width:calc(50% - .5rem)}
.wide figure img,.wide figure .gone{aspect-ratio:auto}.gone{padding:1.6rem .8rem;color:#6b7280;text-align:center}
.swatch{display:inline-block;width:.75em;height:.75em;margin-right:.4em}
.stage{position:relative}.stage svg{display:block;width:100%;height:auto}
.spot{position:absolute;min-width:12px;min-height:12px;transform:translate(-50%,-50%)}
.spot:hover,.spot:focus{outline:2px solid #1f2328;outline-offset:1px;z-index:1}.spot:hover{z-index:2}
.card{display:none;position:absolute;top:calc(100% + 8px);left:0;width:232px;padding:10px;background:#fff;
border:1px solid #aeb6be;border-radius:4px;box-shadow:0 4px 14px rgba(0,0,0,.18);font-size:12px;pointer-events:none}
.left .card{left:auto;right:0}.spot:hover .card,.spot:focus .card{display:block}.card b{display:block}
footer{margin-top:2.5em;padding-top:.6em;border-top:1px solid #d7dce1;color:#6b7280;font-size:.86em}
@page{size:A4;margin:14mm}
@media print{body,body.broad{font-size:9pt;max-width:none;margin:0;padding:0}
.figures{grid-template-columns:repeat(4,1fr)}h1{font-size:18pt}h2{margin-top:1.4em}th,td{padding-right:.6em}h2,h3{break-after:avoid}
tr,figure,.figures div,.stage{break-inside:avoid}thead{display:table-header-group}.screen{display:none}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


def write(title: str, *body: str, broad: bool = False) -> str:
    """The whole file."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width"),
        tag("title", title),
        tag("style", Markup(_STYLE)),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', *body, class_='broad' if broad else None), lang='en')}\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()) -> Markup:
    """A table; columns whose heads are in `numbers` stand to the right."""
    kinds = ["number" if head in numbers else None for head in heads]

    def cells(name: str, texts: Sequence[str]) -> Markup:
        return tag("tr", *(tag(name, text, class_=kind) for text, kind in zip(texts, kinds, strict=True)))

    return tag("table", tag("thead", cells("th", heads)), tag("tbody", *(cells("td", row) for row in rows)))


def picture(jpeg: bytes | None, text: str) -> Markup:
    """A picture in the page; where there is none, that is said."""
    if jpeg is None:
        return tag("span", "its picture is not kept, or no longer", class_="gone")
    return tag("img", alt=text, src=f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}")


def figures(shown: Iterable[tuple[Markup, Sequence[str]]], wide: bool = False) -> Markup:
    """Pictures side by side, each over its lines of text."""
    lines = (
        tag("figure", image, tag("figcaption", *(tag("div", line) for line in text if line))) for image, text in shown
    )
    return tag("div", *lines, class_="tiles wide" if wide else "tiles")


def note(text: str) -> Markup:
    """A sentence in gray."""
    return tag("p", text, class_="note")


def left_out(there_are: int, shown: int, things: str, which: str = "", more: str = "") -> Markup:
    """How many there are, where not all of them are shown."""
    if shown >= there_are:
        return join()
    return note(f"{there_are} {things}, {f'{which} ' if which else ''}{shown} of them shown{more}.")


def moment(at: float) -> str:
    """A time of day here, of seconds since 1970."""
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"
