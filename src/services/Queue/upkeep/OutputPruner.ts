/** Removes logs that are to go, once a minute, by one process of the store. */
import { Duration, Effect, Layer } from "effect"
import { prune } from "../outputs/Pruning.ts"
import { layerLed } from "./Leading.ts"

/** A pass looks at each file. While a worker is there, logs outlive their jobs by at most that. */
const interval = Duration.minutes(1)

/** The first pass comes after an interval: processes that run one command leave it to those that stay. */
export const layer = Layer.suspend(() => {
  let isFirst = true
  const needed = Effect.sync(() => {
    const isNeeded = !isFirst
    isFirst = false
    return isNeeded
  })
  return layerLed("outputs", Effect.succeed(interval), prune, needed)
})
