import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import path from "node:path"
import * as OwnFolder from "../../../files/OwnFolder.ts"
import { fail } from "../../Failure.ts"
import { Invocation } from "../../Invocation.ts"
import { output } from "../../Output.ts"
import { ProcessIdentity as ProcessId } from "../../../services/Queue/index.ts"
import * as Settings from "../../Settings.ts"
import { storeIn } from "../../StoreSetting.ts"
import * as Background from "../../worker/Background.ts"

/** A stop takes the grace period, the time to hand jobs back, and a little. */
const beyondGraceMs = 5000

export const stop = Command.make(
  "stop",
  {
    all: Flag.Boolean("all").pipe(
      Flag.withoutNegation,
      Flag.withDescription("of every store, not only this one"),
      Flag.withDefault(false)
    ),
    pids: Argument.Int("pid").pipe(
      Argument.withDescription("process ids, as worker -d printed them; none: all of this store"),
      Argument.variadic()
    )
  },
  Effect.fnUntraced(function* ({ all, pids }) {
    const out = yield* output
    const { env } = yield* Invocation
    const read = yield* Settings.looking
    const { settings } = read
    const { grace } = yield* Settings.toQueueSettings(settings)
    const folder = path.join(OwnFolder.placed(Settings.stateFolder(env)), "workers")
    const background = yield* Effect.try({
      try: () => Background.list(folder),
      catch: (error) => fail("notAllowed", error instanceof Error ? error.message : String(error))
    })
    const unknown = pids.find((pid) => !background.some((worker) => worker.pid === pid))
    if (unknown !== undefined)
      return yield* fail(
        "notFound",
        `no background worker ${unknown}; those alive: ${background.map(({ pid }) => pid).join(", ") || "none"}`
      )
    const store = all || pids.length > 0 ? undefined : (yield* storeIn(read)).value
    const chosen = background.filter((worker) =>
      pids.length > 0 ? pids.includes(worker.pid) : store === undefined || worker.store === store
    )
    for (const { pid } of chosen) process.kill(pid, "SIGTERM")
    for (const { pid, start } of chosen) {
      const mostMs = Duration.toMillis(grace) + beyondGraceMs
      let waitedMs = 0
      while (ProcessId.isAlive(pid, start) && waitedMs < mostMs) {
        yield* Effect.sleep(25)
        waitedMs += 25
      }
      if (ProcessId.isAlive(pid, start))
        return yield* fail(
          "timedOut",
          `worker ${pid} has not ended after ${mostMs / 1000} s; end it with: kill -9 ${pid}`
        )
      Background.forget(folder, pid)
      yield* out.line(out.quiet ? String(pid) : `worker ${pid} has stopped`)
    }
    if (chosen.length === 0)
      yield* out.note(`no background worker${store === undefined ? "" : ` of ${store}`} is alive`)
  })
).pipe(
  Command.withDescription("Ends workers that were started with worker -d, gracefully."),
  Command.withExamples([
    { command: "sluice worker stop" },
    { command: "sluice worker stop --all", description: "of every store" }
  ])
)
