/**
 * The store in one SQLite file, for the processes of one machine: nothing acknowledged is lost, also when the power
 * goes.
 *
 * One turn is one transaction with one `fdatasync` (about 0.1 ms on an SSD), however many jobs it carries; at most one
 * is in flight per process, other processes wait their turn. Figures: `docs/decisions/0002-sqlite.md`.
 */
import { Clock, Effect, Layer } from "effect"
import path from "node:path"
import { monotonicOf } from "../../Queue/host/Monotonic.ts"
import * as Bounds from "../../Queue/policy/Bounds.ts"
import { type Store, type StoreServices, toContext } from "../Store.ts"
import type { StoreError } from "../StoreError.ts"
import { busyTimeoutMs } from "./Database.ts"
import { makeDirectHost } from "./DirectHost.ts"
import type { EngineSettings } from "./Engine.ts"
import { type Host, remembering } from "./Host.ts"
import { type Durability, networkFileSystem } from "./StoreFile.ts"
import { listen } from "../WakeListeners.ts"
import { line } from "../../Text/policy/SafeText.ts"

const optionNames: ReadonlySet<string> = new Set<keyof Options>([
  "path",
  "durability",
  "thread",
  "maxLive",
  "busyTimeoutMs",
  "shared",
  "reserveBytes",
  "remembersCalls"
])
const durabilities: ReadonlyArray<Durability> = ["full", "relaxed"]
/** The store's own thread is given up after 10 s without an answer. */
const longestBusyMs = 60_000
const largestReserve = 1024 ** 3

/** The options within their bounds, with what is not given. Throws `OutOfBounds`, a `RangeError`. */
const checked = (options: Options) => {
  Bounds.fields("store options", options, optionNames)
  const {
    busyTimeoutMs: busyTimeout = busyTimeoutMs,
    reserveBytes = 4 * 1024 * 1024,
    durability = "full",
    remembersCalls = false,
    maxLive = 10_000_000,
    shared = false,
    thread = true
  } = options
  if (typeof options.path !== "string" || options.path === "" || options.path.includes("\0"))
    Bounds.refuse("path", options.path, "the name of a file, without NUL")
  return {
    path: path.resolve(options.path),
    durability: Bounds.oneOf("durability", durability, durabilities),
    thread: Bounds.boolean("thread", thread),
    maxLive: Bounds.whole("maxLive", maxLive, 1, Number.MAX_SAFE_INTEGER),
    busyTimeoutMs: Bounds.whole("busyTimeoutMs", busyTimeout, 0, longestBusyMs),
    shared: Bounds.boolean("shared", shared),
    remembersCalls: Bounds.boolean("remembersCalls", remembersCalls),
    reserveBytes: Bounds.whole("reserveBytes", reserveBytes, 0, largestReserve)
  }
}

export interface Options {
  /** The file; it and its folder are made when missing, for this user alone (0600, 0700). */
  readonly path: string
  /** Default `full`: see `Durability`. */
  readonly durability?: Durability
  /**
   * Whether the file is worked on in a thread of its own. Default true: the event loop stays free and leases are
   * renewed while a handler blocks it. False saves the start of a thread: for short commands, and tests on the virtual
   * clock.
   */
  readonly thread?: boolean
  /** Live jobs above which an enqueue is refused as overloaded. Default 10,000,000: about 4 GB of disk. */
  readonly maxLive?: number
  /**
   * Milliseconds to wait for locks of other processes before a call fails, at most 60,000. Default 9,000, so that every
   * call ends within 10 s.
   */
  readonly busyTimeoutMs?: number
  /**
   * Whether the file and its folder may be another user's, or writable by others; refused unless said, as
   * `StoreUntrusted`. Whoever can write them reads and changes every job, with the environment it carries, and decides
   * what workers run as their user. Default false.
   */
  readonly shared?: boolean
  /**
   * Disk space kept free for completions, in bytes, in a file beside the store; at most 1 GiB. Default 4 MiB: some ten
   * thousand settles. 0 keeps none.
   */
  readonly reserveBytes?: number
  /**
   * Whether the answers of calls that say which they are (`Asked`) are kept, in the transaction of each. Default false:
   * whoever has opened the file hears every answer. True for a store that is served to others.
   */
  readonly remembersCalls?: boolean
}

/**
 * A store over the file. The layer fails when the file is damaged, foreign, newer, not the caller's own or cannot be
 * written, and leaves it untouched. Throws a `RangeError` for options that are none.
 */
export const layer = (options: Options): Layer.Layer<StoreServices, StoreError> => {
  const { remembersCalls, thread, ...settings } = checked(options)
  const file = settings.path
  return Layer.effectContext(
    Effect.gen(function* () {
      const network = networkFileSystem(file)
      if (network !== undefined) {
        yield* Effect.logWarning(
          `${line(file)} lies on ${network}: SQLite files must not be shared between machines. Keep the store on a local disk.`
        )
      }
      const host = yield* Effect.acquireRelease(
        thread ? threadHost(settings) : makeDirectHost(settings),
        (host) => host.close
      )
      return toContext(over(remembersCalls ? remembering(host) : host, file, yield* Clock.Clock))
    })
  )
}

/** Loaded by who has it only. */
const threadHost = (settings: EngineSettings) =>
  Effect.flatMap(
    Effect.promise(() => import("./ThreadHost.ts")),
    ({ makeThreadHost }) => makeThreadHost(settings)
  )

const over = (host: Host, file: string, clock: Clock.Clock): Store => {
  const monotonic = monotonicOf(clock)
  const now = () => clock.currentTimeMillisUnsafe()
  return {
    jobs: {
      traits: {
        kind: "sqlite",
        label: file,
        file,
        restsInHeap: false,
        payloads: "text",
        shared: host.isShared,
        remembersCalls: host.remembersCalls
      },
      turn: (turn) => host.call("turn", turn),
      turnSync: undefined,
      get: (ids) => host.call("get", ids),
      list: (filter, page) => host.call("list", filter, page),
      count: (filter) => host.call("count", filter),
      counters: host.call("counters"),
      usage: host.call("usage"),
      oldestPending: host.call("oldestPending"),
      dueIn: (steps) => host.call("dueIn", steps),
      upNext: (group, limit) => host.call("upNext", group, limit),
      logs: (id, { after, limit }) => host.call("logs", id, after, limit),
      step: (id, name) => host.call("step", id, name),
      status: host.call("status"),
      change: (filter, change, { after, limit, now }) => host.call("change", filter, change, now, limit, after),
      declareGroups: (groups) => Effect.suspend(() => host.call("declareGroups", groups, now())),
      groups: host.call("groups"),
      setGroup: (name, settings) => Effect.suspend(() => host.call("setGroup", name, settings, now())),
      removeGroup: (name) => host.call("removeGroup", name),
      limitKeys: (filter, limit) => host.call("limitKeys", filter, limit),
      setKey: (group, key, settings) => Effect.suspend(() => host.call("setKey", group, key, settings, now())),
      takeUnits: (request) => host.call("takeUnits", request),
      repairKeys: (now) => host.call("repairKeys", now),
      paused: host.call("paused"),
      setPaused: (paused) => host.call("setPaused", paused),
      prune: (policy, { limit, now }) => host.call("prune", policy, now, limit),
      hold: host.hold,
      watch: Effect.acquireRelease(
        Effect.sync(() => host.watch(true)),
        () => Effect.sync(() => host.watch(false))
      ),
      onWake: (listener, { aside = false } = {}) => listen((added) => host.listen(added, aside), listener)
    },
    workers: {
      join: (worker, { leaseMs, now }) => host.call("join", worker, { now, monotonic: monotonic() }, leaseMs),
      beat: (session, beat) =>
        host.call("beat", session, { ...beat, suspendedForMs: beat.suspendedForMs ?? {}, monotonic: monotonic() }),
      leave: (session, now) => host.call("leave", session, now),
      all: Effect.suspend(() => host.call("workers", { now: now(), monotonic: monotonic() })),
      drain: (session) => host.call("drain", session),
      sweep: ({ limit, now }) => host.call("sweep", { now, monotonic: monotonic() }, limit),
      lead: (role, session, { now, ttlMs }) => host.call("lead", role, session, now, ttlMs)
    },
    rollUps: {
      jobs: (query) => host.call("rollUps", query),
      resources: (query) => host.call("resourceRollUps", query),
      prune: ({ now }) => host.call("pruneRollUps", now)
    },
    documents: {
      get: (kind, key) => host.call("document", kind, key),
      all: (kind) => host.call("documents", kind),
      put: (kind, key, text, { now, version }) => host.call("putDocument", kind, key, text, now, version),
      journal: (kind, { before, key, limit }) => host.call("journal", kind, key, before, limit),
      append: (kind, entries, { keep, now }) => host.call("appendJournal", kind, entries, now, keep)
    }
  }
}
