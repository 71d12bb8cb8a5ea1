// The edits in force: written as the engine reads them, each with a switch, and what they do to the next token.
import { call, type ModelInfo, type Spec, type Table as Columns } from "../api";
import { edits, flags, inForce, past, setEdits, undo, written, type Edit } from "../edits";
import { useAnswer, useSettled } from "../hooks";
import { Figure, opened, program, py, Same, shell, Shown, Table } from "../parts";
import { useText } from "../text";

const examples: [string, Edit][] = [
  ["zero what attention adds in block 24", { at: "blocks.24.attn_out@-1", do: "zero" }],
  ["switch heads off", { at: "blocks.22.z/0,1,2", do: "zero" }],
  ["add a direction", { at: "blocks.15.resid_post@-1", do: "add 4 * (' Paris' - ' Berlin')" }],
  ["take a word away", { at: "blocks.20.resid_post", do: "project_out ' Berlin'" }],
  ["scale the MLP", { at: "blocks.10.mlp_out", do: "scale 0.5" }],
  ["noise on the embedding", { at: "wte", do: "noise 0.05 seed 1" }],
];

export function EditList({ keep, info }: { keep: Edit; info: ModelInfo }) {
  const list = edits();
  const put = (i: number, part: Partial<Edit>, typing = false) => setEdits(list.map((e, j) => (j === i ? { ...e, ...part } : e)), typing);
  return (
    <section aria-labelledby="edits">
      <h2 id="edits">Edits in force</h2>
      {list.length === 0 && <p class="waiting">None besides the mixture above. Keep the mixture as one, or begin with an example; others add up.</p>}
      <ol class="edits">
        {list.map((e, i) => (
          <li key={i} class={e.off ? "off" : ""}>
            <input type="checkbox" class="switch" checked={!e.off} aria-label={`Edit ${i + 1} in force`} onChange={(x) => put(i, { off: !x.currentTarget.checked || undefined })} />
            <input type="text" value={e.at} aria-label={`Where edit ${i + 1} is made`} spellcheck={false} onInput={(x) => put(i, { at: x.currentTarget.value }, true)} />
            <input type="text" value={e.do} aria-label={`What edit ${i + 1} does`} spellcheck={false} onInput={(x) => put(i, { do: x.currentTarget.value }, true)} />
            <button type="button" class="quiet" aria-label={`Remove edit ${i + 1}`} onClick={() => setEdits(list.filter((_, j) => j !== i))}>×</button>
          </li>
        ))}
      </ol>
      <div class="row">
        <button type="button" onClick={() => setEdits([...list, keep])}>Keep the mixture</button>
        <select aria-label="Add an example edit" value="" onChange={(x) => {
          const chosen = examples[Number(x.currentTarget.value)];
          if (x.currentTarget.value !== "" && chosen) setEdits([...list, chosen[1]]);
          x.currentTarget.value = "";
        }}>
          <option value="">Add…</option>
          {examples.map(([name], i) => <option key={i} value={String(i)}>{name}</option>)}
        </select>
        <button type="button" disabled={past.value.length === 0} onClick={undo}>Undo</button>
      </div>
      {list.length > 0 && <Outcome info={info} />}
    </section>
  );
}

/** The next token before and after. */
function Outcome({ info }: { info: ModelInfo }) {
  const [text] = useText();
  const now = inForce();
  const question = useSettled(now.length ? JSON.stringify({ text, edits: now, top: 8 }) : undefined);
  const changed = useAnswer(question, (signal) => call<{ table: Columns; divergence: number; figure: Spec }>("edit?figure=1", JSON.parse(question!), { signal }));
  if (now.length === 0) return <p class="waiting">All are switched off: the model runs untouched.</p>;
  return (
    <>
      <Shown answer={changed}>
        {(c) => (
          <>
            <Figure spec={c.figure} name="edit" />
            <details><summary>As a table</summary><Table table={c.table} name="edit" /></details>
          </>
        )}
      </Shown>
      <Same command={`${program(info, "edit")} ${shell(text)}${flags(now)}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.edit(${py(text)}, ${py(written(now))})`} />
    </>
  );
}
