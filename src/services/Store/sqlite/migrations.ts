/** The schema as a list of steps. A step, once released, is never edited: a change is a new step at the end. */
import type { Database } from "./Database.ts"
import { tableSchema } from "./JobColumns.ts"
import * as Schema from "./Schema.ts"
import { corrupt, newer, StoreFault, tampered } from "./StoreFault.ts"

/** Marks a file as ours: "SLUI" in the header's application id. */
export const applicationId = 0x53_4c_55_49

export interface Migration {
  readonly name: string
  readonly up: string
  /** Undoes `up`; jobs survive it. Absent: there is no way back. */
  readonly down?: string
}

/**
 * A job's row in `job` is written once. Where it stands is said by its row in one of four tables: what is live stays as
 * small as the backlog, in the order in which it is taken. Their columns: `JobColumns`.
 */
const jobs = `
CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE resource_group(
  name TEXT PRIMARY KEY, declared INTEGER NOT NULL, operator INTEGER, paused INTEGER NOT NULL DEFAULT 0,
  policy TEXT NOT NULL DEFAULT '{}', operator_policy TEXT,
  time REAL NOT NULL DEFAULT 0, tat REAL NOT NULL DEFAULT 0, held_back REAL NOT NULL DEFAULT 0, feedback TEXT
) WITHOUT ROWID;
CREATE TABLE limit_key(
  id INTEGER PRIMARY KEY, resource_group TEXT NOT NULL, key TEXT NOT NULL,
  held INTEGER NOT NULL, waiting INTEGER NOT NULL, since INTEGER NOT NULL,
  time REAL NOT NULL, tat REAL NOT NULL, held_back REAL NOT NULL, paused INTEGER NOT NULL, own_policy TEXT, feedback TEXT,
  backlog INTEGER NOT NULL, next_at REAL, next_lane INTEGER, promotes_at REAL,
  UNIQUE(resource_group, key)
);
CREATE INDEX limit_key_next ON limit_key(next_lane, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX limit_key_promotes ON limit_key(promotes_at) WHERE promotes_at IS NOT NULL;
CREATE INDEX limit_key_own ON limit_key(resource_group) WHERE own_policy IS NOT NULL OR paused = 1;
CREATE TABLE reseat(
  id INTEGER PRIMARY KEY, resource_group TEXT NOT NULL, policy TEXT, slots INTEGER,
  key TEXT, own_policy TEXT, own_paused INTEGER NOT NULL, done INTEGER NOT NULL, last INTEGER NOT NULL,
  forgotten TEXT NOT NULL DEFAULT ''
);
CREATE TABLE lane(
  id INTEGER PRIMARY KEY, task TEXT NOT NULL, resource_group TEXT NOT NULL,
  scheduled INTEGER NOT NULL DEFAULT 0, pending INTEGER NOT NULL DEFAULT 0, running INTEGER NOT NULL DEFAULT 0,
  completed INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0, cancelled INTEGER NOT NULL DEFAULT 0,
  slots INTEGER NOT NULL DEFAULT 0,
  UNIQUE(task, resource_group)
);
${tableSchema("job")};
${tableSchema("scheduled")};
CREATE INDEX scheduled_due ON scheduled(due) WHERE wait IN (1, 2);
CREATE INDEX scheduled_limit ON scheduled(limiter, rank, id) WHERE wait >= 6;
CREATE INDEX scheduled_holder ON scheduled(limiter) WHERE limiter IS NOT NULL AND wait < 6;
CREATE INDEX scheduled_line ON scheduled(limiter, id) WHERE wait >= 6;
${tableSchema("pending")};
CREATE UNIQUE INDEX pending_id ON pending(lane, id);
CREATE TABLE expiry(at INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY(at, id)) WITHOUT ROWID;
${tableSchema("running")};
${tableSchema("history")};
CREATE INDEX history_lane ON history(lane, state);
CREATE INDEX history_leaves ON history(keep_until, state, finished);
CREATE TABLE label(label TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY(label, id)) WITHOUT ROWID;
CREATE TABLE unique_key(
  key TEXT PRIMARY KEY, job INTEGER NOT NULL, until INTEGER NOT NULL, live INTEGER NOT NULL,
  held INTEGER, held_until INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX unique_key_until ON unique_key(until) WHERE live = 0;
CREATE TABLE dependency(
  parent INTEGER NOT NULL, child INTEGER NOT NULL, policy INTEGER NOT NULL, PRIMARY KEY(parent, child)
) WITHOUT ROWID;
CREATE INDEX dependency_child ON dependency(child);
CREATE TABLE cascade(parent INTEGER PRIMARY KEY, succeeded INTEGER NOT NULL);
CREATE TABLE signal(job INTEGER PRIMARY KEY, session INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE progress(job INTEGER PRIMARY KEY, value TEXT);
CREATE TABLE log(
  job INTEGER NOT NULL, line INTEGER NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL,
  level INTEGER NOT NULL, message TEXT NOT NULL, PRIMARY KEY(job, line)
) WITHOUT ROWID;
CREATE TABLE worker(
  session INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
  version TEXT NOT NULL, slots TEXT NOT NULL, tasks TEXT NOT NULL, started INTEGER NOT NULL, beat INTEGER NOT NULL,
  until INTEGER NOT NULL, draining INTEGER NOT NULL DEFAULT 0, load TEXT, blocked TEXT,
  machine TEXT NOT NULL, process_start TEXT NOT NULL
);
CREATE TABLE lead(role TEXT PRIMARY KEY, session INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE listener(path TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE roll_up(
  width INTEGER NOT NULL, start INTEGER NOT NULL, lane INTEGER NOT NULL, counts TEXT NOT NULL, wait TEXT NOT NULL, run TEXT NOT NULL,
  PRIMARY KEY(width, start, lane)
) WITHOUT ROWID;
CREATE TABLE resource_roll_up(
  width INTEGER NOT NULL, start INTEGER NOT NULL, beats INTEGER NOT NULL, cpu REAL NOT NULL, rss REAL NOT NULL,
  heap REAL NOT NULL, loop_delay REAL NOT NULL, busy REAL NOT NULL, PRIMARY KEY(width, start)
) WITHOUT ROWID;
`

/** What durable steps of unfinished or buried jobs made. */
const steps: Migration = {
  name: "steps",
  up: `CREATE TABLE step(
    job INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(job, name)
  ) WITHOUT ROWID`,
  down: "DROP TABLE step"
}

/** What the services around the queue keep: settings, states and rules, and journals of what they decided. */
const documents: Migration = {
  name: "documents",
  up: `CREATE TABLE document(
    version INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL,
    UNIQUE(kind, key)
  );
  CREATE TABLE journal(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL
  );
  CREATE INDEX journal_key ON journal(kind, key, seq);
  CREATE INDEX journal_kind ON journal(kind, seq)`,
  down: "DROP TABLE document; DROP TABLE journal"
}

/**
 * When a session was renewed by the clock that nobody sets, and how long it may stand still: milliseconds by task as
 * JSON.
 */
const standing: Migration = {
  name: "standing",
  up: `ALTER TABLE worker ADD COLUMN lease INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE worker ADD COLUMN renewed REAL NOT NULL DEFAULT 9e15;
  ALTER TABLE worker ADD COLUMN runs_silent REAL;
  ALTER TABLE worker ADD COLUMN suspended_for TEXT NOT NULL DEFAULT '{}'`,
  down: `ALTER TABLE worker DROP COLUMN lease; ALTER TABLE worker DROP COLUMN renewed;
  ALTER TABLE worker DROP COLUMN runs_silent; ALTER TABLE worker DROP COLUMN suspended_for`
}

/** The last answer to each caller that may ask again: `Answers`. */
const answers: Migration = {
  name: "answers",
  up: `CREATE TABLE answer(
    origin TEXT NOT NULL, method TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY(origin, method)
  ) WITHOUT ROWID`,
  down: "DROP TABLE answer"
}

export const migrations: ReadonlyArray<Migration> = [{ name: "jobs", up: jobs }, steps, documents, standing, answers]

export const schemaVersion = migrations.length

export const userVersion = (db: Database): number => db.prepare<[number]>("PRAGMA user_version").get()![0]

/**
 * Brings the schema to the last of `steps`, in one transaction under the write lock: of two processes that open at
 * once, one migrates and the other finds it done. Answers the names of the steps taken.
 */
export const migrate = (db: Database, steps: ReadonlyArray<Migration> = migrations): ReadonlyArray<string> => {
  if (userVersion(db) === steps.length) return []
  return db.write(() => {
    const found = userVersion(db)
    if (found > steps.length) throw new StoreFault(newer(db.path, found, steps.length))
    const todo = steps.slice(found)
    for (const step of todo) db.raw.exec(step.up)
    db.raw.exec(`PRAGMA user_version = ${steps.length}`)
    return todo.map((step) => step.name)
  })
}

/** Takes the last step back, if it has a way back; jobs survive it. Answers its name. */
export const rollback = (db: Database, steps: ReadonlyArray<Migration> = migrations): string | undefined =>
  db.write(() => {
    const found = userVersion(db)
    const last = steps[found - 1]
    if (last?.down === undefined) return undefined
    db.raw.exec(last.down)
    db.raw.exec(`PRAGMA user_version = ${found - 1}`)
    return last.name
  })

const none: Schema.Differences = { lacks: [], altered: [], acting: [], besides: [] }

/** Of the newest schema. It saves making that for comparison with each opening, and decides nothing else. */
const newestFingerprint = "bb0bbaf90cbd8a070bb6e376450ab45487c07fcb0fd9df6cff158e87db28c7d9"

/** Whether this is the newest schema and nothing else. */
export const isNewest = (db: Database): boolean =>
  userVersion(db) === schemaVersion && Schema.fingerprint(db) === newestFingerprint

/** What differs from the schema that the file's version promises. */
export const schemaDifferences = (db: Database, steps: ReadonlyArray<Migration> = migrations): Schema.Differences =>
  steps === migrations && isNewest(db)
    ? none
    : Schema.compare(
        db,
        steps.slice(0, userVersion(db)).map(({ up }) => up),
        steps.map(({ up }) => up)
      )

/**
 * What a schema lacks of what its version promises, in one line; undefined when it is whole. What others added is no
 * damage.
 */
export const schemaDamage = (db: Database, { altered, lacks } = schemaDifferences(db)): string | undefined =>
  lacks.length > 0
    ? `its schema lacks the ${lacks[0]}`
    : altered.length > 0
      ? `its schema has another ${altered[0]}`
      : undefined

/** Names said of what is not ours. */
const mostNames = 5

/**
 * Throws when the schema is not whole, or holds what acts on our tables and is not ours. Costs some 50 µs when it is
 * ours and the newest.
 */
export const refuseOthers = (db: Database): void => {
  // Version and schema of one moment: another process may be taking the steps.
  const differences = db.read(() => schemaDifferences(db))
  const damage = schemaDamage(db, differences)
  if (damage !== undefined) throw new StoreFault(corrupt(db.path, damage))
  const { acting } = differences
  if (acting.length === 0) return
  const more = acting.length > mostNames ? ` and ${acting.length - mostNames} more` : ""
  throw new StoreFault(tampered(db.path, `${acting.slice(0, mostNames).join(", ")}${more}`))
}

/**
 * Looks at the schema again whenever it has changed: it may be added to while it is open. Answers what `refuseOthers`
 * would throw, until that is dropped. Steps that a newer Sluice has taken meanwhile are not judged.
 */
export const schemaWatch = (db: Database): (() => StoreFault | undefined) => {
  const selectCookie = db.prepare<[number]>("PRAGMA schema_version")
  let seen: number | undefined
  let verdict: StoreFault | undefined
  return () => {
    const cookie = selectCookie.get()![0]
    if (cookie === seen) return verdict
    try {
      if (userVersion(db) <= schemaVersion) refuseOthers(db)
      verdict = undefined
    } catch (error) {
      if (!(error instanceof StoreFault) || error.reason.tag === "StoreUnavailable") throw error
      verdict = error
    }
    seen = cookie
    return verdict
  }
}
