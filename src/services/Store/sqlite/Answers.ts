/**
 * The answers of calls that may be asked again, each written in the transaction of its call: it is there when the call
 * has happened, also after the process was killed before it could answer.
 *
 * A call that has changed nothing leaves no row, so an idle worker costs no commit: its answer is kept in the heap,
 * where late copies of it can come from as long as this process lives, and after that it is made anew.
 */
import type { Asked } from "../Asked.ts"
import type { JobId } from "../../Queue/Job.ts"
import {
  answersKeptMs,
  answersLookMs,
  answerTurnAgain,
  judgeCall,
  type KeptTurn,
  keepTurn,
  staleCall
} from "../../Queue/policy/jobs/KeptAnswers.ts"
import * as States from "../../Queue/policy/jobs/States.ts"
import type { Turn } from "../Turn.ts"
import { valueFromText, valueToText } from "../ValueText.ts"
import type { Database, Query } from "./Database.ts"
import { claimedOf } from "./JobColumns.ts"
import type { JobRows } from "./JobRows.ts"
import { UnreadableRow } from "./RowRules.ts"
import { StoreFault, unavailable } from "./StoreFault.ts"
import type { StoreTurnResult } from "./Turns.ts"

interface Kept {
  readonly number: number
  readonly at: number
  readonly text: string
}

interface Call {
  readonly asked: Asked
  readonly method: string
  /** Of a turn: who claims. */
  readonly session: number | undefined
  kept: Kept | undefined
}

const turnMethod = "turn"

export class Answers {
  private readonly rows: JobRows
  private readonly select: Query<[number: number, at: number, text: string]>
  private readonly upsert: Query<[]>
  private readonly deleteOld: Query<[]>
  private readonly totalChanges: Query<[count: number]>
  /** The last of each origin and method that this process answered. */
  private readonly last = new Map<string, Map<string, Kept>>()
  private call: Call | undefined
  private changesBefore = 0
  private lookedAt = 0

  constructor(db: Database, rows: JobRows) {
    this.rows = rows
    this.select = db.prepare("SELECT number, at, text FROM answer WHERE origin = ? AND method = ?")
    this.upsert = db.prepare("INSERT OR REPLACE INTO answer(origin, method, number, at, text) VALUES (?, ?, ?, ?, ?)")
    this.deleteOld = db.prepare("DELETE FROM answer WHERE at < ?")
    this.totalChanges = db.prepare("SELECT total_changes()")
  }

  /** Makes the call, whose transaction is this call's: what it changes and answers is kept under its number. */
  during<A>(asked: Asked, method: string, args: ReadonlyArray<unknown>, make: () => A): A {
    const session = method === turnMethod ? (args[0] as Turn).session : undefined
    this.call = { asked, method, session, kept: undefined }
    try {
      return make()
    } finally {
      this.call = undefined
    }
  }

  /** In the transaction of a call: what it was answered already. Throws when the call is a late copy. */
  again(): { readonly answer: unknown } | undefined {
    if (this.call === undefined || this.call.kept !== undefined) return undefined
    const { asked, method } = this.call
    const kept = this.find(asked, method)
    switch (judgeCall(kept?.number, asked.number)) {
      case "new":
        this.changesBefore = this.totalChanges.get()![0]
        return undefined
      case "stale":
        throw new StoreFault(unavailable(staleCall))
      case "again":
        this.call.kept = kept
        return { answer: this.read(kept!.text, method) }
    }
  }

  /** In the transaction of a call, at its end. */
  keep(answer: unknown, now: number): void {
    const { call } = this
    if (call === undefined || call.kept !== undefined) return
    const { asked, method, session } = call
    const value = session === undefined ? answer : keepTurn(session, answer as StoreTurnResult)
    const kept = { number: asked.number, at: now, text: valueToText(value) }
    if (this.totalChanges.get()![0] > this.changesBefore)
      this.upsert.run(asked.origin, method, kept.number, kept.at, kept.text)
    call.kept = kept
  }

  /** The transaction of a call is committed. */
  commit(): void {
    if (this.call?.kept === undefined) return
    const { asked, kept, method } = this.call
    const methods = this.last.get(asked.origin) ?? new Map<string, Kept>()
    methods.set(method, kept)
    this.last.set(asked.origin, methods)
  }

  /** The transaction of a call is undone: the next one may be its own. */
  rollback(): void {
    if (this.call !== undefined) this.call.kept = undefined
  }

  /** Forgets the origins that nobody asks for any more. */
  prune(now: number): void {
    if (Math.abs(now - this.lookedAt) < answersLookMs) return
    this.lookedAt = now
    this.deleteOld.run(now - answersKeptMs)
    for (const [origin, methods] of this.last) {
      for (const [method, { at }] of methods) if (at < now - answersKeptMs) methods.delete(method)
      if (methods.size === 0) this.last.delete(origin)
    }
  }

  /** Another process may have answered since. */
  private find({ number, origin }: Asked, method: string): Kept | undefined {
    const here = this.last.get(origin)?.get(method)
    if (here !== undefined && here.number >= number) return here
    const row = this.select.get(origin, method)
    return row === undefined ? here : { number: row[0], at: row[1], text: row[2] }
  }

  private read(text: string, method: string): unknown {
    let value: unknown
    try {
      value = valueFromText(text)
    } catch {
      throw new UnreadableRow("an answer cannot be read")
    }
    return method === turnMethod ? answerTurnAgain(value as KeptTurn<StoreTurnResult>, this.held) : value
  }

  private readonly held = (id: JobId, attempt: number, session: number) => {
    const row = this.rows.live(id)
    return row !== undefined && row.state === States.running && row.session === session && row.attempt === attempt
      ? claimedOf(row)
      : undefined
  }
}
