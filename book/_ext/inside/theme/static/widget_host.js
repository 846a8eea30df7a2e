// Runs the book's widgets on a page without a kernel.
//
// The page carries, in tags of Jupyter's own types, the state of its widgets and the places
// where they stand (written by widgets.py). A widget's module is an anywidget front-end
// module: `export default { initialize?, render }`. Here it gets a model with the same
// methods as in Jupyter; what it would send to Python goes nowhere.
//
// A script, not a module, so that it also runs on a page opened as a file.

(() => {
  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';

  // Modules may ask: there is no kernel here, so offer nothing that needs one.
  globalThis.__normlib_static_host = true;

  class Model {
    #values;
    #listeners = new Map();

    constructor(values, find) {
      this.#values = values;
      this.isStatic = true;
      this.widget_manager = { get_model: async (id) => find(id) };
    }
    get(name) {
      return this.#values[name];
    }
    set(name, value) {
      const changes = typeof name === "object" ? name : { [name]: value };
      const changed = Object.keys(changes).filter((key) => this.#values[key] !== changes[key]);
      for (const key of changed) this.#values[key] = changes[key];
      for (const key of changed) this.#emit(`change:${key}`, this, changes[key]);
      if (changed.length) this.#emit("change", this);
    }
    save_changes() {}
    send() {}
    on(names, listener) {
      for (const name of names.split(/\s+/)) {
        if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
        this.#listeners.get(name).add(listener);
      }
    }
    // Without a listener all are removed; without a name too, everything is.
    off(names, listener) {
      const which = names ? names.split(/\s+/) : [...this.#listeners.keys()];
      for (const name of which) {
        if (listener) this.#listeners.get(name)?.delete(listener);
        else this.#listeners.delete(name);
      }
    }
    #emit(name, ...details) {
      for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(...details);
    }
  }

  function bytes(base64) {
    const text = atob(base64);
    const array = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) array[i] = text.charCodeAt(i);
    return new DataView(array.buffer);
  }

  // Arrays travel apart from the JSON, each with the path where it belongs.
  function putBuffers(values, buffers) {
    for (const { path, data } of buffers) {
      const place = path.slice(0, -1).reduce((inner, key) => inner[key], values);
      place[path.at(-1)] = bytes(data);
    }
  }

  function link([[source, from], [target, to]], bothWays, models) {
    const copy = () => models.get(target).set(to, models.get(source).get(from));
    copy();
    models.get(source).on(`change:${from}`, copy);
    if (bothWays) {
      const back = () => models.get(source).set(from, models.get(target).get(to));
      models.get(target).on(`change:${to}`, back);
    }
  }

  function addStyle(text) {
    const style = document.createElement("style");
    style.textContent = text;
    document.head.append(style);
  }

  async function load(source) {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const { default: widget } = await import(url);
    URL.revokeObjectURL(url);
    return typeof widget === "function" ? widget() : widget;
  }

  function start() {
    const page = document.querySelector(STATE);
    if (!page) return;
    const { shared, state } = JSON.parse(page.textContent);
    const models = new Map();
    const modules = new Map();
    const styled = new Set();
    const find = (id) => models.get(id.replace(/^IPY_MODEL_/, ""));
    const text = (value) => (typeof value === "object" && value ? shared[value.shared] : value);

    for (const [id, entry] of Object.entries(state)) {
      if (entry.link) continue;
      putBuffers(entry.state, entry.buffers);
      entry.source = text(entry.state._esm);
      entry.style = text(entry.state._css);
      models.set(id, new Model(entry.state, find));
    }
    for (const entry of Object.values(state)) {
      if (entry.link) link(entry.link, entry.both_ways, models);
    }

    // A module is imported once however many widgets use it; a model is initialized once.
    const ready = new Map();
    function prepare(id) {
      if (!ready.has(id)) ready.set(id, initialize(id));
      return ready.get(id);
    }
    async function initialize(id) {
      const { source, style } = state[id];
      if (style && !styled.has(style)) addStyle(style);
      styled.add(style);
      if (!modules.has(source)) modules.set(source, load(source));
      const widget = await modules.get(source);
      await widget.initialize?.({ model: models.get(id), experimental });
      return widget;
    }
    const experimental = {
      invoke: () => Promise.reject(new Error("there is no kernel on this page")),
    };

    async function show(view) {
      const { model_id: id } = JSON.parse(view.textContent);
      const stage = view.parentElement;
      const el = document.createElement("div");
      el.className = "widget starting";
      stage.append(el);
      try {
        const widget = await prepare(id);
        const stop = new AbortController();
        const model = models.get(id);
        const cleanup = await widget.render({ model, el, experimental, signal: stop.signal });
        stage.querySelector(":scope > .poster")?.remove();
        el.classList.remove("starting");
        removed(el, () => {
          stop.abort();
          if (typeof cleanup === "function") cleanup();
        });
      } catch (error) {
        console.error(error);
        el.remove();
        const note = document.createElement("p");
        note.className = "widget-note";
        note.textContent = "The interactive version could not start. This is a picture of it.";
        stage.after(note);
      }
    }

    for (const view of document.querySelectorAll(VIEW)) show(view);
  }

  function removed(el, then) {
    const observer = new MutationObserver(() => {
      if (el.isConnected) return;
      observer.disconnect();
      then();
    });
    observer.observe(document.body, { childList: true, subtree: true });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
