// Saving: files made of what is on the screen.
import type { Cell, Table } from "./api";

export function download(name: string, content: BlobPart, type: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** RFC 4180; the same output as `--csv`. */
export function csv(columns: Record<string, Cell[]>): string {
  const field = (v: Cell) =>
    v === null || v === undefined
      ? ""
      : /[",\n\r]/.test(String(v))
        ? `"${String(v).replaceAll('"', '""')}"`
        : String(v);
  const names = Object.keys(columns);
  const count = Math.max(0, ...names.map((n) => columns[n].length));
  const lines = Array.from({ length: count }, (_, r) => names.map((n) => field(columns[n][r])).join(","));
  return [names.map(field).join(","), ...lines, ""].join("\n");
}

export const saveTable = (name: string, table: Table, as: "csv" | "json"): void =>
  as === "csv"
    ? download(`${name}.csv`, csv(table.columns), "text/csv")
    : download(`${name}.json`, JSON.stringify(table), "application/json");
