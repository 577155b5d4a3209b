// Builds the console's files into web/static: hashed names, a manifest that web/assets.py reads, an icon sprite
// of exactly the icons that templates and pages name, and a .gz beside everything worth it.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { defineConfig } from "vite";

const here = dirname(fileURLToPath(import.meta.url));
const web = resolve(here, "..");
const out = resolve(web, "static");

function filesBelow(folder, ending) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(ending) && !name.includes("node_modules"))
    .map((name) => join(folder, name));
}

/** The icons that `icon("name")` in a template or `icon="name"` in a page asks for. */
function iconNames() {
  const names = new Set();
  for (const file of [...filesBelow(join(web, "templates"), ".html"), ...filesBelow(web, ".py")]) {
    const source = readFileSync(file, "utf8");
    for (const found of source.matchAll(/\bicon(?:\(|=)\s*["']([a-z0-9-]+)["']/g)) names.add(found[1]);
  }
  return [...names].sort();
}

function sprite() {
  return {
    name: "meizhen-icons",
    generateBundle() {
      const symbols = iconNames().map((name) => {
        const file = join(here, "node_modules/@tabler/icons/icons/outline", `${name}.svg`);
        const svg = readFileSync(file, "utf8");
        const inner = svg.replace(/<!--[\s\S]*?-->/g, "").replace(/^[\s\S]*?<svg[^>]*>|<\/svg>\s*$/g, "").trim();
        return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" `
          + `stroke-linecap="round" stroke-linejoin="round">${inner}</symbol>`;
      });
      const source = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`;
      this.emitFile({ type: "asset", name: "icons.svg", originalFileName: "icons.svg", source });
      const mark = readFileSync(join(here, "src/mark.svg"), "utf8");
      this.emitFile({ type: "asset", name: "mark.svg", originalFileName: "mark.svg", source: mark });
    },
  };
}

function zipped() {
  return {
    name: "meizhen-gzip",
    writeBundle(_options, bundle) {
      for (const name of Object.keys(bundle)) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        writeFileSync(join(out, `${name}.gz`), gzipSync(readFileSync(join(out, name)), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  root: here,
  base: "/static/",
  plugins: [sprite(), zipped()],
  build: {
    outDir: out,
    emptyOutDir: true,
    manifest: "manifest.json",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    rolldownOptions: { input: { console: join(here, "src/console.ts") } },
  },
});
