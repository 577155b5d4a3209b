// [data-composer="ADDRESS"]: the form of 写稿. What is typed is sent at most 2 s after the first unsaved change; the
// answer is the part beside it (saved when, what is left, checks, preview, buttons). One request at a time.
import type { Cut } from "./cutter";
import { pasted } from "./pasting";
import { toast } from "./toasts";

const PAUSE = 600; // after the last key
const LATEST = 2000; // after the first one that is not saved

interface Timers {
  pause: number;
  latest: number;
}

function meta(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
}

class Composer {
  private readonly side: HTMLElement;
  private readonly timers: Timers = { pause: 0, latest: 0 };
  private underWay: Promise<void> | null = null;
  private dirty = false;
  private readonly asked = new Set<string>(); // accounts, by this page
  private tab = "";

  constructor(private readonly form: HTMLFormElement) {
    this.side = document.getElementById("composed") ?? form;
    form.addEventListener("input", (event) => this.typed(event));
    form.addEventListener("change", (event) => this.changed(event));
    form.addEventListener("click", (event) => this.clicked(event));
    form.addEventListener("submit", (event) => this.submitted(event));
    form.addEventListener("paste", (event) => pasted(event, form, () => this.later()));
    document.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("beforeunload", (event) => {
      if (this.dirty) event.preventDefault();
    });
    document.addEventListener("click", (event) => this.took(event));
    this.showTab();
    void this.askAccounts();
  }

  private typed(event: Event): void {
    if (event.target instanceof HTMLElement && event.target.matches("[data-choice-search], [type=file]")) return;
    this.later();
  }

  private changed(event: Event): void {
    const at = event.target;
    if (!(at instanceof HTMLInputElement)) return;
    if (at.type === "file" && at.files?.length) void this.save();
    if (at.name === "account") this.choose(at);
  }

  /** An account was chosen or left: its version comes or goes. */
  private choose(box: HTMLInputElement): void {
    const place = this.form.querySelector<HTMLElement>("[data-versions]");
    const there = this.form.querySelector<HTMLElement>(`[data-version="${CSS.escape(box.value)}"]`);
    if (!box.checked) there?.remove();
    else if (!there && place) {
      const template = this.form.querySelector<HTMLTemplateElement>("[data-version-template]");
      const holder = document.createElement("div");
      holder.innerHTML = (template?.innerHTML ?? "").replaceAll("__ID__", box.value);
      const made = holder.firstElementChild;
      const name = made?.querySelector("summary span");
      if (name) name.textContent = (name.textContent ?? "").replace("__NAME__", box.dataset.name ?? "");
      if (made) place.append(made);
    }
    const count = this.form.querySelectorAll('[name="account"]:checked').length;
    if (place) place.hidden = count === 0;
    const told = this.form.querySelector<HTMLElement>("[data-account-count]");
    if (told) told.textContent = (told.dataset.accountCount ?? "").replace("%d", String(count));
  }

  private clicked(event: Event): void {
    const at = event.target instanceof Element ? event.target : null;
    const tab = at?.closest<HTMLElement>("[data-tab]");
    if (tab?.dataset.tab) {
      this.tab = tab.dataset.tab;
      this.showTab();
    }
    const from = at?.closest<HTMLElement>("[data-from-master]")?.dataset.fromMaster;
    if (from) this.copyMaster(from, true);
    const like = at?.closest<HTMLElement>("[data-like-master]")?.dataset.likeMaster;
    if (like) this.copyMaster(like, false);
    const gone = at?.closest("[data-remove-media]");
    if (gone) {
      gone.closest("li")?.remove();
      this.form.querySelector<HTMLElement>('[name="upload"]')?.focus();
      void this.save();
    }
    const cover = at?.closest<HTMLElement>("[data-cut]");
    if (cover) void import("./cutter").then((part) => part.openCutter(cover, (cut) => void this.cut(cover, cut)));
  }

  /** A file was chosen in the library, which stands outside of the form. */
  private took(event: Event): void {
    const at = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-take-media]") : null;
    if (!at?.dataset.takeMedia) return;
    at.closest("dialog")?.close();
    const taken = document.createElement("input");
    taken.type = "hidden";
    taken.name = "media";
    taken.value = at.dataset.takeMedia;
    void this.saved().then(() => {
      this.side.append(taken);
      return this.save();
    });
  }

  /** The cover is cut by the server; what was typed is saved before. */
  private async cut(cover: HTMLElement, cut: Cut): Promise<void> {
    await this.saved();
    const told = { ...this.place(), cut: cover.dataset.cut ?? "", shape: cut.shape };
    const numbers = { left: String(cut.left), top: String(cut.top), width: String(cut.width) };
    this.underWay = this.post("/posts/cut", new URLSearchParams({ ...told, ...numbers })).finally(() => {
      this.underWay = null;
    });
    await this.underWay;
    document.getElementById(cover.id)?.focus();
  }

  /** Where the platforms were not asked yet about the accounts chosen: once, and not for every letter. */
  private async askAccounts(): Promise<void> {
    const { copy, number } = this.place();
    const unasked = [...this.side.querySelectorAll<HTMLElement>("[data-unasked]")].map((one) => one.dataset.unasked);
    const news = unasked.filter((one) => one && !this.asked.has(one));
    if (!copy || news.length === 0) return;
    news.forEach((one) => this.asked.add(one ?? ""));
    const still = (): boolean => !this.underWay && !this.dirty && this.place().number === number;
    await this.post("/posts/checkups", new URLSearchParams({ copy }), still);
  }

  private place(): { copy: string; number: string } {
    const told = (name: string): string => this.side.querySelector<HTMLInputElement>(`[name="${name}"]`)?.value ?? "";
    return { copy: told("copy"), number: told("number") };
  }

  private copyMaster(id: string, taken: boolean): void {
    for (const name of ["title", "text"]) {
      const master = this.form.elements.namedItem(name);
      const own = this.form.elements.namedItem(`${name}-${id}`);
      const fields = own instanceof HTMLInputElement || own instanceof HTMLTextAreaElement;
      const source = master instanceof HTMLInputElement || master instanceof HTMLTextAreaElement;
      if (fields && source) own.value = taken ? master.value : "";
    }
    const said = this.form.elements.namedItem(`text-${id}`);
    if (taken && said instanceof HTMLTextAreaElement) said.focus(); // where one goes on writing
    this.later();
  }

  private key(event: KeyboardEvent): void {
    if (!(event.ctrlKey || event.metaKey) || document.querySelector("dialog[open]")) return;
    if (event.key.toLowerCase() === "s") {
      event.preventDefault();
      void this.save();
    } else if (event.key === "Enter") {
      event.preventDefault();
      void this.saved().then(() => this.form.querySelector<HTMLButtonElement>("[data-submit]:enabled")?.click());
    }
  }

  private later(): void {
    this.dirty = true;
    window.clearTimeout(this.timers.pause);
    this.timers.pause = window.setTimeout(() => void this.save(), PAUSE);
    this.timers.latest ||= window.setTimeout(() => void this.save(), LATEST);
  }

  private stop(): void {
    window.clearTimeout(this.timers.pause);
    window.clearTimeout(this.timers.latest);
    this.timers.latest = 0;
    this.dirty = false;
  }

  /** The form leaves as the next saving: what is under way ends before, or it would be taken for another window. */
  private submitted(event: SubmitEvent): void {
    this.stop();
    if (!this.underWay) return;
    event.preventDefault();
    const act = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "";
    void this.underWay.then(() => {
      const button = this.form.querySelector<HTMLButtonElement>(`[name="act"][value="${CSS.escape(act)}"]:enabled`);
      if (button) this.form.requestSubmit(button);
    });
  }

  /** Everything typed so far is saved. */
  private async saved(): Promise<void> {
    while (this.underWay) await this.underWay;
    await this.save();
  }

  private save(): Promise<void> {
    if (this.underWay) {
      this.dirty = true;
      return this.underWay;
    }
    this.stop();
    this.underWay = this.send().finally(() => {
      this.underWay = null;
      if (this.dirty) this.later();
    });
    return this.underWay;
  }

  private async send(): Promise<void> {
    await this.post(this.form.dataset.composer ?? "", new FormData(this.form));
  }

  /** Sends a form and shows the part that comes back, unless by then it would be `fresh` no more. */
  private async post(address: string, body: BodyInit, fresh = (): boolean => true): Promise<void> {
    try {
      const answer = await fetch(address, {
        method: "POST",
        body,
        headers: { "X-CSRF-Token": meta("csrf-token"), "HX-Request": "true" },
      });
      const html = await answer.text();
      if (fresh()) this.show(html, answer.ok);
    } catch {
      if (body instanceof FormData) this.dirty = true; // tried again
      toast(meta("text-no-answer"), "danger");
    }
  }

  private show(html: string, fine: boolean): void {
    if (!fine) {
      document.getElementById("toasts")?.insertAdjacentHTML("beforeend", html);
      return;
    }
    const focused = this.side.contains(document.activeElement) ? document.activeElement?.id : "";
    this.side.innerHTML = html;
    this.showTab();
    if (focused) document.getElementById(focused)?.focus();
    const files = this.form.querySelector<HTMLInputElement>('[name="upload"]');
    if (files?.value) files.value = "";
    const { copy } = this.place();
    const post = this.side.querySelector<HTMLElement>("[data-post]")?.dataset.post;
    if (copy && !post) history.replaceState(null, "", `/posts/new?copy=${copy}`);
    void this.askAccounts();
  }

  private showTab(): void {
    const tabs = [...this.form.querySelectorAll<HTMLElement>("[data-tab]")];
    const present = tabs.find((one) => one.dataset.tab === this.tab) ?? tabs[0];
    for (const one of tabs) one.setAttribute("aria-selected", String(one === present));
    this.form.querySelectorAll<HTMLElement>("[data-panel]").forEach((panel) => {
      panel.hidden = panel.dataset.panel !== present?.dataset.tab;
    });
  }
}

export function compose(element: HTMLElement): void {
  if (!(element instanceof HTMLFormElement) || element.dataset.drawn) return;
  element.dataset.drawn = "yes";
  new Composer(element);
}
