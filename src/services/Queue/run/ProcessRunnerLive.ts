import { spawn } from "node:child_process"
import { accessSync, closeSync, constants, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from "node:fs"
import { Socket } from "node:net"
import type { Readable } from "node:stream"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Clock, Deferred, Duration, Effect, Exit, Latch, Layer } from "effect"
import { isOwnSecret, withoutOwnSecrets } from "../policy/SecretVariables.ts"
import * as BoundedOutput from "./BoundedOutput.ts"
import * as JobControl from "./JobControl.ts"
import * as OutputPipes from "./OutputPipes.ts"
import * as ProcessGroup from "./ProcessGroup.ts"
import {
  CommandNotExecutable,
  CommandNotFound,
  ProcessError,
  ProcessRunner,
  type RunOptions,
  SpawnFailed,
  WorkingDirectoryUnusable
} from "./ProcessRunner.ts"
import * as ProcessWatchdog from "./ProcessWatchdog.ts"
import * as ProgramSearch from "./ProgramSearch.ts"
import type { ShellCommand, ShellResult } from "./ShellCommand.ts"
import { fromBytes, shown, toBytes } from "./SystemWord.ts"
import { isText, type Startable, throughShell } from "./ThroughShell.ts"
import * as Umask from "./Umask.ts"

const defaultForceKillAfter = Duration.seconds(5)
const defaultOutputLimitBytes = 1024 * 1024

/** What a command left behind may write for so long after its exit: enough for `> >(tee log)` to flush. */
const drainFor = Duration.seconds(1)
/** A process closes its output a moment before it is gone; only what is there after this time was left behind. */
const leavingMillis = 100
/** SIGKILL cannot be refused, but a process in an uninterruptible system call takes it late. We do not wait for that. */
const killedMillis = 1000

type Reason = ProcessError["reason"]

/** A command with its surroundings, as it is to be started. */
interface Start {
  readonly command: ShellCommand
  readonly env: Readonly<Record<string, string>>
  readonly envBytes: ReadonlyArray<Uint8Array>
}

const pathPrefix = Buffer.from("PATH=")

const searchFor = ({ command, env, envBytes }: Start): ProgramSearch.Found => {
  const bytes = envBytes.find((variable) => pathPrefix.equals(variable.subarray(0, pathPrefix.length)))
  const text = env["PATH"] === undefined ? undefined : Buffer.from(env["PATH"])
  return ProgramSearch.search(
    toBytes(command.command[0]),
    bytes === undefined ? text : Buffer.from(bytes.subarray(pathPrefix.length)),
    toBytes(command.cwd)
  )
}

const isFolder = (path: Buffer): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Why the command cannot run, as far as it can be seen beforehand. */
const obstacle = (start: Start, found = searchFor(start)): Reason | undefined => {
  const { command, cwd } = start.command
  if (!isFolder(toBytes(cwd))) return new WorkingDirectoryUnusable({ cwd: shown(cwd) })
  switch (found._tag) {
    case "Found":
      return undefined
    case "Refused":
      return new CommandNotExecutable({ command: shown(command[0]) })
    case "Missing":
      return new CommandNotFound({ command: shown(command[0]) })
  }
}

const reasonOf = (error: unknown, start: Start): Reason => {
  const { code, message } = error as NodeJS.ErrnoException
  const found = code === "EILSEQ" ? undefined : obstacle(start)
  if (found !== undefined) return found
  // With nothing in its way: a script whose `#!` line names a program that is missing, a folder mounted noexec, another machine's program.
  if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR" || code === "ENOEXEC") {
    return new CommandNotExecutable({ command: shown(start.command.command[0]) })
  }
  return new SpawnFailed({ code: code ?? "EUNKNOWN", detail: message ?? String(error) })
}

/** Those that are neither secrets of Sluice's own nor named by a `stronger` one. */
const passedOn = (
  variables: ReadonlyArray<Uint8Array>,
  stronger: Readonly<Record<string, string>>
): ReadonlyArray<Uint8Array> =>
  variables.filter((variable) => {
    const at = variable.indexOf(0x3d)
    const name = shown(fromBytes(variable.subarray(0, at)))
    return !Object.hasOwn(stronger, name) && !isOwnSecret(name, shown(fromBytes(variable.subarray(at + 1))))
  })

/**
 * The command for Node. process.umask(mask) around spawn would hold for every thread of this process, the store's included, and Node refuses
 * it outside the main thread: another mask than this process's is a shell's to set. Throws `ProcessError` and the system's errors.
 */
const startableOf = (start: Start, ownUmask: number): Startable => {
  const { command, env, envBytes } = start
  const [program, ...args] = command.command
  const isPlain = isText({ program, args, cwd: command.cwd, envBytes })
  if (isPlain && command.umask === ownUmask) {
    return { file: program as string, args: args as Array<string>, cwd: command.cwd as string, env }
  }
  const found = searchFor(start)
  const reason = obstacle(start, found)
  if (reason !== undefined || found._tag !== "Found") throw new ProcessError({ reason: reason! })
  return throughShell({
    program: fromBytes(found.path),
    args,
    cwd: command.cwd,
    env,
    envBytes,
    umask: command.umask === ownUmask ? undefined : command.umask
  })
}

/** A file without a name rather than a pipe: nothing to feed, no broken pipe, and `/dev/stdin` can be opened. */
const openInput = (bytes: Uint8Array | undefined): number => {
  if (bytes === undefined) return openSync("/dev/null", "r")
  const folder = mkdtempSync(join(tmpdir(), "sluice-stdin-"))
  try {
    const path = join(folder, "stdin")
    writeFileSync(path, bytes, { mode: 0o600 })
    return openSync(path, "r")
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Ended {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly durationMs: number
}

interface Running {
  readonly pid: number
  readonly stdout: BoundedOutput.BoundedOutput
  readonly stderr: BoundedOutput.BoundedOutput
  readonly ended: Deferred.Deferred<Ended>
  readonly drained: Deferred.Deferred<void>
  /** Open while nobody holds the output back; `held` is its opposite. */
  readonly flowing: Latch.Latch
  readonly held: Latch.Latch
  /** Sends SIGTERM once. */
  readonly terminate: () => void
  /** Milliseconds since SIGTERM was sent; 0 when it was not. */
  readonly sinceTerminated: () => number
  readonly release: () => void
}

const millisSince = (clock: Clock.Clock, startNanos: bigint): number =>
  Number(clock.monotonicTimeNanosUnsafe() - startNanos) / 1e6

/** Waits until the group is empty, at most so long; tells whether it is. */
const awaitEmpty = Effect.fnUntraced(function* (group: number, atMostMillis: number) {
  const clock = yield* Clock.Clock
  const start = clock.monotonicTimeNanosUnsafe()
  let pause = 2
  while (ProcessGroup.isAlive(group)) {
    const left = atMostMillis - millisSince(clock, start)
    if (left <= 0) return false
    yield* Effect.sleep(Duration.millis(Math.min(pause, left)))
    pause = Math.min(pause * 2, 50)
  }
  return true
})

/** Until both streams have closed, or were read for `drainFor` in all: time in which a slow taker held them back does not count. */
const awaitDrained = Effect.fnUntraced(function* ({ drained, flowing, held }: Running) {
  const clock = yield* Clock.Clock
  let leftMillis = Duration.toMillis(drainFor)
  while (leftMillis > 0) {
    yield* flowing.await
    const start = clock.monotonicTimeNanosUnsafe()
    const first = yield* Effect.raceAllFirst([
      Effect.as(Deferred.await(drained), "drained"),
      Effect.as(held.await, "held"),
      Effect.as(Effect.sleep(Duration.millis(leftMillis)), "over")
    ])
    if (first !== "held") return
    leftMillis -= millisSince(clock, start)
  }
})

/** SIGTERM, the rest of the grace counted from its first sending, SIGKILL. */
const endGroup = Effect.fnUntraced(function* (running: Running, graceMillis: number) {
  if (!ProcessGroup.isAlive(running.pid)) return
  running.terminate()
  const empty = yield* awaitEmpty(running.pid, graceMillis - running.sinceTerminated())
  if (empty) return
  ProcessGroup.signal(running.pid, "SIGKILL")
  yield* awaitEmpty(running.pid, killedMillis)
})

export const layer: Layer.Layer<ProcessRunner> = Layer.effect(
  ProcessRunner,
  Effect.gen(function* () {
    const pipes = yield* OutputPipes.make
    const watchdog = yield* ProcessWatchdog.make(Duration.toSeconds(defaultForceKillAfter))
    const ownUmask = Umask.current()

    const takePipe = pipes.take.pipe(
      Effect.mapError(
        ({ code, message }) =>
          new ProcessError({ reason: new SpawnFailed({ code: code ?? "EUNKNOWN", detail: message }) })
      )
    )

    /** Spawns without waiting; throws the system's error, or tells it to `onError` when Node finds it late. */
    const spawnCommand = (
      { args, cwd, env, file }: Startable,
      stdinBytes: Uint8Array | undefined,
      out: OutputPipes.OutputPipe | undefined,
      err: OutputPipes.OutputPipe | undefined
    ) => {
      const stdin = openInput(stdinBytes)
      try {
        return spawn(file, args, {
          cwd,
          env,
          detached: true,
          stdio: [stdin, out?.writeFd ?? "pipe", err?.writeFd ?? "pipe"]
        })
      } finally {
        closeSync(stdin)
      }
    }

    const start = Effect.fnUntraced(function* (command: ShellCommand, options: RunOptions) {
      if (process.platform === "win32") {
        return yield* new ProcessError({
          reason: new SpawnFailed({
            code: "ENOSYS",
            detail: "commands run on Linux and macOS; use WSL or a container on Windows"
          })
        })
      }
      const clock = yield* Clock.Clock
      const asked: Start = {
        command,
        env: withoutOwnSecrets({ ...command.env, ...options.env }),
        envBytes: passedOn(command.envBytes ?? [], options.env ?? {})
      }
      const startable = yield* Effect.try({
        try: () => startableOf(asked, ownUmask),
        catch: (error) => (error instanceof ProcessError ? error : new ProcessError({ reason: reasonOf(error, asked) }))
      })
      const out = yield* takePipe
      const err = yield* Effect.onError(takePipe, () => Effect.sync(() => out && OutputPipes.close(out)))
      const startNanos = clock.monotonicTimeNanosUnsafe()

      const child = yield* Effect.callback<ReturnType<typeof spawnCommand> & { readonly pid: number }, ProcessError>(
        (resume) => {
          const fail = (error: unknown) => {
            if (out !== undefined) closeSync(out.readFd)
            if (err !== undefined) closeSync(err.readFd)
            resume(Effect.fail(new ProcessError({ reason: reasonOf(error, asked) })))
          }
          try {
            const spawned = spawnCommand(startable, command.stdin, out, err)
            if (spawned.pid === undefined) spawned.once("error", fail)
            else resume(Effect.succeed(Object.assign(spawned, { pid: spawned.pid })))
          } catch (error) {
            fail(error)
          } finally {
            if (out !== undefined) closeSync(out.writeFd)
            if (err !== undefined) closeSync(err.writeFd)
          }
        }
      )

      const { pid } = child
      watchdog.watch(pid)
      JobControl.began(pid)
      const ended = Deferred.makeUnsafe<Ended>()
      const drained = Deferred.makeUnsafe<void>()
      const attempt = (callback: () => void) => {
        try {
          callback()
        } catch (defect) {
          Deferred.doneUnsafe(ended, Exit.die(defect))
        }
      }
      child.once("exit", (exitCode, signal) =>
        Deferred.doneUnsafe(ended, Exit.succeed({ exitCode, signal, durationMs: millisSince(clock, startNanos) }))
      )

      const flowing = Latch.makeUnsafe(true)
      const held = Latch.makeUnsafe(false)
      let holding = 0
      /** Reads no more of a stream until its chunk was taken. */
      const holdUntil = (source: Readable, taken: Promise<unknown>) => {
        source.pause()
        if (holding++ === 0) {
          flowing.closeUnsafe()
          held.openUnsafe()
        }
        const goOn = () => {
          source.resume()
          if (--holding > 0) return
          held.closeUnsafe()
          flowing.openUnsafe()
        }
        taken.then(goOn, (defect) => {
          Deferred.doneUnsafe(ended, Exit.die(defect))
          goOn()
        })
      }

      let open = 2
      const collect = (stream: "stdout" | "stderr", pipe: OutputPipes.OutputPipe | undefined) => {
        const output = BoundedOutput.make(options.outputLimitBytes ?? defaultOutputLimitBytes)
        const source =
          pipe === undefined ? child[stream]! : new Socket({ fd: pipe.readFd, readable: true, writable: false })
        source.on("data", (chunk: Buffer) => {
          output.push(chunk)
          attempt(() => {
            const taken = options.onOutput?.(chunk, stream)
            if (taken instanceof Promise) holdUntil(source, taken)
          })
        })
        // A read error ends the stream; what came before it is kept.
        source.on("error", () => {})
        source.once("close", () => {
          open--
          if (open === 0) Deferred.doneUnsafe(drained, Exit.void)
        })
        return { output, source }
      }
      const stdout = collect("stdout", out)
      const stderr = collect("stderr", err)

      let terminatedNanos: bigint | undefined
      const terminate = () => {
        if (terminatedNanos !== undefined) return
        terminatedNanos = clock.monotonicTimeNanosUnsafe()
        ProcessGroup.signal(pid, "SIGTERM")
        // A stopped process takes no other signal until it is continued.
        ProcessGroup.signal(pid, "SIGCONT")
      }
      if (options.signal?.aborted === true) terminate()
      options.signal?.addEventListener("abort", terminate, { once: true })
      attempt(() => options.onStart?.(pid))

      const running: Running = {
        pid,
        stdout: stdout.output,
        stderr: stderr.output,
        ended,
        drained,
        flowing,
        held,
        terminate,
        sinceTerminated: () => (terminatedNanos === undefined ? 0 : millisSince(clock, terminatedNanos)),
        release: () => {
          options.signal?.removeEventListener("abort", terminate)
          watchdog.forget(pid)
          JobControl.ended(pid)
          stdout.source.destroy()
          stderr.source.destroy()
        }
      }
      return running
    })

    const awaitEnd = Effect.fnUntraced(function* (running: Running) {
      const ended = yield* Deferred.await(running.ended)
      yield* awaitDrained(running)
      const leftovers = !(yield* awaitEmpty(running.pid, leavingMillis))
      return { ...ended, leftovers }
    })

    const run = Effect.fnUntraced(function* (command: ShellCommand, options: RunOptions = {}) {
      const graceMillis = Duration.toMillis(Duration.fromInputUnsafe(options.forceKillAfter ?? defaultForceKillAfter))
      const { ended, running } = yield* Effect.acquireUseRelease(
        start(command, options),
        (running) => Effect.map(awaitEnd(running), (ended) => ({ ended, running })),
        (running) =>
          // The last words of a command that was ended are in its pipe still.
          Effect.andThen(
            endGroup(running, graceMillis),
            Effect.timeoutOption(Deferred.await(running.drained), leavingMillis)
          ).pipe(Effect.ensuring(Effect.sync(running.release)))
      )
      return {
        ...ended,
        stdout: running.stdout.bytes(),
        stderr: running.stderr.bytes(),
        stdoutDropped: running.stdout.dropped(),
        stderrDropped: running.stderr.dropped()
      } satisfies ShellResult
    })

    return ProcessRunner.of({ run })
  })
)
