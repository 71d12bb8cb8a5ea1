// Experiment: one vector is changed on its way through the model. What does the model say?
import type { ModelInfo } from "../api";
import { Segments } from "../parts";
import { useParam } from "../session";
import { Mix } from "./mix";
import { Patch } from "./patch";
import { Steer } from "./steer";

const parts = [["mix", "Mix and edit"], ["patch", "Patch"], ["steer", "Steer"]] as const;

export function Experiment({ info }: { info: ModelInfo }) {
  const [part, setPart] = useParam("part", "mix");
  return (
    <>
      <h1>Experiment</h1>
      <Segments label="Experiments" parts={parts as unknown as [string, string][]} value={part} set={setPart} />
      {part === "patch" ? <Patch info={info} /> : part === "steer" ? <Steer info={info} /> : <Mix info={info} />}
    </>
  );
}
