/** `sluice queue`: the queue as a whole and its groups. */
import * as Command from "effect/cli/Command"
import { drain } from "./queue/drain.ts"
import { du } from "./queue/du.ts"
import { group } from "./queue/group.ts"
import { hours } from "./queue/hours.ts"
import { limit } from "./queue/limit.ts"
import { order } from "./queue/order.ts"
import { pause, resume } from "./queue/pause.ts"
import { purge } from "./queue/purge.ts"
import { stats } from "./queue/stats.ts"
import { status } from "./queue/status.ts"

export const command = Command.make("queue").pipe(
  Command.withDescription("The queue as a whole and its resource groups."),
  Command.withSubcommands([status, stats, pause, resume, drain, limit, order, hours, group, purge, du])
)
