/**
 * Runs of a task in fresh processes: what one process is lucky or unlucky with (memory layout, the compiler's guesses)
 * is one run's.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import { SecretVariables } from "../../services/Queue/index.ts"
import { fail } from "../Failure.ts"
import { Invocation } from "../Invocation.ts"
import { PairTimingsShape, TimingsShape } from "../../api/ProfileShape.ts"
import type { PairMetric } from "./RunFlags.ts"

export interface FreshRun {
  readonly task: string
  /** Absolute. */
  readonly module: string
  /** JSON text. */
  readonly payload: string
  readonly times: number
  readonly rounds: number
}

/** The medians of one run. */
export interface RunFigures {
  readonly cpuUs: number
  readonly wallUs: number
  readonly yardstickUs: number
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** `sluice profile run --timings` as a process of its own; answers what it printed. */
const timings = <A>(
  shape: Schema.Codec<A, unknown>,
  { module, payload, rounds, task, times }: FreshRun,
  more: ReadonlyArray<string>
) =>
  Effect.gen(function* () {
    const { cwd, env } = yield* Invocation
    const args = ["profile", "run", task, "--tasks", module, "--payload", "-", "--times", `${times}`]
    const { code, stderr, stdout } = yield* Effect.callback<{ code: number | null; stdout: string; stderr: string }>(
      (resume) => {
        const child = spawn(
          process.execPath,
          // Options of Node, as --no-maglev, hold for the runs.
          [...process.execArgv, process.argv[1]!, ...args, "--rounds", `${rounds}`, ...more, "--timings", "--json"],
          { cwd, env: SecretVariables.withoutOwnSecrets(env), stdio: ["pipe", "pipe", "pipe"] }
        )
        let stdout = ""
        let stderr = ""
        child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
        child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
        child.stdin.on("error", () => {})
        child.stdin.end(payload)
        child.once("error", (error) => resume(Effect.succeed({ code: 1, stdout, stderr: error.message })))
        child.once("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
        return Effect.sync(() => child.kill("SIGKILL"))
      }
    )
    const [line = ""] = stderr.trim().split("\n").slice(-1)
    if (code !== 0) return yield* fail("failure", `a run of ${task} failed: ${line.replace(/^sluice: /, "")}`)
    return yield* Effect.mapError(Schema.decodeUnknownEffect(Schema.fromJsonString(shape))(stdout), () =>
      fail("failure", `a run of ${task} printed something else than its timings; does its module write to stdout?`)
    )
  })

export const freshRun = (run: FreshRun) =>
  Effect.map(
    timings(TimingsShape, run, []),
    ({ cpuUs, wallUs, yardstickUs }): RunFigures => ({
      cpuUs: median(cpuUs),
      wallUs: median(wallUs),
      yardstickUs: median(yardstickUs)
    })
  )

export interface FreshPair extends FreshRun {
  /** The module that `module` is compared with. Absolute. */
  readonly against: string
  readonly metric: PairMetric
  /** Which is loaded, and begins, the other way round: what the order is worth shows in no mean. */
  readonly swapped: boolean
}

/** Both modules in one process: see `PairTimings.ts`. */
export const freshPair = ({ against, metric, module, swapped, ...run }: FreshPair) => {
  const [first, second] = swapped ? [module, against] : [against, module]
  return Effect.map(
    timings(PairTimingsShape, { ...run, module: second }, ["--against", first, "--metric", metric]),
    ({ figures }) =>
      swapped
        ? figures.map(({ after, before, figure, ratio }) => ({
            figure,
            ratio: 1 / ratio,
            before: after,
            after: before
          }))
        : figures
  )
}
