"""The widget host, on pages made by hand: what it promises to a widget's module."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from family import FAMILY
from playwright.sync_api import Browser, Page, expect
from site_checks import ROOT, serving, visiting

HOST = ROOT / "book/_ext/inside/theme/static/widget_host.js"
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"

SHOW_VALUE = """
export default {
  render({ model, el }) {
    const show = () => { el.textContent = `value ${model.get("value")}`; };
    el.addEventListener("click", () => {
      model.set("value", model.get("value") + 1);
      model.save_changes();
    });
    model.on("change:value", show);
    show();
    return () => { document.title = "cleaned up"; };
  },
};
"""


@pytest.fixture
def shown(browser: Browser, tmp_path: Path):
    """Open a page with these modules, models and views; the host runs on it."""

    @contextmanager
    def show(shared: list[str], state: dict, views: list[str], **how) -> Iterator[Page]:
        stages = "".join(
            f'<div class="widget-stage" id="stage-{view}">'
            f'<div class="poster"><p>poster of {view}</p></div>'
            f'<script type="{VIEW}">{json.dumps({"model_id": view})}</script></div>'
            for view in views
        )
        packed = json.dumps({"shared": shared, "state": state}).replace("<", "\\u003c")
        (tmp_path / "widget_host.js").write_bytes(HOST.read_bytes())
        (tmp_path / "favicon.ico").write_bytes(b"")
        (tmp_path / "page.html").write_text(
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Page</title>'
            f'<script type="{STATE}">{packed}</script><script defer src="widget_host.js"></script>'
            f"</head><body>{stages}</body></html>",
            encoding="utf-8",
        )
        with serving(tmp_path) as url, visiting(browser, f"{url}/page.html", **how) as visit:
            yield visit.page

    return show


def model(value: int = 1, module: int = 0, **more: object) -> dict:
    state = {"_esm": {"shared": module}, "value": value, **more}
    return {"state": state, "buffers": []}


def test_a_widget_replaces_its_poster_and_answers(shown) -> None:
    with shown([SHOW_VALUE], {"a": model(3)}, ["a"]) as page:
        stage = page.locator("#stage-a")
        expect(stage.locator(".widget")).to_have_text("value 3")
        expect(stage.locator(".poster")).to_have_count(0)
        stage.locator(".widget").click()
        expect(stage.locator(".widget")).to_have_text("value 4")


def test_two_views_of_one_model_move_together(shown) -> None:
    with shown([SHOW_VALUE], {"a": model(3)}, ["a", "a"]) as page:
        widgets = page.locator(".widget")
        expect(widgets).to_have_text(["value 3", "value 3"])
        widgets.nth(1).click()
        expect(widgets).to_have_text(["value 4", "value 4"])


def test_buffers_arrive_as_bytes_where_they_belong(shown) -> None:
    """Catches arrays of the wrong type, length, or place."""
    module = """export default { render({ model, el }) {
      const bins = new Uint8Array(model.get("bins").buffer);
      const deep = new Float32Array(model.get("runs")[1].x.buffer);
      el.textContent = `${bins.join()} ${deep.join()}`;
    } };"""
    entry = model(runs=[{}, {"x": None}])
    floats = base64.b64encode(b"\x00\x00\x80\x3f\x00\x00\x00\xc0").decode()
    entry["buffers"] = [
        {
            "path": ["bins"],
            "data": base64.b64encode(bytes([0, 127, 128, 255])).decode(),
        },
        {"path": ["runs", 1, "x"], "data": floats},
    ]
    with shown([module], {"a": entry}, ["a"]) as page:
        expect(page.locator(".widget")).to_have_text("0,127,128,255 1,-2")


@pytest.mark.parametrize(("both_ways", "after"), [(True, 6), (False, 3)])
def test_links_carry_values(shown, both_ways: bool, after: int) -> None:
    state = {
        "a": model(3),
        "b": model(5),
        "link": {"link": [["a", "value"], ["b", "value"]], "both_ways": both_ways},
    }
    with shown([SHOW_VALUE], state, ["a", "b"]) as page:
        first, second = page.locator("#stage-a .widget"), page.locator("#stage-b .widget")
        expect(second).to_have_text("value 3")  # the source's value from the start
        first.click()
        expect(second).to_have_text("value 4")
        second.click()
        second.click()
        expect(second).to_have_text("value 6")
        expect(first).to_have_text(f"value {after if both_ways else 4}")


def test_modules_are_imported_once_and_told_there_is_no_kernel(shown) -> None:
    module = """
    globalThis.imports = (globalThis.imports ?? 0) + 1;
    export default async () => ({
      initialize({ model }) { model.set("value", model.get("value") + 10); },
      render({ model, el, experimental, signal }) {
        const known = globalThis.__normlib_static_host && model.isStatic;
        el.textContent = `${known} ${imports} ${model.get("value")} ${signal.aborted}`;
        model.send({ anything: true });
        experimental.invoke("train").catch((error) => { el.title = error.message; });
      },
    });"""
    state = {"a": model(1), "b": model(2)}
    with shown([module], state, ["a", "b", "a"]) as page:
        texts = ["true 1 11 false", "true 1 12 false", "true 1 11 false"]
        expect(page.locator(".widget")).to_have_text(texts)
        expect(page.locator(".widget").first).to_have_attribute(
            "title", "there is no kernel on this page"
        )


def test_styles_are_added_once(shown) -> None:
    state = {name: model(1, _css={"shared": 1}) for name in "ab"}
    with shown([SHOW_VALUE, ".widget { color: rgb(1, 2, 3) }"], state, ["a", "b"]) as page:
        expect(page.locator(".widget").nth(1)).to_have_css("color", "rgb(1, 2, 3)")
        assert page.locator("style").count() == 1


def test_off_removes_what_it_names(shown) -> None:
    module = """export default { render({ model, el }) {
      const calls = [];
      const one = () => calls.push(1), two = () => calls.push(2), any = () => calls.push("any");
      model.on("change:value change:other", one);
      model.on("change:value", two);
      model.on("change", any);
      model.set("value", 1);           // unchanged: nothing
      model.set({ value: 2, other: 2 });
      model.off("change:value", one);
      model.set("value", 3);
      model.off("change:value");
      model.set("value", 4);
      model.off();
      model.set("value", 5);
      el.textContent = calls.join();
    } };"""
    with shown([module], {"a": model(1)}, ["a"]) as page:
        expect(page.locator(".widget")).to_have_text("1,2,1,any,2,any,any")


def test_cleanup_runs_when_the_widget_leaves_the_page(shown) -> None:
    with shown([SHOW_VALUE], {"a": model()}, ["a"]) as page:
        expect(page.locator(".widget")).to_be_visible()
        page.evaluate("document.querySelector('#stage-a').remove()")
        page.wait_for_function("document.title === 'cleaned up'")


@pytest.mark.parametrize(
    "module",
    [
        "export default { render() { throw new Error('broken') } };",
        "export default { initialize() { throw new Error('broken') }, render() {} };",
        "this is not a module",
    ],
)
def test_a_module_that_fails_leaves_the_poster_and_says_so(shown, module: str) -> None:
    state = {"a": model(1, module=1), "b": model(7)}
    with shown([SHOW_VALUE, module], state, ["a", "b"]) as page:
        expect(page.locator(".widget-note")).to_contain_text("picture")
        expect(page.locator("#stage-a .poster")).to_be_visible()
        expect(page.locator("#stage-a .widget")).to_have_count(0)
        expect(page.locator("#stage-b .widget")).to_have_text("value 7")  # not disturbed


def test_it_runs_on_a_page_opened_as_a_file(shown, browser: Browser, tmp_path: Path) -> None:
    with shown([SHOW_VALUE], {"a": model(3)}, ["a"]):
        page = browser.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        expect(page.locator(".widget")).to_have_text("value 3")
        page.close()


@pytest.mark.parametrize("name", FAMILY)
def test_the_books_own_widgets_run_in_it(shown, name: str) -> None:
    """Catches a widget that needs more of its host than a page of the book has."""
    widget = FAMILY[name]()
    state = {trait: value for trait, value in widget.get_state().items() if trait[0] != "_"}
    buffers = [{"path": ["data"], "data": base64.b64encode(state.pop("data")).decode()}]
    for trait in ("layout", "tabbable", "tooltip"):
        state.pop(trait, None)
    entry = {
        "state": {"_esm": {"shared": 0}, "_css": {"shared": 1}, "data": None, **state},
        "buffers": buffers,
    }
    with shown([widget._esm, widget._css], {"a": entry}, ["a", "a"]) as page:
        expect(page.locator(".nl-widget")).to_have_count(2)
        expect(page.locator(".poster")).to_have_count(0)
        both = "[...document.querySelectorAll('.widget')].map((el) => el.__widget.values())"
        first, second = page.evaluate(both)
        assert first == second
        slider = page.locator(".nl-widget").first.get_by_role("slider").first
        slider.press("ArrowRight")
        moved, second = page.evaluate(both)
        assert moved == second != first  # two views of one model
