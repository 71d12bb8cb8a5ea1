// Steer: a direction from contrasting texts, added while the model writes.
import { useState } from "preact/hooks";
import type { ModelInfo } from "../api";
import { Lead } from "../glossary";
import { JobBar, start, useJob } from "../job";
import { Choice, Figure, NumberField, opened, program, py, Same, shell, Table, Text, Trouble } from "../parts";
import { useNumber, useParam } from "../session";
import { SharedText, useText } from "../text";

const lines = (text: string): string[] =>
  text
    .split("\n")
    .map((l) => l.trim())
    .filter((l) => l !== "");

export function Steer({ info }: { info: ModelInfo }) {
  const middle = `blocks.${Math.floor(info.blocks / 2)}.resid_post`;
  const [text] = useText();
  const [towards, setTowards] = useParam("towards", "I love this\nThis is wonderful");
  const [away, setAway] = useParam("away", "I hate this\nThis is terrible");
  const [site, setSite] = useParam("steersite", middle);
  const [strengths, setStrengths] = useParam("strengths", "-1 -0.5 0 0.5 1");
  const [tokens, setTokens] = useNumber("steertokens", 20);
  const [id, setId] = useParam("steer", "");
  const [error, setError] = useState<Error>();
  const job = useJob(id || undefined, () => setId(undefined));
  const amounts = strengths
    .split(/[\s,]+/)
    .filter((s) => s !== "")
    .map(Number);
  const run = () => {
    setError(undefined);
    if (amounts.some((a) => !Number.isFinite(a)))
      return setError(new Error(`strengths: '${strengths}' are not all numbers`));
    start("steer", { text, site, towards: lines(towards), away: lines(away), strengths: amounts, tokens }).then(
      setId,
      setError,
    );
  };
  const sites = Array.from({ length: info.blocks }, (_, l): [string, string] => [
    `blocks.${l}.resid_post`,
    `after block ${l}`,
  ]);
  if (!sites.some(([s]) => s === site)) sites.push([site, site]);
  return (
    <>
      <Lead>
        The mean vector of some texts minus that of others is a direction. Add it at one place while the model writes,
        with different strengths.
      </Lead>
      <SharedText />
      <div class="pair">
        <Text label="Towards (one text per line)" value={towards} set={setTowards} long />
        <Text label="Away from (one text per line)" value={away} set={setAway} long />
      </div>
      <div class="row">
        <Choice label="Where" value={site} set={setSite} options={sites} />
        <Text label="Strengths" value={strengths} set={setStrengths} />
        <NumberField label="Tokens" value={tokens} set={setTokens} min={1} max={500} />
        <button type="button" class="main" onClick={run}>
          Write with each strength
        </button>
      </div>
      <Trouble error={error} />
      <JobBar job={job} />
      {job?.result && <Table table={job.result.table} name="steer" />}
      {job?.result?.figure && <Figure spec={job.result.figure} name="steer" />}
      <Same
        command={`${program(info, "steer")} ${shell(text)} --site ${site} --towards ${lines(towards).map(shell).join(" ")} --away ${lines(away).map(shell).join(" ")} --strengths ${amounts.join(" ")} --tokens ${tokens}`}
        python={`import embscope\nmodel = embscope.load(${opened(info)})\nmodel.steer(${py(text)}, site=${py(site)}, towards=${py(lines(towards))},\n            away=${py(lines(away))}, strengths=${py(amounts)}, tokens=${tokens})`}
      />
    </>
  );
}
