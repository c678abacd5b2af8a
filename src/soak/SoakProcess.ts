/**
 * A process of a soak: `producer FOLDER PLAN START` or `worker FOLDER PLAN`. Tells its figures and ends when the parent
 * lets go.
 */
import * as Effect from "effect/Effect"
import { watching } from "./Decisions.ts"
import { processFigures } from "./ProcessFigures.ts"
import type { SoakPlan } from "./SoakPlan.ts"
import { type PartStart, Produced, produce } from "./SoakProducer.ts"
import type { Decided } from "./SoakSamples.ts"
import { layerQueue, layerWorker, Seen } from "./SoakWorkload.ts"

/** What a process of the soak tells its parent. */
export type Told = Sample | { readonly decided: Decided }

interface Sample {
  readonly figures: ReturnType<typeof processFigures>
  readonly produced?: ReturnType<Produced["report"]>
  readonly seen?: ReturnType<Seen["take"]>
}

const closed = Effect.callback<void>((resume) => {
  // A parent that was killed while this process opened its store has let go already.
  if (!process.connected) return resume(Effect.void)
  process.once("disconnect", () => resume(Effect.void))
})

// The parent may have let go since.
const send = (told: Told) => void (process.connected && process.send!(told))

const tell = (told: () => Omit<Sample, "figures">) => Effect.sync(() => send({ figures: processFigures(), ...told() }))

const telling = (plan: SoakPlan, told: () => Omit<Sample, "figures">) =>
  Effect.repeat(Effect.delay(tell(told), plan.sampleMs), { while: () => true })

const [program, folder, planText, startText] = process.argv.slice(2)
const plan: SoakPlan = JSON.parse(planText!)

const producer = Effect.gen(function* () {
  const start: PartStart = JSON.parse(startText!)
  const produced = new Produced(start.from)
  const told = () => ({ produced: produced.report() })
  const working = Effect.andThen(produce(plan, start, produced), Effect.andThen(tell(told), Effect.never))
  yield* Effect.raceAllFirst([closed, telling(plan, told), working])
}).pipe(Effect.provide(layerQueue(folder!, plan, { thread: true })))

const worker = Effect.suspend(() => {
  const seen = new Seen()
  const told = () => ({ seen: seen.take() })
  return Effect.raceAllFirst([
    closed,
    telling(plan, told),
    plan.unattended === true ? watching((decided) => send({ decided })) : Effect.never
  ]).pipe(Effect.provide(layerWorker(folder!, plan, seen)))
})

const run = async () => {
  if (program === "producer") await Effect.runPromise(producer)
  else if (program === "worker") await Effect.runPromise(worker)
  process.exit(0)
}

void run()
