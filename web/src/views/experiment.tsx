// Experiment: which places carry an answer, and a direction that is added while the model writes.
import type { ModelInfo } from "../api";
import { Segments } from "../parts";
import { useParam } from "../session";
import { Patch } from "./patch";
import { Steer } from "./steer";

const parts = [
  ["patch", "Patch"],
  ["steer", "Steer"],
] as [string, string][];

export function Experiment({ info }: { info: ModelInfo }) {
  const [part, setPart] = useParam("part", "patch");
  return (
    <>
      <h1>Patch and steer</h1>
      <Segments label="Experiments" parts={parts} value={part} set={setPart} />
      {part === "steer" ? <Steer info={info} /> : <Patch info={info} />}
    </>
  );
}
