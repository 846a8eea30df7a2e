// One of each control that no widget of the book has yet, and a plot whose pixels can be measured.
class Sampler extends Exhibit {
  constructor(model, el) {
    super(model, el, { look: "nl-sampler", summary: "Numbers" });
  }

  build() {
    const word = this.tie(menu("Word", [["one", "The first"], ["two", "The second"]]), "word");
    const flag = this.tie(check("Yes or no"), "flag");
    this.canvas = element("canvas", { role: "img", "aria-label": "a dot" });
    this.root.append(row(word, flag), this.canvas);
  }

  layout() {
    this.box = { width: this.width, height: 140, left: 40, right: this.width - 20, top: 10, bottom: 110 };
  }

  draw() {
    const { box, colours } = this;
    const plot = new Plot(prepare(this.canvas, box, colours), box, { x: [-1, 3], y: [0, 10], colours });
    plot.inside(() => {
      plot.area([[-1, 2], [0, 2]], { tone: "#00f", alpha: 1 });
      plot.line([[1, 0], [1, 20]], { tone: "#0f0", width: 2 });
      plot.dots([[2, 5]], { tone: "#f00", radius: 4 });
    });
  }

  values() {
    return { word: this.model.get("word"), flag: this.model.get("flag") };
  }

  words() {
    return `${this.model.get("word")} 1`;
  }

  numbers() {
    return { caption: "Numbers", head: ["", "value"], groups: [{ rows: [["word", this.model.get("word")]] }] };
  }
}

export default { render: exhibit(Sampler) };
