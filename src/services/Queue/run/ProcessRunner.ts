import { Context, type Duration, type Effect, Schema } from "effect"
import type { ShellCommand, ShellResult } from "./ShellCommand.ts"

/** No such program in the recorded `PATH`, or at the path given. A retry cannot help until it is installed. */
export class CommandNotFound extends Schema.TaggedError<CommandNotFound>()("CommandNotFound", {
  command: Schema.String
}) {
  override get message() {
    return `command not found: ${JSON.stringify(this.command)}; check the spelling and the PATH the job was enqueued with`
  }
}

/** The file is there and may not be executed. */
export class CommandNotExecutable extends Schema.TaggedError<CommandNotExecutable>()("CommandNotExecutable", {
  command: Schema.String
}) {
  override get message() {
    return `not an executable file: ${JSON.stringify(this.command)}; expected a file with execute permission (chmod +x)`
  }
}

/** The recorded working directory is gone, is no directory, or may not be entered. */
export class WorkingDirectoryUnusable extends Schema.TaggedError<WorkingDirectoryUnusable>()(
  "WorkingDirectoryUnusable",
  {
    cwd: Schema.String
  }
) {
  override get message() {
    return `working directory cannot be used: ${JSON.stringify(this.cwd)}; expected an absolute path to a folder this worker may enter`
  }
}

/**
 * The operating system refused: no memory, no process table entry, arguments too long. Often passes (EAGAIN, ENOMEM),
 * so a retry may help.
 */
export class SpawnFailed extends Schema.TaggedError<SpawnFailed>()("SpawnFailed", {
  /** The system's name for the error, such as `EAGAIN` or `E2BIG`. */
  code: Schema.String,
  detail: Schema.String
}) {
  override get message() {
    return `the process could not be started (${this.code}): ${this.detail}`
  }
}

/**
 * The process that had started the command died, and the command was ended with it. A fault of this machine, not of the
 * command: what it had done by then is done, and it may have been nothing. Safe to repeat as far as the command is.
 */
export class CommandLost extends Schema.TaggedError<CommandLost>()("CommandLost", {}) {
  override get message() {
    return "the process that started the command died, and the command was ended with it"
  }
}

/** The command never ran, or, with `CommandLost`, did not come to its end. Nothing is left behind. */
export class ProcessError extends Schema.TaggedError<ProcessError>()("ProcessError", {
  reason: Schema.Union([CommandNotFound, CommandNotExecutable, WorkingDirectoryUnusable, SpawnFailed, CommandLost])
}) {
  override get message() {
    return this.reason.message
  }

  /**
   * What a shell reports for the same mishap: 127 not found, 126 not executable (POSIX, 2.8.2); 125 for ours, as `env`
   * and `timeout` have it.
   */
  get exitCode(): 125 | 126 | 127 {
    switch (this.reason._tag) {
      case "CommandNotFound":
        return 127
      case "CommandNotExecutable":
        return 126
      default:
        return 125
    }
  }
}

export interface RunOptions {
  /** Added to the recorded environment and stronger than it: `SLUICE_JOB_ID` and the like. */
  readonly env?: Readonly<Record<string, string>>
  /**
   * The soft limit: when it aborts, the process group gets SIGTERM. Nothing else changes; the run goes on until the
   * command ends.
   */
  readonly signal?: AbortSignal
  /**
   * How long after its first SIGTERM a process group gets SIGKILL, once the run is interrupted or the command has left
   * it behind. Default 5 s.
   */
  readonly forceKillAfter?: Duration.Input
  /**
   * Bytes kept of each of stdout and stderr. Default 1 MiB: whole logs of ordinary commands, small enough for a row of
   * the store.
   */
  readonly outputLimitBytes?: number
  /**
   * Called with every chunk as it comes, all of it, not only what is kept. When it answers a promise the stream is read
   * on only once that has settled, so that who takes slowly slows the command down, and the chunk may be kept until
   * then; without, it must be quick and must not keep the chunk. A throw or a rejection ends the run as a defect.
   */
  readonly onOutput?: (chunk: Uint8Array, stream: "stdout" | "stderr") => unknown
  /**
   * A named pipe that is made here, for this user alone, and is the command's standard input: it reads what others
   * write there. Its end of file comes once the pipe was removed. In place of the command's `stdin`.
   */
  readonly inputPipe?: string
  /**
   * The command gets the terminal of this process, which is in its foreground: standard input, output and error are
   * this process's, and nothing is read or kept. A signal that ends it shows as 128 and its number; SIGINT is this
   * process's too then.
   */
  readonly atTerminal?: boolean
  /**
   * Called once, when the process exists. Its group has the same id: recorded with the attempt, it lets a later worker
   * find an orphan.
   */
  readonly onStart?: (pid: number) => void
}

/**
 * Runs commands as child processes, each the leader of a process group (and session) of its own, so that what it starts
 * ends with it.
 *
 * - A run ends when the command exits and its group is empty. What the command leaves behind may close its output for
 *   up to 1 s, then gets SIGTERM, then SIGKILL; a daemon that wants to stay makes a session of its own (`setsid`), as
 *   daemons do.
 * - Interrupting a run sends SIGTERM to the group, waits until it is empty, and sends SIGKILL `forceKillAfter` after
 *   the first SIGTERM. When the soft limit came earlier than that, SIGKILL follows at once: the command has had its
 *   notice.
 * - If this process is itself killed, the groups it leaves are ended (SIGTERM, 5 s later SIGKILL), by a spawner or a
 *   watchdog. Nothing happens while this process is merely stopped. Without `/bin/sh` there is no watchdog.
 * - Its environment is the recorded one and `RunOptions.env`. Nothing of this process is in it, and no secret of
 *   Sluice's own: those are left out even when they were recorded.
 * - Linux and macOS. The first command of a minute costs one spawn of this process (1 to 20 ms of its thread, by its
 *   size); others are started by a small process, a spawner: two named pipes, two messages, well below a millisecond of
 *   this thread. In a thread every command is started directly.
 */
export class ProcessRunner extends Context.Service<
  ProcessRunner,
  {
    readonly run: (command: ShellCommand, options?: RunOptions) => Effect.Effect<ShellResult, ProcessError>
  }
>()("sluice/services/Queue/run/ProcessRunner") {}
