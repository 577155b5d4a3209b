// Short news in a corner. It stays while the page is in the background, hovered or focused.
const SECONDS = 8;

export function toast(told: string, kind: string): void {
  const place = document.getElementById("toasts");
  if (!place || !told) return;
  const shown = document.createElement("div");
  shown.className = `mz-toast mz-toast-${kind}`;
  shown.dataset.toast = "";
  shown.textContent = told;
  place.append(shown);
}

function adopt(shown: HTMLElement): void {
  if (shown.dataset.toast === "kept" || shown.dataset.counted) return;
  shown.dataset.counted = "yes";
  let left = SECONDS;
  const timer = window.setInterval(() => {
    if (document.hidden || shown.matches(":hover, :focus-within")) return;
    left -= 1;
    if (left > 0) return;
    window.clearInterval(timer);
    shown.remove();
  }, 1000);
}

interface Told {
  text: string;
  kind: string;
}

export function onToasts(): void {
  const place = document.getElementById("toasts");
  if (!place) return;
  const look = (): void => place.querySelectorAll<HTMLElement>("[data-toast]").forEach(adopt);
  new MutationObserver(look).observe(place, { childList: true });
  look();
  // The server's header `HX-Trigger: {"toast": {"text": …, "kind": …}}`.
  document.addEventListener("toast", (event) => {
    const { text, kind } = (event as CustomEvent<Told>).detail;
    toast(text, kind);
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-close-toast]")) {
      event.target.closest("[data-toast]")?.remove();
    }
  });
}
