import { execFile } from "node:child_process"
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { isMainThread } from "node:worker_threads"
import { Effect, type Scope, Semaphore } from "effect"

/** Two file descriptors, owned by whoever took them. */
export interface OutputPipe {
  readonly readFd: number
  readonly writeFd: number
}

/** Pipes made at a time, for one start of `mkfifo` (about 2 ms): eight runs. As many descriptors, times two, rest in stock. */
const batchSize = 16

const fill = async (): Promise<Array<OutputPipe>> => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-pipes-"))
  const pipes: Array<OutputPipe> = []
  try {
    const paths = Array.from({ length: batchSize }, (_, index) => join(folder, String(index)))
    await promisify(execFile)("mkfifo", ["-m", "600", ...paths], {
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" }
    })
    for (const path of paths) {
      // Without O_NONBLOCK the first open would wait for the second. The flag belongs to this end; the writer's blocks as usual.
      const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      pipes.push({ readFd, writeFd: openSync(path, constants.O_WRONLY) })
    }
    return pipes
  } catch (error) {
    pipes.forEach(close)
    throw error
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export const close = (pipe: OutputPipe): void => {
  closeSync(pipe.readFd)
  closeSync(pipe.writeFd)
}

/**
 * A stock of true pipes for the output of commands, or `undefined` where there are none and Node's own connection has to do.
 *
 * Node connects children by sockets, and a socket cannot be opened again by its name: `echo failed > /dev/stderr` and `tee /dev/stderr`
 * fail with ENXIO under Node, and work under a shell. Node has no pipe(2), but a named pipe with both ends open and its name removed is
 * one. There are none without `mkfifo`, and none outside the main thread: a thread keeps a list of the descriptors it opened and closes
 * them when it ends, also those that the reading socket has closed already and that belong to somebody else by then.
 *
 * Fails with the system's error when descriptors or the space for temporary files have run out.
 */
export const make: Effect.Effect<
  { readonly take: Effect.Effect<OutputPipe | undefined, NodeJS.ErrnoException> },
  never,
  Scope.Scope
> = Effect.gen(function* () {
  const stock: Array<OutputPipe> = []
  yield* Effect.addFinalizer(() => Effect.sync(() => stock.splice(0).forEach(close)))
  let available = isMainThread
  // @effect-diagnostics-next-line globalErrorInEffectCatch:off - the system's errors are told apart by their code
  const refill = Effect.tryPromise({ try: fill, catch: (error) => error as NodeJS.ErrnoException }).pipe(
    Effect.map((pipes) => void stock.push(...pipes)),
    Effect.catchIf(
      (error) => error.code === "ENOENT" && error.syscall === "spawn mkfifo",
      () =>
        Effect.sync(() => {
          available = false
        })
    ),
    Effect.uninterruptible
  )
  const turn = Semaphore.makeUnsafe(1)
  const take = turn.withPermit(
    Effect.suspend(() => (available && stock.length === 0 ? refill : Effect.void)).pipe(Effect.map(() => stock.pop()))
  )
  return { take }
})
