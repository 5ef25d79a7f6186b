"""What pages are looked at with: hostile texts, how well texts can be read, a page opened with all its folds open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PAYLOADS = (
    "<script>window.pwned=1</script>",
    "\"><img src='http://127.0.0.1:9/x.png' onerror='window.pwned=1'>",
    "'><svg onload=window.pwned=1><style>@import 'http://127.0.0.1:9/s.css'</style>",
    "</style></title></pre><script src=http://127.0.0.1:9/s.js></script>",
    "<a href=javascript:window.pwned=1>x</a><iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "{{ cycler.__init__.__globals__ }}{% raw %}",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'><base href=http://127.0.0.1:9/>",
)
WIDTHS = (320, 380, 768, 880, 1280)
CONTRAST = """() => {
  const rgb = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                       return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
                        if (c.length == 3 || c[3] == 1) return c.slice(0, 3); } return [255, 255, 255]; };
  return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && [...e.childNodes].some(
      n => n.nodeType == 3 && n.data.trim())).map(e => {
    const style = getComputedStyle(e), svg = e instanceof SVGElement;
    const [a, b] = [light(rgb(svg ? style.fill : style.color).slice(0, 3)), light(behind(e))].sort((x, y) => y - x);
    return [(a + .05) / (b + .05), e.textContent.trim().slice(0, 40)]; }).filter(([ratio, _]) => ratio < 4.5); }"""


def opened(browser: Any, page: Path, width: int = 1280, scheme: str = "light") -> Any:
    shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown.goto(page.as_uri())
    shown.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    return shown


def legible(shown: Any) -> None:
    """On a phone, a tablet and a screen nothing scrolls sideways; in light and in dark every text can be read."""
    for width in WIDTHS:
        shown.set_viewport_size({"width": width, "height": 900})
        assert shown.evaluate("document.documentElement.scrollWidth") <= width, width
    for scheme in ("light", "dark"):
        shown.emulate_media(color_scheme=scheme)
        assert shown.evaluate(CONTRAST) == []


SETTLED = "new Promise(done => setTimeout(done, 500))"
"""Half a second behind the page's load event, in which whatever could still ask would."""


def harmless(browser: Any, page: Path, scripts: int = 0) -> str:
    """Opened with all its folds open, nothing of a page's data runs, no request leaves; what it says comes back."""
    shown, asked = browser.new_page(), []
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(page.as_uri())
    shown.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    shown.evaluate(SETTLED)
    assert shown.evaluate("window.pwned") is None
    assert asked == [page.as_uri()]
    assert shown.evaluate("document.querySelectorAll('img, iframe, base, a, body style').length") == 0
    assert shown.evaluate("document.querySelectorAll('script').length") == scripts
    said: str = shown.evaluate("document.body.innerText")
    shown.close()
    return said
