/**
 * One simulated process that scales: a session in a store shared with others, its slots written down instead of filled.
 */
import { Clock, Context, Effect, Exit, Layer, Scope } from "effect"
import { GroupOrders, PredictiveScaler, Sluice, Worker } from "../../../src/services/Queue/index.ts"
import { noRankings } from "../../../src/services/Queue/policy/Order.ts"
import { decideSlots } from "../../../src/services/Queue/policy/SlotDecision.ts"
import { totalSlotsOf } from "../../../src/services/Queue/Worker.ts"
import { Scaler, scalerDefaults, type ScalerSettings } from "../../../src/services/Scaling/ScaleSettings.ts"
import { type Fate, FaultyStore } from "../queue/FaultyStore.ts"
import { NodeClock } from "../queue/NodeClock.ts"
import { type Store, toContext } from "../../../src/services/Store/Store.ts"

export interface ScalingNodeOptions {
  readonly store: Store
  readonly name: string
  readonly tasks: ReadonlyArray<string>
  readonly group: string
  /** Slots it begins with. */
  readonly slots: number
  /** The most it may be given, as declared. */
  readonly declared?: number
  readonly settings?: Partial<ScalerSettings>
  readonly fate?: (operation: string) => Fate
}

export interface ScalingNode {
  readonly scaler: PredictiveScaler["Service"]
  readonly session: number
  /** What its scaler asked for, in order; undefined: it took that back. */
  readonly given: ReadonlyArray<number | undefined>
  readonly skew: (ms: number) => void
  /** As SIGKILL: no finalizer runs, no loop goes on, the session stays until it is swept. */
  readonly kill: () => void
  /** As SIGTERM. */
  readonly stop: Effect.Effect<void>
}

const leaseMs = 365 * 86_400_000

export const startScalingNode = (options: ScalingNodeOptions): Effect.Effect<ScalingNode> =>
  Effect.gen(function* () {
    const { declared, group, name, slots, tasks } = options
    const clock = new NodeClock(yield* Clock.Clock)
    const faulty = new FaultyStore(options.store, { fate: options.fate ?? (() => "answer"), clock, asynchronous: true })
    const now = clock.currentTimeMillisUnsafe()
    const info = { name, host: "test", pid: 1, version: "0", slots: { [group]: slots }, tasks }
    const session = yield* Effect.orDie(options.store.workers.join(info, { now, leaseMs }))
    const given: Array<number | undefined> = []
    const load = { busy: {}, cpu: 0, rssBytes: 0, heapBytes: 0, loopDelayMs: 0 }
    const beat = (count: number) =>
      options.store.workers.beat(session, {
        now: clock.currentTimeMillisUnsafe(),
        leaseMs,
        mayBlockMs: 0,
        tasks,
        slots: { [group]: count },
        load: declared === undefined ? load : { ...load, declared: { [group]: declared } }
      })
    yield* Effect.orDie(beat(slots))
    const worker: Worker["Service"] = {
      status: Effect.succeed({
        session,
        isFresh: true,
        name,
        state: "running",
        running: [],
        slots: { [group]: slots },
        total: decideSlots({ default: { slots: totalSlotsOf({}), reason: "no total was declared" } }, {})
      }),
      loads: Effect.succeed([]),
      drain: Effect.void,
      hurry: Effect.void,
      propose: (_, _source, ask) =>
        Effect.suspend(() => {
          if (given.length > 0 && given.at(-1) === ask?.slots) return Effect.void
          given.push(ask?.slots)
          return Effect.orDie(beat(ask?.slots ?? slots))
        }),
      setSlots: () => Effect.die("nobody sets slots here"),
      awaitDrained: Effect.never
    }
    const layer = Sluice.layerScaler().pipe(
      // Its groups go by priority.
      Layer.provide(Layer.mock(GroupOrders)({ rankings: () => noRankings, assume: () => {}, changing: () => [] })),
      Layer.provide(Layer.succeed(Worker, worker)),
      Layer.provide(Layer.succeedContext(toContext(faulty.store))),
      Layer.provide(Layer.succeed(Scaler, { ...scalerDefaults, ...options.settings }))
    )
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(layer, scope).pipe(Effect.provideService(Clock.Clock, clock))
    return {
      scaler: Context.get(context, PredictiveScaler),
      session,
      given,
      skew: (ms) => {
        clock.skewMs = ms
      },
      kill: () => {
        faulty.kill()
        clock.freeze()
      },
      stop: Scope.close(scope, Exit.void)
    }
  })
