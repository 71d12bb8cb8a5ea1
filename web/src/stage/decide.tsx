// Where is it decided? Vectors of the text are put into another text, one at a time: where this restores the answer, it
// is decided. Then the part is named, opened, and switched off.
import { computed, signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call, numbers, texts, type Job, type ModelInfo } from "../api";
import type { PatchAnswer } from "../catalogue";
import { answered } from "../answers";
import { keepFocus } from "../focus";
import { control, left, start, useJob } from "../job";
import { Explained } from "../glossary";
import { opened as python, percent, program, py, Same, Save, shell, Text, Trouble } from "../parts";
import { saveTable } from "../save";
import { model, session, setParams } from "../session";
import { dark } from "../theme";
import { counterfactual, mixing, stage, targets, type Stage } from "./run";
import { pin, text } from "./experiment";
import { deciding } from "./deciding";
import { css, ground, colours } from "./paint";
import { open } from "./pick";

const own = (name: string) => session.value.own.stage?.[name];
const other = computed(() => own("other") ?? counterfactual.value ?? "");
const jobId = computed(() => own("patch") || undefined);

interface Answers {
  target: string;
  against: string;
  same: boolean;
  lengths: [number, number];
  /** The positions at which the texts have different tokens. */
  differs: number[];
}

/** The next tokens of both texts: the two answers that are compared. */
const answers = answered(
  () =>
    deciding.value && other.value && text.value
      ? JSON.stringify({ model: model.value, clean: text.value, corrupt: other.value })
      : undefined,
  async (q, signal): Promise<Answers> => {
    const { clean, corrupt } = JSON.parse(q);
    const [a, b] = await Promise.all([clean, corrupt].map((text) => call<Stage>("stage", { text, k: 2 }, { signal })));
    const against = b.top[0].id === a.top[0].id ? b.top[1] : b.top[0];
    return {
      target: `#${a.top[0].id}`,
      against: `#${against.id}`,
      same: a.top[0].id === b.top[0].id,
      lengths: [a.ids.length, b.ids.length],
      differs: a.ids.flatMap((id, i) => (id === b.ids[i] ? [] : [i])),
    };
  },
  { settle: 150 },
);

const error = signal<Error | undefined>(undefined);

export async function begin(): Promise<void> {
  error.value = undefined;
  setParams({ decide: "yes", patch: undefined }, "stage");
  try {
    for (let tries = 0; (answers.value.loading || !answers.value.data) && !answers.value.error && tries < 100; ++tries)
      await new Promise((done) => setTimeout(done, 50));
    const found = answers.value;
    if (!found.data)
      throw found.error ?? new Error("write a second text with the same number of tokens and a different answer");
    const [a, b] = found.data.lengths;
    if (a !== b) throw new Error(`the texts have ${a} and ${b} tokens: they must have the same number`);
    const chosen =
      targets.value.length > 1 && mixing.value && own("other") === undefined
        ? targets.value
        : [found.data.target, found.data.against];
    setParams(
      {
        patch: await start("patch", { clean: text.value, corrupt: other.value, target: chosen[0], against: chosen[1] }),
      },
      "stage",
    );
  } catch (e) {
    error.value = e as Error;
  }
}

export function close(): void {
  setParams({ decide: undefined, patch: undefined, other: undefined }, "stage");
  keepFocus(".ask button");
}

type Patched = Pick<PatchAnswer, "clean" | "corrupt"> & PatchAnswer["tables"];

export function Decide({ info }: { info: ModelInfo }) {
  const job = useJob(jobId.value, () => setParams({ patch: undefined }, "stage"));
  const partial = useSignal<Job | undefined>(undefined);
  useEffect(() => keepFocus(".decide"), []);
  useEffect(() => {
    if (!jobId.value || !job) return;
    let alive = true;
    call<Job>(`jobs/${jobId.value}`).then(
      (j) => alive && (partial.value = j),
      () => {},
    );
    return () => void (alive = false);
  }, [job?.version, job?.fraction, job?.state, jobId.value]);
  const source = jobId.value ? (partial.value?.result ?? partial.value?.partial) : undefined;
  const patched: Patched | undefined = source && { clean: source.clean, corrupt: source.corrupt, ...source.tables };
  const done = partial.value?.state === "done";
  const busy = job && ["queued", "running", "paused"].includes(job.state);
  return (
    <section
      class="decide"
      aria-label="Where is it decided?"
      tabIndex={-1}
      onKeyDown={(e) => e.key === "Escape" && close()}
    >
      <header>
        <h2>Where is it decided?</h2>
        <button type="button" class="quiet" aria-label="Close: where is it decided" onClick={close}>
          ×
        </button>
      </header>
      <Text
        label="A text with the same number of tokens and a different answer"
        value={other.value}
        set={(v) => setParams({ other: v, patch: undefined }, "stage")}
      />
      <p class="soft">
        {answers.value.data
          ? answers.value.data.same
            ? "Both texts have the same next token: their second answers are compared."
            : ""
          : ""}
      </p>
      <Trouble error={error.value ?? answers.value.error} />
      {busy ? (
        <p class="job" role="status">
          <progress value={job.fraction || undefined} max={1} aria-label="patching" />{" "}
          <span>{left(job.seconds_left) || "starting"}</span>{" "}
          <button type="button" class="quiet" onClick={() => void control(job.id, "cancel")}>
            Cancel
          </button>
        </p>
      ) : (
        !done && (
          <button type="button" class="main" onClick={() => void begin()}>
            Find out
          </button>
        )
      )}
      {job?.state === "failed" && <Trouble error={new Error(job.error?.message ?? "the work failed")} />}
      {patched && <Found patched={patched} done={done} info={info} />}
      {done && <Commands info={info} />}
    </section>
  );
}

interface Place {
  value: number;
  site: string;
  block: number;
  position: number;
  token: string;
}
interface Head {
  value: number;
  block: number;
  head: number;
}

const siteNames: Record<string, string> = {
  resid_pre: "the vector",
  attn_out: "what attention adds",
  mlp_out: "what the MLP adds",
};

function read(p: Patched): { places: Place[]; heads: Head[] } {
  const [site, block, position, token, value] = [
    texts(p.grid, "site"),
    numbers(p.grid, "block"),
    numbers(p.grid, "position"),
    texts(p.grid, "token"),
    numbers(p.grid, "restored"),
  ];
  const [hb, hh, hv] = [numbers(p.heads, "block"), numbers(p.heads, "head"), numbers(p.heads, "restored")];
  return {
    places: value.map((v, i) => ({ value: v, site: site[i], block: block[i], position: position[i], token: token[i] })),
    heads: hv.map((v, i) => ({ value: v, block: hb[i], head: hh[i] })),
  };
}

const best = <T extends { value: number }>(list: T[]): T | undefined =>
  list.reduce<T | undefined>((a, b) => (!a || b.value > a.value ? b : a), undefined);

/** The block before which the vector of the last position begins to restore at least half, and does so from there on. */
function takenOver(places: Place[], last: number): number | undefined {
  const column = places.filter((p) => p.site === "resid_pre" && p.position === last).sort((a, b) => a.block - b.block);
  const from = column.findLastIndex((p) => p.value < 0.5) + 1;
  return from > 0 ? column[from]?.block : undefined;
}

function Found({ patched, done, info }: { patched: Patched; done: boolean; info: ModelInfo }) {
  const site = useSignal("");
  const { places, heads } = read(patched);
  const sites = [...new Set(places.map((p) => p.site))];
  // while the grids fill, the one that is being filled; then that of the vectors
  const shown = sites.includes(site.value) ? site.value : done ? "resid_pre" : sites.at(-1);
  const last = stage.value.data ? stage.value.data.ids.length - 1 : 0;
  // where the texts differ, whatever the first blocks add restores all: that is where the answer comes in, not where it is decided
  const differs = answers.value.data?.differs ?? [];
  const labels = stage.value.data?.labels ?? [];
  const from = takenOver(places, last);
  const head = best(heads),
    mlp = best(places.filter((p) => p.site === "mlp_out" && !differs.includes(p.position)));
  const isHead = head !== undefined && (!mlp || head.value >= mlp.value);
  return (
    <>
      {done && (head || mlp) && (
        <div class="verdict" role="status">
          <p>
            <Explained>
              {differs.length > 0 && <>The texts differ at {differs.map((at) => labels[at]).join(", ")}. </>}
              {from !== undefined && (
                <>
                  <b>
                    {labels[last]} takes the answer over in block {from - 1}
                  </b>
                  : from there on its vector alone restores more than half of it.{" "}
                </>
              )}
              Of the parts in between,{" "}
              <b>{isHead ? `head ${head!.block}.${head!.head}` : `the MLP of block ${mlp!.block} at ${mlp!.token}`}</b>{" "}
              restores the most: <b>{percent(Math.max(0, (isHead ? head : mlp)!.value))}</b> of the difference between
              the answers.
            </Explained>
          </p>
          <div class="row">
            <button
              type="button"
              onClick={() => {
                setParams({ tab: isHead ? "attention" : "changes" }, "stage");
                open(isHead ? { block: head!.block, position: last } : { block: mlp!.block, position: mlp!.position });
              }}
            >
              Open it
            </button>
            <button
              type="button"
              class="main"
              onClick={() =>
                isHead
                  ? pin({
                      at: `blocks.${head!.block}.z/${head!.head}`,
                      do: "zero",
                      name: `head ${head!.block}.${head!.head} off`,
                    })
                  : pin({
                      at: `blocks.${mlp!.block}.mlp_out@${mlp!.position}`,
                      do: "zero",
                      name: `MLP ${mlp!.block} off, ${mlp!.token}`,
                    })
              }
            >
              Switch it off
            </button>
          </div>
        </div>
      )}
      <div class="colouring" role="group" aria-label="Which vectors are patched">
        {["resid_pre", "attn_out", "mlp_out"].map((s) => (
          <button
            key={s}
            type="button"
            aria-pressed={s === shown}
            disabled={!sites.includes(s)}
            onClick={() => (site.value = s)}
          >
            {siteNames[s]}
          </button>
        ))}
      </div>
      <Grid places={places.filter((p) => p.site === shown)} blocks={info.blocks} site={shown} />
      {done && (
        <Save
          title="the patches"
          forms={{
            CSV: () => saveTable("patch", patched.grid, "csv"),
            JSON: () => saveTable("patch", patched.grid, "json"),
          }}
        />
      )}
      {heads.length > 0 && (
        <ol class="likely" aria-label="Heads that restore the answer">
          {[...heads]
            .sort((a, b) => b.value - a.value)
            .slice(0, 4)
            .map((h) => (
              <li key={`${h.block}.${h.head}`}>
                <span>
                  head {h.block}.{h.head}
                </span>
                <span class="bar" aria-hidden="true">
                  <i style={{ width: `${100 * Math.max(0, Math.min(1, h.value))}%` }} />
                </span>
                <span class="amount">{percent(Math.max(0, h.value))}</span>
              </li>
            ))}
        </ol>
      )}
    </>
  );
}

/** How much of the difference each cell restores; a click opens that cell on the stage. */
function Grid({ places, blocks, site }: { places: Place[]; blocks: number; site?: string }) {
  const tone = dark.value ? "dark" : "light";
  const labels = stage.value.data?.labels ?? [];
  const at = new Map(places.map((p) => [`${p.block} ${p.position}`, p]));
  const positions = labels.length;
  const line = Math.max(5, Math.min(9, Math.floor(230 / blocks)));
  if (positions === 0) return null;
  const cells = Array.from({ length: blocks }, (_, b) =>
    Array.from({ length: positions }, (_, t) => at.get(`${b} ${t}`)),
  );
  return (
    <div
      class="patched"
      role="img"
      aria-label={`How much of the answer ${siteNames[site ?? ""] ?? "a vector"} restores at each position and block; most ${((p) => (p ? `at ${p.token}, block ${p.block}: ${percent(Math.max(0, p.value))}` : "not known yet"))(best(places))}`}
      style={{ gridTemplateColumns: `repeat(${positions}, minmax(0, 1fr))`, gridAutoRows: `${line}px` }}
    >
      {cells.flatMap((row, b) =>
        row.map((p, t) => (
          <span
            key={`${b} ${t}`}
            title={p ? `${p.token}, block ${b}: ${percent(Math.max(0, p.value))} restored` : ""}
            onClick={() => open({ block: Math.max(-1, site === "resid_pre" ? b - 1 : b), position: t })}
            style={{ background: p ? css(ground(colours.felt, Math.max(0, p.value), tone)) : undefined }}
          />
        )),
      )}
    </div>
  );
}

function Commands({ info }: { info: ModelInfo }) {
  const a = answers.value.data;
  if (!a) return null;
  const [target, against] =
    targets.value.length > 1 && mixing.value && own("other") === undefined ? targets.value : [a.target, a.against];
  return (
    <Same
      command={`${program(info, "patch")} ${shell(text.value)} ${shell(other.value)} --target ${shell(target)} --against ${shell(against)}`}
      python={`import embscope\nmodel = embscope.load(${python(info)})\nmodel.patch(${py(text.value)}, ${py(other.value)}, target=${py(target)}, against=${py(against)})`}
    />
  );
}
