// How the next token is chosen, as fields, as a request, and as the options of the command line and of Python.
import type { ComponentChildren } from "preact";
import { Explained } from "../glossary";
import { NumberField, py, shell, Text } from "../parts";
import { useNumber, useParam } from "../session";

export interface Edit {
  at: string;
  do: string;
}

export interface Sampling {
  fields: ComponentChildren;
  request: object;
  flags: string;
  options: string;
}

/** Texts between "|"; "\n" stands for the end of a line. */
export const stopsOf = (typed: string): string[] =>
  typed
    .split("|")
    .map((s) => s.replaceAll("\\n", "\n").replaceAll("\\t", "\t"))
    .filter((s) => s !== "");

export function useSampling(count: number): Sampling {
  const [tokens, setTokens] = useNumber("count", count);
  const [temperature, setTemperature] = useNumber("temperature", 0);
  const [topP, setTopP] = useNumber("top_p", 1);
  const [minP, setMinP] = useNumber("min_p", 0);
  const [penalty, setPenalty] = useNumber("penalty", 1);
  const [seed, setSeed] = useNumber("seed", 1);
  const [stop, setStop] = useParam("stop", "");
  const drawn = temperature > 0;
  const stops = stopsOf(stop);
  const fields = (
    <>
      <div class="row">
        <NumberField label="Tokens" value={tokens} set={setTokens} min={1} max={4096} />
        <NumberField label="Temperature" value={temperature} set={setTemperature} min={0} max={10} step={0.1} />
        <NumberField label="Top p" value={topP} set={setTopP} min={0} max={1} step={0.05} disabled={!drawn} />
        <NumberField label="Min p" value={minP} set={setMinP} min={0} max={1} step={0.05} disabled={!drawn} />
        <NumberField label="Seed" value={seed} set={setSeed} min={0} disabled={!drawn} />
        <NumberField label="Repetition penalty" value={penalty} set={setPenalty} min={0.1} max={10} step={0.1} />
        <Text label="Stop words" value={stop} set={setStop} placeholder="such as \n | The end" />
      </div>
      <p class="soft">
        <Explained>
          {drawn
            ? "Tokens are drawn: temperature, top p and min p say from which, the seed which."
            : "At temperature 0 the likeliest token is taken every time."}
        </Explained>
      </p>
    </>
  );
  const given: [flag: string, name: string, value: number, usual: number][] = [
    ["temperature", "temperature", temperature, 0],
    ...(drawn
      ? ([
          ["top-p", "top_p", topP, 1],
          ["min-p", "min_p", minP, 0],
          ["seed", "seed", seed, 1],
        ] as [string, string, number, number][])
      : []),
    ["repetition-penalty", "repetition_penalty", penalty, 1],
  ];
  const own = given.filter(([, , value, usual]) => value !== usual);
  return {
    fields,
    request: {
      tokens,
      ...Object.fromEntries(own.map(([, name, value]) => [name, value])),
      ...(stops.length ? { stop: stops } : {}),
    },
    flags: [
      `-n ${tokens}`,
      ...own.map(([flag, , value]) => `--${flag} ${value}`),
      ...stops.map((s) => `--stop ${shell(s)}`),
    ].join(" "),
    options: [
      `tokens=${tokens}`,
      ...own.map(([, name, value]) => `${name}=${value}`),
      ...(stops.length ? [`stop=${py(stops)}`] : []),
    ].join(", "),
  };
}

export const editFlags = (edits: Edit[]): string => edits.map((e) => ` --edit ${shell(`${e.at} ${e.do}`)}`).join("");
export const editOptions = (edits: Edit[]): string =>
  edits.length ? `, edits=${py(edits.map((e) => `${e.at} ${e.do}`))}` : "";

/** Whether the stage's changes are in force here too; nothing where there are none. */
export function WithChanges({ edits, set, on }: { edits: Edit[]; set: (on: boolean) => void; on: boolean }) {
  if (edits.length === 0) return null;
  return (
    <label class="check" title={edits.map((e) => `${e.at} ${e.do}`).join("; ")}>
      <input type="checkbox" class="switch" checked={on} onChange={(e) => set(e.currentTarget.checked)} />
      with {edits.length === 1 ? "the change" : `the ${edits.length} changes`} made on the stage
    </label>
  );
}
