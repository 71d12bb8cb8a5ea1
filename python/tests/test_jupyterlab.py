"""Figures and the map in a real JupyterLab, in a real browser. Runs where jupyterlab and playwright are installed and
there is a Chromium (`pip install jupyterlab playwright`); EMBSCOPE_PICTURES=folder keeps what the browser showed."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import embscope
import pytest

CHROMIUM = shutil.which("chromium")
pytest.importorskip("jupyterlab")
playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

CELLS = [
    "import numpy as np, embscope\nmodel = embscope.load('smollm2')",
    "model.predict('The capital of Germany is', 5).figure()",
    "model.lens('The capital of Germany is')",
    "chart = model.predict('The capital of Germany is', 4).figure().to_altair().properties(height=120)\n"
    "embscope.Figure.of(chart.to_dict())  # Altair's own renderers fetch scripts, or speak a type that JupyterLab 4.6 does not know",
    "points = np.array([[x, y] for y in range(5) for x in range(5)], dtype=np.float32)\n"
    "view = embscope.Map(points, [f'␣w{i}' for i in range(25)], range(100, 125))\nview",
]
ASKED = "print('selected:', *view.selected)"


def notebook(sources):
    code = lambda i, source: {
        "cell_type": "code",
        "id": f"c{i}",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    return {
        "cells": [code(i, s) for i, s in enumerate(sources)],
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    (folder / "n.ipynb").write_text(json.dumps(notebook([*CELLS, ASKED])))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "settings/@jupyterlab/notebook-extension"  # all cells in the page, seen or not
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none", "autoStartDefaultKernel": true}')
    paths = {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")}
    paths |= {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "RUNTIME", "DATA")}
    environment = {**os.environ, **paths, "PYTHONPATH": str(pathlib.Path(embscope.__file__).parents[1])}
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--expose-app-in-browser",
            f"--port={port}",
            "--ip=127.0.0.1",
            "--IdentityProvider.token=t",
            f"--ServerApp.root_dir={folder}",
            "--LabApp.news_url=None",
            "--LabApp.collaborative=False",
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("w"),
    )
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"{address}/api?token=t", timeout=5).read()
                break
            except OSError:
                assert time.monotonic() < deadline and server.poll() is None, (folder / "log").read_text()[-2000:]
                time.sleep(0.3)
        yield f"{address}/lab/tree/n.ipynb?token=t"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def page(lab):
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.set_default_timeout(120_000)
        page.goto(lab)
        try:
            run_all(page)
        except Exception:
            picture(page, "failed")
            raise
        yield page
        browser.close()


def run_all(page):
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.connectionStatus === 'connected'"
    )
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.locator(".es-map canvas").wait_for()
    settled(page)


def settled(page):
    page.wait_for_function(
        "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].every(p => !p.textContent.includes('*'))"
    )


def picture(page, name):
    folder = os.environ.get("EMBSCOPE_PICTURES")
    if folder:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(pathlib.Path(folder) / f"{name}.png"))


def output(page, cell):
    return page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea")


@pytest.mark.parametrize("cell", [1, 2, 3])
def test_a_figure_shows_itself(page, cell):
    area = output(page, cell)
    area.scroll_into_view_if_needed()
    area.locator("svg.marks, canvas.marks").first.wait_for()
    box = area.locator("svg.marks, canvas.marks").first.bounding_box()
    assert box["width"] > 200 and box["height"] > 60
    assert area.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    picture(page, f"figure-{cell}")


def test_the_points_of_a_small_map_are_seen(page):
    canvas = output(page, 4).locator(".es-map canvas")
    painted = canvas.evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => i % 4 === 3 && v > 150).length"
    )
    assert painted > 25 * 20  # dots, and not pixels


def test_the_map_is_searched_hovered_and_its_selection_is_pythons(page):
    area = output(page, 4)
    area.scroll_into_view_if_needed()
    canvas = area.locator(".es-map canvas")
    box = canvas.bounding_box()
    area.locator("input").fill("w1")
    area.locator(".es-said", has_text="11 found").wait_for()  # w1, w10 ... w19
    area.locator("input").press("Enter")
    area.locator(".es-said", has_text="11 selected").wait_for()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)  # the point in the middle of the grid
    tip = area.locator(".es-tip")
    assert tip.text_content() == "␣w12  (112)" and tip.is_visible()
    picture(page, "map-hover")
    area.locator("input").fill("")
    corner = lambda fx, fy: (box["x"] + fx * box["width"], box["y"] + fy * box["height"])
    page.keyboard.down("Shift")
    page.mouse.move(*corner(0.02, 0.02))
    page.mouse.down()
    for at in ((0.98, 0.02), (0.98, 0.36), (0.02, 0.36), (0.02, 0.02)):  # around the two upper rows
        page.mouse.move(*corner(*at), steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    area.locator(".es-said", has_text="10 selected").wait_for()
    picture(page, "map-selected")
    page.locator(".jp-CodeCell").nth(5).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    output(page, 5).locator("text=selected: ␣w15 ␣w16 ␣w17 ␣w18 ␣w19 ␣w20 ␣w21 ␣w22 ␣w23 ␣w24").wait_for()


def test_the_map_is_moved_and_zoomed(page):
    area = output(page, 4)
    canvas = area.locator(".es-map canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.wheel(0, -600)
    page.mouse.move(middle[0] + 1, middle[1])
    assert area.locator(".es-tip").text_content() == "␣w12  (112)"  # zoomed about the pointer
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1], steps=3)
    page.mouse.up()
    page.mouse.move(middle[0] + 61, middle[1])
    assert area.locator(".es-tip").text_content() == "␣w12  (112)"  # moved with the pointer
    picture(page, "map-zoomed")
    area.locator("button").click()
    page.mouse.move(*middle)
    assert area.locator(".es-tip").text_content() == "␣w12  (112)"
