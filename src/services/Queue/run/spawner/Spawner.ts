/** One process that starts commands for this one, seen from here. */
import { type ChildProcess, spawn } from "node:child_process"
import type { Socket } from "node:net"
import { extname } from "node:path"
import { fileURLToPath } from "node:url"
import {
  encode,
  type FromSpawner,
  protocolVersion,
  reader,
  type StartRequest,
  type ToSpawner
} from "./SpawnerMessage.ts"

/** Sources run as they are, a build as JavaScript: the entry has the extension of this file. */
const entry = new URL(`./SpawnerEntry${extname(import.meta.url)}`, import.meta.url)

/**
 * What the entry needs of V8 is little. A small heap, few mappings and no threads are what makes its starts cheap: the
 * kernel copies them for each.
 */
const flags = [
  "--no-warnings",
  "--max-semi-space-size=1",
  "--max-old-space-size=64",
  "--v8-pool-size=0",
  "--no-opt",
  "--no-maglev"
]

/**
 * A start that is not answered for so long, while nothing else is heard either: the spawner hangs, as one under a
 * debugger or on a dead disk.
 */
const hangsAfterMillis = 60_000
/** When this process itself stood still, its timers run before it reads what was said meanwhile. */
const secondLookMillis = 1000

export interface CommandEnded {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly durationMs: number
  /** Nothing of its group is left, and nothing can come to it. False: not asked. */
  readonly isAlone: boolean
}

/**
 * Hears of one start. First `started`, `refused`, `lost` or `unavailable`, once; after `started`, `ended` or `lost`,
 * once.
 */
export interface StartListener {
  readonly started: (pid: number) => void
  readonly refused: (error: Extract<FromSpawner, { readonly type: "refused" }>) => void
  readonly ended: (end: CommandEnded) => void
  /** The spawner died. Of what was not `started` nobody knows whether it runs. */
  readonly lost: () => void
  /** There is no such process to be had; nothing was started. */
  readonly unavailable: () => void
}

interface Start {
  readonly listener: StartListener
  /** The spawner has no group of it: none yet, or one that is empty. */
  isGroupless: boolean
}

export interface SpawnerOptions {
  /** Removed by the spawner when this process dies. */
  readonly folder: string
  /** Between SIGTERM and SIGKILL for the groups a dead process leaves. */
  readonly graceMillis: number
  /** Called once, when it takes no more starts. `wasReady`: it has worked before. */
  readonly onGone: (wasReady: boolean) => void
}

export class Spawner {
  private readonly child: ChildProcess
  private readonly channel: Socket | undefined
  private readonly starts = new Map<number, Start>()
  private readonly options: SpawnerOptions
  private state: "starting" | "ready" | "gone" = "starting"
  /** Said in one go when it is ready, and when this turn of the event loop's work is done. */
  private outbox = ""
  private isPosting = false
  private watch: NodeJS.Timeout | undefined
  /** Starts without an answer yet. */
  unanswered = 0

  constructor(options: SpawnerOptions) {
    this.options = options
    this.child = spawn(
      process.execPath,
      [...flags, fileURLToPath(entry), options.folder, String(options.graceMillis)],
      {
        cwd: "/",
        detached: true,
        env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
        stdio: ["ignore", "ignore", "ignore", "pipe"]
      }
    )
    const gone = () => this.gone()
    this.child.once("error", gone)
    // What it said last is still to be read; the end of the socket comes after that.
    this.child.once("exit", () => setTimeout(gone, secondLookMillis).unref())
    this.child.unref()
    this.channel = this.child.stdio[3] as Socket | undefined
    this.channel?.setEncoding("utf8")
    this.channel?.on(
      "data",
      reader<FromSpawner>((message) => this.hear(message))
    )
    this.channel?.on("error", gone)
    this.channel?.once("close", gone)
    this.channel?.unref()
  }

  /** Commands under way. */
  get size(): number {
    return this.starts.size
  }

  start(request: StartRequest, listener: StartListener): void {
    this.starts.set(request.id, { listener, isGroupless: true })
    if (this.starts.size === 1) this.channel?.ref()
    this.unanswered++
    this.look()
    this.tell(request)
  }

  /** Nobody waits for this start any more, and its group is empty or left alone. */
  forget(id: number): void {
    const start = this.starts.get(id)
    if (start === undefined || this.state === "gone") return
    this.starts.delete(id)
    if (this.starts.size === 0) this.channel?.unref()
    if (!start.isGroupless) this.tell({ type: "forget", id })
  }

  quit(): void {
    this.tell({ type: "quit" })
    if (this.state === "ready") this.post()
    this.gone()
  }

  private tell(message: ToSpawner): void {
    if (this.state === "gone") return
    this.outbox += encode(message)
    if (this.isPosting || this.state !== "ready") return
    this.isPosting = true
    process.nextTick(() => {
      this.isPosting = false
      this.post()
    })
  }

  private post(): void {
    if (this.outbox === "") return
    this.channel?.write(this.outbox)
    this.outbox = ""
  }

  private hear(message: FromSpawner): void {
    this.look()
    if (message.type === "ready") return message.version === protocolVersion ? this.ready() : this.gone()
    const start = this.starts.get(message.id)
    if (start === undefined) return
    const { listener } = start
    switch (message.type) {
      case "started":
        start.isGroupless = false
        this.answered()
        return listener.started(message.pid)
      case "refused":
        this.answered()
        this.forget(message.id)
        return listener.refused(message)
      case "ended":
        start.isGroupless = message.isAlone
        return listener.ended(message)
    }
  }

  private ready(): void {
    if (this.state !== "starting") return
    this.state = "ready"
    this.post()
  }

  private answered(): void {
    this.unanswered--
    this.look()
  }

  /** Whatever is heard shows that it lives. */
  private look(): void {
    if (this.unanswered === 0) {
      clearTimeout(this.watch)
      this.watch = undefined
    } else if (this.watch === undefined)
      this.lookIn(hangsAfterMillis, () => this.lookIn(secondLookMillis, () => this.gone()))
    else this.watch.refresh()
  }

  private lookIn(millis: number, then: () => void): void {
    this.watch = setTimeout(() => {
      this.watch = undefined
      then()
    }, millis)
    this.watch.unref()
  }

  private gone(): void {
    if (this.state === "gone") return
    const wasReady = this.state === "ready"
    this.state = "gone"
    clearTimeout(this.watch)
    const left = [...this.starts.values()]
    this.starts.clear()
    this.unanswered = 0
    this.options.onGone(wasReady)
    // Also one that only its socket lost: what it would still start nobody would hear of.
    if (left.length > 0 || !wasReady) this.child.kill("SIGKILL")
    this.channel?.destroySoon()
    for (const { listener } of left) {
      if (wasReady) listener.lost()
      else listener.unavailable()
    }
  }
}
