/**
 * Ten poison jobs of one sort among a thousand others, on two worker processes that are replaced when they die. Answers
 * what became of each.
 */
import { Effect } from "effect"
import { type JobId, type JobRecord, QueueSettings, Sluice, TaskQueue } from "../../../src/services/Queue/index.ts"
import { SeededRandom } from "../SeededRandom.ts"
import { faultFolder } from "./FaultFolder.ts"
import { settings } from "./FaultSettings.ts"
import { Nap, PoisonProcess, poisonThread, type threadPoisons } from "./FaultTasks.ts"
import { Fleet } from "./Fleet.ts"
import { readLedger, type Entry } from "./Ledger.ts"
import { settled } from "./Storm.ts"
import { records } from "./Verdict.ts"

export interface PoisonOptions {
  /** Poisons by name; each is enqueued as often as `each` says, spread among the others. */
  readonly process?: ReadonlyArray<string>
  readonly thread?: ReadonlyArray<(typeof threadPoisons)[number]>
  readonly each: number
  readonly others: number
  readonly withinMs: number
  readonly nodeFlags?: ReadonlyArray<string>
}

export interface PoisonReport {
  readonly poison: ReadonlyMap<string, ReadonlyArray<JobRecord>>
  readonly others: ReadonlyArray<JobRecord>
  readonly workersUsed: number
  readonly ledger: ReadonlyArray<Entry>
}

export const poison = (options: PoisonOptions) =>
  Effect.gen(function* () {
    const folder = yield* faultFolder
    const fleet = new Fleet(folder, { thread: true }, { nodeFlags: options.nodeFlags ?? [] })
    const random = new SeededRandom(7)
    return yield* Effect.gen(function* () {
      const queue = yield* TaskQueue
      const poisonIds = new Map<string, Array<JobId>>()
      const otherIds: Array<JobId> = []
      const note = (kind: string) => (id: JobId) => void poisonIds.set(kind, [...(poisonIds.get(kind) ?? []), id])
      const sowing = [
        ...Array.from({ length: options.others }, () =>
          Effect.map(queue.enqueue(Nap, { ms: 5 + random.below(46), version: 0 }), ({ id }) => void otherIds.push(id))
        ),
        ...(options.process ?? []).flatMap((kind) =>
          Array.from({ length: options.each }, () =>
            Effect.map(queue.enqueue(PoisonProcess, { kind }), ({ id }) => note(kind)(id))
          )
        ),
        ...(options.thread ?? []).flatMap((kind) =>
          Array.from({ length: options.each }, () =>
            Effect.map(queue.enqueue(poisonThread(kind), {}), ({ id }) => note(kind)(id))
          )
        )
      ]
      for (let i = sowing.length - 1; i > 0; i--) {
        const j = random.below(i + 1)
        const swapped = sowing[i]!
        sowing[i] = sowing[j]!
        sowing[j] = swapped
      }
      yield* Effect.forEach(sowing, (sow) => sow, { concurrency: 50, discard: true })
      yield* Effect.forkScoped(fleet.keep(2).pipe(Effect.andThen(Effect.sleep("100 millis")), Effect.forever))
      yield* settled(options.withinMs)
      const found = yield* records([...otherIds, ...[...poisonIds.values()].flat()])
      const report: PoisonReport = {
        poison: new Map([...poisonIds].map(([kind, ids]) => [kind, ids.map((id) => found.get(id)!)])),
        others: otherIds.map((id) => found.get(id)!),
        workersUsed: fleet.all.length,
        ledger: readLedger(folder.ledger)
      }
      return report
    }).pipe(
      Effect.provide(Sluice.layerSqlite({ path: folder.store })),
      Effect.provideService(QueueSettings.Settings, settings)
    )
  }).pipe(Effect.scoped)
