/** Limits over a store. */
import { Cache, Clock, Duration, Effect, Exit, Layer, RcMap, Semaphore } from "effect"
import * as Bounds from "../Queue/policy/Bounds.ts"
import { checkGroupPolicy, checkKeyPolicy } from "./policy/CheckPolicy.ts"
import { JobStore } from "../Store/JobStore.ts"
import type { UnitsTaken } from "../Store/KeyRecord.ts"
import type { StoreError } from "../Store/StoreError.ts"
import { InvalidLimit, type LimitChange, LimitError, LimitNotFound, Limits, type TakeOptions } from "./Limits.ts"

/** A limit that is raised, resumed or removed while somebody waits is noticed within this time. */
const longestWaitMs = 1_000

/** How long a name that was found, or not, is not looked up again. */
const knownFor = Duration.seconds(5)

/** Names in the message of one that is not there. */
const mostShown = 10

const optionNames: ReadonlySet<string> = new Set<keyof TakeOptions>(["cost", "key"])
const changeNames: ReadonlySet<string> = new Set<keyof LimitChange>(["slots", "policy"])

const checked = <A>(check: () => A): Effect.Effect<A, LimitError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(check())
    } catch (error) {
      return error instanceof Bounds.OutOfBounds
        ? Effect.fail(new LimitError({ reason: new InvalidLimit({ message: error.message }) }))
        : Effect.die(error)
    }
  })

const checkName = (name: unknown): string => Bounds.name("a limit's name", name)
const checkKey = (key: unknown): string => Bounds.label("key", key)

interface Units {
  readonly group: string
  readonly key?: string
  readonly cost: number
}

const checkUnits = (name: unknown, options: TakeOptions = {}): Units => {
  const group = checkName(name)
  Bounds.fields("options", options, optionNames)
  const { cost = 1, key } = options
  return { group, cost: Bounds.cost("cost", cost), ...(key !== undefined && { key: checkKey(key) }) }
}

/** Those of this process who want units of one limit, one behind the other. */
interface Line {
  readonly turn: Semaphore.Semaphore
  /** When the first of them may have its units, as far as is known. */
  at: number
}

const make = Effect.gen(function* () {
  const store = yield* JobStore

  const notFound = (name: string): Effect.Effect<never, LimitError | StoreError> =>
    Effect.flatMap(store.groups, (groups) => {
      const names = groups.map((group) => group.name).sort()
      const shown = `${names.slice(0, mostShown).join(", ")}${names.length > mostShown ? ", …" : ""}`
      const message = `No limit is called ${JSON.stringify(name)}; known are ${shown}. Declare it with ResourceGroup.make`
      return Effect.fail(new LimitError({ reason: new LimitNotFound({ message, name }) }))
    })

  const find = (name: string) =>
    Effect.flatMap(store.groups, (groups) => {
      const group = groups.find((each) => each.name === name)
      return group === undefined ? notFound(name) : Effect.succeed(group)
    })

  const known = yield* Cache.makeWith((name: string) => find(name), {
    capacity: 1_000,
    timeToLive: (exit) => (Exit.isSuccess(exit) ? knownFor : 0)
  })

  const lines = yield* RcMap.make({
    lookup: (_: string) => Effect.map(Semaphore.make(1), (turn): Line => ({ turn, at: 0 }))
  })

  const inLine = <A, E>({ group, key }: Units, use: (line: Line) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.scoped(Effect.flatMap(RcMap.get(lines, JSON.stringify([group, key])), use))

  /** What the store took is had: nobody interrupts that. */
  const ask = (line: Line, units: Units): Effect.Effect<UnitsTaken & { readonly now: number }, StoreError> =>
    Effect.uninterruptible(
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.map(store.takeUnits({ ...units, now }), (answer) => {
          line.at = answer.at
          return { ...answer, now }
        })
      )
    )

  const wanted = (name: string, options: TakeOptions | undefined) =>
    Effect.tap(
      checked(() => checkUnits(name, options)),
      ({ group }) => Cache.get(known, group)
    )

  const waitMs = ({ at, now }: { readonly at: number; readonly now: number }): number =>
    Math.max(1, Math.ceil(at - now))

  const opening = ({ opensAt }: UnitsTaken) => (opensAt === undefined ? undefined : { opensAt })

  const setPaused = (name: string, key: string | undefined, paused: boolean) =>
    Effect.gen(function* () {
      yield* checked(() => [checkName(name), key === undefined ? undefined : checkKey(key)])
      yield* find(name)
      yield* key === undefined ? store.setGroup(name, { paused }) : store.setKey(name, key, { paused })
    })

  return Limits.of({
    take: Effect.fn("Limits.take")(function* (name, options) {
      const units = yield* wanted(name, options)
      yield* inLine(units, (line) =>
        line.turn.withPermit(
          Effect.gen(function* () {
            for (;;) {
              const answer = yield* ask(line, units)
              if (answer.taken) return
              yield* Effect.sleep(Math.min(longestWaitMs, waitMs(answer)))
            }
          })
        )
      )
    }),
    tryTake: Effect.fn("Limits.tryTake")(function* (name, options) {
      const units = yield* wanted(name, options)
      return yield* inLine(units, (line) =>
        Effect.gen(function* () {
          const answer = yield* line.turn.withPermitsIfAvailable(1)(ask(line, units))
          if (answer._tag === "None")
            return { taken: false, retryAfterMs: waitMs({ at: line.at, now: yield* Clock.currentTimeMillis }) } as const
          return answer.value.taken
            ? ({ taken: true } as const)
            : ({ taken: false, retryAfterMs: waitMs(answer.value), ...opening(answer.value) } as const)
        })
      )
    }),
    declare: Effect.fn("Limits.declare")(function* (group) {
      yield* checked(() => {
        checkName(group.name)
        Bounds.whole("limit", group.limit, 1, Number.MAX_SAFE_INTEGER)
        if (group.policy !== undefined) checkGroupPolicy("policy", group.policy)
      })
      yield* store.declareGroups([group])
      yield* Cache.invalidate(known, group.name)
    }),
    list: Effect.map(store.groups, (groups) => [...groups].sort((a, b) => (a.name < b.name ? -1 : 1))),
    get: Effect.fn("Limits.get")(function* (name) {
      return yield* find(yield* checked(() => checkName(name)))
    }),
    keys: Effect.fn("Limits.keys")(function* (filter, limit = 100) {
      yield* checked(() => {
        Bounds.fields("filter", filter, new Set(["group", "keys"]))
        if (filter.group !== undefined) checkName(filter.group)
        if (filter.keys !== undefined) Bounds.labels("keys", filter.keys, 1_000)
        Bounds.whole("limit", limit, 1, 1_000)
      })
      return yield* store.limitKeys(filter, limit)
    }),
    set: Effect.fn("Limits.set")(function* (name, change) {
      const settings = yield* checked(() => {
        checkName(name)
        Bounds.fields("change", change, changeNames)
        const { policy, slots } = change
        return {
          ...(slots !== undefined && {
            limit: slots === null ? null : Bounds.whole("slots", slots, 1, Number.MAX_SAFE_INTEGER)
          }),
          ...(policy !== undefined && { policy: policy === null ? null : checkGroupPolicy("policy", policy) })
        }
      })
      return yield* store.setGroup(name, settings)
    }),
    remove: Effect.fn("Limits.remove")(function* (name) {
      yield* find(yield* checked(() => checkName(name)))
      return yield* store.setGroup(name, { limit: null, policy: null })
    }),
    pause: (name, key) => setPaused(name, key, true),
    resume: (name, key) => setPaused(name, key, false),
    setKey: Effect.fn("Limits.setKey")(function* (name, key, policy) {
      const own = yield* checked(() => {
        checkName(name)
        checkKey(key)
        return policy === null ? null : checkKeyPolicy("policy", policy)
      })
      yield* find(name)
      return yield* store.setKey(name, key, { policy: own })
    })
  })
})

/** Limits over the store it is given. */
export const layer = Layer.effect(Limits, make)
