/** `sluice alert`: what is wrong, by which rules, and who is told. */
import * as Command from "effect/cli/Command"
import { add } from "./alert/add.ts"
import { history } from "./alert/history.ts"
import { ls } from "./alert/ls.ts"
import { restore, rm } from "./alert/rm.ts"
import { silence, unsilence } from "./alert/silence.ts"
import { test } from "./alert/test.ts"

export const command = Command.make("alert").pipe(
  Command.withDescription("Alerts: what is wrong, by which rules, what is silenced, who is told."),
  Command.withSubcommands([ls, add, rm, restore, test, silence, unsilence, history])
)
