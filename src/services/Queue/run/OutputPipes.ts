import { execFile } from "node:child_process"
import { closeSync, constants, existsSync, mkdtempSync, openSync, readSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { isMainThread } from "node:worker_threads"
import { Effect, type Scope, Semaphore } from "effect"

/** A named pipe for one stream of one command. Its reading end, in non-blocking mode, belongs to whoever took it. */
export interface OutputPipe {
  readonly path: string
  readonly readFd: number
}

/** Pipes made at a time, for one start of `mkfifo` (about 2 ms): eight commands at once. */
const batchSize = 16

/**
 * The reading end of a pipe that nobody writes to; undefined when somebody does: what a command has left behind, still
 * open. What was written and not read is gone with the last end that was open.
 */
const openUnused = (path: string): OutputPipe | undefined => {
  // Without O_NONBLOCK the open would wait for a writer. The flag belongs to this end; the writer's blocks as usual.
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (readSync(readFd, Buffer.alloc(1)) === 0) return { path, readFd }
  } catch {
    // EAGAIN: nothing to read yet, from a writer there is.
  }
  closeSync(readFd)
  rmSync(path, { force: true })
  return undefined
}

export interface OutputPipes {
  /**
   * Undefined where there are none. Fails with the system's error when descriptors or the space for temporary files
   * have run out.
   */
  readonly take: Effect.Effect<OutputPipe | undefined, NodeJS.ErrnoException>
  /** For the next command. Its reading end is closed. */
  readonly giveBack: (pipe: OutputPipe) => void
  /** Where they are: a folder for this user alone, removed at the end. Undefined until a pipe was taken. */
  readonly folder: () => string | undefined
}

/**
 * A stock of true pipes for the output of commands, or `undefined` where there are none and Node's own connection has
 * to do.
 *
 * Node connects children by sockets, and a socket cannot be opened again by its name: `echo failed > /dev/stderr` and
 * `tee /dev/stderr` fail with ENXIO under Node, and work under a shell. Node has no pipe(2), but a named pipe is one,
 * and the process that starts commands opens its other end by the name. One serves a command after another. There are
 * none without `mkfifo`, and none outside the main thread: a thread keeps a list of the descriptors it opened and
 * closes them when it ends, also those that the reading socket has closed already and that belong to somebody else by
 * then.
 */
export const make: Effect.Effect<OutputPipes, never, Scope.Scope> = Effect.gen(function* () {
  const stock: Array<string> = []
  let folder: string | undefined
  let made = 0
  let available = isMainThread
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => folder === undefined || rmSync(folder, { recursive: true, force: true }))
  )

  const fill = async (): Promise<void> => {
    folder ??= mkdtempSync(join(realpathSync(tmpdir()), "sluice-pipes-"))
    const paths = Array.from({ length: batchSize }, () => join(folder!, String(made++)))
    await promisify(execFile)("mkfifo", ["-m", "600", ...paths], {
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" }
    })
    stock.push(...paths)
  }

  // @effect-diagnostics-next-line globalErrorInEffectCatch:off - the system's errors are told apart by their code
  const refill = Effect.tryPromise({ try: fill, catch: (error) => error as NodeJS.ErrnoException }).pipe(
    Effect.catchIf(
      (error) => error.code === "ENOENT" && error.syscall === "spawn mkfifo",
      () =>
        Effect.sync(() => {
          available = false
        })
    ),
    Effect.uninterruptible
  )

  // @effect-diagnostics-next-line globalErrorInEffectCatch:off - the system's errors are told apart by their code
  const fromStock = Effect.try({
    try: () => {
      for (;;) {
        const path = stock.pop()
        const pipe = path === undefined ? undefined : openUnused(path)
        if (pipe !== undefined || path === undefined) return pipe
      }
    },
    catch: (error) => error as NodeJS.ErrnoException
  }).pipe(
    Effect.catchIf(
      (error) => error.code === "ENOENT",
      () =>
        // The folder was tidied away.
        Effect.sync(() => {
          stock.length = 0
          if (folder !== undefined && !existsSync(folder)) folder = undefined
          return undefined
        })
    )
  )

  const turn = Semaphore.makeUnsafe(1)
  const fillAndTake = turn.withPermit(
    Effect.suspend(() => (stock.length > 0 || !available ? Effect.void : refill)).pipe(Effect.andThen(fromStock))
  )
  const take = Effect.flatMap(fromStock, (pipe) =>
    pipe !== undefined || !available ? Effect.succeed(pipe) : fillAndTake
  )
  return { take, giveBack: ({ path }) => stock.push(path), folder: () => folder }
})
