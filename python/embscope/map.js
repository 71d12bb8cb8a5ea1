// The map of a vocabulary: points on a canvas, with search, hover, zoom, and a selection that goes back to Python.
// One file, no network. Positions arrive as float32 bytes [N, 2], labels as one string separated by U+0000.

const sharp = () => globalThis.devicePixelRatio || 1;  // canvas pixels in a pixel of the page
const GREY = [120, 132, 150], MARK = "#e4572e", FOUND = "#2a9d8f";

function floats(view) {
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

function bounds(points) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 2) {
    x0 = Math.min(x0, points[i]); x1 = Math.max(x1, points[i]);
    y0 = Math.min(y0, points[i + 1]); y1 = Math.max(y1, points[i + 1]);
  }
  return { x0, y0, size: Math.max(x1 - x0, y1 - y0, 1e-9) };
}

/** Points by square of a grid, so that a hover looks at a few hundred, not at all. */
class Grid {
  constructor(points, side = 128) {
    Object.assign(this, bounds(points));
    this.points = points; this.side = side;
    this.cells = new Map();
    for (let i = 0; i < points.length / 2; i++) {
      const key = this.key(this.cell(points[2 * i] - this.x0), this.cell(points[2 * i + 1] - this.y0));
      if (!this.cells.has(key)) this.cells.set(key, []);
      this.cells.get(key).push(i);
    }
  }
  cell(offset) { return Math.min(this.side - 1, Math.max(0, Math.floor(offset / this.size * this.side))); }
  key(column, row) { return row * this.side + column; }
  nearest(x, y, reach) {
    let best = -1, least = reach * reach;
    for (let row = this.cell(y - reach - this.y0); row <= this.cell(y + reach - this.y0); row++)
      for (let column = this.cell(x - reach - this.x0); column <= this.cell(x + reach - this.x0); column++)
        for (const i of this.cells.get(this.key(column, row)) ?? []) {
          const distance = (this.points[2 * i] - x) ** 2 + (this.points[2 * i + 1] - y) ** 2;
          if (distance < least) { least = distance; best = i; }
        }
    return best;
  }
}

function inside(polygon, x, y) {
  let within = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i], [xj, yj] = polygon[j];
    if ((yi > y) !== (yj > y) && x < (xj - xi) * (y - yi) / (yj - yi) + xi) within = !within;
  }
  return within;
}

function page(el) {
  el.innerHTML = `
    <style>
      .es-map { font: 13px system-ui, sans-serif; position: relative; max-width: 900px; }
      .es-bar { display: flex; gap: 8px; align-items: center; margin-bottom: 4px; }
      .es-bar input { flex: 0 1 220px; padding: 3px 6px; }
      .es-map canvas { width: 100%; border: 1px solid #8884; touch-action: none; display: block; }
      .es-tip { position: absolute; pointer-events: none; background: #111d; color: #fff; padding: 2px 6px; border-radius: 3px; display: none; white-space: pre; }
      .es-said { color: #888; }
    </style>
    <div class="es-map">
      <div class="es-bar"><input type="search" placeholder="search tokens" aria-label="search tokens"><button>whole map</button>
        <span class="es-said" role="status"></span></div>
      <canvas tabindex="0" aria-label="map of tokens: drag to move, wheel to zoom, shift and drag to select"></canvas><div class="es-tip"></div>
    </div>`;
  const find = (selector) => el.querySelector(selector);
  return { canvas: find("canvas"), search: find("input"), whole: find("button"), said: find(".es-said"), tip: find(".es-tip") };
}

function render({ model, el }) {
  const ui = page(el);
  const context = ui.canvas.getContext("2d");
  let points, labels, folded, grid, view, found = [], hover = -1, lasso = null, drawing = 0;

  const scale = () => ui.canvas.width / view.size;
  const onto = (i) => [(points[2 * i] - view.x0) * scale(), (view.y0 + view.size * ratio() - points[2 * i + 1]) * scale()];
  const from = (event) => {
    const box = ui.canvas.getBoundingClientRect(), k = view.size / box.width;
    return [view.x0 + (event.clientX - box.left) * k, view.y0 + view.size * ratio() - (event.clientY - box.top) * k];
  };
  const ratio = () => ui.canvas.height / ui.canvas.width;

  function read() {
    points = floats(model.get("points"));
    labels = model.get("labels").split("\0");
    folded = labels.map((label) => label.toLowerCase());
    grid = new Grid(points);
    wholeMap();
  }
  function wholeMap() {
    ui.canvas.width = 900 * sharp(); ui.canvas.height = ui.canvas.width * 0.7;
    const size = grid.size * 1.08 / ratio();
    view = { x0: grid.x0 - (size - grid.size) / 2, y0: grid.y0 - grid.size * 0.04, size };
    draw();
  }

  function marks(ids, colour, radius, named) {
    context.fillStyle = colour;
    for (const i of ids) {
      const [x, y] = onto(i);
      if (x < 0 || y < 0 || x > ui.canvas.width || y > ui.canvas.height) continue;
      context.beginPath(); context.arc(x, y, radius, 0, 7); context.fill();
      if (named) context.fillText(labels[i], x + radius + 2, y + 4 * sharp());
    }
  }
  /** Offsets and weight of a dot: as large as the points lie apart, so that few points are seen and many do not run together. */
  function dot() {
    const apart = scale() * grid.size / Math.sqrt(points.length / 2), most = 7 * sharp();
    const side = Math.max(1, Math.round(Math.min(most, 0.4 * apart))), offsets = [], middle = (side - 1) / 2;
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++)
      if (side < 4 || Math.hypot(x - middle, y - middle) <= side / 2) offsets.push([Math.round(x - middle), Math.round(y - middle)]);
    return { offsets, weight: side > 2 ? 190 : 110 };
  }
  function cloud() {  // all points as pixels: 50,000 of them in a few milliseconds
    const { width, height } = ui.canvas, image = context.createImageData(width, height), { offsets, weight } = dot();
    for (let i = 0; i < points.length / 2; i++) {
      const [x, y] = onto(i).map(Math.round);
      for (const [dx, dy] of offsets) {
        if (x + dx < 0 || y + dy < 0 || x + dx >= width || y + dy >= height) continue;
        const at = 4 * ((y + dy) * width + x + dx);
        image.data[at] = GREY[0]; image.data[at + 1] = GREY[1]; image.data[at + 2] = GREY[2];
        image.data[at + 3] = Math.min(255, image.data[at + 3] + weight);
      }
    }
    context.putImageData(image, 0, 0);
  }
  function paint() {
    drawing = 0;
    cloud();
    context.font = `${12 * sharp()}px system-ui, sans-serif`;
    const selection = model.get("selection");
    marks(selection, MARK, 4 * sharp(), selection.length <= 60);
    marks(found, FOUND, 5 * sharp(), found.length <= 60);
    if (hover >= 0) marks([hover], "#000", 5 * sharp(), false);
    if (lasso) {
      context.strokeStyle = MARK; context.beginPath();
      for (const [x, y] of lasso) context.lineTo((x - view.x0) * scale(), (view.y0 + view.size * ratio() - y) * scale());
      context.stroke();
    }
    ui.said.textContent = [found.length ? `${found.length} found` : "", selection.length ? `${selection.length} selected` : "",
      "shift + drag selects"].filter(Boolean).join(" · ");
  }
  const draw = () => { drawing ||= requestAnimationFrame(paint); };

  function choose(ids) { model.set("selection", ids); model.save_changes(); draw(); }

  ui.search.addEventListener("input", () => {
    const wanted = ui.search.value.toLowerCase().replaceAll(" ", "␣");
    found = wanted ? folded.flatMap((label, i) => label.includes(wanted) ? [i] : []) : [];
    draw();
  });
  ui.search.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(found); });
  ui.whole.addEventListener("click", wholeMap);
  ui.canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y] = from(event), by = Math.exp(event.deltaY * 0.0015);
    view = { x0: x - (x - view.x0) * by, y0: y - (y - view.y0) * by, size: view.size * by };
    draw();
  }, { passive: false });

  let drag = null;
  ui.canvas.addEventListener("pointerdown", (event) => {
    ui.canvas.setPointerCapture(event.pointerId);
    if (event.shiftKey) lasso = [from(event)]; else drag = { at: from(event), moved: false };
  });
  ui.canvas.addEventListener("pointermove", (event) => {
    const [x, y] = from(event);
    if (lasso) lasso.push([x, y]);
    else if (drag) {
      drag.moved ||= Math.hypot(x - drag.at[0], y - drag.at[1]) > view.size * 0.004;
      view.x0 -= x - drag.at[0]; view.y0 -= y - drag.at[1];
    } else {
      hover = grid.nearest(x, y, view.size * 0.012);
      const box = el.firstElementChild.nextElementSibling.getBoundingClientRect();
      ui.tip.style.display = hover < 0 ? "none" : "block";
      ui.tip.style.left = `${event.clientX - box.left + 12}px`; ui.tip.style.top = `${event.clientY - box.top + 12}px`;
      ui.tip.textContent = hover < 0 ? "" : `${labels[hover]}  (${model.get("ids")[hover] ?? hover})`;
    }
    draw();
  });
  ui.canvas.addEventListener("pointerup", (event) => {
    if (lasso) {
      const path = lasso;
      lasso = null;
      const ids = [];
      for (let i = 0; i < points.length / 2; i++) if (inside(path, points[2 * i], points[2 * i + 1])) ids.push(i);
      choose(ids);
    } else if (drag && !drag.moved) {
      const [x, y] = from(event), near = grid.nearest(x, y, view.size * 0.012);
      choose(near < 0 ? [] : [near]);
    }
    drag = null;
  });
  ui.canvas.addEventListener("pointerleave", () => { hover = -1; ui.tip.style.display = "none"; draw(); });

  model.on("change:points", read);
  model.on("change:labels", read);
  model.on("change:selection", draw);
  read();
}

export { Grid, inside, bounds };
export default { render };
