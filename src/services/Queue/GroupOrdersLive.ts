/** The orders in the store, and the copy of them that this process ranks by. */
import { Clock, Effect, Layer, Option, Schema } from "effect"
import {
  followMs,
  type GroupOrder,
  GroupOrderDocument,
  GroupOrders,
  orderDocuments,
  type RankedPage,
  settleMs
} from "./GroupOrders.ts"
import { type JobId, liveStates } from "./Job.ts"
import { Documents } from "../Store/Documents.ts"
import { JobStore } from "../Store/JobStore.ts"
import { RollUps } from "../Store/RollUps.ts"
import { type ExpectedRuns, expectedRuns, lookBackMs } from "./policy/ExpectedRun.ts"
import {
  defaultBoundMs,
  defaultOrder,
  needsRuns,
  noRuns,
  type OrderChoice,
  type Ranking,
  rankingOf,
  type Rankings
} from "./policy/Order.ts"
import { Settings } from "./QueueSettings.ts"
import type { ResourceGroup } from "./ResourceGroup.ts"
import type { StoreError } from "../Store/StoreError.ts"

/** Jobs ranked in one transaction: about 10 ms on SQLite. */
const page = 1_000
const hourMs = 3_600_000
/** How often runs are learned, in milliseconds. */
const learnEveryMs = 60_000
/**
 * What is read then: the hour that runs, and one before it. Once an hour all of it is, and what has not run for a day
 * is forgotten.
 */
const learnBackMs = 2 * hourMs
const learnAllEveryMs = hourMs

const codec = Schema.fromJsonString(GroupOrderDocument)
const encode = Schema.encodeSync(codec)
const decode = Schema.decodeOption(codec)

interface Kept {
  readonly version: number
  readonly document: GroupOrderDocument
}

const fresh: GroupOrderDocument = { changedAt: 0, pass: "done", rankedTo: 0 }

const same = (a: OrderChoice | undefined, b: OrderChoice | undefined) =>
  a?.order === b?.order && a?.boundMs === b?.boundMs

const choiceIn = (document: GroupOrderDocument | undefined): OrderChoice | undefined =>
  document?.operator ?? document?.declared

const make = Effect.gen(function* () {
  const store = yield* JobStore
  const documents = yield* Documents
  const rollUps = yield* RollUps
  const { ageingStepMs } = yield* Settings
  const clock = yield* Clock.Clock

  let orders: ReadonlyMap<string, Kept> = new Map()
  /** Declared in this process. */
  const own = new Map<string, OrderChoice>()
  let expected: ReadonlyMap<string, ExpectedRuns> = new Map()
  let learnedAt = -Infinity
  let learnedAllAt = -Infinity
  let rankings: Rankings = { ageingStepMs, groups: new Map() }

  const boundOf = ({ boundMs, order }: OrderChoice) => boundMs ?? defaultBoundMs(order, ageingStepMs)

  const rebuild = () => {
    const groups = new Map<string, Ranking>()
    for (const name of new Set([...own.keys(), ...orders.keys()])) {
      const choice = choiceIn(orders.get(name)?.document) ?? own.get(name)
      if (choice === undefined || same(choice, { order: defaultOrder })) continue
      const { order } = choice
      groups.set(name, { order, boundMs: boundOf(choice), runs: (needsRuns(order) && expected.get(name)) || noRuns })
    }
    rankings = { ageingStepMs, groups }
  }

  const read = Effect.map(documents.all(orderDocuments), (stored) => {
    orders = new Map(
      stored.map(({ key, text, version }): [string, Kept] => {
        // What a newer version wrote may not be readable here: then nothing is known, and a new choice takes its place.
        return [key, { version, document: Option.getOrElse(decode(text), () => fresh) }]
      })
    )
    rebuild()
  })

  const learn = Effect.gen(function* () {
    const now = clock.currentTimeMillisUnsafe()
    if (now - learnedAt < learnEveryMs || ![...rankings.groups.values()].some(({ order }) => needsRuns(order))) return
    const all = now - learnedAllAt >= learnAllEveryMs
    const hours = yield* rollUps.jobs({ width: hourMs, from: now - (all ? lookBackMs : learnBackMs), to: now + 1 })
    expected = expectedRuns(hours, all ? new Map() : expected)
    learnedAt = now
    if (all) learnedAllAt = now
    rebuild()
  })

  const refresh = Effect.andThen(read, learn)

  /** Changes the document of a group as it is in the store. `undefined`: nothing to change. */
  const update = (
    group: string,
    change: (document: GroupOrderDocument, now: number) => GroupOrderDocument | undefined
  ): Effect.Effect<void, StoreError> =>
    Effect.gen(function* () {
      for (;;) {
        yield* read
        const kept = orders.get(group)
        const now = clock.currentTimeMillisUnsafe()
        const document = change(kept?.document ?? fresh, now)
        if (document === undefined) return
        const put = yield* documents.put(orderDocuments, group, encode(document), {
          now,
          version: kept?.version ?? 0
        })
        if (put !== undefined) return yield* refresh
      }
    })

  /** With other choices; what waits is to be ranked anew where that changes what is in force. */
  const chosen = (
    document: GroupOrderDocument,
    declared: OrderChoice | undefined,
    operator: OrderChoice | undefined,
    now: number
  ): GroupOrderDocument => {
    const passes = same(choiceIn(document), operator ?? declared)
      ? { changedAt: document.changedAt, pass: document.pass, rankedTo: document.rankedTo }
      : ({ changedAt: now, pass: "first", rankedTo: 0 } as const)
    return {
      ...passes,
      ...(declared === undefined ? {} : { declared: plain(declared) }),
      ...(operator === undefined ? {} : { operator: plain(operator) })
    }
  }

  const assume = ({ name, order }: ResourceGroup) => {
    if (order === undefined || same(own.get(name), order)) return
    own.set(name, order)
    rebuild()
  }

  const orderOf = (group: string, document: GroupOrderDocument | undefined): GroupOrder => {
    const choice = choiceIn(document)
    const inForce = choice ?? { order: defaultOrder }
    return {
      group,
      order: inForce.order,
      boundMs: boundOf(inForce),
      from: document?.operator !== undefined ? "operator" : choice === undefined ? "default" : "declared",
      declared: document?.declared,
      operator: document?.operator,
      isChanging: document !== undefined && document.pass !== "done"
    }
  }

  const get = (group: string) => Effect.map(read, () => orderOf(group, orders.get(group)?.document))

  const rankWaiting = (group: string): Effect.Effect<RankedPage, StoreError> =>
    Effect.gen(function* () {
      const nothing: RankedPage = { ranked: 0, rankedTo: undefined, more: false }
      yield* refresh
      const before = orders.get(group)
      const now = clock.currentTimeMillisUnsafe()
      if (before === undefined || before.document.pass === "done") return nothing
      const { changedAt, pass, rankedTo } = before.document
      if (pass === "second" && rankedTo === 0 && now < changedAt + settleMs) return nothing
      const { changed, more } = yield* store.change(
        { groups: [group], states: liveStates },
        { _tag: "Rank", rankings: { ageingStepMs, groups: new Map([[group, rankingOf(rankings, group)]]) } },
        { now, limit: page, after: rankedTo as JobId }
      )
      const last = changed.at(-1)
      const next = more
        ? ({ pass, rankedTo: last! } as const)
        : ({ pass: pass === "first" ? "second" : "done", rankedTo: 0 } as const)
      // Refused when somebody else was as far, or the order has changed again: both go on from what is there.
      yield* documents.put(orderDocuments, group, encode({ ...before.document, ...next }), {
        now,
        version: before.version
      })
      return { ranked: changed.length, rankedTo: last, more }
    })

  yield* refresh

  const quietly = (reading: Effect.Effect<void, StoreError>) =>
    reading.pipe(
      Effect.catchCause((cause) =>
        Effect.logDebug("The orders of groups stay as they are; the store did not answer", cause)
      ),
      Effect.annotateLogs({ module: "orders" })
    )
  const every = (ms: number, reading: Effect.Effect<void, StoreError>) =>
    quietly(reading).pipe(Effect.delay(ms), Effect.forever, Effect.forkScoped)
  if (store.traits.shared) {
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    let told = false
    yield* store.onWake(
      (wake) => {
        if (wake !== "control" || told) return
        told = true
        fork(
          Effect.suspend(() => {
            told = false
            return quietly(refresh)
          })
        )
      },
      { aside: true }
    )
    yield* every(followMs, refresh)
  } else {
    // Nobody else changes the orders of a store that lies in this process.
    yield* every(learnEveryMs, learn)
  }

  return GroupOrders.of({
    rankings: () => rankings,
    assume,
    declare: (groups) =>
      Effect.forEach(
        groups.filter(({ order }) => order !== undefined),
        (group) =>
          Effect.suspend(() => {
            assume(group)
            return update(group.name, (document, now) =>
              same(document.declared, group.order) ? undefined : chosen(document, group.order, document.operator, now)
            )
          }),
        { discard: true }
      ),
    changing: () => [...orders].flatMap(([group, { document }]) => (document.pass === "done" ? [] : [group])),
    list: Effect.map(read, () => [...orders].map(([group, { document }]) => orderOf(group, document))),
    get,
    set: (group, choice) =>
      Effect.andThen(
        update(group, (document, now) =>
          same(document.operator, choice) ? undefined : chosen(document, document.declared, choice, now)
        ),
        get(group)
      ),
    rankWaiting,
    refresh
  })
})

/** Without the keys that are not set: a document has none. */
const plain = ({ boundMs, order }: OrderChoice) => (boundMs === undefined ? { order } : { order, boundMs })

export const layer: Layer.Layer<GroupOrders, StoreError, JobStore | Documents | RollUps> = Layer.effect(
  GroupOrders,
  make
)
