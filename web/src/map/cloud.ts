// The points of a job, while they are computed.
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, type Job } from "../api";
import { useAnswer } from "../hooks";

export interface Cloud {
  ids: Int32Array;
  xy: Float32Array;
}

/** The points of a job, updated whenever it has newer ones. */
export function useCloud(job: Job | undefined): Cloud | undefined {
  const [cloud, setCloud] = useState<Cloud & { job: number }>();
  const ids = useRef<{ job: number; ids: Int32Array } | undefined>(undefined);
  const has = job && (job.state === "done" || job.state === "cancelled" || (job.version ?? 0) > 0 || job.fraction > 0);
  const points = useAnswer(
    has ? `${job.id} ${job.version ?? job.fraction} ${job.state}` : undefined,
    async (signal) => {
      const id = job!.id;
      if (ids.current?.job !== id || ids.current.ids.length === 0)
        ids.current = {
          job: id,
          ids: new Int32Array(await (await ask(`jobs/${id}/ids`, undefined, { signal })).arrayBuffer()),
        };
      const xy = new Float32Array(await (await ask(`jobs/${id}/points`, undefined, { signal })).arrayBuffer());
      return { job: id, ids: ids.current.ids, xy };
    },
    5000,
  );
  useEffect(() => points.data && setCloud(points.data), [points.data]);
  return cloud && cloud.job === job?.id && cloud.ids.length > 0 && cloud.xy.length === 2 * cloud.ids.length
    ? cloud
    : undefined;
}
