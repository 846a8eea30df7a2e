"""In a real JupyterLab the Player streams while a network trains, trains again, and stops."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

SETUP = """
from normlib import Recorder, fit, load_digits, mlp
from normlib.widgets import ActivationPlayer, Workbench

data = load_digits()

def train(name, *, on_step=None, lr=0.1, steps=20):
    net = mlp([64, 32, 32, 10], norm=None if name == "none" else name, activation="tanh")
    record = Recorder(sample=256)
    return fit(net, data, steps=steps, lr=lr, record=record, on_step=on_step).trace

player = ActivationPlayer({name: train(name) for name in ("none", "batch")})
player
"""
BENCH = "Workbench(player, train, lr=[0.1, 0.01], steps=[300, 100000])"


def notebook(*cells: str) -> str:
    return json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "id": f"cell-{i}",
                    "metadata": {},
                    "outputs": [],
                    "source": source.strip(),
                }
                for i, source in enumerate(cells)
            ],
            "metadata": {
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """Serve a notebook from a JupyterLab of its own; yield the notebook's address."""
    (tmp_path / "live.ipynb").write_text(notebook(SETUP, BENCH), "utf-8")
    port, token = free_port(), secrets.token_hex(8)
    folders = {
        name: str(tmp_path / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    log = (tmp_path / "lab.log").open("w")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            f"--ServerApp.port={port}",
            f"--IdentityProvider.token={token}",
            f"--ServerApp.root_dir={tmp_path}",
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ],
        env={**os.environ, **folders, "OPENBLAS_NUM_THREADS": "1"},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            if server.poll() is not None:
                pytest.fail(f"JupyterLab ended:\n{(tmp_path / 'lab.log').read_text()[-3000:]}")
            try:
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"{address}/lab/tree/live.ipynb?token={token}"
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def end_kernels(lab: str) -> None:
    """Shut down every kernel of the server, as a crash would."""
    address, query = lab.split("/lab/tree/live.ipynb")
    with urllib.request.urlopen(f"{address}/api/kernels{query}", timeout=10) as answer:
        kernels = json.load(answer)
    for kernel in kernels:
        url = f"{address}/api/kernels/{kernel['id']}{query}"
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=20).close()


def test_it_streams_trains_again_and_stops(browser: Browser, lab: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1400})
    page = context.new_page()
    page.set_default_timeout(60_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(lab)
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.get_by_role("button", name="Python 3 (ipykernel) | Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    again, stop = (page.get_by_role("button", name=name) for name in ("Train again", "Stop"))
    expect(again).to_be_enabled(timeout=60_000)
    player = page.locator(".nl-player").first
    expect(player).to_be_visible()

    # The keys are the Player's own, and not commands of the notebook.
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    slider = player.get_by_role("slider")
    slider.focus()
    for key in ("End", "a", "ArrowLeft"):
        page.keyboard.press(key)
    expect(player).to_have_attribute("data-step", "18")
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells

    # Train again: frames stream in while it runs, and the final trace replaces them.
    again.click()
    expect(page.get_by_text("Training none")).to_be_visible(timeout=20_000)
    expect(again).to_be_disabled()
    page.wait_for_function(
        "Number(document.querySelector('.nl-player').dataset.step) > 20", timeout=30_000
    )
    expect(page.get_by_text("Done.", exact=True)).to_be_visible(timeout=60_000)
    expect(again).to_be_enabled()
    slider.press("End")
    expect(player).to_have_attribute("data-step", "299")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^step 299 of 300; "))

    # A long run is stopped at once.
    page.get_by_label("steps", exact=True).select_option("100000")
    again.click()
    expect(page.get_by_text("Training none")).to_be_visible(timeout=20_000)
    page.wait_for_function(
        "document.querySelector('.nl-scrub').getAttribute('aria-valuetext').includes('of 100000')",
        timeout=30_000,
    )
    clicked = time.monotonic()
    stop.click()
    expect(page.get_by_text("Stopped while training none.")).to_be_visible(timeout=20_000)
    assert time.monotonic() - clicked < 15
    expect(again).to_be_enabled()

    # When the kernel dies in the middle of a run, the last frame stays and the page says so.
    again.click()
    expect(page.get_by_text("Training none")).to_be_visible(timeout=20_000)
    expect(player.get_by_role("slider")).to_have_attribute(
        "aria-valuetext", re.compile("of 100000"), timeout=30_000
    )
    end_kernels(lab)
    expect(player.get_by_text("No answer from the kernel")).to_be_visible(timeout=30_000)
    assert player.get_attribute("data-step")
    assert problems == []
    context.close()
