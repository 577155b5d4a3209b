// Ctrl-K opens the palette. Single keys ([data-key="n"], J and K in [data-rows], ? for help) can be switched off
// (WCAG 2.1.4) and never act while somebody types.
const SWITCH = "meizhen-keys";

function typing(at: EventTarget | null): boolean {
  return at instanceof HTMLElement && (at.isContentEditable || at.matches("input, textarea, select"));
}

function visible(element: HTMLElement): boolean {
  return element.getClientRects().length > 0;
}

function step(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-rows] [data-row]")].filter(visible);
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function open(id: string): void {
  const dialog = document.getElementById(id);
  if (dialog instanceof HTMLDialogElement && !document.querySelector("dialog[open]")) dialog.showModal();
}

function single(key: string): boolean {
  if (document.querySelector("dialog[open]")) return false;
  if (key === "?") open("help");
  else if (key === "j") step(1);
  else if (key === "k") step(-1);
  else {
    const target = [...document.querySelectorAll<HTMLElement>(`[data-key="${CSS.escape(key)}"]`)].find(visible);
    if (!target) return false;
    target.click();
  }
  return true;
}

/** Up and down in the palette's answers. */
function choose(event: KeyboardEvent): void {
  const palette = document.getElementById("palette");
  if (!palette?.contains(event.target as Node) || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  const links = [...palette.querySelectorAll<HTMLElement>("input, a")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  links[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  event.preventDefault();
}

export function onKeys(): void {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open("palette");
      return;
    }
    choose(event);
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (localStorage.getItem(SWITCH) === "off") return;
    if (single(event.key.toLowerCase())) event.preventDefault();
  });
  const box = document.getElementById("single-keys");
  if (box instanceof HTMLInputElement) {
    box.checked = localStorage.getItem(SWITCH) !== "off";
    box.addEventListener("change", () => localStorage.setItem(SWITCH, box.checked ? "on" : "off"));
  }
}
