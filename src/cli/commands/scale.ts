/**
 * `sluice scale`: slots ahead of the load. What will come, what the scaler does about it and why, and how to set it.
 */
import * as Command from "effect/cli/Command"
import { backtest } from "./scale/backtest.ts"
import { event } from "./scale/event.ts"
import { explain } from "./scale/explain.ts"
import { forecast } from "./scale/forecast.ts"
import { patterns } from "./scale/patterns.ts"
import { recommendation } from "./scale/recommendation.ts"
import { set } from "./scale/set.ts"
import { status } from "./scale/status.ts"

export const command = Command.make("scale").pipe(
  Command.withDescription("Slots ahead of the load: forecasts, what the scaler decided and why, and its settings."),
  Command.withSubcommands([status, forecast, backtest, explain, set, event, patterns, recommendation]),
  Command.withExamples([
    { command: "sluice scale status", description: "what the scaler would do or does, and how good its forecasts are" },
    { command: "sluice scale forecast network --horizon 6h -o network.svg" },
    {
      command: "sluice scale backtest network --days 2",
      description: "would it have paid? against reactive and fixed slots"
    },
    { command: "sluice scale set network --mode on --min 2 --max 40" }
  ])
)
