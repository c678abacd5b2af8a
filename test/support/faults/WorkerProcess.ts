/**
 * Processes under control: started, watched, killed, stopped and continued, stopped gently. None outlives its scope.
 */
import { Deferred, Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { MailWorkerConfig } from "./Mail.ts"

export interface WorkerConfig {
  /** Unique over the whole test. */
  readonly name: string
  readonly store: string
  readonly ledger: string
  readonly thread: boolean
  readonly slots?: Readonly<Record<string, number>>
  readonly sqlite?: { readonly busyTimeoutMs?: number; readonly reserveBytes?: number }
}

export interface ProducerConfig {
  readonly name: string
  readonly store: string
  readonly ledger: string
  readonly thread: boolean
  readonly keys: number
  /** Fibers that enqueue at the same time. */
  readonly producers: number
  readonly seed: number
}

export interface EnqueuerConfig {
  readonly name: string
  readonly store: string
  readonly ledger: string
  readonly thread: boolean
  /** How many jobs, and how many enqueues at the same time. */
  readonly jobs: number
  readonly producers: number
}

export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The programs beside this file. */
export type Program = "worker.ts" | "mailWorker.ts" | "pipelineWorker.ts" | "producer.ts" | "enqueuer.ts"

const pathOf = (program: Program) => fileURLToPath(new URL(`./${program}`, import.meta.url))

export class WorkerProcess {
  readonly name: string
  readonly startedAt = Date.now()
  /** When the last SIGKILL was sent by us. */
  killedAt: number | undefined
  /** How long a gentle stop took, once it has ended. */
  gentleMs: number | undefined
  readonly stops: Array<{ readonly from: number; to: number }> = []
  readonly ready = Deferred.makeUnsafe<void>()
  readonly ended = Deferred.makeUnsafe<ProcessEnd>()
  end: ProcessEnd | undefined
  /** When it said that it is ready, and when it was asked to stop. */
  readyAt: number | undefined
  leavingAt: number | undefined
  private text = ""
  private readonly child: ChildProcess

  constructor(config: { readonly name: string }, options: SpawnOptions) {
    this.name = config.name
    const node = [...(options.nodeFlags ?? []), pathOf(options.program ?? "worker.ts"), JSON.stringify(config)]
    const [command, ...rest] = [...(options.under ?? []), process.execPath, ...node]
    this.child = spawn(command!, rest, { stdio: ["pipe", "pipe", "pipe"] })
    // It may be gone before it reads.
    this.child.stdin!.on("error", () => undefined)
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        this.text += chunk
        if (this.readyAt !== undefined || !this.text.includes("ready\n")) return
        this.readyAt = Date.now()
        Deferred.doneUnsafe(this.ready, Effect.void)
      })
    }
    this.child.on("close", (code, signal) => {
      this.end = { code, signal, at: Date.now() }
      Deferred.doneUnsafe(this.ended, Effect.succeed(this.end))
      Deferred.doneUnsafe(this.ready, Effect.void)
    })
  }

  get pid(): number {
    return this.child.pid!
  }

  /** What it printed, both streams. */
  get output(): string {
    return this.text
  }

  get isAlive(): boolean {
    return this.end === undefined && this.killedAt === undefined
  }

  /** It has said that it is ready, and nobody has asked it to stop. */
  get isReady(): boolean {
    return this.readyAt !== undefined && this.leavingAt === undefined
  }

  kill(): void {
    this.killedAt = Date.now()
    this.child.kill("SIGKILL")
  }

  /** SIGSTOP, too short to be told as a stop: `letGo` or another signal follows at once. */
  hold(): void {
    this.child.kill("SIGSTOP")
  }

  letGo(): void {
    this.child.kill("SIGCONT")
  }

  /** SIGSTOP, and SIGCONT after the time. */
  stopFor(ms: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const stop = { from: Date.now(), to: Number.POSITIVE_INFINITY }
      this.stops.push(stop)
      this.child.kill("SIGSTOP")
      return Effect.sleep(ms).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            this.child.kill("SIGCONT")
            stop.to = Date.now()
          })
        )
      )
    })
  }

  /** SIGTERM, once it is ready and so has a handler for it; answers how it ended. */
  readonly stopGently: Effect.Effect<ProcessEnd> = Effect.suspend(() => Deferred.await(this.ready)).pipe(
    Effect.andThen(
      Effect.suspend(() => {
        const from = Date.now()
        this.leavingAt ??= from
        this.child.kill("SIGTERM")
        return Effect.map(Deferred.await(this.ended), (end) => {
          this.gentleMs ??= end.at - from
          return end
        })
      })
    )
  )
}

export interface SpawnOptions {
  /** Default `worker.ts`. Its first argument is the configuration. */
  readonly program?: Program
  /** A program and its arguments to run it under, such as strace. */
  readonly under?: ReadonlyArray<string>
  readonly nodeFlags?: ReadonlyArray<string>
}

/** Starts a process; it is killed when the scope closes. */
export const start = (
  config: WorkerConfig | ProducerConfig | EnqueuerConfig | MailWorkerConfig,
  options: SpawnOptions = {}
): Effect.Effect<WorkerProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new WorkerProcess(config, options)),
    (worker) =>
      Effect.suspend(() => {
        if (worker.end === undefined) worker.kill()
        return Deferred.await(worker.ended)
      })
  )
