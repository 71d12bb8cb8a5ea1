// Patch: vectors of a clean run are put into a corrupt one, one at a time. Which of them restore the answer?
import { useState } from "preact/hooks";
import type { ModelInfo } from "../api";
import { Lead } from "../glossary";
import { JobBar, start, useJob } from "../job";
import { Figure, opened, program, py, Same, shell, Table, Text, Trouble, WordField } from "../parts";
import { useParam } from "../session";
import { exampleText, SharedText, useText } from "../text";

export function Patch({ info }: { info: ModelInfo }) {
  const [clean] = useText();
  const ours = clean === exampleText;
  const [corrupt, setCorrupt] = useParam("corrupt", ours ? "The capital of France is" : "");
  const [target, setTarget] = useParam("target", ours ? " Berlin" : "");
  const [against, setAgainst] = useParam("against", ours ? " Paris" : "");
  const [id, setId] = useParam("patch", "");
  const [error, setError] = useState<Error>();
  const job = useJob(id || undefined, () => setId(undefined));
  const run = () => {
    setError(undefined);
    start("patch", { clean, corrupt, target, against }).then(setId, setError);
  };
  const result = job?.result;
  return (
    <>
      <Lead>
        Two texts of equal length with two answers. One vector of the clean run is put into the corrupt run at a time.
        If it restores the clean answer, that vector carries it.
      </Lead>
      <div class="pair">
        <SharedText />
        <Text label="Corrupt text" value={corrupt} set={setCorrupt} long />
      </div>
      <div class="row">
        <WordField label="Clean answer" value={target} set={setTarget} />
        <WordField label="Corrupt answer" value={against} set={setAgainst} />
        <button type="button" class="main" onClick={run}>
          Patch every place
        </button>
      </div>
      <Trouble error={error} />
      <JobBar job={job} />
      {result && <Figure spec={result.figure} name="patch" />}
      {result && (
        <details>
          <summary>As tables</summary>
          <Table table={result.tables.grid} name="patch" />
          <Table table={result.tables.heads} name="patch-heads" />
        </details>
      )}
      <Same
        command={`${program(info, "patch")} ${shell(clean)} ${shell(corrupt)} --target ${shell(target)} --against ${shell(against)}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.patch(${py(clean)}, ${py(corrupt)}, target=${py(target)}, against=${py(against)})`}
      />
    </>
  );
}
