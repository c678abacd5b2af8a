/** One SQL statement of an operator on a store file. */
import { Effect, Schema, type Scope } from "effect"
import { constants, type StatementSync } from "node:sqlite"
import type { StoreError } from "../StoreError.ts"
import { busyTimeoutMs, type Database, waitOutBusy } from "./Database.ts"
import { openWhole } from "./ReadAccess.ts"
import type { PlaceOptions } from "./StorePlace.ts"
import { storeError } from "./SqliteError.ts"
import { codes, sqliteCode, StoreFault } from "./StoreFault.ts"

/** Integers are exact, whatever their size. */
export type Cell = string | number | bigint | Uint8Array | null

export interface QueryOptions extends PlaceOptions {
  /** Without it the statement can read the store and nothing else: no other file, no setting. */
  readonly write: boolean
}

export interface Cursor {
  /** Distinct: of columns of one name the second is `name:2`. */
  readonly columns: ReadonlyArray<string>
  /** The next rows, `count` at most; fewer: there are no more. Blocks the thread while SQLite looks for them. */
  readonly next: (count: number) => Effect.Effect<ReadonlyArray<ReadonlyArray<Cell>>, StoreError | StatementRefused>
}

/** The statement was not run, or SQLite gave it up. `writes`: it would be run with `write`. */
export class StatementRefused extends Schema.TaggedError<StatementRefused>()("StatementRefused", {
  why: Schema.Literals(["statement", "writes", "elsewhere"]),
  message: Schema.String
}) {}

const reads: ReadonlySet<number> = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_READ,
  constants.SQLITE_FUNCTION,
  constants.SQLITE_RECURSIVE
])

/** Pragmas that only tell, whatever their argument. */
const tellingPragmas: ReadonlySet<string> = new Set([
  "collation_list",
  "compile_options",
  "database_list",
  "foreign_key_list",
  "freelist_count",
  "function_list",
  "index_info",
  "index_list",
  "index_xinfo",
  "integrity_check",
  "page_count",
  "quick_check",
  "table_info",
  "table_list",
  "table_xinfo"
])

/** Pragmas that tell when they have no argument, and set with one. */
const settingPragmas: ReadonlySet<string> = new Set([
  "application_id",
  "auto_vacuum",
  "encoding",
  "journal_mode",
  "page_size",
  "schema_version",
  "user_version"
])

/** Lets reading through and remembers what else was wanted (sqlite.org/c3ref/set_authorizer.html). */
const allowReading = (db: Database): { readonly refused: () => StatementRefused["why"] | undefined } => {
  let refused: StatementRefused["why"] | undefined
  db.raw.setAuthorizer((action, name, argument) => {
    if (reads.has(action)) return constants.SQLITE_OK
    const tells =
      action === constants.SQLITE_PRAGMA &&
      (tellingPragmas.has(name ?? "") || (argument === null && settingPragmas.has(name ?? "")))
    if (tells) return constants.SQLITE_OK
    // VACUUM attaches a file without a name, VACUUM INTO one with.
    const isElsewhere = action === constants.SQLITE_DETACH || (action === constants.SQLITE_ATTACH && name !== "")
    refused ??= isElsewhere ? "elsewhere" : "writes"
    return constants.SQLITE_DENY
  })
  return { refused: () => refused }
}

const messages = {
  writes: "this would write; say --write to do it",
  elsewhere: "a statement that only reads may not name other files; to copy the store: sluice db copy FILE"
} as const

/** Spaces, semicolons and comments. */
const nothing = /^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))*$/

const prepareOne = (db: Database, text: string): StatementSync => {
  const statement = db.raw.prepare(text)
  if (!nothing.test(text.slice(text.indexOf(statement.sourceSQL) + statement.sourceSQL.length))) {
    throw new StatementRefused({ why: "statement", message: "these are several statements; run one at a time" })
  }
  statement.setReadBigInts(true)
  statement.setReturnArrays(true)
  return statement
}

const distinct = (names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const taken = new Set<string>()
  for (const name of names) {
    let free = name
    for (let n = 2; taken.has(free); n++) free = `${name}:${n}`
    taken.add(free)
  }
  return [...taken]
}

/**
 * Prepares the one statement in `text` and begins it, waiting for the locks of others. What it changes has changed by
 * then, however few of its rows are asked for.
 */
export const query = (
  file: string,
  text: string,
  { write, ...place }: QueryOptions
): Effect.Effect<Cursor, StoreError | StatementRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const opening = { try: () => waitOutBusy(busyTimeoutMs, file, () => openWhole(file, place)) }
    const db = yield* Effect.acquireRelease(
      Effect.try({ ...opening, catch: (error) => storeError("query", error, file) }),
      (db) => Effect.sync(() => db.close())
    )
    const authorizer = write ? undefined : allowReading(db)
    const failure = (error: unknown): StoreError | StatementRefused => {
      if (error instanceof StatementRefused) return error
      const refused = authorizer?.refused()
      if (refused === "writes" || refused === "elsewhere") {
        return new StatementRefused({ why: refused, message: messages[refused] })
      }
      const code = sqliteCode(error)
      const isOfFile = code !== undefined && (Object.values(codes) as ReadonlyArray<number>).includes(code)
      return isOfFile || error instanceof StoreFault
        ? storeError("query", error, file)
        : new StatementRefused({
            why: "statement",
            message: `SQLite says: ${error instanceof Error ? error.message : String(error)}`
          })
    }
    const attempt = <A>(body: () => A) => Effect.try({ try: body, catch: failure })

    return yield* attempt((): Cursor => {
      const begin = () => {
        const statement = prepareOne(db, text)
        const rows = statement.iterate() as unknown as Iterator<ReadonlyArray<Cell>>
        return { statement, rows, first: rows.next() }
      }
      const { first, rows, statement } = waitOutBusy(busyTimeoutMs, file, begin)
      let coming: IteratorResult<ReadonlyArray<Cell>> = first
      return {
        columns: distinct(statement.columns().map(({ name }) => name)),
        next: (count) =>
          attempt(() => {
            const page: Array<ReadonlyArray<Cell>> = []
            while (coming.done !== true && page.length < count) {
              page.push(coming.value)
              coming = rows.next()
            }
            return page
          })
      }
    })
  })
