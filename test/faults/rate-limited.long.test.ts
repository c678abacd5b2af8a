/**
 * Fault: 100 mails a second for a server that takes 50 and answers 429 with `Retry-After` to the others; of two worker
 * processes one is killed with -9 as soon as it has been told 429. Invariant: no mail is lost; only such are sent twice
 * as the killed worker had under way; after the first second there is at most one refusal for 50 accepted mails.
 *
 * Reduced: 500 mails instead of 3,000.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { QueueSettings, Sluice, TaskQueue } from "../../src/services/Queue/index.ts"
import { faultFolder } from "../support/faults/FaultFolder.ts"
import { isReduced, settings } from "../support/faults/FaultSettings.ts"
import { Mail, mailSlots } from "../support/faults/Mail.ts"
import { mailServer } from "../support/faults/MailServer.ts"
import { start } from "../support/faults/WorkerProcess.ts"

const seconds = isReduced ? 5 : 30
const perSecond = 100
const taken = 50

describe("a server that takes half of what is sent", () => {
  it.live("loses no mail, doubles only what was under way when a worker was killed, and refuses one of 50", () =>
    Effect.gen(function* () {
      const folder = yield* faultFolder
      const { store } = folder
      const server = yield* mailServer(taken)
      const worker = (name: string) => start({ name, store, url: server.url }, { program: "mailWorker.ts" })
      yield* Effect.gen(function* () {
        const queue = yield* TaskQueue
        const workers = [yield* worker("first"), yield* worker("second")]
        let victim: string | undefined
        server.onRefused = ({ worker }) => {
          if (victim !== undefined) return
          victim = worker
          workers.find(({ name }) => name === worker)!.kill()
        }
        const begun = Date.now()
        for (let second = 0; second < seconds; second++) {
          const mails = Array.from({ length: perSecond }, (_, i) => second * perSecond + i)
          yield* queue.enqueueMany(Mail, mails)
          yield* Effect.sleep(Math.max(0, begun + (second + 1) * 1_000 - Date.now()))
        }
        yield* Effect.repeat(Effect.delay(queue.count({ states: ["completed"] }), "200 millis"), {
          until: ({ count }) => count === seconds * perSecond
        })
        assert.isDefined(victim, "a worker was killed right after it was told 429")
        const failed = yield* queue.count({ states: ["failed", "cancelled"] })
        assert.strictEqual(failed.count, 0)
        assert.strictEqual(server.taken.size, seconds * perSecond, "every mail was taken")
        const twice = [...server.taken].filter(([, times]) => times.length > 1)
        assert.isAtMost(twice.length, mailSlots)
        for (const [, times] of twice) assert.strictEqual(times.length, 2)
        const start = Math.min(...[...server.taken.values()].flat())
        const later = (at: number) => at > start + 1_000
        const acceptedLater = [...server.taken.values()].flat().filter(later).length
        const refusedLater = server.refused.filter(({ at }) => later(at)).length
        const tookMs = Date.now() - start
        console.log(
          `${server.taken.size} mails in ${(tookMs / 1_000).toFixed(1)} s, ${twice.length} twice; ${server.refused.length} refusals, ` +
            `${refusedLater} after the first second: ${((refusedLater * 50) / acceptedLater).toFixed(2)} for 50 accepted`
        )
        assert.isAtMost(refusedLater * 50, acceptedLater)
      }).pipe(
        Effect.provide(Sluice.layerSqlite({ path: store })),
        Effect.provideService(QueueSettings.Settings, settings)
      )
    }).pipe(Effect.scoped)
  )
})
