/**
 * Who has which unique key. A key has at most one holder (a live job, or, within its window, the last one) and at most one held
 * job that follows when the holder finishes.
 */
import { enqueuedAt, type JobId } from "../../Job.ts"
import type { Unique } from "../../Turn.ts"
import { isLive, running, type StoredJob } from "./StoredJob.ts"

interface Entry {
  holder: StoredJob | undefined
  /** The holder's, or the last one's. */
  id: JobId
  held: StoredJob | undefined
  /** The key stays taken until then, in milliseconds since 1970. */
  until: number
}

/** What an enqueue finds. */
export type Finding =
  /** The key is free. */
  | { readonly _tag: "Free" }
  /** The new job is to wait for the running one. */
  | { readonly _tag: "Hold" }
  /** A waiting job takes over; `keepsPlace`: the payload only. */
  | { readonly _tag: "Replace"; readonly job: StoredJob; readonly keepsPlace: boolean }
  | { readonly _tag: "Existing"; readonly id: JobId }
  | { readonly _tag: "Duplicate"; readonly id: JobId }

const free: Finding = { _tag: "Free" }
const hold: Finding = { _tag: "Hold" }

export class UniqueKeys {
  private readonly entries = new Map<string, Entry>()
  /** Keys whose job has finished and whose window may be open, the longest unseen first. */
  private readonly windows = new Set<string>()

  find(unique: Unique, now: number): Finding {
    const entry = this.entries.get(unique.key)
    if (entry === undefined || !isTaken(entry, now)) return free
    const { holder } = entry
    if (unique.onConflict === "reject") return { _tag: "Duplicate", id: entry.id }
    const existing: Finding = { _tag: "Existing", id: entry.id }
    if (unique.onConflict === "existing" || holder === undefined || !isLive(holder)) return existing
    const keepsPlace = unique.onConflict === "keepLast"
    if (unique.onConflict !== "replace") {
      if (entry.held !== undefined) return { _tag: "Replace", job: entry.held, keepsPlace }
      if (holder.state === running) return hold
    } else if (holder.state === running) return existing
    return { _tag: "Replace", job: holder, keepsPlace }
  }

  /** Whether a finished job could take its key again. */
  isFree(unique: Unique): boolean {
    const holder = this.entries.get(unique.key)?.holder
    return holder === undefined || !isLive(holder)
  }

  /** Gives the key to a job that was enqueued at `since`. */
  take(job: StoredJob, unique: Unique, since: number, now: number): void {
    const { key, windowMs } = unique
    this.windows.delete(key)
    const entry = this.entries.get(key)
    const until = windowMs > 0 ? since + windowMs : -Infinity
    if (entry === undefined) this.entries.set(key, { holder: job, id: job.id, held: undefined, until })
    else {
      entry.holder = job
      entry.id = job.id
      // The window counts from the first enqueue: one that is still open stays as it is.
      if (entry.until <= now) entry.until = until
    }
  }

  hold(job: StoredJob, unique: Unique): void {
    this.entries.get(unique.key)!.held = job
  }

  /** The job is finished or removed. Answers the held job that has the key now. */
  release(job: StoredJob, unique: Unique, now: number): StoredJob | undefined {
    const { key } = unique
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    if (entry.held === job) {
      entry.held = undefined
      return undefined
    }
    if (entry.holder !== job) return undefined
    entry.holder = undefined
    const { held } = entry
    if (held !== undefined) {
      entry.held = undefined
      this.take(held, held.rare!.unique!, enqueuedAt(held.id), now)
      return held
    }
    if (entry.until > now) this.windows.add(key)
    else this.entries.delete(key)
    return undefined
  }

  /** The key is taken no longer, for its job is gone: an open window goes with it. */
  forget(job: StoredJob, unique: Unique): void {
    const entry = this.entries.get(unique.key)
    if (entry?.id !== job.id) return
    this.entries.delete(unique.key)
    this.windows.delete(unique.key)
  }

  /** Drops up to `limit` keys whose window has closed. */
  prune(now: number, limit: number): void {
    let left = Math.min(limit, this.windows.size)
    for (const key of this.windows) {
      if (left-- === 0) return
      this.windows.delete(key)
      const entry = this.entries.get(key)
      if (entry === undefined || entry.holder !== undefined) continue
      if (entry.until <= now) this.entries.delete(key)
      else this.windows.add(key)
    }
  }
}

const isTaken = (entry: Entry, now: number): boolean =>
  (entry.holder !== undefined && isLive(entry.holder)) || now < entry.until
