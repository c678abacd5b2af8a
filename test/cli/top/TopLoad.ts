/**
 * A busy store for `sluice top`: ten thousand jobs that wait, a few that run and tell how far they are, and jobs that come and go a thousand events a
 * second (enqueued, started, completed). `node TopLoad.ts STORE`; says `ready`, and goes on until it is ended.
 */
import { Effect, Layer, Schema } from "effect"
import { CurrentAttempt, Sluice, Task, TaskQueue } from "../../../src/index.ts"

const Slow = Task.make("encode", {
  payload: Schema.Struct({ file: Schema.String }),
  success: Schema.Void,
  progress: Schema.Struct({ percent: Schema.Int, message: Schema.String }),
  group: "computation"
})
const Brief = Task.make("ping", { payload: Schema.Struct({ n: Schema.Int }), success: Schema.Void, group: "network" })

const program = Effect.gen(function* () {
  const queue = yield* TaskQueue
  for (let first = 0; first < 10_000; first += 1000)
    yield* queue.enqueueMany(
      Slow,
      Array.from({ length: 1000 }, (_, i) => ({ file: `episode-${first + i}.mkv` }))
    )
  process.stdout.write("ready\n")
  // Each of them is enqueued, started and completed.
  let n = 0
  yield* Effect.suspend(() =>
    queue.enqueueMany(
      Brief,
      Array.from({ length: 34 }, () => ({ n: n++ }))
    )
  ).pipe(Effect.andThen(Effect.sleep("100 millis")), Effect.forever)
})

console.log(CurrentAttempt, program, Layer, Sluice)
