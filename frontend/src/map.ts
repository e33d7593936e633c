// All claims as points on a canvas: wheel, drag and pinch by d3-zoom, the nearest point by a d3-quadtree. The points
// are drawn into an image by hand: 50,000 take a few milliseconds, and no WebGL is needed.
import { quadtree, type Quadtree } from "d3-quadtree";
import { select } from "d3-selection";
import { zoom, zoomIdentity, type ZoomTransform } from "d3-zoom";

type Point = number; // its place in the arrays
interface Points {
  count: number;
  ids: Uint32Array;
  x: Uint16Array;
  y: Uint16Array;
  group: Uint8Array;
}
interface Told {
  text: string;
  lang: string;
  title: string;
  date: string | null;
  url: string;
}
const GRID = 65535;
const REST = 60; // milliseconds that the pointer stays before the server is asked
const WHILE_MOVING = 60_000; // points drawn at most while the map moves
const REACH = 12; // pixels around the pointer in which a point is taken for meant

/** Read what kb.server.scatter.packed wrote. */
function unpack(data: ArrayBuffer): Points {
  const count = new DataView(data).getUint32(0, true);
  const ids = new Uint32Array(data, 4, count);
  const x = new Uint16Array(data, 4 + 4 * count, count);
  const y = new Uint16Array(data, 4 + 6 * count, count);
  const group = new Uint8Array(data, 4 + 8 * count, count);
  return { count, ids, x, y, group };
}

class Chart {
  private readonly canvas: HTMLCanvasElement;
  private readonly pen: CanvasRenderingContext2D;
  private readonly card: HTMLElement;
  private readonly legend: HTMLElement[];
  private at: ZoomTransform = zoomIdentity;
  private only = 0;
  private colours: Uint32Array = new Uint32Array(0);
  private width = 0;
  private height = 0;
  private scale = 1;
  private waiting = 0;
  private shown = -1;
  private resting = 0;
  private settling = 0;
  private moving = false;
  private asked: AbortController | null = null;
  private tree: Quadtree<Point> | null = null;

  constructor(private readonly box: HTMLElement, private readonly points: Points) {
    this.canvas = box.querySelector("canvas")!;
    this.pen = this.canvas.getContext("2d", { alpha: false })!;
    this.card = box.querySelector(".card")!;
    this.legend = [...document.querySelectorAll<HTMLElement>("[data-number]")];
    this.listen();
    this.fit();
  }

  private listen(): void {
    const behaviour = zoom<HTMLCanvasElement, unknown>()
      .scaleExtent([0.8, 60])
      .on("zoom", (event: { transform: ZoomTransform }) => {
        this.at = event.transform;
        this.moving = true; // every so many-th point is enough until it rests
        window.clearTimeout(this.settling);
        this.settling = window.setTimeout(() => {
          this.moving = false;
          this.draw();
        }, REST * 3);
        this.draw();
      });
    const canvas = select(this.canvas);
    canvas.call(behaviour);
    for (const button of this.box.querySelectorAll<HTMLButtonElement>("[data-zoom]")) {
      button.addEventListener("click", () => {
        if (button.dataset["zoom"] === "all") behaviour.transform(canvas, zoomIdentity);
        else behaviour.scaleBy(canvas, button.dataset["zoom"] === "in" ? 1.6 : 1 / 1.6);
      });
    }
    this.canvas.addEventListener("keydown", (event) => {
      const steps: Record<string, [number, number]> = {
        ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60],
      };
      const step = steps[event.key];
      if (step) behaviour.translateBy(canvas, step[0] / this.at.k, step[1] / this.at.k);
      else if (event.key === "+") behaviour.scaleBy(canvas, 1.6);
      else if (event.key === "-") behaviour.scaleBy(canvas, 1 / 1.6);
      else if (event.key === "0") behaviour.transform(canvas, zoomIdentity);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.canvas.addEventListener("pointermove", (event) => {
      window.clearTimeout(this.resting);
      this.resting = window.setTimeout(() => void this.tell(event), REST);
    });
    this.canvas.addEventListener("click", (event) => void this.tell(event));
    new ResizeObserver(() => this.fit()).observe(this.box);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.fit());
    for (const row of this.legend) {
      const button = row.querySelector<HTMLButtonElement>("button.show");
      button?.removeAttribute("hidden");
      button?.addEventListener("click", () => this.choose(Number(row.dataset["number"])));
    }
  }

  /** Show the points of one topic alone, or of all again. */
  private choose(number: number): void {
    this.only = this.only === number ? 0 : number;
    for (const row of this.legend) {
      const pressed = String(Number(row.dataset["number"]) === this.only);
      row.querySelector("button.show")?.setAttribute("aria-pressed", pressed);
    }
    this.draw();
  }

  /** Take the size and the colours of the page as they are now. */
  private fit(): void {
    const bounds = this.canvas.getBoundingClientRect();
    this.scale = Math.min(window.devicePixelRatio || 1, 2);
    this.width = Math.max(1, Math.round(bounds.width * this.scale));
    this.height = Math.max(1, Math.round(bounds.height * this.scale));
    this.canvas.width = this.width;
    this.canvas.height = this.height;
    const style = getComputedStyle(document.documentElement);
    const names = ["--ground", ...Array.from({ length: 13 }, (_, place) => `--g${place}`)];
    this.colours = Uint32Array.from(names, (name) => {
      const rgb = parseInt(style.getPropertyValue(name).trim().slice(1), 16);
      return (255 << 24) | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16); // little-endian ABGR
    });
    this.tree = null;
    this.draw();
  }

  private draw(): void {
    if (!this.waiting) this.waiting = requestAnimationFrame(() => this.paint());
  }

  /** Return where the map's corner is and how long its side, in pixels of the canvas, before zooming. */
  private frame(): [number, number, number] {
    const side = Math.min(this.width, this.height) * 0.98;
    return [(this.width - side) / 2, (this.height - side) / 2, side];
  }

  private paint(): void {
    this.waiting = 0;
    const { width, height, points } = this;
    const image = this.pen.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    pixels.fill(this.colours[0]!);
    const [left, top, side] = this.frame();
    const k = this.at.k;
    const size = Math.max(1, Math.round(this.scale * Math.min(7, (points.count > 60000 ? 1.1 : points.count > 4000 ? 2 : 3.5) + Math.log2(Math.max(k, 1)) * 0.75)));
    const moveX = this.at.x * this.scale + k * left - size / 2;
    const moveY = this.at.y * this.scale + k * top - size / 2;
    const step = (k * side) / GRID;
    const stride = this.moving ? Math.ceil(points.count / WHILE_MOVING) : 1;
    for (let layer = 0; layer < 2; layer++) { // those without a topic lie below
      for (let i = 0; i < points.count; i += stride) {
        const group = points.group[i]!;
        if ((group === 0 || (this.only !== 0 && group !== this.only)) !== (layer === 0)) continue;
        const x = Math.round(moveX + points.x[i]! * step);
        const y = Math.round(moveY + points.y[i]! * step);
        if (x < 0 || y < 0 || x + size > width || y + size > height) continue;
        const colour = this.colours[layer === 0 ? 1 : group + 1]!;
        for (let row = y; row < y + size; row++) pixels.fill(colour, row * width + x, row * width + x + size);
      }
    }
    this.pen.putImageData(image, 0, 0);
    this.label(left, top, side);
    this.ring(left, top, side);
    this.box.dataset["drawn"] = String(points.count);
  }

  /** Write the names of topics where their points are. */
  private label(left: number, top: number, side: number): void {
    const style = getComputedStyle(document.documentElement);
    const family = getComputedStyle(document.body).fontFamily;
    this.pen.font = `600 ${Math.round(13 * this.scale)}px ${family}`;
    this.pen.textAlign = "center";
    this.pen.textBaseline = "middle";
    this.pen.lineJoin = "round";
    this.pen.lineWidth = 4 * this.scale;
    const taken: [number, number, number][] = [];
    for (const row of this.legend) {
      const number = Number(row.dataset["number"]);
      if (this.only && number !== this.only) continue;
      const name = row.querySelector("a")?.textContent?.trim() ?? "";
      const x = this.at.x * this.scale + this.at.k * (left + Number(row.dataset["x"]) * side);
      const y = this.at.y * this.scale + this.at.k * (top + Number(row.dataset["y"]) * side);
      const wide = this.pen.measureText(name).width / 2;
      const high = 16 * this.scale;
      if (taken.some(([a, b, w]) => Math.abs(a - x) < w + wide && Math.abs(b - y) < high)) continue;
      taken.push([x, y, wide]);
      this.pen.strokeStyle = style.getPropertyValue("--ground");
      this.pen.fillStyle = style.getPropertyValue(`--g${number}`);
      this.pen.strokeText(name, x, y);
      this.pen.fillText(name, x, y);
    }
  }

  /** Draw a ring around the point whose claim is shown. */
  private ring(left: number, top: number, side: number): void {
    if (this.shown < 0) return;
    const [x, y] = this.place(this.shown, left, top, side);
    this.pen.beginPath();
    this.pen.arc(x, y, 6 * this.scale, 0, 2 * Math.PI);
    this.pen.lineWidth = 2 * this.scale;
    this.pen.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--focus");
    this.pen.stroke();
  }

  private place(point: Point, left: number, top: number, side: number): [number, number] {
    const x = this.at.x * this.scale + this.at.k * (left + (this.points.x[point]! / GRID) * side);
    const y = this.at.y * this.scale + this.at.k * (top + (this.points.y[point]! / GRID) * side);
    return [x, y];
  }

  /** Return the point under the pointer, or -1. */
  private near(event: PointerEvent | MouseEvent): Point {
    this.tree ??= quadtree<Point>()
      .x((point) => this.points.x[point]!)
      .y((point) => this.points.y[point]!)
      .addAll(Array.from({ length: this.points.count }, (_, point) => point));
    const bounds = this.canvas.getBoundingClientRect();
    const [left, top, side] = this.frame();
    const [x, y] = this.at.invert([event.clientX - bounds.left, event.clientY - bounds.top]);
    const unit = GRID / side;
    const reach = (REACH * this.scale * unit) / this.at.k;
    return this.tree.find((x * this.scale - left) * unit, (y * this.scale - top) * unit, reach) ?? -1;
  }

  /** Show the claim of the point under the pointer. */
  private async tell(event: PointerEvent | MouseEvent): Promise<void> {
    if (event instanceof PointerEvent && event.type === "pointermove" && event.buttons) return;
    const point = this.near(event);
    if (point < 0 || point === this.shown) return;
    this.shown = point;
    this.draw();
    this.asked?.abort();
    const own = (this.asked = new AbortController());
    try {
      const answer = await fetch(`${this.box.dataset["point"]}${this.points.ids[point]}.json`, { signal: own.signal });
      if (!answer.ok) return;
      const told = (await answer.json()) as Told;
      const quote = document.createElement("p");
      const link = document.createElement("a");
      link.href = told.url;
      link.lang = told.lang;
      link.textContent = told.text;
      quote.append(link);
      const source = document.createElement("p");
      source.className = "meta";
      source.textContent = [told.title, told.date].filter(Boolean).join(" · ");
      this.card.replaceChildren(quote, source);
      this.card.hidden = false;
    } catch (error) {
      if (!own.signal.aborted) throw error;
    }
  }
}

async function start(box: HTMLElement): Promise<void> {
  const answer = await fetch(box.dataset["points"]!);
  if (!answer.ok) return;
  if (box.dataset["pending"]) return location.reload(); // it has been laid out meanwhile
  const points = unpack(await answer.arrayBuffer());
  box.hidden = false;
  document.getElementById("map-hint")?.removeAttribute("hidden");
  new Chart(box, points);
}

const box = document.getElementById("map");
if (box) void start(box);
