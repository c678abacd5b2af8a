/**
 * Space kept for completions. A file of zeros lies beside the store; when the disk is full it is removed, so that what
 * runs can be settled, and new jobs are refused until there is room to lay it down again.
 */
import { closeSync, lstatSync, statfsSync, writeSync } from "node:fs"
import path from "node:path"
import * as OwnFile from "../../../files/OwnFile.ts"
import { systemCode } from "./StoreFault.ts"

/** How often a full disk is looked at again, in milliseconds. */
const retryEveryMs = 1_000
const block = Buffer.alloc(64 * 1024)

export class Reserve {
  private readonly file: string
  private readonly bytes: number
  private isHeld = false
  private triedAt = Number.NEGATIVE_INFINITY

  /** `bytes` 0: nothing is reserved. */
  constructor(store: string, bytes: number) {
    this.file = `${store}.reserve`
    this.bytes = bytes
    this.hold()
  }

  /** Whether new jobs may be taken in: the reserve is there, or could be laid down again just now. */
  get isThere(): boolean {
    if (this.isHeld) return true
    const now = performance.now()
    if (now - this.triedAt < retryEveryMs) return false
    this.triedAt = now
    this.hold()
    return this.isHeld
  }

  /** Gives the space back to the disk. */
  release(): void {
    if (this.bytes === 0) return
    this.isHeld = false
    this.triedAt = performance.now()
    OwnFile.remove(this.file)
  }

  private hold(): void {
    if (this.bytes === 0 || lstatSync(this.file, { throwIfNoEntry: false })?.size === this.bytes) {
      this.isHeld = true
      return
    }
    try {
      const disk = statfsSync(path.dirname(this.file))
      // Twice, so that the next job does not take it away again at once.
      if (disk.bavail * disk.bsize < 2 * this.bytes) return
      // Half a reserve, or one of another size. What is no file was refused when the store was opened.
      OwnFile.remove(this.file)
      const descriptor = OwnFile.create(this.file)
      try {
        for (let left = this.bytes; left > 0; left -= block.length)
          writeSync(descriptor, block, 0, Math.min(left, block.length))
      } finally {
        closeSync(descriptor)
      }
      this.isHeld = true
    } catch (error) {
      // Another process lays it down just now.
      this.isHeld = systemCode(error) === "EEXIST"
      if (!this.isHeld) OwnFile.remove(this.file)
    }
  }
}
