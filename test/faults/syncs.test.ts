/**
 * Invariant: an enqueue is acknowledged only after a sync of the store's log that began after it was asked for has
 * succeeded. Counted in the system calls of a real process; where strace cannot trace, this is named as not run, and
 * fails with `CI=true`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import path from "node:path"
import { faultFolder } from "../support/faults/FaultFolder.ts"
import { hosts } from "../support/faults/FaultSettings.ts"
import { canTrace, readCalls, tracing } from "../support/faults/Strace.ts"
import { start } from "../support/faults/WorkerProcess.ts"

const jobs = 100

describe.each(hosts)("syncs, the store on $host", ({ thread }) => {
  for (const producers of [1, 20]) {
    it.live.skipIf(!canTrace && process.env.CI !== "true")(
      `${producers === 1 ? "one after the other" : `${producers} at a time`}: each acknowledgement waits for a sync of its own time`,
      () =>
        Effect.gen(function* () {
          assert(canTrace, "not run: strace is missing or may not trace")
          const folder = yield* faultFolder
          const log = path.join(folder.path, "calls")
          const enqueuer = yield* start(
            { name: "enqueuer", store: folder.store, ledger: folder.ledger, thread, jobs, producers },
            { program: "enqueuer.ts", under: tracing(log, ["fdatasync", "fsync", "write"]) }
          )
          const end = yield* Deferred.await(enqueuer.ended)
          assert.strictEqual(end.code, 0, enqueuer.output)

          const asked = new Map<string, number>()
          const syncs: Array<{ readonly from: number; readonly to: number }> = []
          const unsynced: Array<string> = []
          let acknowledged = 0
          let first = Number.POSITIVE_INFINITY
          for (const { from, name, ok, text, to } of readCalls(log)) {
            if (name === "write") {
              const [, verb, n] = /"(asked|acknowledged) (\d+)\\n"/.exec(text) ?? []
              if (verb === "asked") {
                asked.set(n!, from)
                first = Math.min(first, from)
              } else if (verb === "acknowledged") {
                acknowledged++
                if (!syncs.some((sync) => sync.from > asked.get(n!)! && sync.to < from)) unsynced.push(n!)
              }
            } else if (ok && text.includes(`${folder.store}-wal`)) syncs.push({ from, to })
          }
          const during = syncs.filter((sync) => sync.from > first).length
          assert.strictEqual(acknowledged, jobs)
          assert.deepStrictEqual(unsynced, [])
          if (producers === 1) assert.isAtLeast(during, jobs)
          else assert.isBelow(during, jobs, "callers at the same time should share their commits")
        }),
      30_000
    )
  }
})
