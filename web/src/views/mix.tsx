// The article's experiment under the reader's hand: p of one word's vector, 1 - p of another's.
import { useEffect } from "preact/hooks";
import { call, quoted, type Likely, type ModelInfo, type Spec, type Table as Columns } from "../api";
import { flags, inForce, written } from "../edits";
import { note } from "../facts";
import { useAnswer, useSettled } from "../hooks";
import { Choice, Figure, LikelyList, NumberField, percent, opened, program, py, Same, shell, Shown, Table, Token, WordField } from "../parts";
import { useNumber, useParam } from "../session";
import { PositionPicker, SharedText, useText, useTokens, type Tokens } from "../text";
import { EditList } from "./editlist";

interface Step {
  p: number;
  targets: Likely[];
  top: Likely[];
}

interface Sweep {
  crossings: number[];
  table: Columns;
  figure: Spec;
}

/** The word that the token at `at` stands for, as the engine finds it in the text. */
const wordAt = (text: string, tokens: Tokens | undefined, at: number): string => {
  const range = tokens?.ranges[at];
  return range ? new TextDecoder().decode(new TextEncoder().encode(text).slice(range[0], range[1])) : "";
};

export function Mix({ info }: { info: ModelInfo }) {
  const [text] = useText();
  const tokens = useTokens(text);
  const [replace, setReplace] = useParam("replace", " Germany");
  const [other, setOther] = useParam("with", " France");
  const [targetA, setTargetA] = useParam("a", " Berlin");
  const [targetB, setTargetB] = useParam("b", " Paris");
  const [site, setSite] = useParam("site", "wte");
  const [steps, setSteps] = useNumber("steps", 17);
  const [p, setP] = useNumber("p", 1);
  const targets = [targetA, targetB].filter((t) => t !== "");
  const at = tokens.data?.ids.findIndex((_, i) => wordAt(text, tokens.data, i) === replace) ?? -1;

  const request = { text, replace, with: other, targets, site };
  const sites = ["wte", ...Array.from({ length: info.blocks }, (_, l) => `blocks.${l}.resid_pre`)];
  return (
    <>
      <p class="lead">Leave the text as it is. Change one vector: <i>p</i> of the one word, <i>1 − p</i> of another. Drag, and watch what the model expects.</p>
      <SharedText />
      <h2>Click the token that is replaced</h2>
      <PositionPicker label="Token that is replaced" tokens={tokens} position={at < 0 ? Infinity : at} set={(i) => setReplace(wordAt(text, tokens.data, i))} />
      <div class="row fields">
        <WordField label="Replaced" value={replace} set={setReplace} />
        <WordField label="Takes its place" value={other} set={setOther} />
        <WordField label="Follow" value={targetA} set={setTargetA} />
        <WordField label="and" value={targetB} set={setTargetB} />
        <Choice label="Where" value={site} set={setSite} options={sites.includes(site) ? sites : [...sites, site]} />
      </div>
      <Drag request={request} p={p} setP={setP} steps={steps} setSteps={setSteps} />
      <Same
        command={`${program(info, "mix")} ${shell(text)} --replace ${shell(replace)} --with ${shell(other)} --targets ${targets.map(shell).join(" ")} --steps ${steps}${site === "wte" ? "" : ` --site ${site}`}${flags(inForce())}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.mix(${py(text)}, replace=${py(replace)}, with_=${py(other)},\n          targets=${py(targets)}, steps=${steps}, site=${py(site)}${inForce().length ? `,\n          edits=${py(written(inForce()))}` : ""})`} />
      <EditList info={info} keep={{ at: `${site}@${quoted(replace)}`, do: `mix ${p} ${quoted(other)}` }} />
    </>
  );
}

type MixRequest = { text: string; replace: string; with: string; targets: string[]; site: string };

/** The slider and what the model says at p. */
function Drag({ request, p, setP, steps, setSteps }: { request: MixRequest; p: number; setP: (p: number) => void; steps: number; setSteps: (v: number) => void }) {
  const edits = inForce();
  const body = { ...request, p, k: 8, edits };
  const step = useAnswer(`mix/at ${JSON.stringify(body)}`, (signal) => call<Step>("mix/at", body, { signal }), Infinity);
  useEffect(() => {
    if (step.data) note({ mix: { p: step.data.p, replaced: request.replace, first: step.data.targets[0]?.probability ?? 0, second: step.data.targets[1]?.probability ?? 0 } });
  }, [step.data]);
  return (
    <section class="drag" aria-label="Mixture">
      <label class="slider">
        <span>p = <output>{p.toFixed(3)}</output></span>
        <input type="range" min={0} max={1} step={0.001} value={p} aria-label="p, the share of the replaced word"
          aria-valuetext={`${(100 * p).toFixed(1)} percent ${request.replace}`} onInput={(e) => setP(e.currentTarget.valueAsNumber)} />
        <span class="ends" aria-hidden="true"><span>{request.with}</span><span>{request.replace}</span></span>
      </label>
      <div class="columns">
        <Shown answer={step}>
          {(s) => (
            <div data-step={s.p}>
              <div class="duel">
                {s.targets.map((t, i) => (
                  <div key={t.id} class={`side side-${i}`}>
                    <Token id={t.id} label={t.label} />
                    <strong>{percent(t.probability)}</strong>
                    <span class="bar" aria-hidden="true"><i style={{ width: `${100 * t.probability}%` }} /></span>
                  </div>
                ))}
              </div>
              <LikelyList tokens={s.top} label="Likeliest next tokens at p" />
            </div>
          )}
        </Shown>
        <div>
          <h2>The whole way</h2>
          {edits.length > 0 && <p class="waiting">With the edits below in force.</p>}
          <SweepFigure request={request} steps={steps} edits={edits} />
          <NumberField label="Steps" value={steps} set={setSteps} min={2} max={1001} />
        </div>
      </div>
    </section>
  );
}

function SweepFigure({ request, steps, edits }: { request: MixRequest; steps: number; edits: object[] }) {
  const question = useSettled(JSON.stringify({ ...request, steps, edits }));
  const sweep = useAnswer(question, (signal) => call<Sweep>("mix?figure=1", JSON.parse(question), { signal }), 1000);
  useEffect(() => {
    if (sweep.data) note({ crossing: { with: request.with, site: request.site, p: sweep.data.crossings[0] } });
  }, [sweep.data]);
  return (
    <Shown answer={sweep}>
      {(s) => (
        <>
          <Figure spec={s.figure} name="mix" />
          <details><summary>As a table</summary><Table table={s.table} name="mix" /></details>
        </>
      )}
    </Shown>
  );
}
