// [data-choosing]: rows with boxes; [data-choose-all] takes all of the page, [data-chosen] says how many are taken.
// [data-lives="SECONDS"] goes away after so long.
function boxes(form: HTMLElement): HTMLInputElement[] {
  return [...form.querySelectorAll<HTMLInputElement>('input[type="checkbox"]:not([data-choose-all])')];
}

function count(form: HTMLElement): void {
  const all = boxes(form);
  const chosen = all.filter((box) => box.checked).length;
  const told = form.querySelector<HTMLElement>("[data-chosen]");
  if (told) {
    told.textContent = chosen ? (told.dataset.some ?? "").replace("%d", String(chosen)) : (told.dataset.none ?? "");
  }
  const whole = form.querySelector<HTMLInputElement>("[data-choose-all]");
  if (!whole) return;
  whole.checked = chosen > 0 && chosen === all.length;
  whole.indeterminate = chosen > 0 && chosen < all.length;
}

export function onChoosing(): void {
  document.addEventListener("change", (event) => {
    if (!(event.target instanceof HTMLInputElement)) return;
    const form = event.target.closest<HTMLElement>("[data-choosing]");
    if (!form) return;
    if (event.target.matches("[data-choose-all]")) {
      for (const box of boxes(form)) box.checked = event.target.checked;
    }
    count(form);
  });
  document.querySelectorAll<HTMLElement>("[data-choosing]").forEach(count);
  document.querySelectorAll<HTMLElement>("[data-lives]").forEach((element) => {
    window.setTimeout(() => element.remove(), Number(element.dataset.lives) * 1000);
  });
}
