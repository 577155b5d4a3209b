// Parts that few pages need come in chunks of their own, when an element asks for them.
function load(root: ParentNode): void {
  root.querySelectorAll<HTMLElement>("[data-chart]").forEach((element) => {
    void import("./chart").then((part) => part.drawChart(element));
  });
  root.querySelectorAll<HTMLElement>("[data-calendar]").forEach((element) => {
    void import("./calendar").then((part) => part.showCalendar(element));
  });
  root.querySelectorAll<HTMLElement>("[data-composer]").forEach((element) => {
    void import("./composer").then((part) => part.compose(element));
  });
}

export function onLazyParts(): void {
  const start = (): void => load(document);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.target instanceof Element) load(event.target);
  });
}
