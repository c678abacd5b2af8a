/** The module of tasks that the tests of `sluice profile` name with `--tasks`. */
import { Effect, Schema } from "effect"
import { Task } from "../../../src/services/Queue/index.ts"

export const Hash = Task.make("hash", { payload: Schema.Struct({ n: Schema.Int }), success: Schema.Int })

const hash = (n: number): number => {
  let sum = 0
  for (let i = 0; i < n; i++) sum = (sum * 31 + i) % 1_000_003
  return sum
}

export default Hash.toLayer(({ n }) => (n < 0 ? Effect.die("a negative number") : Effect.sync(() => hash(n))))
