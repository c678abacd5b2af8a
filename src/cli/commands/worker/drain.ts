import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { TaskQueue } from "../../../services/Queue/index.ts"
import { aliveWorkers, workersArgument } from "../../AliveWorkers.ts"
import { fail } from "../../Failure.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"
import * as Sanitize from "../../terminal/Sanitize.ts"

export const drain = Command.make(
  "drain",
  {
    all: Flag.Boolean("all").pipe(
      Flag.withoutNegation,
      Flag.withDescription("every worker of the store"),
      Flag.withDefault(false)
    ),
    workers: workersArgument()
  },
  Effect.fnUntraced(function* ({ all, workers: named }) {
    const out = yield* output
    const queue = yield* TaskQueue
    if (!all && named.length === 0)
      return yield* fail("usage", "name workers by session or name (sluice worker ls), or drain --all")
    const chosen = yield* aliveWorkers(all ? [] : named)
    for (const { name, session } of chosen) {
      yield* queue.drainWorker(session)
      yield* out.line(
        out.quiet
          ? String(session)
          : `${Sanitize.line(name)} (session ${session}) claims no more and leaves when its jobs have ended`
      )
    }
    if (chosen.length === 0) yield* out.note("no worker is alive")
  }, looking)
).pipe(
  Command.withDescription("Workers claim no more, finish what they run and leave."),
  Command.withExamples([{ command: "sluice worker drain --all", description: "before the machine goes down" }])
)
