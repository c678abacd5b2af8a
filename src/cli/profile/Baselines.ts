/** Baselines: what runs of a task cost when they were saved. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type ProfileFolder, Regression } from "../../services/Queue/index.ts"
import { fail } from "../Failure.ts"
import { BaselineShape } from "../../api/ProfileShape.ts"
import * as Sanitize from "../terminal/Sanitize.ts"
import type { RunFigures } from "./FreshRuns.ts"
import { onFiles } from "./Profiles.ts"

const namePattern = /^[A-Za-z0-9-]{1,100}$/

/** A name for a file; the task's own, with what a file name cannot hold as dashes, when none is given. */
export const baselineName = (name: string | undefined, task: string) =>
  name === undefined
    ? Effect.succeed(task.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(0, 100))
    : namePattern.test(name)
      ? Effect.succeed(name)
      : Effect.fail(
          fail("usage", `--name is ${JSON.stringify(Sanitize.line(name))}; expected letters, digits and dashes`)
        )

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(BaselineShape))

export const readBaseline = (files: ProfileFolder.ProfileFolder, name: string) =>
  Effect.gen(function* () {
    const text = yield* onFiles(`baseline ${name} cannot be read`, () => files.baseline(name))
    if (text === undefined)
      return yield* fail(
        "notFound",
        `no baseline ${name} in ${files.folder}; save one with: sluice profile baseline save TASK --name ${name}`
      )
    return yield* Effect.mapError(decode(text), () =>
      fail("failure", `baseline ${name} is damaged; save it again with: sluice profile baseline save`)
    )
  })

export type Metric = "cpu" | "wall"

/**
 * What is compared, one figure a run. CPU time is divided by that of the yardstick in the same run, so that a machine
 * that was slower as a whole is not taken for a slower task; time by the wall is taken as it is, since it may be spent
 * waiting.
 */
export const costs = (runs: ReadonlyArray<RunFigures>, metric: Metric): ReadonlyArray<number> =>
  runs.map(({ cpuUs, wallUs, yardstickUs }) => (metric === "wall" ? wallUs : cpuUs / yardstickUs))

/** The runs of a saved baseline. */
export const runsOf = (baseline: typeof BaselineShape.Type): ReadonlyArray<RunFigures> =>
  baseline.cpuUs.map((cpuUs, i) => ({
    cpuUs,
    wallUs: baseline.wallUs[i]!,
    yardstickUs: baseline.yardstickUs[i]!
  }))

export const fewestRuns = Regression.fewestRuns
