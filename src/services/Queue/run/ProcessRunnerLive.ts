import { spawn } from "node:child_process"
import { accessSync, closeSync, constants, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from "node:fs"
import { Socket } from "node:net"
import type { Readable } from "node:stream"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Clock, Deferred, Duration, Effect, Exit, Latch, Layer } from "effect"
import { isOwnSecret, withoutOwnSecrets } from "../policy/SecretVariables.ts"
import { atTerminal } from "./AtTerminal.ts"
import * as BoundedOutput from "./BoundedOutput.ts"
import type { CommandEnded, StartListener } from "./spawner/Spawner.ts"
import * as Spawners from "./spawner/Spawners.ts"
import * as InputPipe from "./InputPipe.ts"
import * as JobControl from "./JobControl.ts"
import * as OutputPipes from "./OutputPipes.ts"
import * as ProcessGroup from "./ProcessGroup.ts"
import {
  CommandLost,
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
/**
 * SIGKILL cannot be refused, but a process in an uninterruptible system call takes it late. We do not wait for that.
 */
const killedMillis = 1000

type Reason = ProcessError["reason"]

/** What Linux holds of a pipe: all that is there is read at once. */
const readBytes = 64 * 1024

/** A command with its surroundings, as it is to be started. */
interface Start {
  readonly command: ShellCommand
  readonly env: Readonly<Record<string, string>>
  readonly envBytes: ReadonlyArray<Uint8Array>
  /** In place of the command's own. */
  readonly inputPipe: string | undefined
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
  const { code, message, syscall } = error as NodeJS.ErrnoException
  const isCommands = code !== "EILSEQ" && syscall !== "open"
  const found = isCommands ? obstacle(start) : undefined
  if (found !== undefined) return found
  // With nothing in its way: a script whose `#!` line names a program that is missing, a folder mounted noexec, another
  // machine's program.
  if (isCommands && (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR" || code === "ENOEXEC")) {
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

/** The command for Node. `umask`: what whoever starts it cannot set. Throws `ProcessError` and the system's errors. */
const startableOf = (start: Start, umask: number | undefined): Startable => {
  const { command, env, envBytes } = start
  const [program, ...args] = command.command
  if (umask === undefined && isText({ program, args, cwd: command.cwd, envBytes })) {
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
    umask
  })
}

/** A file without a name rather than a pipe: nothing to feed, no broken pipe, and `/dev/stdin` can be opened. */
const openInput = ({ command: { stdin: bytes }, inputPipe }: Start): number => {
  if (bytes === undefined || inputPipe !== undefined) return openSync(inputPipe ?? "/dev/null", "r")
  const folder = mkdtempSync(join(tmpdir(), "sluice-stdin-"))
  try {
    const path = join(folder, "stdin")
    writeFileSync(path, bytes, { mode: 0o600 })
    return openSync(path, "r")
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A command that has begun, however it was started. */
interface Child {
  readonly pid: number
  /** Of a child without pipes. */
  readonly stdout: NodeJS.ReadableStream | null
  readonly stderr: NodeJS.ReadableStream | null
  /** Calls once, also when it has ended already. */
  readonly onEnd: (heard: (end: Exit.Exit<CommandEnded, ProcessError>) => void) => void
  /** Its group is empty, or left alone. */
  readonly forget: () => void
}

interface Running {
  readonly pid: number
  readonly stdout: BoundedOutput.BoundedOutput
  readonly stderr: BoundedOutput.BoundedOutput
  readonly ended: Deferred.Deferred<CommandEnded, ProcessError>
  readonly drained: Deferred.Deferred<void>
  /** Its group is known to be empty. */
  isEmpty: boolean
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

/**
 * Until both streams have closed, or were read for `drainFor` in all: time in which a slow taker held them back does
 * not count.
 */
const awaitDrained = Effect.fnUntraced(function* ({ drained, flowing, held }: Running) {
  if (Deferred.isDoneUnsafe(drained)) return
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
  if (running.isEmpty || !ProcessGroup.isAlive(running.pid)) return
  running.terminate()
  const empty = yield* awaitEmpty(running.pid, graceMillis - running.sinceTerminated())
  if (empty) return
  ProcessGroup.signal(running.pid, "SIGKILL")
  yield* awaitEmpty(running.pid, killedMillis)
})

/**
 * Ends what a dead spawner may have started and nobody knows by its number: it alone writes to the pipes of its
 * command.
 */
const endHolders = Effect.fnUntraced(function* (pipes: ReadonlyArray<OutputPipes.OutputPipe>) {
  const paths = pipes.map(({ path }) => path)
  const end = (name: NodeJS.Signals) => {
    const found = ProcessGroup.holders(paths)
    for (const pid of found) ProcessGroup.signal(pid, name)
    return found
  }
  const found = end("SIGTERM")
  end("SIGCONT")
  for (const pid of found) yield* awaitEmpty(pid, Duration.toMillis(defaultForceKillAfter))
  end("SIGKILL")
})

const processError = (reason: Reason) => new ProcessError({ reason })

const spawnFailed = ({ code, message }: NodeJS.ErrnoException) =>
  processError(new SpawnFailed({ code: code ?? "EUNKNOWN", detail: message }))

export interface RunnerSettings {
  /**
   * Processes that start commands, at most. Default: two from four cores on, else one. 0: every command is started by
   * this process itself.
   */
  readonly spawners?: number
  /** Whether they start the first command too. Default: one command a minute is started by this process itself. */
  readonly spawnFirst?: boolean
}

export const layerWith = (settings: RunnerSettings): Layer.Layer<ProcessRunner> =>
  Layer.effect(
    ProcessRunner,
    Effect.gen(function* () {
      const pipes = yield* OutputPipes.make
      const watchdog = yield* ProcessWatchdog.make(Duration.toSeconds(defaultForceKillAfter), pipes.folder)
      const spawners = yield* Spawners.make({
        graceMillis: Duration.toMillis(defaultForceKillAfter),
        most: settings.spawners
      })
      const ownUmask = Umask.current()
      /**
       * One for each stream that is read, of one command after another: chunks of their own pile up until collected.
       */
      const readBuffers: Array<Buffer> = []
      let inputs = 0

      const takePipe = Effect.mapError(pipes.take, spawnFailed)

      const startable = (asked: Start, umask: number | undefined) =>
        Effect.try({
          try: () => startableOf(asked, umask),
          catch: (error) => (error instanceof ProcessError ? error : processError(reasonOf(error, asked)))
        })

      /**
       * By this process itself. process.umask(mask) around spawn would hold for every thread of it, the store's
       * included, and Node refuses it outside the main thread: another mask than its own is a shell's to set.
       */
      const startHere = Effect.fnUntraced(function* (asked: Start, taken: ReadonlyArray<OutputPipes.OutputPipe>) {
        const { command } = asked
        const { args, cwd, env, file } = yield* startable(asked, command.umask === ownUmask ? undefined : command.umask)
        const clock = yield* Clock.Clock
        return yield* Effect.callback<Child, ProcessError>((resume) => {
          const opened: Array<number> = []
          const fail = (error: unknown) => resume(Effect.fail(processError(reasonOf(error, asked))))
          try {
            opened.push(openInput(asked))
            for (const { path } of taken) opened.push(openSync(path, "w"))
            const startNanos = clock.monotonicTimeNanosUnsafe()
            const child = spawn(file, args, {
              cwd,
              env,
              detached: true,
              stdio: [opened[0], opened[1] ?? "pipe", opened[2] ?? "pipe"]
            })
            const { pid } = child
            if (pid === undefined) return void child.once("error", fail)
            watchdog.watch(pid)
            JobControl.began(pid)
            resume(
              Effect.succeed({
                pid,
                stdout: child.stdout,
                stderr: child.stderr,
                onEnd: (heard) =>
                  child.once("exit", (exitCode, signal) =>
                    heard(
                      Exit.succeed({ exitCode, signal, durationMs: millisSince(clock, startNanos), isAlone: false })
                    )
                  ),
                forget: () => watchdog.forget(pid)
              })
            )
          } catch (error) {
            fail(error)
          } finally {
            opened.forEach(closeSync)
          }
        })
      })

      /** In front of the terminal. What is waited for is the shell that gave it away. */
      const startAtTerminal = Effect.fnUntraced(function* (asked: Start, own: Readonly<Record<string, string>>) {
        const reason = obstacle(asked)
        if (reason !== undefined) return yield* processError(reason)
        const found = yield* startable(asked, asked.command.umask === ownUmask ? undefined : asked.command.umask)
        const { args, cwd, env, file } = atTerminal(found, own)
        const clock = yield* Clock.Clock
        return yield* Effect.callback<Child, ProcessError>((resume) => {
          const startNanos = clock.monotonicTimeNanosUnsafe()
          const shell = spawn(file, args, { cwd, env, stdio: ["inherit", "inherit", "inherit", "pipe"] })
          const fail = (error: unknown) => resume(Effect.fail(processError(reasonOf(error, asked))))
          const failed = () =>
            fail(Object.assign(new Error("the shell gave the terminal to nobody"), { code: "ENOTTY" }))
          if (shell.pid === undefined) return void shell.once("error", fail)
          const shellPid = shell.pid
          shell.once("exit", failed)
          const told = shell.stdio[3] as Socket
          let text = ""
          told.setEncoding("latin1").on("data", (part: string) => {
            text += part
            if (!text.includes("\n")) return
            told.destroy()
            shell.off("exit", failed)
            const pid = Number(text)
            for (const group of [shellPid, pid]) {
              watchdog.watch(group)
              JobControl.began(group)
            }
            resume(
              Effect.succeed({
                pid,
                stdout: null,
                stderr: null,
                onEnd: (heard) =>
                  shell.once("exit", (exitCode, signal) =>
                    heard(
                      Exit.succeed({ exitCode, signal, durationMs: millisSince(clock, startNanos), isAlone: false })
                    )
                  ),
                forget: () => {
                  watchdog.forget(pid)
                  watchdog.forget(shellPid)
                  JobControl.ended(shellPid)
                }
              })
            )
          })
        })
      })

      /** By a spawner. Undefined when there is none to be had, and nothing was started. */
      const startThere = Effect.fnUntraced(function* (
        asked: Start,
        [out, err]: readonly [OutputPipes.OutputPipe, OutputPipes.OutputPipe],
        folder: string
      ) {
        const { umask } = asked.command
        const stdin = asked.inputPipe === undefined ? asked.command.stdin : undefined
        const { args, cwd, env, file } = yield* startable(asked, undefined)
        const input = stdin === undefined ? undefined : join(folder, `stdin-${inputs++}`)
        return yield* Effect.callback<Child | undefined, ProcessError>((resume) => {
          let ended: Exit.Exit<CommandEnded, ProcessError> | undefined
          let heard: ((end: Exit.Exit<CommandEnded, ProcessError>) => void) | undefined
          let isAnswered = false
          const over = (end: Exit.Exit<CommandEnded, ProcessError>) => {
            ended = end
            heard?.(end)
          }
          const hasBegun = JobControl.begins()
          const answer = (effect: Effect.Effect<Child | undefined, ProcessError>) => {
            isAnswered = true
            hasBegun()
            if (input !== undefined) rmSync(input, { force: true })
            resume(effect)
          }
          const lost = () => Exit.fail(processError(new CommandLost()))
          const listener: StartListener = {
            started: (pid) => {
              JobControl.began(pid)
              answer(
                Effect.succeed({
                  pid,
                  stdout: null,
                  stderr: null,
                  onEnd: (listen) => {
                    heard = listen
                    if (ended !== undefined) listen(ended)
                  },
                  forget
                })
              )
            },
            refused: (error) => answer(Effect.fail(processError(reasonOf(error, asked)))),
            ended: (end) => over(Exit.succeed(end)),
            lost: () =>
              isAnswered ? over(lost()) : answer(Effect.andThen(endHolders([out, err]), Effect.suspend(lost))),
            unavailable: () => answer(Effect.succeed(undefined))
          }
          let forget = () => {}
          try {
            if (input !== undefined) writeFileSync(input, stdin!, { mode: 0o600 })
            forget = spawners.start(
              {
                file,
                args,
                cwd,
                env,
                umask,
                stdin: asked.inputPipe ?? input ?? "/dev/null",
                stdout: out.path,
                stderr: err.path
              },
              folder,
              listener
            )
          } catch (error) {
            answer(Effect.fail(processError(reasonOf(error, asked))))
          }
        })
      })

      const startWith = Effect.fnUntraced(function* (asked: Start, taken: ReadonlyArray<OutputPipes.OutputPipe>) {
        const folder = pipes.folder()
        const [out, err] = taken
        const isTheirs =
          settings.spawners !== 0 &&
          (spawners.areWorthIt(performance.now()) || settings.spawnFirst === true || asked.command.umask !== ownUmask)
        if (!isTheirs || out === undefined || err === undefined || folder === undefined) {
          return yield* startHere(asked, taken)
        }
        return (yield* startThere(asked, [out, err], folder)) ?? (yield* startHere(asked, taken))
      })

      const close = (pipe: OutputPipes.OutputPipe) => {
        closeSync(pipe.readFd)
        pipes.giveBack(pipe)
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
        const asked: Start = {
          command,
          env: withoutOwnSecrets({ ...command.env, ...options.env }),
          envBytes: passedOn(command.envBytes ?? [], options.env ?? {}),
          inputPipe: options.inputPipe
        }
        const isAtTerminal = options.atTerminal === true
        const takeUnlessAtTerminal = isAtTerminal ? Effect.succeed(undefined) : takePipe
        const out = yield* takeUnlessAtTerminal
        const err = yield* Effect.onError(takeUnlessAtTerminal, () => Effect.sync(() => out && close(out)))
        const taken = out === undefined || err === undefined ? [] : [out, err]
        const giveBack = Effect.sync(() => taken.forEach(close))
        const input =
          options.inputPipe === undefined
            ? undefined
            : yield* InputPipe.make(options.inputPipe).pipe(
                Effect.mapError(spawnFailed),
                Effect.onError(() => giveBack)
              )
        const starting = isAtTerminal ? startAtTerminal(asked, options.env ?? {}) : startWith(asked, taken)
        const child = yield* Effect.onError(starting, () =>
          Effect.andThen(
            giveBack,
            Effect.sync(() => input?.close())
          )
        )
        input?.begun()

        const clock = yield* Clock.Clock
        const { pid } = child
        const ended = Deferred.makeUnsafe<CommandEnded, ProcessError>()
        const drained = Deferred.makeUnsafe<void>()
        const attempt = (callback: () => void) => {
          try {
            callback()
          } catch (defect) {
            Deferred.doneUnsafe(ended, Exit.die(defect))
          }
        }
        child.onEnd((end) => Deferred.doneUnsafe(ended, end))

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
          let untaken = 0
          const onChunk = (chunk: Uint8Array) => {
            output.push(chunk)
            attempt(() => {
              const taken = options.onOutput?.(chunk, stream)
              if (!(taken instanceof Promise)) return
              untaken++
              holdUntil(
                source,
                taken.finally(() => untaken--)
              )
            })
          }
          const buffer = pipe && (readBuffers.pop() ?? Buffer.allocUnsafeSlow(readBytes))
          const source: Socket =
            pipe === undefined || buffer === undefined
              ? (child[stream] as Socket).on("data", onChunk)
              : new Socket({
                  fd: pipe.readFd,
                  readable: true,
                  writable: false,
                  onread: {
                    buffer,
                    callback: (bytes) => {
                      onChunk(buffer.subarray(0, bytes))
                      return true
                    }
                  }
                }).resume()
          // A read error ends the stream; what came before it is kept.
          source.on("error", () => {})
          source.once("close", () => {
            open--
            if (open === 0) Deferred.doneUnsafe(drained, Exit.void)
          })
          const release = () => {
            source.destroy()
            // Where a chunk of it is still being taken it is left to that.
            if (buffer !== undefined && untaken === 0) readBuffers.push(buffer)
          }
          return { output, release }
        }
        const nothing = { output: BoundedOutput.make(0), release: () => {} }
        const stdout = isAtTerminal ? nothing : collect("stdout", out)
        const stderr = isAtTerminal ? nothing : collect("stderr", err)
        if (isAtTerminal) Deferred.doneUnsafe(drained, Exit.void)

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
          isEmpty: false,
          flowing,
          held,
          terminate,
          sinceTerminated: () => (terminatedNanos === undefined ? 0 : millisSince(clock, terminatedNanos)),
          release: () => {
            options.signal?.removeEventListener("abort", terminate)
            child.forget()
            JobControl.ended(pid)
            input?.close()
            stdout.release()
            stderr.release()
            taken.forEach(pipes.giveBack)
          }
        }
        return running
      })

      const awaitEnd = Effect.fnUntraced(function* (running: Running) {
        const { isAlone, ...ended } = yield* Deferred.await(running.ended)
        yield* awaitDrained(running)
        running.isEmpty = isAlone || (yield* awaitEmpty(running.pid, leavingMillis))
        return { ...ended, leftovers: !running.isEmpty }
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
              Effect.suspend(() =>
                Deferred.isDoneUnsafe(running.drained)
                  ? Effect.void
                  : Effect.asVoid(Effect.timeoutOption(Deferred.await(running.drained), leavingMillis))
              )
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

export const layer: Layer.Layer<ProcessRunner> = layerWith({})
