// What the book's widgets share. Python puts the kit in front of a widget's own files, so that all
// of them make one module; none imports another.

// ---- elements -------------------------------------------------------------------------------

/** Make an element: element("p", {class: "note"}, "text", child). */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  setAttributes(made, attributes);
  made.append(...children);
  return made;
}

/** Make an element of a drawing: vector("line", {x1: 0, …}). It is decoration: words stand beside. */
function vector(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(made, tag === "svg" ? { "aria-hidden": "true", ...attributes } : attributes);
  made.append(...children);
  return made;
}

function setAttributes(made, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
}

/** Set an element's text only when it has changed: most frames change few words. */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** In JupyterLab a letter is a command, unless what has the focus says that keys are its own. */
function keepKeys(root) {
  for (const node of root.querySelectorAll("button, input, select, summary, [tabindex]"))
    node.setAttribute("data-lm-suppress-shortcuts", "true");
}

/** Everything a widget starts, so that it can be ended at once. */
class Scope {
  #undo = [];
  closed = false;

  add(undo) {
    this.#undo.push(undo);
  }

  listen(target, type, handler, options) {
    target.addEventListener(type, handler, options);
    this.add(() => target.removeEventListener(type, handler, options));
  }

  /** Listen to a widget model; `type` is "change:name" or "msg:custom". */
  follow(model, type, handler) {
    model.on(type, handler);
    this.add(() => model.off(type, handler));
  }

  every(milliseconds, handler) {
    const timer = setInterval(handler, milliseconds);
    this.add(() => clearInterval(timer));
  }

  close() {
    this.closed = true;
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }
}
