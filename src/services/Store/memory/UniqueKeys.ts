/**
 * Who has which unique key. A key has at most one holder (a live job, or, within its window, the last one) and at most
 * one held job that follows when the holder finishes.
 */
import type { JobId } from "../../Queue/Job.ts"
import type { Unique } from "../Turn.ts"
import { type KeyHolder, windowKept } from "../../Queue/policy/jobs/Admission.ts"
import { isLive, running } from "../../Queue/policy/jobs/States.ts"
import type { StoredJob } from "./StoredJob.ts"

interface Entry {
  holder: StoredJob | undefined
  /** The holder's, or the last one's. */
  id: JobId
  held: StoredJob | undefined
  /** End of the window of the held job; 0: none. */
  heldUntil: number
  /** The key stays taken until then, in milliseconds since 1970. */
  until: number
}

export class UniqueKeys {
  private readonly entries = new Map<string, Entry>()
  /** Keys whose job has finished and whose window may be open, the longest unseen first. */
  private readonly windows = new Set<string>()

  /** Who has the key now; undefined: it is free. */
  find(key: string, now: number): KeyHolder | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined || !isTaken(entry, now)) return undefined
    const { held, holder, id } = entry
    return {
      id,
      isLive: holder !== undefined && isLive(holder.state),
      isRunning: holder?.state === running,
      held: held?.id
    }
  }

  /** Whether a finished job could take its key again. */
  isFree(unique: Unique): boolean {
    const holder = this.entries.get(unique.key)?.holder
    return holder === undefined || !isLive(holder.state)
  }

  /** Gives the key to a job, whose own window ends at `own`. */
  take(job: StoredJob, key: string, own: number, now: number): void {
    this.windows.delete(key)
    const entry = this.entries.get(key)
    const until = windowKept(entry?.until ?? 0, own, now)
    if (entry === undefined) this.entries.set(key, { holder: job, id: job.id, held: undefined, heldUntil: 0, until })
    else {
      entry.holder = job
      entry.id = job.id
      entry.until = until
    }
  }

  hold(job: StoredJob, unique: Unique, own: number): void {
    const entry = this.entries.get(unique.key)!
    entry.held = job
    entry.heldUntil = own
  }

  /** Until when the key stays taken by a job that finishes now; 0: not longer. */
  windowOf(job: StoredJob, unique: Unique, now: number): number {
    const entry = this.entries.get(unique.key)
    return entry?.holder === job && entry.held === undefined && entry.until > now ? entry.until : 0
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
      this.take(held, key, entry.heldUntil, now)
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
  (entry.holder !== undefined && isLive(entry.holder.state)) || now < entry.until
