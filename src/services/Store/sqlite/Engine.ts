/**
 * An open store file with what keeps it in order while the process lives: roll-ups are written each second, the WAL is
 * emptied once writing has paused for a second, other processes are woken and listened to, completions land on a full
 * disk.
 */
import type { Asked } from "../Asked.ts"
import type { JobId } from "../../Queue/Job.ts"
import type { Turn, TurnResult } from "../Turn.ts"
import type { Wake } from "../JobStore.ts"
import { waitOutBusy } from "./Database.ts"
import type { StoreNote } from "../../Queue/policy/jobs/Admission.ts"
import type { Answer, Arguments, Operation } from "./Host.ts"
import type { Liveness } from "./Liveness.ts"
import { Reserve } from "./Reserve.ts"
import { schemaWatch } from "./migrations.ts"
import { full, isOutOfRoom, type Reason, reasonOf, type StoreFault } from "./StoreFault.ts"
import { SqliteStore } from "./SqliteStore.ts"
import type { StoreTurnResult } from "./Turns.ts"
import { type Durability, type OpenedFile, openStoreFile } from "./StoreFile.ts"
import { WakeSocket } from "./WakeSocket.ts"

export interface EngineSettings {
  readonly path: string
  readonly durability: Durability
  readonly busyTimeoutMs: number
  readonly maxLive: number
  readonly reserveBytes: number
  readonly shared?: boolean | undefined
}

/** A `TurnResult` whose reasons are plain data still. */
export interface EngineTurnResult extends Omit<TurnResult, "notes"> {
  readonly notes: ReadonlyMap<number, EngineNote> | undefined
}
export type EngineNote = StoreNote | { readonly _tag: "NotStored"; readonly reason: Reason }

export type EngineAnswer<K extends Operation> = K extends "turn" ? EngineTurnResult : Answer<K>

/** One timer for all that is looked at: each tick wakes an idle process. */
const tickMs = 250
/** Ticks between two writes of the roll-ups. */
const ticksPerWrite = 4
/** How often commits of others are looked for where no socket could be bound. */
const pollWithoutSocketMs = 5

const withoutJobs = (turn: Turn): Turn => ({ ...turn, enqueue: [], batches: undefined })

const refused = (turn: Turn, reason: Reason): Pick<EngineTurnResult, "ids" | "notes"> => ({
  ids: turn.enqueue.map(() => 0 as JobId),
  notes:
    turn.enqueue.length === 0
      ? undefined
      : new Map(turn.enqueue.map((_, index) => [index, { _tag: "NotStored", reason }]))
})

const withRefused =
  (turn: Turn, reason: Reason) =>
  (result: StoreTurnResult): EngineTurnResult => ({ ...result, ...refused(turn, reason) })

export class Engine {
  private readonly file: OpenedFile
  private readonly store: SqliteStore
  private readonly reserve: Reserve
  private readonly path: string
  private readonly socket: WakeSocket
  private watchSocket: WakeSocket | undefined
  private readonly onWake: (wakes: ReadonlyArray<Wake>) => void
  private readonly liveness: Liveness | undefined
  private readonly timer: NodeJS.Timeout
  private poll: NodeJS.Timeout | undefined
  private isListening = false
  private seenVersion = 0
  private ticks = 0
  private calls = 0
  private callsAtWrite = 0
  private isWalEmpty = false
  private readonly lookAtSchema: () => StoreFault | undefined
  /** Somebody has added to the schema what would act on our tables: nothing is run until it is gone. */
  private tampered: StoreFault | undefined

  /**
   * Throws what is wrong with the file. `onWake` hears of commits here and elsewhere; `liveness` keeps leases of a
   * caller whose event loop does not answer.
   */
  constructor(settings: EngineSettings, onWake: (wakes: ReadonlyArray<Wake>) => void, liveness?: Liveness) {
    this.onWake = onWake
    this.liveness = liveness
    this.path = settings.path
    this.file = openStoreFile(settings)
    this.lookAtSchema = schemaWatch(this.file.db)
    this.store = waitOutBusy(
      settings.busyTimeoutMs,
      settings.path,
      () =>
        new SqliteStore(this.file.db, {
          maxLive: settings.maxLive,
          onCommit: (wakes) => {
            this.socket.send(wakes, this.store.laneCounters.listeners)
            this.onWake(wakes)
          }
        })
    )
    this.reserve = new Reserve(this.file.db.path, settings.reserveBytes)
    this.socket = new WakeSocket({
      file: this.file.db.path,
      onWake: (wakes) => {
        this.seenVersion = this.store.version()
        this.onWake(wakes)
      },
      onBound: (name) => this.quietly(() => this.store.addListener(name)),
      onGone: (names) => this.quietly(() => this.store.removeListeners(names)),
      onUnbound: () => this.pollWithoutSocket()
    })
    this.timer = setInterval(() => this.tick(), tickMs)
    this.timer.unref()
  }

  get isShared(): boolean {
    return this.file.isShared
  }

  /** `asked`: the call may be asked again, so its answer is kept. */
  call<K extends Operation>(operation: K, args: Arguments<K>, asked?: Asked): EngineAnswer<K> {
    return asked === undefined
      ? this.make(operation, args)
      : this.store.answers.during(asked, operation, args, () => this.make(operation, args))
  }

  private make<K extends Operation>(operation: K, args: Arguments<K>): EngineAnswer<K> {
    this.calls++
    if (this.tampered !== undefined) throw this.tampered
    if (operation === "turn") return this.turn(args[0] as Turn) as EngineAnswer<K>
    const method = this.store[operation] as unknown as (...args: Arguments<K>) => EngineAnswer<K>
    try {
      return method.apply(this.store, args)
    } catch (error) {
      if (!isOutOfRoom(error)) throw error
      this.reserve.release()
      return method.apply(this.store, args)
    }
  }

  /** On a full or failing disk what runs is settled first: new jobs are refused, and nothing is claimed. */
  private turn(turn: Turn): EngineTurnResult {
    if (turn.enqueue.length > 0 && !this.reserve.isThere) {
      return this.store.turn(withoutJobs(turn), withRefused(turn, full(this.file.db.path)))
    }
    try {
      return this.store.turn(turn)
    } catch (error) {
      if (!isOutOfRoom(error)) throw error
      this.reserve.release()
      if (turn.settle.length === 0) throw error
      const withoutNews = { ...withoutJobs(turn), claim: [], logs: [] }
      return this.store.turn(withoutNews, withRefused(turn, reasonOf(error, this.file.db.path)))
    }
  }

  /** Hears other processes from now on. */
  listen(): void {
    if (this.isListening) return
    this.isListening = true
    this.seenVersion = this.store.version()
    if (this.isShared) this.socket.listen()
  }

  /** Hears also what other processes note of jobs, or no more. */
  watch(on: boolean): void {
    if (on === (this.watchSocket !== undefined) || !this.isShared) return
    if (on) {
      this.watchSocket = new WakeSocket({
        file: this.path,
        watches: true,
        onWake: this.onWake,
        onBound: (name) => this.quietly(() => this.store.addListener(name)),
        onGone: () => {},
        // Then the poll of those who watch must do.
        onUnbound: () => {}
      })
      this.watchSocket.listen()
    } else this.unwatch()
  }

  private unwatch(): void {
    const own = this.watchSocket?.name
    this.watchSocket?.close()
    this.watchSocket = undefined
    if (own !== undefined && this.tampered === undefined) this.quietly(() => this.store.removeListeners([own]))
  }

  private pollWithoutSocket(): void {
    clearInterval(this.poll)
    this.poll = setInterval(() => this.quietly(() => this.lookAtOthers()), pollWithoutSocketMs)
    this.poll.unref()
  }

  /** Most commits concern nobody: only what has changed is told. */
  private lookAtOthers(): void {
    const version = this.store.version()
    if (version === this.seenVersion) return
    this.seenVersion = version
    const wakes = this.store.news()
    if (wakes.length > 0) this.onWake(wakes)
  }

  private tick(): void {
    this.quietly(() => {
      this.tampered = this.lookAtSchema()
    })
    if (this.tampered !== undefined) return
    this.quietly(() => this.liveness?.check(this.store))
    if (this.isListening) this.quietly(() => this.lookAtOthers())
    if (++this.ticks % ticksPerWrite === 0) this.write()
  }

  private write(): void {
    const isIdle = this.calls === this.callsAtWrite
    this.callsAtWrite = this.calls
    this.quietly(() => {
      this.store.flushStatistics()
      if (!isIdle) this.isWalEmpty = false
      else if (!this.isWalEmpty) this.isWalEmpty = this.store.emptyWal()
    })
  }

  /** Nobody waits for these: what fails is tried again, and the next call that meets it has somebody to tell. */
  private quietly(body: () => void): void {
    try {
      body()
    } catch {
      return
    }
  }

  close(): void {
    clearInterval(this.timer)
    clearInterval(this.poll)
    this.unwatch()
    const own = this.socket.name
    this.socket.close()
    if (this.tampered === undefined) {
      this.quietly(() => this.store.flushStatistics())
      if (own !== undefined) this.quietly(() => this.store.removeListeners([own]))
    }
    this.file.db.close()
  }
}
