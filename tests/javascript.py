"""JavaScript run for real: by node where there is one, else in a Chromium."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest


def run(script: str) -> Any:
    """What a script hands to `report`, as JSON; the test is skipped where nothing runs JavaScript."""
    node = shutil.which("node")
    return _in_node(node, script) if node else _in_browser(script)


def _in_node(node: str, script: str) -> Any:
    text = f"const report = found => console.log(JSON.stringify(found));\n{script}"
    done = subprocess.run([node, "-"], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _in_browser(script: str) -> Any:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    api = pytest.importorskip("playwright.sync_api", reason="neither node nor playwright is here")
    if program is None:
        pytest.skip("neither node nor a Chromium is on this machine")
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        told = browser.new_page().evaluate(
            f"() => {{ let told; const report = x => {{ told = x; }};\n{script}\nreturn told; }}"
        )
        browser.close()
    return told
