// [data-calendar="URL"]: the URL answers `?start=…&end=…` with FullCalendar's events. One is opened in the dialog
// that data-slot names, dragged, or moved with Shift and the arrows; the server decides, a refusal snaps it back.
import { Calendar, type EventApi, type EventDisplayInfo } from "fullcalendar";
import dayGrid from "fullcalendar/daygrid";
import interaction from "fullcalendar/interaction";
import list from "fullcalendar/list";
import zh from "fullcalendar/locales/zh-cn";
import "fullcalendar/skeleton.css";
import theme from "fullcalendar/themes/classic";
import "fullcalendar/themes/classic/palette.css";
import "fullcalendar/themes/classic/theme.css";
import timeGrid from "fullcalendar/timegrid";
import "./calendar.css";
import { toast } from "./toasts";

const DAYS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };
const DAY = 86_400_000;

function part(css: string, told: string): HTMLElement {
  const made = document.createElement("span");
  made.className = css;
  made.textContent = told;
  return made;
}

function whole(css: string, parts: HTMLElement[]): { domNodes: Node[] } {
  const made = part(css, "");
  made.append(...parts);
  return { domNodes: [made] };
}

/** Time, state in a word, headline, account: nothing is told by colour alone. */
function content(info: EventDisplayInfo): { domNodes: Node[] } {
  const { account, state, clash } = info.event.extendedProps as Record<string, string | undefined>;
  if (!account) return whole("mz-daymark-told", [part("", info.event.title)]);
  const parts = [
    part("mz-slot-time", info.timeText), part("mz-slot-state", state ?? ""), part("mz-slot-title", info.event.title),
    part("mz-slot-account", account),
  ];
  if (clash) parts.push(part("mz-slot-warns", `⚠ ${clash}`));
  return whole("mz-slot-told", parts);
}

/** Sends the new time; true where it was taken. A refusal is told in the corner. */
async function send(event: EventApi, due: string): Promise<boolean> {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
  const headers = { "X-CSRF-Token": token, "HX-Request": "true", "X-Calendar": "yes" };
  try {
    const answer = await fetch(event.url, { method: "POST", headers, body: new URLSearchParams({ due }) });
    if (answer.ok) {
      const told = JSON.parse(answer.headers.get("HX-Trigger") ?? "{}") as { toast?: { text: string; kind: string } };
      if (told.toast) toast(told.toast.text, told.toast.kind);
      return true;
    }
    const refusal = document.createElement("template");
    refusal.innerHTML = await answer.text();
    document.getElementById("toasts")?.append(refusal.content);
  } catch {
    toast(document.querySelector<HTMLMetaElement>('meta[name="text-no-answer"]')?.content ?? "", "danger");
  }
  return false;
}

async function open(dialog: HTMLDialogElement, url: string): Promise<void> {
  const body = dialog.querySelector("[data-slot-body]");
  if (!body) return;
  const answer = await fetch(`${url}?part=true`, { headers: { "HX-Request": "true" } });
  body.innerHTML = await answer.text();
  if (!dialog.open) dialog.showModal();
}

/** An event's time so many days on: Beijing's clock knows no summer time. */
function later(event: EventApi, days: number): string {
  const start = /(?:Z|[+-]\d\d:\d\d)$/.test(event.startStr) ? event.startStr : `${event.startStr}+08:00`;
  return new Date(new Date(start).getTime() + days * DAY).toISOString();
}

function focusAgain(element: HTMLElement, id: string): void {
  element.querySelector<HTMLElement>(`[data-event="${CSS.escape(id)}"]`)?.focus();
}

export function showCalendar(element: HTMLElement): void {
  if (element.dataset.drawn) return;
  element.dataset.drawn = "yes";
  const dialog = document.getElementById(element.dataset.slot ?? "");
  const narrow = window.innerWidth < 768;
  const now = element.dataset.now ?? new Date().toISOString(); // the house's clock, not the device's
  const calendar = new Calendar(element, {
    initialDate: now,
    now,
    plugins: [theme, dayGrid, timeGrid, list, interaction],
    locales: [zh],
    locale: document.documentElement.lang.startsWith("zh") ? "zh-cn" : "en",
    timeZone: "Asia/Shanghai",
    firstDay: 1,
    height: "auto",
    dayMaxEvents: 5,
    moreLinkClass: "mz-more-slots",
    editable: true,
    eventDurationEditable: false,
    eventTimeFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
    slotEventOverlap: false,
    initialView: narrow ? "listWeek" : "dayGridMonth",
    ...(narrow ? { titleFormat: { month: "short", day: "numeric" } } : {}),
    headerToolbar: { start: "prev,today,next", center: "title", end: "dayGridMonth,timeGridWeek,listWeek" },
    buttons: {
      dayGridMonth: { text: element.dataset.month },
      timeGridWeek: { text: element.dataset.week },
      listWeek: { text: element.dataset.list },
    },
    noEventsContent: element.dataset.none,
    events: element.dataset.calendar,
    eventContent: content,
    eventDrop: (info) => {
      void send(info.event, later(info.event, 0)).then((taken) => {
        if (taken) calendar.refetchEvents();
        else info.revert();
      });
    },
    eventDidMount: (info) => {
      const { account, state, clash, more } = info.event.extendedProps as Record<string, string | undefined>;
      info.el.dataset.event = info.event.id;
      if (info.el.getAttribute("role") === "listitem") {
        // A link is no list item: plain links in a plain list.
        info.el.removeAttribute("role");
        info.el.parentElement?.closest('[role="list"]')?.removeAttribute("role");
      }
      info.el.title = account
        ? [info.timeText, info.event.title, account, state, clash].filter(Boolean).join(" · ")
        : (more ?? "");
      // Not FullCalendar's eventClick: it would make buttons of marks that open nothing.
      info.el.addEventListener("click", (event) => {
        if (!info.event.url || !(dialog instanceof HTMLDialogElement)) return;
        event.preventDefault();
        void open(dialog, info.event.url);
      });
      info.el.addEventListener("keydown", (event) => {
        const days = DAYS[event.key];
        if (!event.shiftKey || days === undefined || !info.event.startEditable) return;
        event.preventDefault();
        const id = info.event.id;
        void send(info.event, later(info.event, days)).then((taken) => {
          if (!taken) return;
          element.dataset.focus = id;
          calendar.refetchEvents();
        });
      });
    },
    dayHeaderDidMount: ({ el }) => {
      el.querySelectorAll("[aria-hidden]").forEach((hidden) => hidden.removeAttribute("aria-hidden"));
    },
    // A cell's name would hide what stands in it; its day is read from its number.
    dayCellDidMount: ({ el }) => el.removeAttribute("aria-label"),
    eventsSet: () => {
      const id = element.dataset.focus;
      if (!id) return;
      delete element.dataset.focus;
      window.setTimeout(() => focusAgain(element, id));
    },
  });
  calendar.render();
}
