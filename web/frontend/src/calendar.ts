// [data-calendar="URL"]: the URL answers `?start=…&end=…` with FullCalendar's events.
import { Calendar } from "fullcalendar";
import dayGrid from "fullcalendar/daygrid";
import interaction from "fullcalendar/interaction";
import list from "fullcalendar/list";
import zh from "fullcalendar/locales/zh-cn";
import "fullcalendar/skeleton.css";
import theme from "fullcalendar/themes/classic";
import "fullcalendar/themes/classic/palette.css";
import "fullcalendar/themes/classic/theme.css";
import timeGrid from "fullcalendar/timegrid";

export function showCalendar(element: HTMLElement): void {
  if (element.dataset.drawn) return;
  element.dataset.drawn = "yes";
  const calendar = new Calendar(element, {
    plugins: [theme, dayGrid, timeGrid, list, interaction],
    locales: [zh],
    locale: document.documentElement.lang.startsWith("zh") ? "zh-cn" : "en",
    timeZone: "Asia/Shanghai",
    firstDay: 1,
    height: "auto",
    initialView: window.innerWidth < 768 ? "listWeek" : "dayGridMonth",
    headerToolbar: { start: "prev,today,next", center: "title", end: "dayGridMonth,timeGridWeek,listWeek" },
    events: element.dataset.calendar,
  });
  calendar.render();
}
