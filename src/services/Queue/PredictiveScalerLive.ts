/** The scaler over a store: rounds, predictions, and what is kept of them. */
import { Clock, Duration, Effect, Layer, Option, Semaphore } from "effect"
import { makeComplaints } from "./Complaints.ts"
import * as Stores from "../Store/Store.ts"
import type { GroupScaling, Recommendation } from "../Scaling/LoadPrediction.ts"
import * as Bounds from "./policy/Bounds.ts"
import * as Durations from "./policy/Durations.ts"
import { eventsOf } from "../Scaling/policy/EventLoad.ts"
import { DecisionNotFound, PredictiveScaler, ScaleInvalid, stepsMost } from "./PredictiveScaler.ts"
import type { ResourceGroup } from "./ResourceGroup.ts"
import type { KeptDecision } from "../Scaling/ScaleDecision.ts"
import { checkedScaler, defaults as scaleDefaults, everyGroup } from "../Scaling/ScaleSettings.ts"
import { StoreError, StoreUnavailable } from "../Store/StoreError.ts"
import { Actuators } from "../Scaling/act/Actuator.ts"
import { backtestOf } from "../Scaling/rounds/Backtesting.ts"
import { readDecisions } from "../Scaling/rounds/Decisions.ts"
import { explanationOf } from "../Scaling/rounds/DecisionText.ts"
import { putEvent, readEvents, removeEvent } from "../Scaling/rounds/Events.ts"
import { ForecastBook } from "../Scaling/rounds/ForecastBook.ts"
import { noQuality } from "../Scaling/rounds/Forecasting.ts"
import * as Leader from "../Scaling/rounds/Leader.ts"
import { leaderDocument, leaderOf } from "../Scaling/rounds/LeaderRecord.ts"
import { learn, learningDue, patternsOf } from "../Scaling/rounds/Learning.ts"
import { predictionOf } from "../Scaling/rounds/Prediction.ts"
import { boundsOf } from "../Scaling/rounds/Round.ts"
import { readSettings, scaleSettingsKind } from "../Scaling/rounds/SettingsInForce.ts"
import { readSituation } from "../Scaling/rounds/Situation.ts"
import { Worker } from "./Worker.ts"

/** A record this old has no leader. */
const leaderGoneMs = 3 * Leader.recordMs
/** Decisions read for `status`: enough for the last one of every group that moved lately. */
const decisionsLooked = 1000
const noTasks: ReadonlySet<string> = new Set()

const nameOf = (group: ResourceGroup | string) => (typeof group === "string" ? group : group?.name)

/** What the check answers; what it refuses is the caller's error. */
const checked = <A>(reason: ScaleInvalid["reason"], check: () => A): Effect.Effect<A, ScaleInvalid> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(check())
    } catch (error) {
      return error instanceof Bounds.OutOfBounds
        ? Effect.fail(new ScaleInvalid({ reason, message: error.message }))
        : Effect.die(error)
    }
  })

const settingNames: ReadonlySet<string> = new Set(Object.keys(scaleDefaults))

const named = (group: ResourceGroup | string) =>
  checked("Group", () =>
    Bounds.name(
      "group",
      Bounds.orRefuse("group", () => nameOf(group))
    )
  )

const make = Effect.gen(function* () {
  const store = yield* Stores.store
  const scaler = yield* checkedScaler
  const actuators = yield* Actuators
  const worker = Option.getOrUndefined(yield* Effect.serviceOption(Worker))
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const book = new ForecastBook(
    store,
    Duration.toMillis(scaler.settle),
    makeComplaints(() => clock.currentTimeMillisUnsafe())
  )
  /** Forecasts and memories change under it only. */
  const turn = yield* Semaphore.make(1)
  const learning = yield* Semaphore.make(1)
  const now = () => clock.currentTimeMillisUnsafe()

  const settingsInForce = readSettings(store.documents)
  const leader = Leader.make({
    store,
    book,
    actuators,
    worker,
    scaler,
    roundMs: Duration.toMillis(scaler.round),
    saveMs: Duration.toMillis(scaler.save),
    now
  })

  // The round ---------------------------------------------------------------------------------------------------------

  const tooLate = Effect.suspend(() =>
    Effect.fail(
      new StoreError({
        operation: "scale",
        reason: new StoreUnavailable({
          message: `The scaler's round did not end within ${Duration.format(scaler.roundMost)}; the last targets stay`
        })
      })
    )
  )

  const scalePreemptively = turn.withPermit(leader.round).pipe(
    Effect.timeoutOrElse({ duration: scaler.roundMost, orElse: () => tooLate }),
    Effect.tapError((error) => Effect.sync(() => leader.freeze(error.message))),
    Effect.flatMap((decided) =>
      decided !== undefined && learningDue(decided.learnedAt, now())
        ? Effect.asVoid(Effect.forkIn(learnWhenQuiet, scope))
        : Effect.void
    )
  )

  // Predicting and learning -------------------------------------------------------------------------------------------

  const predictLoad = (resourceGroup: ResourceGroup | string, timeHorizon: Duration.Input) =>
    Effect.gen(function* () {
      const group = yield* named(resourceGroup)
      const settings = (yield* settingsInForce).of(group)
      const { stepMs, timeZone } = settings
      const horizonMs = yield* checked("Horizon", () =>
        Durations.duration(`horizon (at most ${stepsMost} steps)`, timeHorizon, 1, stepsMost * stepMs)
      )
      const at = now()
      const forecast = yield* turn.withPermit(book.advanceOne(group, { stepMs, timeZone }, at))
      const until = at + horizonMs
      return predictionOf(group, forecast, {
        now: at,
        until,
        stepMs,
        complete: book.complete(stepMs, at),
        events: eventsOf(yield* readEvents(store.documents), group, at - stepMs, until)
      })
    })

  const learnAll = (share: number) =>
    learning.withPermit(
      Effect.gen(function* () {
        const settings = yield* settingsInForce
        const names = (yield* store.jobs.groups)
          .map(({ name }) => name)
          .filter((name) => settings.of(name).mode !== "off")
        for (const group of names) {
          const { stepMs, timeZone } = settings.of(group)
          yield* learn(store, group, timeZone, now())
          const fresh = yield* book.remade(group, { stepMs, timeZone }, now(), share)
          if (fresh !== undefined) yield* turn.withPermit(Effect.sync(() => book.choose(fresh, now())))
        }
        leader.learned(now())
      })
    )

  const learnWhenQuiet = Effect.suspend(() => {
    leader.learned(now())
    return learnAll(scaler.rebuildShare)
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.logWarning("Nothing was learned from the past; it is tried again tomorrow", cause)
    ),
    Effect.annotateLogs({ module: Leader.role })
  )

  // Looking -----------------------------------------------------------------------------------------------------------

  const decisions = (
    group: string | undefined,
    { before, limit = 100 }: { readonly before?: number; readonly limit?: number } = {}
  ) =>
    readDecisions(store.documents, {
      limit: Number.isSafeInteger(limit) ? Math.max(1, Math.min(decisionsLooked, limit)) : decisionsLooked,
      ...(group === undefined ? {} : { key: group }),
      ...(Number.isSafeInteger(before) ? { before: before! } : {})
    })

  const look = Effect.gen(function* () {
    const settings = yield* settingsInForce
    const document = yield* leaderDocument(store.documents)
    const at = now()
    const record = leaderOf(document?.text)
    const situation = yield* readSituation(store, at, (group) => book.get(group)?.tasks ?? noTasks)
    return { settings, record, situation, at }
  })

  const status = Effect.gen(function* () {
    const { at, record, settings, situation } = yield* look
    const last = new Map<string, KeptDecision>()
    for (const decision of yield* decisions(undefined, { limit: decisionsLooked })) {
      if (!last.has(decision.group)) last.set(decision.group, decision)
    }
    return {
      at,
      leader:
        record === undefined || at - record.roundAt > leaderGoneMs
          ? undefined
          : { name: record.name, session: record.session, roundAt: record.roundAt },
      frozen: leader.frozen(),
      groups: [...situation.groups.values()].map((each): GroupScaling => {
        const group = settings.of(each.group)
        const { max, min } = boundsOf(group, each.limit)
        const known = record?.groups[each.group]
        return {
          group: each.group,
          mode: group.mode,
          slots: each.slots,
          target: known?.target,
          minSlots: min,
          maxSlots: max,
          pending: each.pending,
          running: each.running,
          oldestMs: each.oldestMs,
          next: known?.next,
          quality: known?.quality === undefined ? undefined : { ...noQuality(), ...known.quality },
          distrust: known?.distrust ?? undefined,
          last: last.get(each.group),
          held: known?.held ?? 0
        }
      })
    }
  })

  const recommendation = Effect.gen(function* () {
    const { at, record, settings, situation } = yield* look
    return [...situation.groups.values()]
      .filter(({ group }) => settings.of(group).mode !== "off")
      .sort((a, b) => (a.group < b.group ? -1 : 1))
      .map((each): Recommendation => {
        const group = settings.of(each.group)
        const known = record?.groups[each.group]
        const { max, min } = boundsOf(group, each.limit)
        const desiredSlots = Math.max(min, Math.min(max, known?.target ?? each.running + each.pending))
        const slotsPerWorker = Math.max(1, each.workers === 0 ? desiredSlots : Math.round(each.slots / each.workers))
        const perSecond = (jobs: number | undefined) => (jobs ?? 0) / (group.stepMs / 1000)
        return {
          group: each.group,
          at: record?.roundAt ?? at,
          mode: group.mode,
          desiredSlots,
          desiredWorkers: Math.ceil(desiredSlots / slotsPerWorker),
          slotsPerWorker,
          workers: each.workers,
          pending: each.pending,
          running: each.running,
          arrivalsPerSecond: { mean: perSecond(known?.next?.mean), p90: perSecond(known?.next?.p90) },
          distrust: known === undefined ? "cold" : (known.distrust ?? undefined)
        }
      })
  })

  const explain = (seq: number) =>
    Effect.gen(function* () {
      const [newest] = !Number.isSafeInteger(seq)
        ? []
        : yield* readDecisions(store.documents, { before: seq + 1, limit: 1 })
      const decision = newest?.seq === seq ? newest : undefined
      if (decision === undefined)
        return yield* new DecisionNotFound({
          seq,
          message: `no decision ${seq} is kept; the newest ${scaler.decisionsKept} of each group are`
        })
      return { decision, lines: explanationOf(decision) }
    })

  const backtest = (group: string, { ahead = 1, steps }: { readonly steps?: number; readonly ahead?: number } = {}) =>
    Effect.gen(function* () {
      yield* named(group)
      const { stepMs, timeZone } = (yield* settingsInForce).of(group)
      const dayOfSteps = Math.max(24, Math.round(86_400_000 / stepMs))
      const count = steps ?? Math.min(stepsMost, dayOfSteps)
      if (!(Number.isSafeInteger(count) && count >= 1 && Number.isInteger(ahead) && ahead >= 1 && ahead <= stepsMost))
        return yield* new ScaleInvalid({
          reason: "Horizon",
          message: `a backtest of ${count} steps, ${ahead} ahead; expected whole numbers of at least 1, ahead at most ${stepsMost}`
        })
      return yield* backtestOf(store.rollUps, {
        group,
        stepMs,
        timeZone,
        steps: count,
        ahead,
        to: book.complete(stepMs, now())
      })
    })

  // Settings ----------------------------------------------------------------------------------------------------------

  const settings = Effect.gen(function* () {
    const inForce = yield* settingsInForce
    const names = new Set([everyGroup, ...inForce.named, ...(yield* store.jobs.groups).map(({ name }) => name)])
    return [...names].sort().map((name) => inForce.explained(name))
  })

  const set: PredictiveScaler["Service"]["set"] = (group, change) =>
    Effect.gen(function* () {
      if (group !== everyGroup) yield* named(group)
      yield* checked("Setting", () => Bounds.fields("the scaler's settings", change, settingNames))
      for (;;) {
        const changed = (yield* settingsInForce).changed(group, change)
        if (changed instanceof ScaleInvalid) return yield* changed
        const { text, version } = changed
        // Somebody else has set something meanwhile: both changes count.
        if ((yield* store.documents.put(scaleSettingsKind, group, text, { now: now(), version })) === undefined)
          continue
        return (yield* settingsInForce).explained(group)
      }
    })

  yield* Effect.addFinalizer(() =>
    // What was learned since the last save is read again from the roll-ups if this does not succeed.
    !leader.hasLed()
      ? Effect.void
      : turn.withPermit(book.save(now(), 0)).pipe(Effect.timeoutOption(scaler.roundMost), Effect.ignore)
  )

  return PredictiveScaler.of({
    predictLoad,
    scalePreemptively,
    learnFromPatterns: learnAll(1),
    status,
    decisions,
    explain,
    patterns: (group) => patternsOf(store.documents, group),
    backtest,
    recommendation,
    settings,
    set,
    events: readEvents(store.documents),
    putEvent: (event) => Effect.suspend(() => putEvent(store.documents, event, now())),
    removeEvent: (id) => Effect.suspend(() => removeEvent(store.documents, id, now()))
  })
})

/**
 * Over a store. Beside a worker it decides while that worker leads; alone it decides when asked, and keeps no record of
 * its own.
 */
export const layer: Layer.Layer<PredictiveScaler, never, Stores.StoreServices> = Layer.effect(PredictiveScaler, make)
