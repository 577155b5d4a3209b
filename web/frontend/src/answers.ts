// Every request of htmx carries the form token; a request that got no answer says so.
import { toast } from "./toasts";

interface RequestDetail {
  ctx: { request: { headers: Record<string, string> } };
}

function meta(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
}

export function onEveryAnswer(): void {
  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = (event as CustomEvent<RequestDetail>).detail;
    ctx.request.headers["X-CSRF-Token"] = meta("csrf-token");
  });
  document.addEventListener("htmx:error", () => toast(meta("text-no-answer"), "danger"));
}
