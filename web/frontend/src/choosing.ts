// [data-choices]: boxes to tick, some in a [data-choice-group] with a legend; [data-choice-search] hides those whose
// name and group do not have its words.
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

function search(input: HTMLInputElement): void {
  const words = input.value.trim().toLowerCase();
  const says = (element: Element | null | undefined): boolean =>
    (element?.textContent ?? "").toLowerCase().includes(words);
  const place = input.closest("[data-choices]");
  place?.querySelectorAll<HTMLElement>(".form-check").forEach((row) => {
    const group = row.closest("[data-choice-group]")?.querySelector("legend");
    row.hidden = !says(row) && !(group && says(group));
  });
  place?.querySelectorAll<HTMLElement>("[data-choice-group]").forEach((group) => {
    group.hidden = !group.querySelector(".form-check:not([hidden])");
  });
}

export function onChoosing(): void {
  document.addEventListener("input", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.matches("[data-choice-search]")) search(event.target);
  });
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
