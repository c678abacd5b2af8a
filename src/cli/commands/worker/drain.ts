import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { TaskQueue } from "../../../services/Queue/index.ts"
import { fail } from "../../Failure.ts"
import { didYouMean } from "../../input/Suggestion.ts"
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
    workers: Argument.String("worker").pipe(
      Argument.withDescription("session or name, as worker ls shows them"),
      Argument.variadic()
    )
  },
  Effect.fnUntraced(function* ({ all, workers: named }) {
    const out = yield* output
    const queue = yield* TaskQueue
    if (!all && named.length === 0)
      return yield* fail("usage", "name workers by session or name (sluice worker ls), or drain --all")
    const now = yield* Clock.currentTimeMillis
    const alive = (yield* queue.workers).filter(({ leaseUntil }) => leaseUntil > now)
    const chosen = all ? alive : []
    for (const text of all ? [] : named) {
      const found = alive.filter(({ name, session }) => name === text || String(session) === text)
      if (found.length === 0) {
        return yield* fail(
          "notFound",
          `no worker ${JSON.stringify(Sanitize.line(text))} is alive.${didYouMean(
            text,
            alive.map(({ name }) => name)
          )} See sluice worker ls`
        )
      }
      chosen.push(...found)
    }
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
).pipe(Command.withDescription("Workers claim no more, finish what they run and leave."))
