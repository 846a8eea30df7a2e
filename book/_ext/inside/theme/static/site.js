// What a page needs a script for: the theme button, scrolling with the keyboard, copying code.

const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const button = document.getElementById("theme-button");

function showTheme() {
  const system = systemIsDark.matches ? "dark" : "light";
  root.dataset.theme = root.dataset.mode === "auto" ? system : root.dataset.mode;
  button.setAttribute("aria-pressed", root.dataset.theme === "dark");
}

button.addEventListener("click", () => {
  const wanted = root.dataset.theme === "dark" ? "light" : "dark";
  const system = systemIsDark.matches ? "dark" : "light";
  // Choosing what the system says anyway means following the system again.
  root.dataset.mode = wanted === system ? "auto" : wanted;
  try {
    localStorage.setItem("mode", root.dataset.mode);
  } catch {
    // Storage is blocked: the choice lasts for this page.
  }
  showTheme();
});
systemIsDark.addEventListener("change", showTheme);
addEventListener("beforeprint", () => (root.dataset.theme = "light")); // widgets too
addEventListener("afterprint", showTheme);
showTheme();

// What scrolls must be reachable with the Tab key, and nothing else needs to be.
// Content grows when its font arrives, so that is watched beside the box around it.
const scrolling = "pre, .scrolls, .text_html, dl.py p:has(> math)";
const observer = new ResizeObserver((entries) => {
  for (const scroller of new Set(entries.map(({ target }) => target.closest(scrolling)))) {
    if (scroller.scrollWidth > scroller.clientWidth) scroller.tabIndex = 0;
    else scroller.removeAttribute("tabindex");
  }
});
for (const scroller of document.querySelectorAll(scrolling)) {
  for (const box of [scroller, ...scroller.children]) observer.observe(box);
}

// A page opened as a file has no clipboard: then there are no buttons.
if (navigator.clipboard) {
  for (const code of document.querySelectorAll(".cell_input pre, .highlight-bash pre")) {
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "copy";
    copy.textContent = "Copy";
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.textContent.trimEnd());
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy"), 2000);
    });
    code.after(copy);
  }
}
