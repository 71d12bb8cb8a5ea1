// Parts of Vega that come without types of their own.
declare module "vega-dataflow" {
  export const transforms: Record<string, unknown>;
}
declare module "vega-encode";
declare module "vega-transforms";
declare module "vega-view-transforms";
declare module "vega-parser" {
  import type { Runtime } from "vega-typings";
  export function parse(spec: object, config?: object, options?: { ast?: boolean }): Runtime;
}
declare module "vega-view" {
  export { View } from "vega-typings";
}
