// All times are Beijing's: where the device's clock is elsewhere, the page says so.
export function onZone(): void {
  const here = new Date();
  const beijing = new Date(here.toLocaleString("en-US", { timeZone: "Asia/Shanghai" }));
  const device = new Date(here.toLocaleString("en-US"));
  if (beijing.getTime() === device.getTime()) return;
  document.querySelectorAll<HTMLElement>("[data-zone]").forEach((element) => element.removeAttribute("hidden"));
}
