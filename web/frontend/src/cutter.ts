// The dialog in which a cover is cut: three sliders say size and place, so that keys and touch do alike; the frame
// may be dragged as well. What is sent are pixels of the picture; the server cuts.
export interface Cut {
  shape: string;
  left: number;
  top: number;
  width: number;
}

const LEAST = 100; // pixels, as the server has it
const WHOLE = 1000; // of a slider

class Cutter {
  private readonly picture: HTMLImageElement;
  private readonly frame: HTMLElement;
  private readonly wide: number;
  private readonly high: number;

  constructor(private readonly form: HTMLFormElement, opener: HTMLElement) {
    this.picture = form.querySelector("img") as HTMLImageElement;
    this.frame = form.querySelector("[data-cut-frame]") as HTMLElement;
    this.wide = Number(opener.dataset.wide);
    this.high = Number(opener.dataset.high);
    this.picture.src = opener.dataset.src ?? "";
    this.picture.alt = opener.dataset.alt ?? "";
    this.set("size", WHOLE);
    this.set("left", WHOLE / 2);
    this.set("top", WHOLE / 2);
    form.oninput = () => this.draw();
    this.frame.onpointerdown = (event) => this.drag(event);
    this.draw();
  }

  private slider(name: string): HTMLInputElement {
    return this.form.elements.namedItem(name) as HTMLInputElement;
  }

  private set(name: string, value: number): void {
    this.slider(name).value = String(value);
  }

  private get shape(): HTMLInputElement {
    return this.form.querySelector('[name="shape"]:checked') as HTMLInputElement;
  }

  /** Width and height of what is cut, in pixels of the picture. */
  private size(): [number, number] {
    const ratio = Number(this.shape.dataset.ratio);
    const most = Math.min(this.wide, Math.floor(this.high * ratio));
    const width = Math.round(LEAST + ((most - LEAST) * Number(this.slider("size").value)) / WHOLE);
    return [width, Math.round(width / ratio)];
  }

  cut(): Cut {
    const [width, height] = this.size();
    const left = Math.floor(((this.wide - width) * Number(this.slider("left").value)) / WHOLE);
    const top = Math.floor(((this.high - height) * Number(this.slider("top").value)) / WHOLE);
    return { shape: this.shape.value, left, top, width };
  }

  private draw(): void {
    const { left, top, width } = this.cut();
    const height = this.size()[1];
    const part = (value: number, of: number): string => `${(value / of) * 100}%`;
    const { style } = this.frame;
    style.left = part(left, this.wide);
    style.top = part(top, this.high);
    style.width = part(width, this.wide);
    style.height = part(height, this.high);
    for (const [name, room] of [["left", this.wide - width], ["top", this.high - height]] as const) {
      this.slider(name).disabled = room === 0;
    }
    const told = this.form.querySelector<HTMLElement>("[data-cut-told]");
    if (told) {
      told.textContent = (told.dataset.cutTold ?? "").replace("%w", String(width)).replace("%h", String(height));
    }
  }

  private drag(down: PointerEvent): void {
    down.preventDefault();
    const box = this.picture.getBoundingClientRect();
    const [width, height] = this.size();
    const begun = { left: Number(this.slider("left").value), top: Number(this.slider("top").value) };
    const moved = (from: number, by: number, shown: number, whole: number, room: number): number =>
      room === 0 ? from : from + ((by * whole) / shown / room) * WHOLE;
    this.frame.setPointerCapture(down.pointerId);
    this.frame.onpointermove = (event) => {
      const [x, y] = [event.clientX - down.clientX, event.clientY - down.clientY];
      this.set("left", moved(begun.left, x, box.width, this.wide, this.wide - width));
      this.set("top", moved(begun.top, y, box.height, this.high, this.high - height));
      this.draw();
    };
    this.frame.onpointerup = this.frame.onpointercancel = () => {
      this.frame.onpointermove = null;
    };
  }
}

/** Opens the dialog over the picture that `opener` names; `take` gets what was cut. */
export function openCutter(opener: HTMLElement, take: (cut: Cut) => void): void {
  const dialog = document.getElementById("cover");
  const form = dialog?.querySelector<HTMLFormElement>("[data-cutter]");
  if (!(dialog instanceof HTMLDialogElement) || !form) return;
  const cutter = new Cutter(form, opener);
  form.onsubmit = (event) => {
    event.preventDefault();
    take(cutter.cut());
    dialog.close();
  };
  dialog.showModal();
}
