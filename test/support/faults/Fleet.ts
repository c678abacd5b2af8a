/** Several worker processes on one file; whoever dies is replaced. Keeps all that ever lived, for the verdict. */
import { Deferred, Effect, type Scope } from "effect"
import { start, type SpawnOptions, type WorkerConfig, type WorkerProcess } from "./WorkerProcess.ts"
import type { FaultFolder } from "./FaultFolder.ts"

export class Fleet {
  /** In order of their start. */
  readonly all: Array<WorkerProcess> = []
  readonly folder: FaultFolder
  private readonly config: Pick<WorkerConfig, "thread" | "slots" | "sqlite">
  private readonly options: SpawnOptions

  constructor(
    folder: FaultFolder,
    config: Pick<WorkerConfig, "thread" | "slots" | "sqlite">,
    options: SpawnOptions = {}
  ) {
    this.folder = folder
    this.config = config
    this.options = options
  }

  /** Starts one more; does not wait until it is ready. */
  readonly add: Effect.Effect<WorkerProcess, never, Scope.Scope> = Effect.suspend(() => {
    const name = `worker-${++this.named}`
    const config = { name, store: this.folder.store, ledger: this.folder.ledger, ...this.config }
    return Effect.tap(start(config, this.options), (worker) => Effect.sync(() => this.all.push(worker)))
  })
  private named = 0

  /** Starts one more and waits until it has joined. */
  readonly addReady: Effect.Effect<WorkerProcess, never, Scope.Scope> = Effect.tap(this.add, ({ ready }) =>
    Deferred.await(ready)
  )

  get alive(): ReadonlyArray<WorkerProcess> {
    return this.all.filter((worker) => worker.isAlive)
  }

  /** As many as are missing to the number. */
  readonly keep = (count: number): Effect.Effect<void, never, Scope.Scope> =>
    Effect.suspend(() =>
      Effect.forEach(Array.from({ length: Math.max(0, count - this.alive.length) }), () => this.add, { discard: true })
    )

  byName(name: string): WorkerProcess {
    return this.all.find((worker) => worker.name === name)!
  }
}
