/**
 * One connection to the file: prepared statements, write transactions, and waiting for other processes.
 *
 * SQLite's own busy handler sleeps up to 100 ms between tries; a process that commits every half millisecond then
 * starves the others. Here a busy lock is tried again after 0.1 to 1 ms, until the timeout.
 */
import { DatabaseSync } from "node:sqlite"
import { pathToFileURL } from "node:url"
import { isBusy, StoreFault, unavailable } from "./StoreFault.ts"

/**
 * How long a call waits for locks of other processes unless told otherwise, in milliseconds: every call ends within 10
 * s.
 */
export const busyTimeoutMs = 9_000

export type Value = string | number | null

/** A prepared statement whose rows are tuples. */
export interface Query<Row extends ReadonlyArray<unknown>> {
  all(...values: ReadonlyArray<Value>): Array<Row>
  get(...values: ReadonlyArray<Value>): Row | undefined
  run(...values: ReadonlyArray<Value>): { readonly changes: number | bigint }
}

/** `immutable`: nobody writes the file meanwhile, so it is read without locks and without a file beside it. */
export type Access = "readWrite" | "readOnly" | "immutable"

export interface DatabaseOptions {
  readonly path: string
  /** Default `readWrite`. */
  readonly access?: Access
  /** Milliseconds a call waits in all for locks of other processes. */
  readonly busyTimeoutMs: number
}

const pause = new Int32Array(new SharedArrayBuffer(4))
const sleep = (millis: number): void => {
  Atomics.wait(pause, 0, 0, millis)
}

/** Repeats `body` while another process holds the lock it needs. Blocks the thread. */
export const waitOutBusy = <A>(busyTimeoutMs: number, path: string, body: () => A): A => {
  let deadline = 0
  for (;;) {
    try {
      return body()
    } catch (error) {
      if (!isBusy(error)) throw error
      const now = performance.now()
      if (deadline === 0) deadline = now + busyTimeoutMs
      else if (now >= deadline) {
        throw new StoreFault(unavailable(`${path} was locked by another process for ${busyTimeoutMs} ms. Try again.`))
      }
      sleep(0.1 + Math.random() * 0.9)
    }
  }
}

export class Database {
  readonly path: string
  readonly raw: DatabaseSync
  readonly busyTimeoutMs: number
  private readonly beginWrite: Query<[]>
  private readonly beginRead: Query<[]>
  private readonly commit: Query<[]>
  private readonly rollback: Query<[]>

  constructor(options: DatabaseOptions) {
    this.path = options.path
    this.busyTimeoutMs = options.busyTimeoutMs
    const { access = "readWrite", path } = options
    this.raw = new DatabaseSync(access === "immutable" ? new URL("?immutable=1", pathToFileURL(path)) : path, {
      timeout: 0,
      allowExtension: false,
      // The file may come from anybody: nothing in its schema may write elsewhere or call what is not harmless, nobody
      // edits the schema itself, and a page is looked at before it is believed (sqlite.org/security.html).
      defensive: true,
      enableForeignKeyConstraints: false,
      readOnly: access !== "readWrite"
    })
    this.raw.exec("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
    this.beginWrite = this.prepare("BEGIN IMMEDIATE")
    this.beginRead = this.prepare("BEGIN")
    this.commit = this.prepare("COMMIT")
    this.rollback = this.prepare("ROLLBACK")
  }

  /** Statements live as long as the connection. */
  prepare<Row extends ReadonlyArray<unknown>>(sql: string): Query<Row> {
    const statement = this.raw.prepare(sql)
    statement.setReturnArrays(true)
    // The driver types rows as objects whatever `setReturnArrays` says.
    return statement as unknown as Query<Row>
  }

  exec(sql: string): void {
    waitOutBusy(this.busyTimeoutMs, this.path, () => this.raw.exec(sql))
  }

  /**
   * One write transaction: `body` sees the newest state, nobody else writes meanwhile, and a throw undoes all of it.
   */
  write<A>(body: () => A): A {
    waitOutBusy(this.busyTimeoutMs, this.path, () => this.beginWrite.run())
    return this.finish(body)
  }

  /** One snapshot for several reads. Never waits for writers. */
  read<A>(body: () => A): A {
    return waitOutBusy(this.busyTimeoutMs, this.path, () => {
      this.beginRead.run()
      return this.finish(body)
    })
  }

  private finish<A>(body: () => A): A {
    let result: A
    try {
      result = body()
      this.commit.run()
    } catch (error) {
      // A full disk or an I/O error may have rolled back already.
      if (this.raw.isTransaction) this.rollback.run()
      throw error
    }
    return result
  }

  close(): void {
    if (this.raw.isOpen) this.raw.close()
  }
}
