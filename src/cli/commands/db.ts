/** `sluice db`: the store as a file. */
import * as Command from "effect/cli/Command"
import { aside } from "./db/aside.ts"
import { backup, copy, restore } from "./db/backup.ts"
import { doctor } from "./db/doctor.ts"
import { migrate, rollback, status } from "./db/migrate.ts"
import { sql } from "./db/sql.ts"

export const command = Command.make("db").pipe(
  Command.withDescription("The store as a file: schema, backup, damage, queries."),
  Command.withSubcommands([status, migrate, rollback, backup, restore, copy, doctor, aside, sql])
)
