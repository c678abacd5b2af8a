/** The calls of a store's services, as far as who passes them on has to know them. */
import type { Effect } from "effect"
import { changeIn, intervalIn, nowIn, turnIn } from "../Queue/policy/jobs/StoreTime.ts"
import type { Store } from "./Store.ts"
import type { StoreError } from "./StoreError.ts"

type Service = keyof Store

/** Calls that are answered once; the others live as long as a scope, or in the caller's heap. */
type Method<S extends Service> = Exclude<
  {
    [K in keyof Store[S]]-?: Store[S][K] extends
      | Effect.Effect<unknown, unknown>
      | ((...args: ReadonlyArray<never>) => Effect.Effect<unknown, unknown>)
      ? K
      : never
  }[keyof Store[S]],
  undefined
>

type Arguments<Call> = Call extends (...args: infer Args) => unknown ? Args : readonly []

interface Kind<Args> {
  /** Whether it changes anything: then it is asked again only under its number. */
  readonly changes: boolean
  /** Whether it is an effect by itself, without arguments. */
  readonly isEffect: boolean
  /** The arguments in the time of a store whose clock is `ms` ahead. */
  readonly inTime?: (args: Args, ms: number) => Args
}

type KindOf<Call> = Kind<Arguments<Call>> & {
  readonly isEffect: Call extends (...args: never) => unknown ? false : true
}
type Kinds = { readonly [S in Service]: { readonly [K in Method<S>]: KindOf<Store[S][K]> } }

const looks = { changes: false, isEffect: true } as const
const reads = { changes: false, isEffect: false } as const
const changes = { changes: true, isEffect: false } as const

const kinds: Kinds = {
  jobs: {
    turn: { ...changes, inTime: ([turn], ms) => [turnIn(turn, ms)] },
    get: reads,
    list: { ...reads, inTime: ([filter, page], ms) => [intervalIn(filter, ms), page] },
    count: { ...reads, inTime: ([filter], ms) => [intervalIn(filter, ms)] },
    counters: looks,
    usage: looks,
    oldestPending: looks,
    dueIn: { ...reads, inTime: ([steps], ms) => [{ ...steps, from: steps.from + ms }] },
    upNext: reads,
    logs: reads,
    step: reads,
    status: looks,
    change: {
      ...changes,
      inTime: ([filter, change, options], ms) => [intervalIn(filter, ms), changeIn(change, ms), nowIn(options, ms)]
    },
    declareGroups: changes,
    groups: looks,
    setGroup: changes,
    removeGroup: changes,
    limitKeys: reads,
    setKey: changes,
    takeUnits: { ...changes, inTime: ([request], ms) => [nowIn(request, ms)] },
    paused: looks,
    setPaused: changes,
    prune: { ...changes, inTime: ([policy, options], ms) => [policy, nowIn(options, ms)] },
    repairKeys: { ...changes, inTime: ([now], ms) => [now + ms] }
  },
  workers: {
    join: { ...changes, inTime: ([worker, options], ms) => [worker, nowIn(options, ms)] },
    beat: { ...changes, inTime: ([session, beat], ms) => [session, nowIn(beat, ms)] },
    leave: { ...changes, inTime: ([session, now], ms) => [session, now + ms] },
    all: looks,
    drain: changes,
    sweep: { ...changes, inTime: ([options], ms) => [nowIn(options, ms)] },
    lead: { ...changes, inTime: ([role, session, options], ms) => [role, session, nowIn(options, ms)] }
  },
  rollUps: {
    jobs: { ...reads, inTime: ([query], ms) => [intervalIn(query, ms)] },
    resources: { ...reads, inTime: ([query], ms) => [intervalIn(query, ms)] },
    prune: { ...changes, inTime: ([options], ms) => [nowIn(options, ms)] }
  },
  documents: {
    get: reads,
    all: reads,
    put: { ...changes, inTime: ([kind, key, text, options], ms) => [kind, key, text, nowIn(options, ms)] },
    journal: reads,
    append: { ...changes, inTime: ([kind, entries, options], ms) => [kind, entries, nowIn(options, ms)] }
  }
}

/** `service.method`. */
export type MethodName = string

export interface AnyMethod extends Kind<ReadonlyArray<unknown>> {
  readonly name: MethodName
  readonly service: Service
  readonly method: string
}

export const methods: ReadonlyMap<MethodName, AnyMethod> = new Map(
  Object.entries(kinds).flatMap(([service, ofService]) =>
    Object.entries(ofService).map(([method, kind]) => {
      const name = `${service}.${method}`
      return [name, { ...(kind as Kind<ReadonlyArray<unknown>>), name, service: service as Service, method }]
    })
  )
)

export const turnMethod: MethodName = "jobs.turn"

/** Makes the call of a store. */
export const callOf = (
  store: Store,
  { isEffect, method, service }: AnyMethod,
  args: ReadonlyArray<unknown>
): Effect.Effect<unknown, StoreError> => {
  const member = store[service][method as never] as unknown
  return isEffect
    ? (member as Effect.Effect<unknown, StoreError>)
    : (member as (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, StoreError>)(...args)
}

/** A store's services, each call made by `call`; what lives longer than a call, or in the heap, is given. */
export const storeOver = (
  call: (method: AnyMethod, args: ReadonlyArray<unknown>) => Effect.Effect<unknown, StoreError>,
  beside: Omit<Store["jobs"], Method<"jobs">>
): Store => {
  const services: Record<Service, Record<string, unknown>> = {
    jobs: { ...beside },
    workers: {},
    rollUps: {},
    documents: {}
  }
  for (const method of methods.values()) {
    services[method.service][method.method] = method.isEffect
      ? call(method, [])
      : (...args: ReadonlyArray<unknown>) => call(method, args)
  }
  // The table has every call of the services: their types say so.
  return services as unknown as Store
}
