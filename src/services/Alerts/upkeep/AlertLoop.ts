/** Looks after the alerts on the worker that leads them. */
import { Effect } from "effect"
import { layerLed } from "../../Queue/upkeep/Leading.ts"
import { Worker } from "../../Queue/Worker.ts"
import { Alerts } from "../Alerts.ts"
import { Settings } from "../AlertSettings.ts"

/** One look in the name of this process's worker. */
export const lookOnce = Effect.gen(function* () {
  const { name } = yield* Effect.flatMap(Worker, ({ status }) => status)
  yield* Effect.flatMap(Alerts, ({ look }) => look(name))
})

export const layer = layerLed(
  "alerts",
  Settings.useSync(({ interval }) => interval),
  lookOnce
)
