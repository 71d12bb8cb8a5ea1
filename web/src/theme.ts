import { computed, signal } from "@preact/signals";

type Theme = "auto" | "light" | "dark";
const key = "embscope.theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
system.addEventListener("change", (e) => (systemDark.value = e.matches));

export const theme = signal<Theme>((localStorage.getItem(key) as Theme | null) ?? "auto");
export const dark = computed(() => theme.value === "dark" || (theme.value === "auto" && systemDark.value));

export function setTheme(value: Theme): void {
  theme.value = value;
  if (value === "auto") (localStorage.removeItem(key), delete document.documentElement.dataset.theme);
  else (localStorage.setItem(key, value), (document.documentElement.dataset.theme = value));
}
