// The stage: one text and what the model does with it, with all experiments made on the picture.
import { useEffect } from "preact/hooks";
import { withoutTokenizer, type ModelInfo } from "../api";
import { opened as python, program, py, Same, shell, Trouble } from "../parts";
import { step } from "../session";
import { Beside, beside, BesideChoice } from "../stage/beside";
import { begin, examples } from "../stage/examples";
import { redo, replace, setText, site, text, undo } from "../stage/experiment";
import { begin as decide, Decide } from "../stage/decide";
import { deciding } from "../stage/deciding";
import { Inspector } from "../stage/inspector";
import { CellMenu } from "../stage/menu";
import { MixBar } from "../stage/mixbar";
import { Next } from "../stage/next";
import { Caption, Picture } from "../stage/picture";
import { Pins } from "../stage/pins";
import { Share } from "../stage/share";
import {
  edits,
  inForce,
  mixedAt,
  mixing,
  occurrences,
  otherToken,
  stage,
  targets,
  tokens,
  tokensNow,
} from "../stage/run";
import { walkTo } from "../walk";

export function Stage({ info }: { info: ModelInfo }) {
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (!(e.ctrlKey || e.metaKey) || (e.target as HTMLElement).matches("textarea, input[type=text]")) return;
      const redone = e.key === "y" || (e.key === "Z" && e.shiftKey);
      if (e.key !== "z" && !redone) return;
      e.preventDefault();
      (redone ? redo : undo)();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  const wordless = withoutTokenizer(tokens.value.error); // a picture that is there is another model's
  const unread = tokens.value.error !== undefined && (wordless || !stage.value.data);
  return (
    <>
      <Door info={info} />
      <div class={`sentence${text.value.length > 48 || text.value.includes("\n") ? " long" : ""}`}>
        <label class="hidden" for="stage-text">
          Text
        </label>
        <textarea
          id="stage-text"
          rows={Math.min(4, Math.max(1, text.value.split("\n").length, Math.ceil(text.value.length / 110)))}
          value={text.value}
          spellcheck={false}
          placeholder="Type a text"
          onInput={(e) => setText(e.currentTarget.value)}
        />
        <MixBar info={info} />
      </div>
      {text.value === "" && (
        <p class="hint">Type a text above: its tokens, their vectors and the next token appear as you type.</p>
      )}
      <Trouble error={tokens.value.error} />
      {wordless && (
        <p class="hint">
          Its vectors can still be seen, by their numbers: in Vocabulary, Matrix and Compare. Train makes a model with a
          tokenizer of its own.
        </p>
      )}
      <div hidden={unread} class={beside.value ? "scene two" : "scene"}>
        <div class="main-part">
          <Caption />
          <Picture />
        </div>
        {beside.value && <Beside />}
        <div class="side-part">
          <Next />
          {deciding.value ? (
            <Decide key="decide" info={info} />
          ) : (
            stage.value.data && (
              <p class="ask">
                <button type="button" onClick={() => void decide()}>
                  Where is it decided?
                </button>
              </p>
            )
          )}
          <Inspector info={info} />
        </div>
      </div>
      {stage.value.data && !unread && <Commands info={info} />}
      <CellMenu />
    </>
  );
}

/** What this is, in one sentence, and where to start. */
function Door({ info }: { info: ModelInfo }) {
  return (
    <div class="door">
      <h1>
        A language model turns words into vectors. <em>Change one, and watch the answer.</em>
      </h1>
      {step.value === 0 && (
        <button type="button" class="main" onClick={() => void walkTo(1, info)}>
          Begin the walk
        </button>
      )}
      <div class="tries">
        <div class="examples" role="group" aria-label="Examples">
          <span class="soft" aria-hidden="true">
            Try
          </span>
          {examples.map((e) => (
            <button
              key={e.name}
              type="button"
              class="quiet"
              aria-pressed={text.value === e.text}
              onClick={() => begin(e)}
            >
              {e.name}
            </button>
          ))}
        </div>
        <span class="row-end">
          <BesideChoice info={info} />
          <Share info={info} />
          <Pins />
        </span>
      </div>
    </div>
  );
}

/** The experiment as a command and in Python. */
function Commands({ info }: { info: ModelInfo }) {
  const now = edits.value;
  const flags = (list: { at: string; do: string }[]) =>
    list.map((e) => ` --at ${shell(e.at)} --do ${shell(e.do)}`).join("");
  const written = (list: { at: string; do: string }[]) => py(list.map((e) => `${e.at} ${e.do}`));
  const load = `import embscope\nmodel = embscope.load(${python(info)})\n`;
  const once = tokensNow.value && occurrences(text.value, tokensNow.value, replace.value).length === 1;
  const replaced = once ? replace.value : `@${mixedAt.value}`;
  const lines = [
    now.length
      ? `${program(info, "edit")} ${shell(text.value)}${flags(now)}`
      : `${program(info, "predict")} ${shell(text.value)} -k 8`,
  ];
  const calls = [
    now.length ? `model.edit(${py(text.value)}, ${written(now)})` : `model.predict(${py(text.value)}, k=8)`,
  ];
  if (mixing.value && otherToken.value && targets.value.length > 0) {
    const words = stage.value.data!.targets.map((t) => t.label.replaceAll("␣", " "));
    lines.push(
      `${program(info, "mix")} ${shell(text.value)} --replace ${shell(replaced)} --with ${shell(otherToken.value.text)} --targets ${words.map(shell).join(" ")} --steps 17${site.value === "wte" ? "" : ` --site ${site.value}`}${flags(inForce.value)}`,
    );
    calls.push(
      `model.mix(${py(text.value)}, replace=${py(replaced)}, with_=${py(otherToken.value.text)},\n          targets=${py(words)}, steps=17, site=${py(site.value)}${inForce.value.length ? `,\n          edits=${written(inForce.value)}` : ""})`,
    );
  }
  lines.push(`${program(info, "lens")} ${shell(text.value)} --top 3`);
  calls.push(`model.lens(${py(text.value)}, top=3)`);
  return <Same command={lines.join("\n")} python={load + calls.join("\n")} />;
}
