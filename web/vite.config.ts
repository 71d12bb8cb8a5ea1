import { defineConfig } from "vite";

// `npm run dev` serves the sources and passes /api on to a running `embscope serve --port 8017`.
export default defineConfig({
  // vega-lite takes small helpers from "vega", which would bring all of it along
  resolve: { alias: { vega: "vega-util" } },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { license: { fileName: "licenses.txt" }, target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 1500 },
  server: { proxy: { "/api": "http://127.0.0.1:8017" } },
});
