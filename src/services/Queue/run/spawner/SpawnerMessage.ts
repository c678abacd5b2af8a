/**
 * What a spawner and the process it serves say to each other: one JSON text a line, over a socket that nobody else has.
 */

/** Told at its start. A spawner of another version, after an update in place, is not used. */
export const protocolVersion = 2

export interface StartRequest {
  readonly type: "start"
  readonly id: number
  readonly file: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly umask: number
  /** Files to open: one to read, two named pipes to write. */
  readonly stdin: string
  readonly stdout: string
  readonly stderr: string
}

export type ToSpawner =
  | StartRequest
  /** The group of this start is empty or left alone: it is not ended when the served process dies. */
  | { readonly type: "forget"; readonly id: number }
  /** End now, without anybody's harm. Without it the end of the socket means that the served process died. */
  | { readonly type: "quit" }

export type FromSpawner =
  | { readonly type: "ready"; readonly version: number }
  | { readonly type: "started"; readonly id: number; readonly pid: number }
  /** The system's error, and its name for what failed: `open` when it was not the command's start. */
  | {
      readonly type: "refused"
      readonly id: number
      readonly code: string
      readonly syscall: string
      readonly message: string
    }
  | {
      readonly type: "ended"
      readonly id: number
      /** Its group is empty, and for good: it need not be asked after, and `forget` not be said. */
      readonly isAlone: boolean
      readonly exitCode: number | null
      readonly signal: NodeJS.Signals | null
      readonly durationMs: number
    }

export const encode = (message: ToSpawner | FromSpawner): string => `${JSON.stringify(message)}\n`

/** Cuts decoded text into messages, whatever the size of the chunks. */
export const reader = <Message>(onMessage: (message: Message) => void) => {
  let rest = ""
  return (chunk: string): void => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop()!
    for (const line of lines) onMessage(JSON.parse(line) as Message)
  }
}
