/**
 * The jobs this process has claimed, as they are in the file: a settle then needs no row read back (15 % of a drain).
 * Only a copy: the file decides whether a token still holds, and an absent entry costs one read.
 */
import type { JobId } from "../../Queue/Job.ts"
import type { JobRow } from "./JobColumns.ts"

export class Running {
  private readonly byId = new Map<JobId, JobRow>()
  private readonly added: Array<JobId> = []
  private readonly dropped: Array<JobId> = []
  private readonly ranks = new Map<JobId, number>()
  private limitChanges = 0

  /** Call first in every transaction: limits that were applied since may have changed what was kept. */
  begin(limitChanges: number): void {
    if (limitChanges !== this.limitChanges) this.byId.clear()
    this.limitChanges = limitChanges
  }

  add(row: JobRow): void {
    this.byId.set(row.id, row)
    this.added.push(row.id)
  }

  /** The row, if this very attempt was claimed here. */
  find(id: JobId, session: number, attempt: number): JobRow | undefined {
    const row = this.byId.get(id)
    return row !== undefined && row.session === session && row.attempt === attempt ? row : undefined
  }

  /** It runs no longer; forgotten when the transaction commits. */
  drop(id: JobId): void {
    this.dropped.push(id)
  }

  /** Its rank is another one from the commit on. */
  rank(id: JobId, rank: number): void {
    this.ranks.set(id, rank)
  }

  idsOf(session: number): ReadonlyArray<JobId> {
    const ids: Array<JobId> = []
    for (const row of this.byId.values()) if (row.session === session) ids.push(row.id)
    return ids
  }

  /** The session has ended here: whatever it still held is not its own. */
  forget(session: number): void {
    for (const id of this.idsOf(session)) this.byId.delete(id)
  }

  commit(): void {
    for (const [id, rank] of this.ranks) {
      const row = this.byId.get(id)
      if (row !== undefined) this.byId.set(id, { ...row, rank })
    }
    this.ranks.clear()
    for (const id of this.dropped) this.byId.delete(id)
    this.dropped.length = 0
    this.added.length = 0
  }

  rollback(): void {
    this.ranks.clear()
    for (const id of this.added) this.byId.delete(id)
    this.dropped.length = 0
    this.added.length = 0
  }
}
