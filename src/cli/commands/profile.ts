/** `sluice profile`: where the time of jobs goes, and whether it has changed. */
import * as Command from "effect/cli/Command"
import { baseline } from "./profile/baseline.ts"
import { check } from "./profile/check.ts"
import { diff } from "./profile/diff.ts"
import { figures } from "./profile/figures.ts"
import { get } from "./profile/get.ts"
import { ls } from "./profile/ls.ts"
import { mark } from "./profile/mark.ts"
import { run } from "./profile/run.ts"
import { start } from "./profile/start.ts"
import { stop } from "./profile/stop.ts"

export const command = Command.make("profile").pipe(
  Command.withDescription(
    "What workers measure; CPU and allocation profiles with bottlenecks named; baselines and their check."
  ),
  Command.withSubcommands([figures, start, stop, run, ls, get, diff, baseline, check, mark]),
  Command.withExamples([
    { command: "sluice profile figures --for 5s", description: "what the workers measure now" },
    {
      command: "sluice profile start; sleep 5; sluice profile stop",
      description: "profile the workers"
    },
    { command: "sluice profile run resize --tasks ./tasks.ts --payload @one.json --times 500" },
    { command: "sluice profile check resize --tasks ./tasks.ts", description: "in CI: exit 1 when it got slower" }
  ])
)
