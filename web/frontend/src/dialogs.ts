// <dialog> opened by [data-dialog="id"], closed by [data-close]; menus are <details data-menu>; [data-copy] copies, [data-print] prints.
function openDialog(id: string): void {
  const dialog = document.getElementById(id);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

function closeMenus(but: Element | null): void {
  document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]").forEach((menu) => {
    if (!but || !menu.contains(but)) menu.open = false;
  });
}

async function copy(button: HTMLElement): Promise<void> {
  await navigator.clipboard.writeText(button.dataset.copy ?? "");
  const before = button.textContent;
  button.textContent = button.dataset.copied ?? before;
  window.setTimeout(() => {
    button.textContent = before;
  }, 2000);
}

export function onDialogs(): void {
  document.addEventListener("click", (event) => {
    const at = event.target instanceof Element ? event.target : null;
    closeMenus(at);
    const opener = at?.closest<HTMLElement>("[data-dialog]");
    if (opener?.dataset.dialog) openDialog(opener.dataset.dialog);
    if (at?.closest("[data-close]")) at.closest("dialog")?.close();
    if (at instanceof HTMLDialogElement) at.close(); // the backdrop
    const copier = at?.closest<HTMLElement>("[data-copy]");
    if (copier) void copy(copier);
    if (at?.closest("[data-print]")) window.print();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector<HTMLDetailsElement>("details[data-menu][open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary")?.focus();
  });
}
