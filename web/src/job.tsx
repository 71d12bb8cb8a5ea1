// Long work: started once, followed by its events, and found again after a reload by its id in the address.
import { useEffect, useState } from "preact/hooks";
import { call, events, EngineError, of, returned, type Job } from "./api";
import { Trouble } from "./parts";

/** The id of the job, as a text. */
export async function start(kind: string, request: object, model?: string): Promise<string> {
  return String((await call<{ id: number }>(model ? of(model, "jobs") : "jobs", { kind, ...request })).id);
}

const over = (job?: Job): boolean => !!job && ["done", "failed", "cancelled"].includes(job.state);

/** The job with this id, with its current state. `forget` is called if the engine no longer knows it. */
export function useJob(id: string | undefined, forget: () => void): Job | undefined {
  const [job, setJob] = useState<Job>();
  useEffect(() => {
    setJob(undefined);
    if (!id) return;
    const abort = new AbortController();
    void follow(id, setJob, abort.signal).catch((e: Error) => {
      if (e instanceof EngineError && e.status === 404) forget();
    });
    return () => abort.abort();
  }, [id, returned.value]);
  return job;
}

async function follow(id: string, tell: (job: Job) => void, signal: AbortSignal): Promise<void> {
  const look = () => call<Job>(`jobs/${id}`, undefined, { signal });
  let job = await look();
  tell(job);
  if (over(job)) return;
  for await (const { event, data } of events(`jobs/${id}/events`, undefined, signal)) {
    if (event === "progress")
      tell((job = { ...job, ...data, state: data.state ?? (job.state === "queued" ? "running" : job.state) }));
    if (event === "done" || event === "failed") break;
  }
  tell(await look());
}

export const control = (id: number, what: "pause" | "resume" | "cancel"): Promise<unknown> =>
  call(`jobs/${id}/${what}`, {});

/** The time left in words, empty while it is not known. */
export function left(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  return seconds < 90 ? `${Math.ceil(seconds)} s left` : `${Math.ceil(seconds / 60)} min left`;
}

export function JobBar({ job, pausable }: { job?: Job; pausable?: boolean }) {
  const [error, setError] = useState<Error>();
  if (!job || job.state === "done") return null;
  if (job.state === "failed")
    return (
      <Trouble
        error={
          new EngineError(0, job.error?.code ?? "", job.error?.where ?? "", job.error?.message ?? "the work failed")
        }
      />
    );
  if (job.state === "cancelled")
    return (
      <p class="waiting" role="status">
        Cancelled.
      </p>
    );
  const act = (what: "pause" | "resume" | "cancel") => () => void control(job.id, what).catch(setError);
  return (
    <div class="job">
      <progress value={job.fraction || undefined} max={1} aria-label={job.what || job.kind} />
      <span>
        {job.what}
        {job.state === "paused" ? " (paused)" : ""}
      </span>
      <span class="amount">{left(job.seconds_left)}</span>
      {pausable && (
        <button type="button" onClick={act(job.state === "paused" ? "resume" : "pause")}>
          {job.state === "paused" ? "Go on" : "Pause"}
        </button>
      )}
      <button type="button" onClick={act("cancel")}>
        Cancel
      </button>
      <Trouble error={error} />
    </div>
  );
}
