/** Tasks that answer what they cost, as `--metric answer` compares it. */
import { Effect, Schema } from "effect"
import { Task } from "../../../src/services/Queue/index.ts"

const Costs = Schema.Record(Schema.String, Schema.Finite)

export const Parse = Task.make("parse", { payload: Schema.Null, success: Costs })
/** Nothing that could be compared. */
export const Mute = Task.make("mute", { payload: Schema.Null, success: Schema.String })
/** Below any clock. */
export const Instant = Task.make("instant", { payload: Schema.Null, success: Costs })

let jobs = 0

export default [
  Parse.toLayer(() => Effect.sync(() => ({ rows: 12.5, bytes: 100 + (jobs++ % 2) }))),
  Mute.toLayer(() => Effect.succeed("done")),
  Instant.toLayer(() => Effect.succeed({ rows: 0 }))
]
