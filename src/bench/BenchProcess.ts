/**
 * The fresh process: `measure VARIANT SCALE` answers a variant's figures; `worker FILE` and `tier-worker FILE JOBS` run
 * jobs until the parent lets go.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Answer, Channel } from "./FreshProcess.ts"
import { workerProgram } from "./LatencyBench.ts"
import { tierWorkerProgram } from "./TierBench.ts"
import type { Scale } from "./Variant.ts"
import { variants } from "./Variants.ts"

const channel: Channel = {
  send: (message) => {
    process.send?.(message)
  },
  closed: Effect.callback<void>((resume) => {
    process.once("disconnect", () => resume(Effect.void))
  })
}

const measure = (name: string, scale: Scale): Effect.Effect<Answer> => {
  const variant = variants.find((variant) => variant.name === name)
  if (variant === undefined) return Effect.succeed({ failed: `no variant ${name}` })
  return variant.measure(scale).pipe(
    Effect.map((figures) => ({ figures })),
    Effect.catchCause((cause) => {
      const error = Cause.squash(cause)
      return Effect.succeed({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    })
  )
}

const run = async ([program, ...words]: ReadonlyArray<string>) => {
  if (program === "measure") {
    // Nobody is left to answer.
    process.once("disconnect", () => process.exit(1))
    const answer = await Effect.runPromise(measure(words[0]!, JSON.parse(words[1]!)))
    process.removeAllListeners("disconnect")
    process.send?.(answer, () => process.exit(0))
  } else if (program === "worker") {
    await Effect.runPromise(workerProgram(words[0]!, channel))
    process.exit(0)
  } else if (program === "tier-worker") {
    await Effect.runPromise(tierWorkerProgram(words[0]!, Number(words[1]), channel))
    process.exit(0)
  }
}

void run(process.argv.slice(2))
