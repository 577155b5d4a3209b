// What is pasted as a page goes to the server first and comes back as it will be sent; pictures that lie elsewhere
// are places for uploads, told below the text. Nothing of it is ever put into this page but as text.
import { toast } from "./toasts";

interface Cleaned {
  html: string;
  told: string;
  missing: [string, string][];
}

function meta(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
}

/** The first number of a file that nothing in the form has yet; the first file is the cover. */
function firstFree(form: HTMLFormElement): number {
  const files = form.querySelectorAll('[name="media"]').length;
  const said = [...form.querySelectorAll("textarea")].map((one) => one.value).join(" ");
  const placed = [...said.matchAll(/media:(\d{1,3})/g)].map((found) => Number(found[1]));
  return Math.max(1, files, ...placed) + 1;
}

/** Without what is never sent: pictures within the text alone may be more than a form takes. */
function lean(page: string): string {
  const made = new DOMParser().parseFromString(page, "text/html");
  made.querySelectorAll("script, meta, link, iframe, object").forEach((one) => one.remove());
  made.querySelectorAll('img[src^="data:"]').forEach((one) => one.setAttribute("src", "data:,"));
  return made.documentElement.outerHTML;
}

function tell(place: HTMLElement, told: string, missing: [string, string][]): void {
  const list = document.createElement("ol");
  for (const [number, address] of missing) {
    const row = document.createElement("li");
    const code = document.createElement("code");
    code.textContent = number;
    row.append(code, ` ${address}`);
    list.append(row);
  }
  place.replaceChildren(told, ...(missing.length ? [list] : []));
  place.hidden = !told;
}

async function clean(address: string, page: string, first: number): Promise<Cleaned | null> {
  const answer = await fetch(address, {
    method: "POST",
    body: new URLSearchParams({ html: lean(page), first: String(first) }),
    headers: { "X-CSRF-Token": meta("csrf-token"), "HX-Request": "true" },
  });
  if (answer.ok) return (await answer.json()) as Cleaned;
  document.getElementById("toasts")?.insertAdjacentHTML("beforeend", await answer.text());
  return null;
}

/** Takes a paste over where the text is written as a page; `done` when the field has it. */
export function pasted(event: ClipboardEvent, form: HTMLFormElement, done: () => void): void {
  const field = event.target;
  const page = event.clipboardData?.getData("text/html") ?? "";
  const words = event.clipboardData?.getData("text/plain") ?? "";
  const written = form.elements.namedItem("written_as");
  const place = form.querySelector<HTMLElement>("[data-pasted]");
  if (!(field instanceof HTMLTextAreaElement) || !(written instanceof HTMLSelectElement) || !place || !page) return;
  if (written.value !== "html") {
    if (/<(img|section|table)\b/i.test(page)) tell(place, place.dataset.words ?? "", []);
    return; // words stay words
  }
  event.preventDefault();
  const { selectionStart: start, selectionEnd: end } = field;
  field.readOnly = true;
  void clean("/posts/paste", page, firstFree(form))
    .catch(() => {
      toast(meta("text-no-answer"), "danger");
      return null;
    })
    .then((cleaned) => {
      field.readOnly = false;
      field.setRangeText(cleaned?.html ?? words, start, end, "end");
      tell(place, cleaned?.told ?? "", cleaned?.missing ?? []);
      done();
    });
}
