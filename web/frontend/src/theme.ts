// Light or dark: the cookie tells the server, which writes it into the page, so that nothing flashes.
const COOKIE = "meizhen-theme";
const YEAR = 31_536_000;

function use(theme: string): void {
  document.documentElement.dataset.bsTheme = theme;
  document.dispatchEvent(new CustomEvent("meizhen:theme"));
}

function keep(theme: string): void {
  document.cookie = `${COOKIE}=${theme}; Path=/; Max-Age=${YEAR}; SameSite=Lax`;
}

export function onTheme(): void {
  const wishes = window.matchMedia("(prefers-color-scheme: dark)");
  if (document.documentElement.dataset.theme === "auto") use(wishes.matches ? "dark" : "light");
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-theme-switch]")) return;
    const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
    keep(next);
    use(next);
  });
}
