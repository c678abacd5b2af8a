/** The process of `streamProcess.ts` under control: its memory sampled, killed with -9. */
import { type ChildProcess, spawn } from "node:child_process"
import fs from "node:fs"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { StreamConfig } from "./streamProcess.ts"

const program = fileURLToPath(new URL("./streamProcess.ts", import.meta.url))

/** How often memory is sampled, in milliseconds. */
const sampleMs = 50

export class StreamChild {
  /** Resident bytes while it waited, store open: the median of what was sampled. */
  idleRss = 0
  /** Most of it since. */
  peakRss = 0
  private text = ""
  private readonly child: ChildProcess
  private readonly ended: Promise<unknown>
  private sampling: NodeJS.Timeout | undefined

  constructor(config: StreamConfig) {
    this.child = spawn(process.execPath, [program, JSON.stringify(config)], { stdio: ["pipe", "pipe", "inherit"] })
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.text += text
    })
    this.child.stdin!.on("error", () => undefined)
    this.ended = once(this.child, "close").then(() => clearInterval(this.sampling))
  }

  private rss(): number {
    try {
      const found = /^VmRSS:\s+(\d+) kB/m.exec(fs.readFileSync(`/proc/${this.child.pid}/status`, "utf8"))
      return found === null ? 0 : Number(found[1]) * 1024
    } catch {
      return 0
    }
  }

  private async said(word: string): Promise<void> {
    while (!this.text.includes(word)) {
      if (this.child.exitCode !== null) throw new Error(`The process ended with ${this.child.exitCode}: ${this.text}`)
      await once(this.child.stdout!, "data")
    }
  }

  /** Waits until it is idle, samples that for a second, and lets it run. */
  async begin(): Promise<void> {
    await this.said("idle\n")
    const samples: Array<number> = []
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setTimeout(resolve, sampleMs))
      samples.push(this.rss())
    }
    this.idleRss = samples.sort((a, b) => a - b)[10]!
    this.sampling = setInterval(() => {
      this.peakRss = Math.max(this.peakRss, this.rss())
    }, sampleMs)
    this.child.stdin!.write("go\n")
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL")
    await this.ended
  }

  /** What it answered at its end. */
  async report(): Promise<
    { readonly chunks: number; readonly resumedAt: number; readonly cpuSeconds: number } & object
  > {
    await this.said("done ")
    await this.ended
    return JSON.parse(/^done (.*)$/m.exec(this.text)![1]!)
  }
}
